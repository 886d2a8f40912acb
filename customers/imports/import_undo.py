"""Taking an import back: everything it brought or changed is as it was before."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.errors import NoSuchBatch, UndoRefused
from customers.imports.customer_undo import count_customers, undo_customers
from customers.imports.import_batches import TABLES, alone, finish_interrupted, recount
from customers.imports.order_writing import known_orders, owners_of, put, row_of
from customers.merging.stand_ins import is_stand_in
from customers.merging.undo_merges import part_again
from storage.bulk import among, among_ids
from storage.customer_tables import OrderVersion
from storage.engine import Database
from storage.order_tables import ImportBatch, Order
from storage.row_estimates import learn_anew
from storage.strides import Breathe, Strides, no_need
from storage.tables import Person
from texts.catalogue import say

_FIRST_ORDERS, _MOST_ORDERS = 500, 10_000
"""Of a transaction: to begin with, and at most."""


@dataclass(frozen=True, slots=True)
class UndoPart:
    """How imports of one kind are taken back.

    `count(tx, batch)` says how many entries that concerns, and raises UndoRefused when later imports stand on them;
    `put_back(db, batch, now_ms, breathe)` does it and returns how many it were.
    """

    count: Callable[[AsyncConnection, int], Awaitable[int]]
    put_back: Callable[[Database, int, int, Breathe], Awaitable[int]]


async def undo_import(
    db: Database, batch: int, *, by: str, now_ms: int, dry_run: bool = False, breathe: Breathe = no_need
) -> int:
    """Put back what stood before this import; returns how many orders or people were.

    In short transactions; one that was cut off is simply repeated. Raises NoSuchBatch, and UndoRefused when it was
    undone before or a later import changed the same: that one must be undone first.
    """
    async with db.read() as connection:
        found = (await connection.execute(select(ImportBatch.__table__).where(ImportBatch.id == batch))).first()
        if found is None:
            raise NoSuchBatch(batch)
        if found.undone_ms is not None:
            raise UndoRefused("undone", batch=batch)
        part = _PARTS[found.kind]
        concerned = await part.count(connection, batch)
    if dry_run:
        return concerned
    count = await part.put_back(db, batch, now_ms, breathe)
    async with db.write() as tx:
        await tx.execute(
            update(ImportBatch)
            .where(ImportBatch.id == batch, ImportBatch.undone_ms.is_(None))
            .values(undone_ms=now_ms, undone_by=by)
        )
    await learn_anew(db, TABLES, changed=count)
    return count


async def _count_orders(tx: AsyncConnection, batch: int) -> int:
    await _require_nothing_above(tx, batch)
    return int(await tx.scalar(select(func.count()).select_from(Order).where(Order.batch == batch)) or 0)


async def _undo_orders(db: Database, batch: int, now_ms: int, breathe: Breathe) -> int:
    await finish_interrupted(db, now_ms, breathe)
    again = await _begin(db, batch)
    await part_again(db, batch, now_ms, breathe)
    count, people = 0, set[int]()
    for step in (_put_back, _leave_to_others, _take_out):
        strides = Strides(db, breathe, first=_FIRST_ORDERS, most=_MOST_ORDERS)
        touched = 1
        while touched:
            async with strides.write() as tx:
                await alone(tx)
                touched, concerned = await step(tx, batch, strides.rows)
            people |= concerned
            count += touched
    # What an undo that was cut off had done already is not known any more.
    await recount(db, await _everybody(db) if again else sorted(people), now_ms, breathe)
    return count


async def _require_nothing_above(tx: AsyncConnection, batch: int) -> None:
    """Raises UndoRefused with the imports to undo first, the newest first."""
    stands_on = OrderVersion.before["batch"].as_integer() == batch
    query = select(OrderVersion.batch).where(OrderVersion.batch > batch, stands_on).distinct()
    later = sorted((await tx.execute(query)).scalars(), reverse=True)
    if later:
        comma = say("texts.comma")
        raise UndoRefused(
            "stands_below",
            batch=batch,
            later=comma.join(map(str, later)),
            commands=comma.join(f"wxfleet import undo {number}" for number in later),
        )


async def _begin(db: Database, batch: int) -> bool:
    """Note that this undo begins; returns whether it had begun before."""
    async with db.write() as tx:
        counts = await tx.scalar(select(ImportBatch.counts).where(ImportBatch.id == batch)) or {}
        await tx.execute(
            update(ImportBatch).where(ImportBatch.id == batch).values(counts={**counts, "undo_began": True})
        )
    return bool(counts.get("undo_began"))


async def _put_back(tx: AsyncConnection, batch: int, most: int) -> tuple[int, set[int]]:
    """Some of the orders that the import changed, as they were. Returns how many, and whom they concern."""
    query = select(OrderVersion.id, OrderVersion.number, OrderVersion.before).where(OrderVersion.batch == batch)
    newest_first = query.order_by(OrderVersion.number, OrderVersion.id.desc())
    versions = (await tx.execute(newest_first.limit(most))).all()
    if not versions:
        return 0, set()
    now = await known_orders(tx, [version.number for version in versions])
    above = await _above(tx, batch, versions)
    kept = await _kept(tx, versions)
    bearers = await owners_of(tx, {version.before["member_name"] for version in versions})
    restored = []
    for version in versions:
        current = now.get(version.number)
        if version.id in above:
            await tx.execute(
                update(OrderVersion).where(OrderVersion.id == above[version.id]).values(before=version.before)
            )
        if version.id in above or current is None or current.batch != batch:
            continue
        before = row_of(version.before)
        person = current.person
        if is_stand_in(before.member_name) and current.row.member_name != before.member_name:
            person = kept.get(version.before["person"])
        elif current.row.member_name != before.member_name:
            person = bearers.get(before.member_name)  # who bears the name now, whoever did then
        restored.append((before, person, version.before["batch"]))
    await put(tx, restored)
    await tx.execute(delete(OrderVersion).where(among_ids(tx, OrderVersion.id, [version.id for version in versions])))
    concerned = {known.person for known in now.values()} | {person for _, person, _ in restored}
    return len(versions), {person for person in concerned if person is not None}


async def _above(tx: AsyncConnection, batch: int, versions: Sequence[Row[Any]]) -> Mapping[int, int]:
    """Where another import that ran beside this one changed the same order after it: {our version: theirs above it}."""
    numbers = [version.number for version in versions]
    query = select(OrderVersion.id, OrderVersion.number).where(among(tx, OrderVersion.number, numbers))
    others: dict[str, list[int]] = {}
    for row in (await tx.execute(query.where(OrderVersion.batch != batch).order_by(OrderVersion.id))).all():
        others.setdefault(row.number, []).append(row.id)
    later = {v.id: next((id for id in others.get(v.number, ()) if id > v.id), None) for v in versions}
    return {ours: theirs for ours, theirs in later.items() if theirs is not None}


async def _leave_to_others(tx: AsyncConnection, batch: int, most: int) -> tuple[int, set[int]]:
    """What this import brought and another beside it changed is brought by that other one from now on."""
    stands_on = OrderVersion.before["batch"].as_integer() == batch
    await tx.execute(delete(OrderVersion).where(OrderVersion.batch != batch, stands_on))
    return 0, set()


async def _kept(tx: AsyncConnection, versions: Sequence[Row[Any]]) -> Mapping[int, int]:
    """Who those that had the orders before are today: they may have been merged since."""
    ids = {version.before["person"] for version in versions} - {None}
    query = select(Person.id, func.coalesce(Person.merged_into, Person.id)).where(among_ids(tx, Person.id, ids))
    return {person: kept for person, kept in (await tx.execute(query)).all()}  # noqa: C416  # rows are no pairs


async def _take_out(tx: AsyncConnection, batch: int, most: int) -> tuple[int, set[int]]:
    """Some of the orders that the import brought."""
    query = select(Order.number, Order.person).where(Order.batch == batch).limit(most)
    orders = (await tx.execute(query)).all()
    if orders:
        await tx.execute(delete(Order).where(among(tx, Order.number, [order.number for order in orders])))
    return len(orders), {order.person for order in orders if order.person is not None}


async def _everybody(db: Database) -> Sequence[int]:
    query = select(Person.id).where(Person.kind == "customer", Person.merged_into.is_(None)).order_by(Person.id)
    async with db.read() as connection:
        return (await connection.execute(query)).scalars().all()


_PARTS: Mapping[str, UndoPart] = {
    "orders": UndoPart(_count_orders, _undo_orders),
    "customers": UndoPart(count_customers, undo_customers),
}
