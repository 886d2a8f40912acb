"""The valley: above the threshold a third of the friends no longer see the Moments."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from rules.limits import Limits


def reach(friends: int, visible: int) -> float:
    """How many friends see a post: all up to `visible`, two thirds of all above.

    Source: folklore of the trade, 3000 → 2/3.
    """
    return float(friends) if friends <= visible else friends * 2 / 3


def valley_end(visible: int) -> int:
    """With this many friends reach is again what it was at the threshold: 4,500 for 3,000."""
    return -(-visible * 3 // 2)


@dataclass(frozen=True, slots=True)
class Room:
    """How full an account is. `friends` is the gateway's list plus accepts in flight."""

    account: str
    friends: int
    limits: Limits
    accepting: bool = True
    """May it accept now at all (online, not paused)?"""

    @property
    def below_threshold(self) -> int:
        return max(0, self.limits.visible - self.friends)

    @property
    def open_below(self) -> int:
        """Places that are free to anybody, the reserve not counted."""
        return max(0, self.limits.open_below - self.friends)

    @property
    def below_cap(self) -> int:
        return max(0, self.limits.friends - self.friends)


class Route(StrEnum):
    ACCEPT = "accept"
    ACCEPT_AND_INTRODUCE = "accept_and_introduce"
    """Accept, welcome, and send the name card of the sibling with room."""
    WAIT = "wait"
    """Leave the request pending; staff and the channel are told."""


@dataclass(frozen=True, slots=True)
class Decision:
    route: Route
    reason: str
    sibling: str | None = None


def decide_request(room: Room, siblings: Iterable[Room], *, may_use_reserve: bool) -> Decision:
    """What becomes of a friend request to `room`, given the accounts that could take the person instead.

    `may_use_reserve`: they come through a named channel, by referral, or are staff. Reasons: below_threshold,
    reserve, in_valley, filling_valley (accepted); reserve_kept, valley_kept, cap (they wait).
    """
    others = [sibling for sibling in siblings if sibling.account != room.account]
    free = _with_room(others, may_use_reserve=may_use_reserve)
    sibling = free.account if free else None
    if room.below_cap == 0:
        return Decision(Route.WAIT, "cap", sibling)
    if room.open_below > 0:
        return Decision(Route.ACCEPT, "below_threshold")
    if room.below_threshold > 0:
        if may_use_reserve:
            return Decision(Route.ACCEPT, "reserve")
        return Decision(Route.WAIT, "reserve_kept", sibling)
    if room.friends > room.limits.visible:
        if free is not None:
            return Decision(Route.ACCEPT_AND_INTRODUCE, "in_valley", sibling)
        return _fill_one(room, others)
    if any(other.below_threshold > 0 for other in others):
        return Decision(Route.WAIT, "valley_kept", sibling)
    return _fill_one(room, others)


def _with_room(others: Iterable[Room], *, may_use_reserve: bool) -> Room | None:
    """The sibling with the most room below the threshold that this person may use; ties by id."""

    def places(room: Room) -> int:
        return room.below_threshold if may_use_reserve else room.open_below

    candidates = [room for room in others if room.accepting and places(room) > 0]
    return min(candidates, key=lambda room: (-places(room), room.account), default=None)


def _fill_one(room: Room, others: Iterable[Room]) -> Decision:
    """Nobody has room below the threshold: fill one at a time, the fullest below its cap, ties by id."""
    candidates = [other for other in others if other.below_cap > 0 and other.accepting]
    chosen = min([room, *candidates], key=lambda r: (-r.friends, r.account))
    if chosen is room:
        return Decision(Route.ACCEPT, "filling_valley")
    return Decision(Route.WAIT, "valley_kept", chosen.account)
