"""Who of a lost account's friends is led to which sibling: below the threshold, so many a day as it may accept."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heapreplace


@dataclass(frozen=True, slots=True)
class Place:
    """A sibling that takes people in. `rank`: the lower, the sooner; `places` below the threshold that are free to
    anybody; `a_day` requests it may accept.
    """

    account: str
    rank: int
    places: int
    a_day: int


@dataclass(frozen=True, slots=True)
class Turn:
    """Where somebody is led, on which day, from 1 on."""

    account: str
    day: int


def spread(people: int, places: Sequence[Place], taken: Iterable[Turn] = ()) -> list[Turn | None]:
    """A turn for each of `people`, the best first; None for those for whom nobody has room.

    Nobody is sent to a sibling of a higher rank on a day on which one of a lower rank could still take them; those
    of one rank fill up evenly, each by its room. No sibling gets more than its places, and none more than `a_day` on
    one day. `taken`: turns that others have got there already, who were lost before.
    """
    gone = Counter((turn.account, turn.day) for turn in taken)
    left = {place.account: place.places for place in places}
    for (account, _), number in gone.items():
        left[account] = max(0, left.get(account, 0) - number)
    last = max((day for _, day in gone), default=0)
    turns: list[Turn | None] = []
    day = 1
    while len(turns) < people:
        today = {
            place.account: min(max(0, place.a_day - gone[place.account, day]), left[place.account]) for place in places
        }
        queue = [_entry(place, left) for place in places if today[place.account]]
        if not queue and day > last:
            break
        heapify(queue)
        while queue and len(turns) < people:
            place = queue[0][-1]
            turns.append(Turn(place.account, day))
            today[place.account] -= 1
            left[place.account] -= 1
            if today[place.account]:
                heapreplace(queue, _entry(place, left))
            else:
                heappop(queue)
        day += 1
    return turns + [None] * (people - len(turns))


def _entry(place: Place, left: Mapping[str, int]) -> tuple[int, float, str, Place]:
    return place.rank, -left[place.account] / place.places, place.account, place
