"""Who belongs to a segment now: how many, the first of them, and through which accounts they can be reached."""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Select, SQLColumnExpression, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.segment_file import Segment
from customers.segment_narrowing import narrow
from customers.segment_query import View, select_members
from rules.quiet_hours import local
from storage.tables import Friendship, Person

SHOWN = 20
"""How many people a preview names."""
_FIRST_LOOK, _SECOND_LOOK = 2_000, 40_000
"""Oldest entries among which the first are looked for, before and after an index is asked for a few others."""
_SET_BASED = {
    "work_mem": "128MB", "jit": "off", "max_parallel_workers_per_gather": "0", "random_page_cost": "1.1",
    "enable_hashjoin": "off",
}  # fmt: skip
"""PostgreSQL's own 4 MB go to the disk for a set of a million people; compiling such a query takes longer than it runs;
each parallel worker makes the same sets once more; and an index gives friendships in the order of their people, so
that merging the two costs half of hashing either (measured at a million people).
"""
_SHOWN_COLUMNS = (
    Person.id, func.coalesce(Person.call_me, Person.name).label("name"), Person.level, Person.tier, Person.orders,
    Person.net_paid_fen, Person.last_order_ms,
)  # fmt: skip
_PREPARE = select(*(func.set_config(name, value, True) for name, value in _SET_BASED.items()))


@dataclass(frozen=True, slots=True)
class Member:
    """One of the people of a segment; the amount in fen."""

    id: int
    name: str
    level: str
    tier: str | None
    orders: int
    net_paid_fen: int
    last_order_ms: int | None


@dataclass(frozen=True, slots=True)
class Preview:
    """`by_account` counts who is a friend of several accounts at each; `unreachable` are friends of none."""

    count: int
    people: list[Member]
    by_account: dict[str, int]
    unreachable: int


async def preview(tx: AsyncConnection, segment: Segment, now_ms: int, zone: str) -> Preview:
    """All of it; everybody is read once. `zone` says which day it is, for birthdays."""
    await _prepare(tx)
    belong = (await _members(tx, segment, _view(tx, now_ms, zone), Person.id)).cte("belong").prefix_with("MATERIALIZED")
    friends = and_(Friendship.person == belong.c.id, Friendship.state == "friend")
    query = (
        select(Friendship.account, func.count(), select(func.count()).select_from(belong).scalar_subquery())
        .select_from(belong.outerjoin(Friendship, friends))
        .group_by(Friendship.account)
        .order_by(func.count().desc(), Friendship.account)
    )
    rows = (await tx.execute(query)).all()
    if not rows:
        return Preview(0, [], {}, 0)
    through = {account: number for account, number, _ in rows}
    unreachable = through.pop(None, 0)
    return Preview(rows[0][2], await first(tx, segment, now_ms, zone), through, unreachable)


async def first(tx: AsyncConnection, segment: Segment, now_ms: int, zone: str, most: int = SHOWN) -> list[Member]:
    """The oldest entries of it.

    Where many belong, they are found among the oldest entries; where an index knows of a few, among those; else
    everybody is looked at.
    """
    await _prepare(tx)
    view = _view(tx, now_ms, zone)
    nearby = select_members(segment, replace(view, one_by_one=True), *_SHOWN_COLUMNS)
    oldest = await tx.scalar(select(func.min(Person.id))) or 0
    found = await _named(tx, nearby.where(Person.id < oldest + _FIRST_LOOK), Person.id, most)
    if len(found) == most:
        return found
    few = await narrow(tx, segment.who, view)
    if few is not None:
        return await _named(tx, nearby.where(Person.id.in_(few.people)), Person.id + 0, most)
    found = await _named(tx, nearby.where(Person.id < oldest + _SECOND_LOOK), Person.id, most)
    if len(found) == most:
        return found
    # PostgreSQL would walk through all in the order of their ids, hoping to meet enough of them soon.
    in_order = Person.id if view.unindexed else Person.id + 0
    return await _named(tx, select_members(segment, view, *_SHOWN_COLUMNS), in_order, most)


async def _named(tx: AsyncConnection, query: Select[Any], order: SQLColumnExpression[int], most: int) -> list[Member]:
    rows = (await tx.execute(query.order_by(order).limit(most))).all()
    return [
        Member(row.id, row.name, row.level, row.tier, row.orders, row.net_paid_fen, row.last_order_ms) for row in rows
    ]


async def count(tx: AsyncConnection, segment: Segment, now_ms: int, zone: str) -> int:
    """How many people belong."""
    await _prepare(tx)
    return await tx.scalar(await _members(tx, segment, _view(tx, now_ms, zone), func.count())) or 0


async def _members(
    tx: AsyncConnection, segment: Segment, view: View, *columns: SQLColumnExpression[int]
) -> Select[Any]:
    """Of those who belong: each of a few looked at, or all of them together."""
    few = await narrow(tx, segment.who, view)
    if few is None:
        return select_members(segment, view, *columns)
    return select_members(segment, replace(view, one_by_one=True), *columns).where(Person.id.in_(few.people))


async def _prepare(tx: AsyncConnection) -> None:
    if tx.dialect.name == "postgresql":
        await tx.execute(_PREPARE)


def _view(tx: AsyncConnection, now_ms: int, zone: str) -> View:
    return View(now_ms, local(now_ms, zone).date(), unindexed=tx.dialect.name == "sqlite")
