"""Who comes back: within 30, 90 and 365 days of a first purchase, and how many of the buyers had bought before."""

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.order_rows import OrderStatus
from reports.buyers import buyers, with_second
from reports.purchase_rows import FRIENDS_SINCE, give_room, whole, within
from reports.report import Asked, Report, Row, share_of
from storage.tables import Order
from texts.catalogue import say

WITHIN_DAYS = (30, 90, 365)
_DAY_MS = 86_400_000
_GROUPS = ("friend", "other")
_COUNTS = ("buyers", "repeat_buyers", *(f"{what}_{days}" for days in WITHIN_DAYS for what in ("new", "again")))
_MONEY = ("paid_fen", "refund_fen", "paid_orders")
_COLUMNS = (
    "group_name", "buyers", "repeat_buyers", "repeat_share",
    *(f"{what}_{days}" for days in WITHIN_DAYS for what in ("new", "again")),
    *(f"again_{days}_share" for days in WITHIN_DAYS),
    "paid_fen", "refund_fen", "refund_share",
)  # fmt: skip


async def repurchase(connection: AsyncConnection, asked: Asked) -> Report:
    """Friends of the accounts against everybody else."""
    await give_room(connection)
    found: dict[str, dict[str, int]] = {group: dict.fromkeys(_COUNTS + _MONEY, 0) for group in _GROUPS}
    for group, counted in (await _people(connection, asked)).items():
        found[group] |= counted
    for group, counted in (await _money(connection, asked)).items():
        found[group] |= counted
    rows: list[Row] = [
        {"group": group, "group_name": say(f"reports.repurchase.{group}"), **_with_shares(found[group])}
        for group in _GROUPS
    ]
    together = {name: sum(found[group][name] for group in _GROUPS) for name in _COUNTS + _MONEY}
    return Report("repurchase", asked.period, _COLUMNS, rows, _with_shares(together))


async def _people(connection: AsyncConnection, asked: Asked) -> dict[str, dict[str, int]]:
    who = with_second(buyers(asked.period), asked.period)
    came, new = who.c.until_ms >= asked.period.start_ms, who.c.first_ms >= asked.period.start_ms
    counts = {"buyers": came, "repeat_buyers": and_(came, who.c.until_ms > who.c.first_ms)}
    for days in WITHIN_DAYS:
        # Only those whose days are over: the others may still come back.
        until_ms = who.c.first_ms + days * _DAY_MS
        counts[f"new_{days}"] = and_(new, until_ms <= asked.now_ms)
        counts[f"again_{days}"] = and_(new, until_ms <= asked.now_ms, who.c.second_ms <= until_ms)
    statement = (
        select(
            _group(who.c.person).label("who"),
            *(func.count(case((test, 1))).label(name) for name, test in counts.items()),
        )
        .select_from(who)
        .outerjoin(FRIENDS_SINCE, _friends_at_the_end(asked, who.c.person))
        .group_by("who")
    )
    return {row.who: {name: getattr(row, name) for name in counts} for row in await connection.execute(statement)}


async def _money(connection: AsyncConnection, asked: Asked) -> dict[str, dict[str, int]]:
    """What was paid in the period and what of it went back since: orders that were closed after payment, too."""
    group = _group(Order.person)
    statement = (
        select(
            group.label("who"),
            func.count().label("paid_orders"),
            whole(Order.paid_fen).label("paid_fen"),
            whole(Order.refund_fen).label("refund_fen"),
        )
        .select_from(Order)
        .outerjoin(FRIENDS_SINCE, _friends_at_the_end(asked, Order.person))
        .where(Order.status != OrderStatus.UNPAID.value, Order.paid_fen > 0, within(asked.period))
        .group_by("who")
    )
    return {row.who: {name: getattr(row, name) for name in _MONEY} for row in await connection.execute(statement)}


def _friends_at_the_end(asked: Asked, person: SQLColumnExpression[int | None]) -> ColumnElement[bool]:
    return and_(FRIENDS_SINCE.c.person == person, FRIENDS_SINCE.c.since_ms < asked.period.end_ms)


def _group(person: SQLColumnExpression[int | None]) -> ColumnElement[str]:
    return case((and_(person.is_not(None), FRIENDS_SINCE.c.since_ms.is_not(None)), "friend"), else_="other")


def _with_shares(counted: dict[str, int]) -> Row:
    row: Row = {name: value for name, value in counted.items() if name != "paid_orders"}
    row["repeat_share"] = share_of(counted["repeat_buyers"], counted["buyers"], counted["buyers"])
    for days in WITHIN_DAYS:
        row[f"again_{days}_share"] = share_of(counted[f"again_{days}"], counted[f"new_{days}"], counted[f"new_{days}"])
    row["refund_share"] = share_of(counted["refund_fen"], counted["paid_fen"], counted["paid_orders"])
    return row
