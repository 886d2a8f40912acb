"""The way from an account to the people behind it: whoever holds its phone, the staff room, the phone itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.kinds import Kind
from storage.ahead import looked_up
from storage.farewells import PARTED
from storage.outbox import Content, NewDelivery, plan
from storage.staff_tables import StaffContact, StaffMember
from storage.statements import ready
from storage.tables import Account, Friendship, Setting
from texts.masking import masked

FILE_HELPER = "filehelper"
"""文件传输助手: every account's conversation with itself. The platform's own id."""

NOTICE_VALID_MS = 24 * 3_600_000
"""After a day the list of who waits says it better than an old notice. Ours."""


_ROOM_AND_DESK = ready(
    select(Setting.key, Setting.value).where(or_(Setting.key == "staff_room", Setting.key == "desk"))
)


@dataclass(frozen=True, slots=True)
class Road:
    """By which account, to which contact or room."""

    account: str
    to: str


async def road_to_holder(tx: AsyncConnection, account: str, holder: str | None) -> Road:
    """To whoever holds the phone: the desk writes to them, else any account that knows them.

    Whom no account knows reads it in the account's own 文件传输助手: they hold that phone.
    """
    _, desk = await looked_up(tx, _room_and_desk)
    for member in dict.fromkeys([*([holder] if holder else []), *await looked_up(tx, _owners)]):
        road = await looked_up(tx, _road_to, member, account, desk or account)
        if road is not None:
            return road
    return Road(account, FILE_HELPER)


async def road_to_staff(tx: AsyncConnection, account: str, holder: str | None) -> Road:
    """To the staff room where there is one, else to whoever holds the phone."""
    room, desk = await looked_up(tx, _room_and_desk)
    return Road(desk, room) if room and desk else await road_to_holder(tx, account, holder)


async def _room_and_desk(tx: AsyncConnection) -> tuple[str, str]:
    """'' for what there is not."""
    values = {str(key): str(value) for key, value in await _ROOM_AND_DESK.rows(tx)}
    return values.get("staff_room", ""), values.get("desk", "")


async def _road_to(tx: AsyncConnection, member: str, account: str, first: str) -> Road | None:
    """By the account `first` if it knows them, else by `account`, else by any; None where nobody does."""
    row = (
        await tx.execute(
            select(Friendship.account, Friendship.contact)
            .join(StaffContact, StaffContact.contact == Friendship.contact)
            .join(Account, Account.id == Friendship.account)
            .where(StaffContact.staff == member, Friendship.state.not_in(PARTED), Account.removed.is_(False))
            .order_by(
                case((Friendship.account == first, 0), (Friendship.account == account, 1), else_=2),
                Friendship.account,
                Friendship.contact,
            )
            .limit(1)
        )
    ).one_or_none()
    return None if row is None else Road(row.account, row.contact)


def notice(road: Road, text: str, key: str, *, now_ms: int, valid_until_ms: int, source: str) -> NewDelivery:
    """A row that tells staff something; it waits for the end of the quiet hours."""
    return NewDelivery(
        kind=Kind.STAFF_NOTICE,
        account=road.account,
        to=road.to,
        content=Content(text=text),
        key=key,
        due_ms=now_ms,
        valid_until_ms=valid_until_ms,
        source=source,
    )


async def tell_staff(
    tx: AsyncConnection, text: str, *, account: str, staff: Sequence[str | None], key: str, now_ms: int
) -> bool:
    """Plan one notice about `account` ('' for the whole fleet). `staff`: whom to tell, without a staff room.

    False when no account knows anybody on the staff; whoever waits is still on the list of /状态.
    """
    road = await road_to_staff(tx, account, next((member for member in staff if member), None))
    if not road.account:
        return False
    valid_until_ms = now_ms + NOTICE_VALID_MS
    row = notice(road, masked(text), key, now_ms=now_ms, valid_until_ms=valid_until_ms, source=f"notice:{account}")
    await plan(tx, [row], now_ms=now_ms)
    return True


async def _owners(tx: AsyncConnection) -> Sequence[str]:
    owners = await tx.scalars(
        select(StaffMember.id)
        .where(StaffMember.role == "owner", StaffMember.removed.is_(False))
        .order_by(StaffMember.id)
    )
    return owners.all()
