"""Who is it that speaks: ourselves, one of our other accounts, staff, or somebody the shop is for?"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Text, bindparam, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.staff_line import FILE_HELPER
from storage.ahead import Ahead
from storage.many import over_many
from storage.staff_tables import StaffContact, StaffMember
from storage.statements import ready
from storage.tables import Account, Setting


class Talker(StrEnum):
    OURSELVES = "ourselves"
    SIBLING = "sibling"
    """Another account of the fleet: never answered, so that two bots never talk to each other."""
    STAFF = "staff"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Known:
    talker: Talker
    staff: str = ""
    """Id of the staff member, where it is one."""


# Every message asks this: one statement for both tables, built once.
_KNOWN = ready(union_all(
    select(Account.id, literal(True).label("ours")).where(Account.self_contact == bindparam("contact")),
    select(StaffContact.staff, literal(False))
    .join(StaffMember, StaffMember.id == StaffContact.staff)
    .where(StaffContact.contact == bindparam("contact"), StaffMember.removed.is_(False)),
))  # fmt: skip

_OF_THE_HOUSE = over_many(
    lambda asked: union_all(
        select(Account.self_contact).where(Account.self_contact.in_(select(asked.c.contact))),
        select(StaffContact.contact)
        .join(StaffMember, StaffMember.id == StaffContact.staff)
        .where(StaffContact.contact.in_(select(asked.c.contact)), StaffMember.removed.is_(False)),
    ),
    contact=Text(),
)


async def who_is(tx: AsyncConnection, account: str, contact: str) -> Known:
    """Who `contact` is to `account`."""
    if contact == FILE_HELPER:
        return Known(Talker.OURSELVES)
    found = await _KNOWN.rows(tx, contact=contact)
    accounts = [id for id, ours in found if ours]
    if accounts:
        return Known(Talker.OURSELVES if account in accounts else Talker.SIBLING)
    return Known(Talker.STAFF, found[0][0]) if found else Known(Talker.CUSTOMER)


async def read_ahead(tx: AsyncConnection, ahead: Ahead, contacts: Collection[str]) -> set[str]:
    """Who of `contacts` is neither ours nor staff; `who_is` finds that in `ahead`."""
    found = await _OF_THE_HOUSE.rows(tx, [{"contact": contact} for contact in contacts])
    others = set(contacts) - {FILE_HELPER, *(row[0] for row in found)}
    for contact in others:
        _KNOWN.tell(ahead, (), contact=contact)
    return others


@dataclass(frozen=True, slots=True)
class StaffRoom:
    """The group where staff and the desk account sit. Both '' where there is none."""

    room: str = ""
    desk: str = ""


async def staff_room(tx: AsyncConnection) -> StaffRoom:
    """The staff room as it stands in the settings `staff_room` and `desk`."""
    rows = await tx.execute(select(Setting.key, Setting.value).where(Setting.key.in_(("staff_room", "desk"))))
    values: dict[str, str] = {row.key: row.value for row in rows}
    return StaffRoom(values.get("staff_room", ""), values.get("desk", ""))
