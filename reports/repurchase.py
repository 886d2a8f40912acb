"""Who comes back: within 30, 90 and 365 days of a first purchase, and how many of the buyers had bought before."""

from collections.abc import Sequence

from sqlalchemy import and_, case, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.order import OrderStatus
from reports.buyers import Half, buyers, halves, with_second
from reports.purchase_rows import friends, give_room, whole, within
from reports.report import Asked, Report, Row, share_of
from rules.pacing import DAY_MS
from storage.order_tables import Order
from texts.catalogue import say

WITHIN_DAYS = (30, 90, 365)
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
    people = [counted for half in halves(connection) for counted in await _people(connection, asked, half)]
    for counted in (*people, *await _money(connection, asked)):
        group = found["friend" if counted.pop("friends") else "other"]
        for name, number in counted.items():
            group[name] += number
    rows: list[Row] = [
        {"group": group, "group_name": say(f"reports.repurchase.{group}"), **_with_shares(found[group])}
        for group in _GROUPS
    ]
    together = {name: sum(found[group][name] for group in _GROUPS) for name in _COUNTS + _MONEY}
    return Report("repurchase", asked.period, _COLUMNS, rows, _with_shares(together))


Counted = dict[str, int]
"""Counts of friends or of others: `friends` says which."""


async def _people(connection: AsyncConnection, asked: Asked, half: Half) -> Sequence[Counted]:
    """Of one half of the buyers; who is nobody's match is nobody's friend."""
    who = with_second(buyers(half, asked.period), half, asked.period)
    came, new = who.c.until_ms >= asked.period.start_ms, who.c.first_ms >= asked.period.start_ms
    counts = {"buyers": came, "repeat_buyers": and_(came, who.c.until_ms > who.c.first_ms)}
    for days in WITHIN_DAYS:
        # Only those whose days are over: the others may still come back.
        until_ms = who.c.first_ms + days * DAY_MS
        counts[f"new_{days}"] = and_(new, until_ms <= asked.now_ms)
        counts[f"again_{days}"] = and_(new, until_ms <= asked.now_ms, who.c.second_ms <= until_ms)
    is_friend = case((who.c.buyer.in_(friends(asked.period.end_ms)), 1), else_=0) if half.matched else literal(0)
    statement = select(
        is_friend.label("friends"), *(func.count(case((test, 1))).label(name) for name, test in counts.items())
    )
    found = await connection.execute(statement.select_from(who).group_by("friends"))
    return [row._asdict() for row in found]


async def _money(connection: AsyncConnection, asked: Asked) -> Sequence[Counted]:
    """What was paid in the period and what of it went back since: orders that were closed after payment, too."""
    is_friend = case((Order.person.in_(friends(asked.period.end_ms)), 1), else_=0)
    statement = select(
        is_friend.label("friends"),
        func.count().label("paid_orders"),
        whole(Order.paid_fen).label("paid_fen"),
        whole(Order.refund_fen).label("refund_fen"),
    ).where(Order.status != OrderStatus.UNPAID.value, Order.paid_fen > 0, within(asked.period))
    return [row._asdict() for row in await connection.execute(statement.group_by("friends"))]


def _with_shares(counted: dict[str, int]) -> Row:
    row: Row = {name: value for name, value in counted.items() if name != "paid_orders"}
    row["repeat_share"] = share_of(counted["repeat_buyers"], counted["buyers"], counted["buyers"])
    for days in WITHIN_DAYS:
        row[f"again_{days}_share"] = share_of(counted[f"again_{days}"], counted[f"new_{days}"], counted[f"new_{days}"])
    row["refund_share"] = share_of(counted["refund_fen"], counted["paid_fen"], counted["paid_orders"])
    return row
