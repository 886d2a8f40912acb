"""Telling staff that somebody needs a person: in the staff room, else whoever holds the phone."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.talkers import staff_room
from rules.kinds import Kind
from storage.outbox import Content, NewDelivery, plan
from storage.tables import Friendship, StaffContact, StaffMember

VALID_MS = 24 * 3_600_000
"""After a day the list of who waits says it better than an old notice. Ours."""


@dataclass(frozen=True, slots=True)
class Road:
    """By which account, to which contact or room."""

    account: str
    to: str


async def tell_staff(
    tx: AsyncConnection, text: str, *, account: str, staff: Sequence[str | None], key: str, now_ms: int
) -> bool:
    """Plan one notice. `staff`: ids in order of preference, asked only where there is no staff room.

    False when nobody on the staff can be reached by any account; whoever waits is still on the list of /状态.
    """
    road = await _road(tx, account, [member for member in staff if member])
    if road is None:
        return False
    row = NewDelivery(
        kind=Kind.STAFF_NOTICE,
        account=road.account,
        to=road.to,
        content=Content(text=text),
        key=key,
        due_ms=now_ms,
        valid_until_ms=now_ms + VALID_MS,
        source=f"notice:{account}",
    )
    await plan(tx, [row], now_ms=now_ms)
    return True


async def _road(tx: AsyncConnection, account: str, staff: Sequence[str]) -> Road | None:
    room = await staff_room(tx)
    if room.room and room.desk:
        return Road(room.desk, room.room)
    for member in staff:
        road = await _road_to(tx, account, member)
        if road:
            return road
    owners = await tx.scalars(
        select(StaffMember.id)
        .where(StaffMember.role == "owner", StaffMember.removed.is_(False))
        .order_by(StaffMember.id)
    )
    for member in owners.all():
        road = await _road_to(tx, account, member)
        if road:
            return road
    return None


async def _road_to(tx: AsyncConnection, account: str, staff: str) -> Road | None:
    """The account itself where it knows them, else any account that does."""
    statement = (
        select(Friendship.account, Friendship.contact)
        .join(StaffContact, StaffContact.contact == Friendship.contact)
        .where(StaffContact.staff == staff, Friendship.state != "gone")
        .order_by(case((Friendship.account == account, 0), else_=1), Friendship.account, Friendship.contact)
        .limit(1)
    )
    row = (await tx.execute(statement)).one_or_none()
    return None if row is None else Road(row.account, row.contact)
