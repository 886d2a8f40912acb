"""Service by person: whom of the staff customers waited for, how long until their word, and who waits for them now."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, Subquery, and_, case, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from reports.purchase_rows import within
from reports.quantiles import quantiles
from reports.report import Asked, Row
from storage.conversation_tables import Wait
from storage.staff_tables import StaffMember
from storage.tables import Friendship
from texts.catalogue import say

ON_THE_PHONE = "phone"
"""Stands for whoever typed on a phone that is in nobody's hands: see `conversations.handover`."""
_ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class _Times:
    size: int = 0
    median_s: int | None = None
    most_s: int | None = None


async def by_staff(connection: AsyncConnection, asked: Asked, latest_ms: int) -> list[Row]:
    """A row for everybody for whom somebody waited in the period, or waits now; '' where nobody was there.

    What came after `latest_ms` is no answer. A wait is theirs who ended it, else theirs who was to look.
    """
    waits = _of_period(asked, latest_ms)
    handed = await connection.execute(select(waits.c.staff, func.count().label("number")).group_by(waits.c.staff))
    counts: dict[str, int] = {row.staff: row.number for row in handed}
    times = await _times(connection, waits)
    now = await _waiting(connection, asked)
    names = {row.id: row.name for row in await connection.execute(select(StaffMember.id, StaffMember.name))}
    return [
        _row(staff, names, counts.get(staff, 0), times.get(staff, _Times()), now.get(staff, (0, None)))
        for staff in sorted({*counts, *now})
    ]


def _of_period(asked: Asked, latest_ms: int) -> Subquery:
    """Waits that began in the period: staff, and after how long (ms) they were answered; NULL when not."""
    took_ms = Wait.ended_ms - Wait.since_ms
    in_time = and_(Wait.state == _ANSWERED, took_ms <= latest_ms)
    answered_by = case((Wait.state == _ANSWERED, Wait.ended_by))
    return (
        select(
            func.coalesce(answered_by, Wait.staff, literal("")).label("staff"),
            case((in_time, took_ms)).label("took_ms"),
        )
        .where(within(asked.period, Wait.since_ms))
        .subquery()
    )  # fmt: skip


async def _times(connection: AsyncConnection, waits: Subquery) -> dict[str, _Times]:
    query: Select[Any] = quantiles(waits, waits.c.staff, waits.c.took_ms)
    rows = await connection.execute(query)
    return {row.grouped: _Times(row.size, row.median // 1000, row.most // 1000) for row in rows}


async def _waiting(connection: AsyncConnection, asked: Asked) -> dict[str, tuple[int, int | None]]:
    """Staff → customers who wait for their word now, taken on or not, and the longest of them in seconds."""
    staff = func.coalesce(Wait.staff, literal(""))
    found = await connection.execute(
        select(staff.label("staff"), func.count().label("number"), func.min(Wait.since_ms).label("since_ms"))
        .join(Friendship, Friendship.id == Wait.friendship)
        .where(Wait.ended_ms.is_(None), or_(Friendship.waiting_since_ms.is_not(None), Friendship.held_by.is_not(None)))
        .group_by(staff)
    )
    return {row.staff: (row.number, max(0, asked.now_ms - row.since_ms) // 1000) for row in found}


def _row(staff: str, names: dict[str, str], handed_over: int, times: _Times, waiting: tuple[int, int | None]) -> Row:
    unknown = {"": say("reports.service.nobody"), ON_THE_PHONE: say("reports.service.phone")}
    return {
        "who": names.get(staff) or unknown.get(staff, staff),
        "account": "",
        "staff": staff,
        "handed_over": handed_over,
        "answered_by_people": times.size,
        "people_median_s": times.median_s,
        "people_most_s": times.most_s,
        "waiting": waiting[0],
        "longest_waiting_s": waiting[1],
    }
