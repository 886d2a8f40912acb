"""What people bought in all: counted from their orders, inside the database."""

from collections.abc import Collection

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ScalarSelect,
    TableValuedAlias,
    Update,
    and_,
    case,
    cast,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from customers.levels import relevel
from customers.order_rows import PURCHASES
from customers.referrals import refresh_referrals
from storage.bulk import among, among_ids
from storage.tables import Order, Person


async def link_orders(tx: AsyncConnection, members: Collection[str] | None = None) -> int:
    """Give the orders of these members, or all, to the people of that member name; returns how many changed hands.

    A name that went with a merged entry leads to who was kept.
    """
    named = aliased(Person)
    owners = (
        select(named.member_name, func.coalesce(named.merged_into, named.id).label("owner"))
        .where(named.member_name.is_not(None))
        .subquery()
    )
    statement = (
        update(Order)
        .values(person=owners.c.owner)
        .where(Order.member_name == owners.c.member_name, Order.person.is_distinct_from(owners.c.owner))
    )
    if members is not None:
        statement = statement.where(among(tx, Order.member_name, members))
    return (await tx.execute(statement)).rowcount


async def recompute(tx: AsyncConnection, people: Collection[int] | None = None, *, now_ms: int) -> None:
    """Count anew what people bought, and set their level and tier by it (`customers.levels.relevel`).

    Purchases are paid orders with something left after refunds; unpaid and closed ones are not. For `people`, or for
    everybody.
    """
    who = Person.kind == "customer" if people is None else among_ids(tx, Person.id, sorted(people))
    await tx.execute(_counting(tx, who))
    await relevel(tx, who, now_ms=now_ms)
    await refresh_referrals(tx, now_ms, who)


def is_purchase() -> ColumnElement[bool]:
    """Does a row of `orders` count: paid, and something left after refunds?"""
    return and_(Order.status.in_([status.value for status in PURCHASES]), Order.paid_fen > Order.refund_fen)


def _counting(tx: AsyncConnection, who: ColumnElement[bool]) -> Update:
    """One statement: the sums of all orders of `who`, zero where there are none."""
    bought = is_purchase()
    left_fen = Order.paid_fen - Order.refund_fen
    moment = func.coalesce(Order.paid_ms, Order.created_ms)
    sums = (
        select(
            Person.id.label("person"),
            func.count(case((bought, 1))).label("orders"),
            # A sum of 64-bit numbers is numeric on PostgreSQL; the column is not.
            cast(func.coalesce(func.sum(case((bought, left_fen))), 0), BigInteger).label("net"),
            func.min(case((bought, moment))).label("first"),
            func.max(case((bought, moment))).label("last"),
            _distinct_items(tx).label("kinds"),
        )
        .outerjoin(Order, Order.person == Person.id)
        .where(who)
        .group_by(Person.id)
        .subquery()
    )
    counted = {
        Person.orders: sums.c.orders,
        Person.net_paid_fen: sums.c.net,
        Person.first_order_ms: sums.c.first,
        Person.last_order_ms: sums.c.last,
        Person.distinct_items: sums.c.kinds,
    }
    changed = or_(*(column.is_distinct_from(value) for column, value in counted.items()))
    return (
        update(Person)
        .where(Person.id == sums.c.person, changed)
        .values({column.key: value for column, value in counted.items()})
    )


def _distinct_items(tx: AsyncConnection) -> ScalarSelect[int]:
    """How many different items a person bought."""
    title = _titles(tx)
    return (
        select(func.count(title.c.value.distinct()))
        .select_from(Order, title)
        .where(Order.person == Person.id, is_purchase())
        .correlate(Person)
        .scalar_subquery()
    )


def _titles(tx: AsyncConnection) -> TableValuedAlias:
    """The titles of the items of an order, a row each, in a column `value`."""
    each = func.json_each if tx.dialect.name == "sqlite" else func.json_array_elements_text
    return each(Order.titles).table_valued("value", joins_implicitly=True)
