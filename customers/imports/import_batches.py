"""Imports as such: each a batch with its files and counts, finished when everybody concerned was counted anew."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import Row, func, insert, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.imports.order_files import shop_name
from customers.merging.claims import remembered, settle_remembered
from customers.standing.purchases import link_orders, recompute
from customers.standing.standing import set_core
from storage.customer_tables import BoughtItem, Item, OrderVersion, PersonTag, PersonVersion, SearchTerm
from storage.engine import Database
from storage.order_tables import ImportBatch, Order
from storage.strides import Breathe, Strides, no_need
from storage.tables import Friendship, Person

_FIRST_PEOPLE, _MOST_PEOPLE = 500, 10_000
_FIRST_NAMES, _MOST_NAMES = 200, 5_000
_FIRST_CLAIMS, _MOST_CLAIMS = 5, 100
"""Of a transaction: to begin with, and at most."""
TABLES = frozenset(
    table.__tablename__
    for table in (Person, Friendship, Order, OrderVersion, PersonVersion, Item, BoughtItem, SearchTerm, PersonTag)
)
"""What an import of either kind writes to."""
_ONE_IMPORT = 0x77_78_69_6D  # 'wxim': the key of PostgreSQL's advisory lock


async def open_batch(
    tx: AsyncConnection, kind: str, files: Sequence[str], shops: Sequence[str], by: str, now_ms: int
) -> int:
    """A batch for what is written from now on; `shops` are known from then on."""
    row = {"kind": kind, "files": list(files), "counts": {"shops": list(shops)}, "by": by, "created_ms": now_ms}
    return (await tx.execute(insert(ImportBatch).values(row).returning(ImportBatch.id))).scalar_one()


async def batches(tx: AsyncConnection, most: int = 50) -> Sequence[Row[Any]]:
    """The newest imports, newest first."""
    query = select(ImportBatch.__table__).order_by(ImportBatch.id.desc()).limit(most)
    return (await tx.execute(query)).all()


async def counts_of(tx: AsyncConnection, batch: int) -> dict[str, Any]:
    """What an import came to, and an undo of it."""
    return await tx.scalar(select(ImportBatch.counts).where(ImportBatch.id == batch)) or {}


async def known_shops(tx: AsyncConnection) -> dict[str, str]:
    """The shops whose exports were imported and not undone: {name as compared: name as written}."""
    query = select(ImportBatch.counts).where(ImportBatch.kind == "orders", ImportBatch.undone_ms.is_(None))
    named = [name for counts in (await tx.execute(query)).scalars() for name in counts.get("shops", ())]
    return {shop_name(name): name for name in named}


async def whose(tx: AsyncConnection, batch: int) -> tuple[int, int]:
    """How many orders of this batch belong to somebody we know, and how many to nobody yet."""
    query = select(func.count(Order.person), func.count()).where(Order.batch == batch)
    matched, orders = (await tx.execute(query)).one()
    return matched, orders - matched


async def alone(tx: AsyncConnection) -> None:
    """Of two imports at once, one writes after the other: both might bring the same order.

    SQLite has one writer anyway.
    """
    if tx.dialect.name == "postgresql":
        await tx.execute(select(func.pg_advisory_xact_lock(_ONE_IMPORT)))


async def finish_interrupted(db: Database, now_ms: int, breathe: Breathe = no_need) -> None:
    """Imports that were cut off after some of their orders: whom they concern is counted anew."""
    query = select(ImportBatch.id, ImportBatch.counts).where(
        ImportBatch.kind == "orders", ImportBatch.finished_ms.is_(None), ImportBatch.undone_ms.is_(None)
    )
    async with db.read() as connection:
        cut_off = (await connection.execute(query.order_by(ImportBatch.id))).all()
    for row in cut_off:
        if "rows" not in row.counts:  # those of former versions have their counts, and were finished
            await finish_orders(db, row.id, {"interrupted": 1}, now_ms, breathe)


async def finish_orders(
    db: Database, batch: int, counts: dict[str, int], now_ms: int, breathe: Breathe = no_need
) -> None:
    """Whatever follows from the orders of this batch, in short transactions; may be repeated."""
    await _link_stragglers(db, batch, breathe)
    await _settle_claims(db, batch, now_ms, breathe)
    async with db.read() as connection:
        people = await _concerned(connection, batch)
    await recount(db, people, now_ms, breathe)
    async with db.write() as tx:
        before = await tx.scalar(select(ImportBatch.counts).where(ImportBatch.id == batch))
        done = {"counts": {**(before or {}), **counts}, "finished_ms": now_ms}
        await tx.execute(update(ImportBatch).where(ImportBatch.id == batch).values(done))


async def recount(db: Database, people: Sequence[int], now_ms: int, breathe: Breathe = no_need) -> None:
    """Count anew what these people bought, a few at a time, and who belongs to the core."""
    strides = Strides(db, breathe, first=_FIRST_PEOPLE, most=_MOST_PEOPLE)
    await strides.through(people, partial(recompute, now_ms=now_ms))
    if people:
        await set_core(db, breathe)


async def _settle_claims(db: Database, batch: int, now_ms: int, breathe: Breathe) -> None:
    """Whose orders these were said to be before they came."""
    async with db.read() as connection:
        waiting = await remembered(connection, batch)
    strides = Strides(db, breathe, first=_FIRST_CLAIMS, most=_MOST_CLAIMS)
    await strides.through(waiting, partial(settle_remembered, now_ms=now_ms))


async def _link_stragglers(db: Database, batch: int, breathe: Breathe) -> None:
    """Orders whose member became known, or was merged into somebody, while they were written."""
    named = (
        select(Order.member_name)
        .join(Person, Person.member_name == Order.member_name)
        .where(Order.batch == batch, Order.person.is_(None))
    )
    merged = (
        select(Order.member_name)
        .join(Person, Person.id == Order.person)
        .where(Order.batch == batch, Person.merged_into.is_not(None))
    )
    async with db.read() as connection:
        names = (await connection.execute(union(named, merged))).scalars().all()
    strides = Strides(db, breathe, first=_FIRST_NAMES, most=_MOST_NAMES)
    await strides.through(names, link_orders)


async def _concerned(tx: AsyncConnection, batch: int) -> Sequence[int]:
    """Whose orders these are, and whose they were before."""
    now = select(Order.person.label("person")).where(Order.batch == batch, Order.person.is_not(None))
    former = OrderVersion.before["person"].as_integer()
    before = select(former.label("person")).where(OrderVersion.batch == batch, former.is_not(None))
    both = union(now, before).subquery()
    kept = func.coalesce(Person.merged_into, Person.id)
    query = select(kept).join(both, both.c.person == Person.id).distinct().order_by(kept)
    return (await tx.execute(query)).scalars().all()
