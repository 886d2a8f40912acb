"""Who looks after a customer who waits: whoever has them already, else by load and shift; nobody who is out."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.waits import loads
from rules.limits import Limits
from rules.shifts import Hours, hours_of
from storage.ahead import looked_up
from storage.staff_tables import StaffMember
from storage.statements import ready

_OWNER = "owner"
_VIEWER = "viewer"
_RANKS = {"service": 0, "operator": 1, _OWNER: 2}
"""Whose work it is first. Whoever holds the phone comes with the service, whatever their rights."""


@dataclass(frozen=True, slots=True)
class Member:
    """One of the staff who may answer at an account. `rank`: 0 first."""

    id: str
    name: str
    hours: Hours
    rank: int
    owner: bool
    holder: bool


@dataclass(frozen=True, slots=True)
class Crew:
    """Everybody who may answer at one account, on duty or not; shifts are of the shop's `zone`."""

    members: tuple[Member, ...]
    zone: str

    @property
    def hours(self) -> list[Hours]:
        return [member.hours for member in self.members]

    def on_duty(self, now_ms: int) -> list[Member]:
        return [member for member in self.members if member.hours.open_at(now_ms, self.zone)]

    def named(self, staff: str | None) -> Member | None:
        return next((member for member in self.members if member.id == staff), None)


class _OfStaff(NamedTuple):
    id: str
    name: str
    role: str
    shift: str | None
    accounts: Sequence[str] | None


_STAFF = ready(
    select(StaffMember.id, StaffMember.name, StaffMember.role, StaffMember.shift, StaffMember.accounts)
    .where(StaffMember.removed.is_(False), StaffMember.role != _VIEWER)
    .order_by(StaffMember.id)
)


async def crew_of(tx: AsyncConnection, account: str, zone: str, *, holder: str | None, limits: Limits) -> Crew:
    """Who may answer at `account`: not those who only look, nor those who look after other accounts.

    `holder` has its phone; its quiet hours are in `limits`.
    """
    quiet = (limits.quiet_from, limits.quiet_until)
    members = tuple(
        Member(
            one.id, one.name, hours_of(one.shift, quiet),
            0 if one.id == holder else _RANKS.get(one.role, 1), one.role == _OWNER, one.id == holder,
        )
        for one in await looked_up(tx, _who_answers)
        if one.role == _OWNER or not one.accounts or account in one.accounts or one.id == holder
    )  # fmt: skip
    return Crew(members, zone)


async def _who_answers(tx: AsyncConnection) -> Sequence[_OfStaff]:
    """All but those who only look."""
    return [
        _OfStaff(id, name, role, shift, json.loads(accounts) if isinstance(accounts, str) else accounts)
        for id, name, role, shift, accounts in await _STAFF.rows(tx)
    ]


async def who_looks(tx: AsyncConnection, crew: Crew, *, has: Sequence[str | None], now_ms: int) -> Member | None:
    """Who is to answer now; None when nobody is on duty. `has`: who has them already, first who talks with them."""
    there = {member.id: member for member in crew.on_duty(now_ms)}
    if not there:
        return None
    for staff in has:
        if staff in there:
            return there[staff]
    load = await loads(tx, now_ms)
    return min(there.values(), key=lambda member: (member.rank, load[member.id], not member.holder, member.id))


def next_in_line(crew: Crew, now_ms: int, *, but: Collection[str]) -> Member | None:
    """To whom it goes when nobody answered: an owner on duty, else the next person; `but`: not one of these."""
    there = [member for member in crew.on_duty(now_ms) if member.id not in but]
    return min(there, key=lambda member: (not member.owner, member.rank, member.id), default=None)
