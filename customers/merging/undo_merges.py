"""Merges that only an import's orders made possible: taken back with it. Who claimed the orders is remembered."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.errors import MergeRefused
from customers.merging.merging import member_name_from_alias, unmerge
from storage.bulk import among
from storage.customer_tables import OrderVersion
from storage.engine import Database
from storage.order_tables import Claim, ImportBatch, Merge, Order
from storage.strides import Breathe, Strides
from storage.tables import Friendship, Person

_BY_ORDER = "order "
_FIRST_MERGES, _MOST_MERGES = 5, 100
"""Of a transaction: to begin with, and at most."""


async def resting_on(tx: AsyncConnection, batch: int) -> list[int]:
    """The merges whose one evidence is an order that this import brought, the newest first."""
    rows = (await tx.execute(_by_its_orders(batch))).all()
    return [row.id for row in rows if not await _known_otherwise(tx, batch, row)]


async def part_again(db: Database, batch: int, now_ms: int, breathe: Breathe) -> None:
    """Take these merges back, and count them in the batch: `parted`, and `still_one` by number where that can't be."""
    async with db.read() as connection:
        numbers = await resting_on(connection, batch)
    strides = Strides(db, breathe, first=_FIRST_MERGES, most=_MOST_MERGES)
    parted, still_one, done = 0, list[int](), 0
    while some := numbers[done : done + strides.rows]:
        async with strides.write() as tx:
            left = [number for number in some if not await _parted(tx, batch, number, now_ms)]
        still_one += left
        parted += len(some) - len(left)
        done += len(some)
    if numbers:
        await _note(db, batch, parted, still_one)


def _by_its_orders(batch: int) -> Any:
    """Orders that it only changed were known before, and are known when it is undone."""
    changed = select(OrderVersion.number).where(OrderVersion.batch == batch)
    return (
        select(Merge.id, Merge.kept, Merge.gone, Merge.before, Order.number, Order.member_name)
        .join(Order, Merge.evidence == literal(_BY_ORDER) + Order.number)
        .where(Order.batch == batch, Order.number.not_in(changed), Merge.undone_ms.is_(None))
        .where(Merge.by == "evidence")
        .order_by(Merge.id.desc())
    )


async def _known_otherwise(tx: AsyncConnection, batch: int, row: Row[Any]) -> bool:
    """Did they claim another order of that member, or does a remark on a phone name the member?"""
    person = func.coalesce(Person.merged_into, Person.id)
    kept = select(person).where(Person.id == row.kept).scalar_subquery()
    other = (
        select(Claim.order_number)
        .join(Order, Order.number == Claim.order_number)
        .where(Claim.person == kept, Order.member_name == row.member_name, Order.batch != batch)
    )
    if await tx.scalar(other.limit(1)) is not None:
        return True
    remarks = await tx.scalars(select(Friendship.alias).where(Friendship.person == kept, Friendship.alias != ""))
    return any(member_name_from_alias(alias) == row.member_name for alias in remarks.all())


async def _parted(tx: AsyncConnection, batch: int, number: int, now_ms: int) -> bool:
    """Two again, unless a later merge stands on it. What they claimed of these orders they claim still."""
    record = (await tx.execute(select(Merge.kept, Merge.gone, Merge.before).where(Merge.id == number))).one()
    brought = select(Order.number).where(Order.batch == batch)
    both = or_(Claim.person == record.kept, Claim.person == record.gone)
    claims = (await tx.execute(select(Claim.__table__).where(both, Claim.order_number.in_(brought)))).all()
    try:
        async with tx.begin_nested():
            await unmerge(tx, number, f"undo:{batch}", now_ms)
    except MergeRefused:
        return False
    theirs = set(record.before.get("moved", {}).get("claims", ()))
    await _claim_again(tx, claims, dict.fromkeys(theirs, record.gone), record.kept)
    return True


async def _claim_again(tx: AsyncConnection, claims: Sequence[Row[Any]], moved: dict[str, int], kept: int) -> None:
    there = set((await tx.scalars(select(Claim.order_number).where(
        among(tx, Claim.order_number, [claim.order_number for claim in claims])
    ))).all())  # fmt: skip
    for claim in claims:
        person = moved.get(claim.order_number, kept)
        if claim.order_number in there:
            await tx.execute(update(Claim).where(Claim.order_number == claim.order_number).values(person=person))
        else:
            await tx.execute(insert(Claim).values({**claim._mapping, "person": person}))


async def _note(db: Database, batch: int, parted: int, still_one: Sequence[int]) -> None:
    async with db.write() as tx:
        counts = await tx.scalar(select(ImportBatch.counts).where(ImportBatch.id == batch)) or {}
        before, left = counts.get("parted", 0), counts.get("still_one", [])
        noted = {**counts, "parted": before + parted, "still_one": sorted({*left, *still_one})}
        await tx.execute(update(ImportBatch).where(ImportBatch.id == batch).values(counts=noted))
