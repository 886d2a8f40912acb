"""One line for each buyer: when they first came, and when again. Orders of one moment are one visit.

Buyers come in two halves, people and member names that nobody is known under: numbers are sorted and hashed in half the
time that texts take, and strangers need not be looked for among the friends.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import CTE, ColumnElement, SQLColumnExpression, and_, case, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from reports.period import Period
from reports.purchase_rows import BOUGHT, MOMENT, SHORT_DAYS, bought, moment_of, within
from storage.order_tables import Order
from storage.tables import Person


@dataclass(frozen=True, slots=True)
class Half:
    """Orders that are `matched` with a person, or those that are not.

    On SQLite the columns are asked for as expressions: it would walk their index and look up each order. PostgreSQL
    judges well by the columns as they are, and badly by anything else.
    """

    matched: bool
    dialect: str

    def buyer(self, order: type[Order] = Order) -> SQLColumnExpression[Any]:
        """Who bought it: the person, else the member name."""
        column: SQLColumnExpression[Any] = order.person if self.matched else order.member_name
        return column if self.dialect == "postgresql" else func.coalesce(column, 0 if self.matched else "")

    def has(self, order: type[Order] = Order) -> ColumnElement[bool]:
        """Is it one of these?"""
        if self.dialect == "postgresql":
            return order.person.is_not(None) if self.matched else order.person.is_(None)
        person = func.coalesce(order.person, 0)
        return person != 0 if self.matched else person == 0


LAST_MS = func.coalesce(Person.last_order_ms, 0)
"""When a person bought last, 0 where never. As an expression: SQLite would walk an index and look up each."""


def halves(connection: AsyncConnection) -> tuple[Half, Half]:
    """The matched one and the other."""
    return Half(True, connection.dialect.name), Half(False, connection.dialect.name)


def buyers(half: Half, period: Period) -> CTE:
    """Who of one half bought in the period, and perhaps others who did before or after.

    Columns: buyer (the person, else the member name), purchases, first_ms and last_ms of them all until now, and
    until_ms, the last one before the end of the period.
    """
    return (_people(period) if half.matched else _strangers(half, period)).prefix_with("MATERIALIZED")


def _people(period: Period) -> CTE:
    """By what is counted of each, which follows their orders; only whoever came again after the period is looked up."""
    before = aliased(Order)
    moment = moment_of(before)
    until_ms = select(func.max(moment)).where(bought(before), before.person == Person.id, moment < period.end_ms)
    return (
        select(
            Person.id.label("buyer"),
            Person.orders.label("purchases"),
            Person.first_order_ms.label("first_ms"),
            Person.last_order_ms.label("last_ms"),
            case((period.end_ms > LAST_MS, LAST_MS), else_=until_ms.scalar_subquery()).label("until_ms"),
        )
        .where(Person.orders > 0, Person.first_order_ms < period.end_ms, period.start_ms <= LAST_MS)
        .cte("buyers")
    )


def _strangers(half: Half, period: Period) -> CTE:
    buyer = half.buyer()
    return (
        select(
            buyer.label("buyer"),
            func.count().label("purchases"),
            func.min(MOMENT).label("first_ms"),
            func.max(MOMENT).label("last_ms"),
            func.max(case((period.end_ms > MOMENT, MOMENT))).label("until_ms"),
        )
        .where(BOUGHT, half.has(), _came_in(half, period))
        .group_by(buyer)
        .having(func.min(MOMENT) < period.end_ms)
        .cte("buyers")
    )


def _came_in(half: Half, period: Period) -> ColumnElement[bool]:
    """As `purchase_rows.came_in`, for one half."""
    if (period.last - period.first).days > SHORT_DAYS:
        return true()
    return half.buyer().in_(select(half.buyer()).where(BOUGHT, half.has(), within(period)).correlate(None))


def with_second(who: CTE, half: Half, period: Period) -> CTE:
    """`buyers` with the moment of the second visit. Columns: buyer, first_ms, until_ms, second_ms (None where there is
    none yet, and where the first visit was before the period).

    Of two purchases the second is the last one; only where there are more, the orders are asked again.
    """
    second_ms = case(
        (or_(who.c.first_ms < period.start_ms, who.c.last_ms == who.c.first_ms), None),
        (who.c.purchases == 2, who.c.last_ms),
        else_=_next(who, half),
    )
    return (
        select(who.c.buyer, who.c.first_ms, who.c.until_ms, second_ms.label("second_ms"))
        .cte("with_second")
        .prefix_with("MATERIALIZED")
    )


def _next(who: CTE, half: Half) -> ColumnElement[int]:
    """The moment of the first purchase after the first visit."""
    later = aliased(Order)
    moment = moment_of(later)
    mine = later.person == who.c.buyer
    if not half.matched:
        mine = and_(later.member_name == who.c.buyer, half.has(later))
    return select(func.min(moment)).where(bought(later), mine, moment > who.c.first_ms).scalar_subquery()
