"""Who of a lost account's friends is led to which sibling: below the threshold, so many a day as it may accept."""

from collections.abc import Sequence
from dataclasses import dataclass


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


def spread(people: int, places: Sequence[Place]) -> list[Turn | None]:
    """A turn for each of `people`, the best first; None for those for whom nobody has room.

    Nobody is sent to a sibling of a higher rank on a day on which one of a lower rank could still take them; of one
    rank the one with the most room left comes next. No sibling gets more than its places, and none more than `a_day` on
    one day.
    """
    left = {place.account: place.places for place in places}
    turns: list[Turn | None] = []
    day = 1
    while len(turns) < people and any(left[place.account] > 0 and place.a_day > 0 for place in places):
        today = {place.account: min(place.a_day, left[place.account]) for place in places}
        while len(turns) < people:
            open_today = [place for place in places if today[place.account] > 0]
            if not open_today:
                break
            chosen = min(open_today, key=lambda place: (place.rank, -left[place.account], place.account)).account
            today[chosen] -= 1
            left[chosen] -= 1
            turns.append(Turn(chosen, day))
        day += 1
    return turns + [None] * (people - len(turns))
