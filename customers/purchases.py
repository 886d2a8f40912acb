"""What people bought in all: counted from their orders, inside the database."""

from collections.abc import Collection

from sqlalchemy import BigInteger, ColumnElement, Update, case, cast, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from customers.ladder import Ladder, current, keep
from customers.order_rows import PURCHASES
from storage.tables import Order, Person

_IDS_A_STATEMENT = 500


async def link_orders(tx: AsyncConnection, *, batch: int | None = None, member_name: str | None = None) -> int:
    """Give orders to the people whose member name stands on them; returns how many changed hands.

    Only those of an import, or of one member, when asked so. A name that went with a merged entry leads to who was
    kept.
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
    if batch is not None:
        statement = statement.where(Order.batch == batch)
    if member_name is not None:
        statement = statement.where(Order.member_name == member_name)
    return (await tx.execute(statement)).rowcount


async def adopt_ladder(tx: AsyncConnection, ladder: Ladder, now_ms: int) -> bool:
    """Make it the ladder of this fleet; everybody's level follows when it changed. Returns whether it did."""
    if not await keep(tx, ladder, now_ms):
        return False
    await recompute(tx)
    return True


async def recompute(tx: AsyncConnection, people: Collection[int] | None = None, *, batch: int | None = None) -> None:
    """Count anew what people bought, and set their level by the ladder (`customers.ladder.current`).

    Purchases are paid orders with something left after refunds; unpaid and closed ones are not. For `people`, for
    those whom an import's `batch` concerns, or for everybody.
    """
    ladder = await current(tx)
    if people is not None:
        ids = sorted(people)
        for start in range(0, len(ids), _IDS_A_STATEMENT):
            await tx.execute(_counting(ladder, Person.id.in_(ids[start : start + _IDS_A_STATEMENT])))
        return
    if batch is not None:
        concerned = select(Order.person).where(Order.batch == batch, Order.person.is_not(None))
        await tx.execute(_counting(ladder, Person.id.in_(concerned)))
        return
    await tx.execute(_counting(ladder, Person.kind == "customer"))


def _counting(ladder: Ladder, who: ColumnElement[bool]) -> Update:
    """One statement: the sums of all orders of `who`, zero where there are none, and the level they come to."""
    left_fen = Order.paid_fen - Order.refund_fen
    bought = Order.status.in_([status.value for status in PURCHASES]) & (left_fen > 0)
    moment = func.coalesce(Order.paid_ms, Order.created_ms)
    sums = (
        select(
            Person.id.label("person"),
            func.count(case((bought, 1))).label("orders"),
            # A sum of 64-bit numbers is numeric on PostgreSQL; the column is not.
            cast(func.coalesce(func.sum(case((bought, left_fen))), 0), BigInteger).label("net"),
            func.min(case((bought, moment))).label("first"),
            func.max(case((bought, moment))).label("last"),
        )
        .outerjoin(Order, Order.person == Person.id)
        .where(who)
        .group_by(Person.id)
        .subquery()
    )
    return (
        update(Person)
        .where(Person.id == sums.c.person)
        .values(
            orders=sums.c.orders,
            net_paid_fen=sums.c.net,
            first_order_ms=sums.c.first,
            last_order_ms=sums.c.last,
            level=ladder.level_case(sums.c.net, sums.c.orders),
        )
    )
