"""What a purchase is in every report: a paid order with something left after refunds, at the moment it was paid."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    SQLColumnExpression,
    Text,
    cast,
    func,
    literal,
    select,
    text,
    true,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import TableValuedAlias

from customers.order import PURCHASES
from reports.period import Period
from storage.order_tables import Order
from storage.tables import Friendship

SHORT_DAYS = 100
"""Up to so many days it pays to look first who bought in them. Source: measured on a million orders."""

PURCHASE_STATUSES = tuple(sorted(status.value for status in PURCHASES))

LEFT_FEN = Order.paid_fen - Order.refund_fen
"""What the shop keeps of it, in fen."""


def moment_of(order: type[Order]) -> ColumnElement[int]:
    """When it was paid; exports without that column have only the moment it was made."""
    return func.coalesce(order.paid_ms, order.created_ms)


def bought(order: type[Order]) -> ColumnElement[bool]:
    """Is it a purchase?"""
    return order.status.in_(PURCHASE_STATUSES) & (order.paid_fen - order.refund_fen > 0)


MOMENT = moment_of(Order)
BOUGHT = bought(Order)

BUYER = func.coalesce(cast(Order.person, Text), literal("@").concat(Order.member_name))
"""Who bought: the person where the order is matched with one, else the member name."""

FRIENDS_SINCE = (
    select(Friendship.person, func.min(Friendship.since_ms).label("since_ms"))
    .where(Friendship.state != "stranger")
    .group_by(Friendship.person)
    .subquery("friends_since")
)
"""Everybody who is or was a friend of one of the accounts, and since when."""


def friends(before_ms: int | None = None) -> Select[int]:
    """Everybody who is or was a friend of one of the accounts; only those who became one before that moment."""
    known = select(Friendship.person).where(Friendship.state != "stranger")
    return known if before_ms is None else known.where(Friendship.since_ms < before_ms)


def within(period: Period, moment: SQLColumnExpression[Any] = MOMENT) -> ColumnElement[bool]:
    """Does `moment` lie in the period?"""
    return true() & (moment >= period.start_ms) & (moment < period.end_ms)


async def give_room(connection: AsyncConnection) -> None:
    """Let this transaction sort and hash a million orders in memory: PostgreSQL's own 4 MB go to the disk for it.

    It also takes who bought in a period for few, and would look up the orders of each: not in this transaction.
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(
            text("SELECT set_config('work_mem', '64MB', true), set_config('enable_nestloop', 'off', true)")
        )


def titles_of(connection: AsyncConnection) -> TableValuedAlias:
    """The titles on an order, one row each, in the column `value`; to be selected from together with the orders."""
    return texts_in(connection, Order.titles)


def texts_in(connection: AsyncConnection, array: SQLColumnExpression[Any]) -> TableValuedAlias:
    """The texts of a JSON array, one row each, in the column `value`."""
    each = func.json_each if connection.dialect.name == "sqlite" else func.json_array_elements_text
    return each(array).table_valued("value", joins_implicitly=True)


def came_in(period: Period) -> ColumnElement[bool]:
    """Is it an order of somebody who bought in the period? For long periods, which nearly everybody did, it says yes
    to all: who asks must do without it, it only spares the database the others.
    """
    if (period.last - period.first).days > SHORT_DAYS:
        return true()
    return BUYER.in_(select(BUYER).where(BOUGHT, within(period)).correlate(None))


def whole(amount: SQLColumnExpression[int]) -> ColumnElement[int]:
    """The sum of whole numbers as a whole number: 0 without rows, and 64 bits wide on PostgreSQL too."""
    return cast(func.coalesce(func.sum(amount), 0), BigInteger)
