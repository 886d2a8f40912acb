"""What people bought in all: counted from their orders, inside the database."""

from collections.abc import Collection

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Delete,
    ScalarSelect,
    TableValuedAlias,
    Update,
    and_,
    case,
    cast,
    collate,
    delete,
    exists,
    func,
    join,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from customers.one_at_a_time import hold
from customers.order import PURCHASES
from customers.referrals.referrals import refresh_referrals
from customers.standing.levels import relevel
from storage.bulk import among, among_ids
from storage.customer_tables import ITEM_LENGTH, BoughtItem, Item
from storage.order_tables import Order
from storage.outbox import insert_ignoring
from storage.tables import Person


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
    """Count anew what people bought, and set their level and tier by it (`customers.standing.levels.relevel`).

    Purchases are paid orders with something left after refunds; unpaid and closed ones are not. For `people`, or for
    everybody.
    """
    if people is not None:
        await hold(tx, people)
    who = Person.kind == "customer" if people is None else among_ids(tx, Person.id, sorted(people))
    await tx.execute(_counting(tx, who))
    await note_items(tx, who)
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
        # A purchase answers every wake-up before it.
        Person.unanswered: case((sums.c.last > func.coalesce(Person.last_order_ms, 0), 0), else_=Person.unanswered),
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


async def note_items(tx: AsyncConnection, who: ColumnElement[bool]) -> None:
    """Bring `bought_items` of `who` to what their orders say."""
    title = _titles(tx)
    folded, theirs = _folded(tx, title), Order.person.in_(select(Person.id).where(who))
    unknown = folded.not_in(select(Item.folded))
    names = select(folded.label("folded")).select_from(Order, title).where(theirs, is_purchase(), unknown)
    # In order: two transactions that bring the same titles wait for each other instead of for ever.
    await tx.execute(insert_ignoring(tx, Item).from_select(["folded"], names.distinct().order_by("folded")))
    await tx.execute(_no_longer_bought(tx, who))
    named = join(Order, title, true()).join(Item, Item.folded == folded)
    pairs = select(Item.id, Order.person).select_from(named).where(theirs, is_purchase()).distinct()
    await tx.execute(insert_ignoring(tx, BoughtItem).from_select(["item", "person"], pairs))


def _no_longer_bought(tx: AsyncConnection, who: ColumnElement[bool]) -> Delete:
    """What was refunded, or went with its order to somebody else."""
    title = _titles(tx)
    still = (
        select(Order.number)
        .select_from(join(Order, title, true()).join(Item, Item.folded == _folded(tx, title)))
        .where(Order.person == BoughtItem.person, is_purchase(), Item.id == BoughtItem.item)
        .correlate(BoughtItem)
    )
    return delete(BoughtItem).where(BoughtItem.person.in_(select(Person.id).where(who)), ~exists(still))


def _folded(tx: AsyncConnection, title: TableValuedAlias) -> ColumnElement[str]:
    """As `Item.folded`. SQLite knows large and small letters of ASCII only, so PostgreSQL may know no others."""
    begin = func.substr(title.c.value, 1, ITEM_LENGTH)
    return func.lower(begin if tx.dialect.name == "sqlite" else collate(begin, "C"))


def _titles(tx: AsyncConnection) -> TableValuedAlias:
    """The titles of the items of an order, a row each, in a column `value`."""
    each = func.json_each if tx.dialect.name == "sqlite" else func.json_array_elements_text
    return each(Order.titles).table_valued("value", joins_implicitly=True)
