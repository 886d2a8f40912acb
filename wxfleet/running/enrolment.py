"""What config.yaml says of accounts and staff, written into the tables that the rooms read."""

from datetime import datetime, time
from typing import Any

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.account import AccountConfig
from bots.ownership import make_lanes
from conversations.withdrawn_offers import withdraw
from customers.standing.ladder import Ladder
from customers.standing.levels import adopt_ladder
from customers.standing.tiers import keep_rules
from operations.staff import StaffConfig
from personas.book import Book
from reports.channel_names import remember_channel_names
from rules.quiet_hours import zone
from scheduler.ponds.pond_file import load_ponds
from scheduler.ponds.ponds import keep_ponds
from storage.outbox import insert_ignoring
from storage.settings import put_setting
from storage.staff_tables import StaffContact, StaffMember
from storage.tables import Account, Base
from wxfleet.reading.settings import Settings


async def enrol(
    tx: AsyncConnection, settings: Settings, book: Book, ladder: Ladder, *, now_ms: int, keep_states: bool = False
) -> None:
    """Bring the tables to what the files say. What happened to accounts and staff is kept; who is no longer named is
    marked as removed. `keep_states`: other processes serve accounts already, and say themselves how those are.
    """
    await _accounts(tx, settings, book, keep_states=keep_states)
    await withdraw(tx, now_ms)
    await make_lanes(tx, [account.id for account in settings.accounts])
    await enrol_staff(tx, settings)
    await _staff_room(tx, settings, now_ms)
    await remember_channel_names(tx, {channel.code: channel.name for channel in settings.channels}, now_ms)
    await keep_rules(tx, settings.tiers, now_ms)
    await keep_ponds(tx, load_ponds(settings.ponds)[0], now_ms)
    await adopt_ladder(tx, ladder, now_ms)


async def _accounts(tx: AsyncConnection, settings: Settings, book: Book, *, keep_states: bool) -> None:
    named = {account.id for account in settings.accounts}
    await tx.execute(update(Account).where(Account.id.not_in(named)).values(removed=True, state="stopped"))
    players = {account.persona: account.id for account in settings.accounts}
    rows = [{"id": account.id, **_account_values(settings, book, account, players)} for account in settings.accounts]
    await tx.execute(insert_ignoring(tx, Account), rows)
    table = Base.metadata.tables[Account.__tablename__]
    kept = {"id", "state", "state_detail"} if keep_states else {"id"}
    written: dict[str, Any] = {column: bindparam(column) for column in rows[0] if column not in kept}
    written["removed"] = table.c.lost_ms.is_not(None)  # the file still names an account that was lost
    known = update(table).where(table.c.id == bindparam("account")).values(written)
    changes = [{key: value for key, value in row.items() if key in written and key != "removed"} for row in rows]
    await tx.execute(known, [{"account": row["id"], **change} for row, change in zip(rows, changes, strict=True)])


def _account_values(
    settings: Settings, book: Book, account: AccountConfig, players: dict[str, str]
) -> dict[str, object]:
    persona = book.get(account.persona)
    name = settings.time_zone_of(account)
    opened = datetime.combine(account.opened, time(), tzinfo=zone(name)) if account.opened else None
    return {
        "persona": account.persona,
        "role": account.role.value,
        "main": account.main,
        "position": account.position,
        "holder": account.holder,
        "mirror_of": players.get(persona.mirror_of) if persona.mirror_of else None,
        "opened_ms": round(opened.timestamp() * 1000) if opened else None,
        "time_zone": name,
        "armed": account.armed,
        "simulated": account.simulated,
        "publisher": account.publisher.kind,
        "limits": settings.limits_of(account).model_dump(mode="json"),
        "removed": False,
        "state": "stopped",
        "state_detail": None,
    }


async def enrol_staff(tx: AsyncConnection, settings: Settings) -> None:
    """Staff of the file may command; who is no longer named may not. Invited staff stay."""
    named = {member.id for member in settings.staff}
    gone = select(StaffMember.id).where(StaffMember.invited.is_(False), StaffMember.id.not_in(named))
    await tx.execute(delete(StaffContact).where(StaffContact.staff.in_(gone)))
    await tx.execute(
        update(StaffMember).where(StaffMember.invited.is_(False), StaffMember.id.not_in(named)).values(removed=True)
    )
    for member in settings.staff:
        await _staff_member(tx, member)


async def _staff_member(tx: AsyncConnection, member: StaffConfig) -> None:
    values = {
        "name": member.name,
        "role": member.role.value,
        "shift": member.shift,
        "accounts": member.accounts,
        "invited": False,
        "removed": False,
    }
    await tx.execute(insert_ignoring(tx, StaffMember), {"id": member.id, **values})
    await tx.execute(update(StaffMember).where(StaffMember.id == member.id).values(**values))
    for contact in member.wechat:
        await tx.execute(insert_ignoring(tx, StaffContact), {"contact": contact, "staff": member.id})
        await tx.execute(update(StaffContact).where(StaffContact.contact == contact).values(staff=member.id))


async def _staff_room(tx: AsyncConnection, settings: Settings, now_ms: int) -> None:
    """The file's room and desk win where they are given; a room that was made by `/设为员工群` stays otherwise."""
    room = settings.staff_room
    given = {"staff_room": room.id if room else None, "desk": room.desk if room else None}
    for key, value in given.items():
        if value is not None:
            await put_setting(tx, key, value, now_ms)
