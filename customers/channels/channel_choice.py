"""Whose QR code a channel shows now: the pure rule.

What counts, in this order: who would accept somebody at once (`rules.reach.decide_request`, so that reserve and valley
are judged as they will be when the request comes), then acquisition accounts, then the personas that suit the channel,
then who has most room. What is shown stays as long as nobody does better by the first of these: a code on a poster
should not change with every friend.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from rules.reach import Room, Route, decide_request
from rules.roles import Role


class Fit(IntEnum):
    """How well an account can take people now, the best first."""

    ROOM = 0
    """Room below the threshold, and today's accepts are not used up."""
    TOMORROW = 1
    """Room, but today's accepts are used up: requests wait."""
    AWAY = 2
    """Room, but it is not online, or paused."""
    FILLING_VALLEY = 3
    """Nobody has room below the threshold; this is the one that is filled beyond."""
    IN_VALLEY = 4
    """It accepts, and sends on the card of a sibling outside the pool."""
    NONE = 5
    """It would let people wait."""


@dataclass(frozen=True, slots=True)
class Member:
    """One account of a channel's pool. `room` None: how full it is isn't known yet."""

    account: str
    role: Role
    room: Room | None
    here: bool = True
    """Online and not paused."""
    accepts_left: bool = True
    persona: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """`account` None: the pool is full."""

    account: str | None
    fit: Fit

    @property
    def why(self) -> str:
        return "full" if self.account is None else self.fit.name.lower()


def choose(
    pool: Sequence[Member],
    everybody: Iterable[Member],
    *,
    reserved: bool,
    showing: str | None,
    preferred: Collection[str] = (),
    pinned: bool = False,
) -> Choice | None:
    """Whom a channel should show; None when that can't be known yet.

    `everybody`: all accounts, for the valley is a matter of all that play one role. `reserved`: who comes this way may
    use the reserve. `showing`: whom it shows now; `preferred`: ids of personas; `pinned`: staff wished so, and it stays
    as long as it takes anybody.
    """
    fleet = list(everybody)
    fits = {member.account: fit_of(member, fleet, reserved=reserved) for member in pool}
    able = [member for member in pool if fits[member.account] is not Fit.NONE]
    if not able:
        unknown = any(member.room is None for member in pool)
        return None if unknown else Choice(None, Fit.NONE)
    best = min(able, key=lambda member: (fits[member.account], *_taste(member, reserved, preferred)))
    fit = fits.get(showing or "", Fit.NONE)
    if showing and fit is not Fit.NONE and (pinned or fit is fits[best.account]):
        return Choice(showing, fit)
    return Choice(best.account, fits[best.account])


def fit_of(member: Member, everybody: Sequence[Member], *, reserved: bool) -> Fit:
    """How well this one could take people who come through the channel."""
    if member.room is None:
        return Fit.NONE
    siblings = [other.room for other in everybody if other.role is member.role and other.room is not None]
    decision = decide_request(member.room, siblings, may_use_reserve=reserved)
    if decision.route is Route.WAIT:
        return Fit.NONE
    if decision.route is Route.ACCEPT_AND_INTRODUCE:
        return Fit.IN_VALLEY
    if decision.reason == "filling_valley":
        return Fit.FILLING_VALLEY
    if not member.here:
        return Fit.AWAY
    return Fit.ROOM if member.accepts_left else Fit.TOMORROW


def _taste(member: Member, reserved: bool, preferred: Collection[str]) -> tuple[bool, bool, int, str]:
    room = member.room
    places = 0 if room is None else (room.below_threshold if reserved else room.open_below)
    return (member.role is not Role.ACQUISITION, member.persona not in preferred, -places, member.account)
