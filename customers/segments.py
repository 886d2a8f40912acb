"""Who belongs to a segment now: how many, the first of them, and through which accounts they can be reached."""

from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.segment_file import Segment
from customers.segment_narrowing import narrow
from customers.segment_query import View, members
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
    """All of it; the counts read everybody once. `zone` says which day it is, for birthdays."""
    number = await count(tx, segment, now_ms, zone)
    by_account, reached = await count_by_account(tx, segment, now_ms, zone)
    return Preview(number, await first(tx, segment, now_ms, zone), by_account, number - reached)


async def first(tx: AsyncConnection, segment: Segment, now_ms: int, zone: str, most: int = SHOWN) -> list[Member]:
    """The oldest entries of it.

    Where many belong, they are found among the oldest entries; where an index knows of a few, among those; else
    everybody is looked at.
    """
    await _prepare(tx)
    view = _view(tx, now_ms, zone)
    close = replace(view, one_by_one=True)
    oldest = await tx.scalar(select(func.min(Person.id))) or 0
    found = await _named(tx, and_(members(segment, close), Person.id < oldest + _FIRST_LOOK), Person.id, most)
    if len(found) == most:
        return found
    few = await narrow(tx, segment.who, view)
    if few is not None:
        return await _named(tx, and_(Person.id.in_(few.people), members(segment, close)), Person.id + 0, most)
    found = await _named(tx, and_(members(segment, close), Person.id < oldest + _SECOND_LOOK), Person.id, most)
    if len(found) == most:
        return found
    # PostgreSQL would walk through all in the order of their ids, hoping to meet enough of them soon.
    in_order = Person.id if view.unindexed else Person.id + 0
    return await _named(tx, members(segment, view), in_order, most)


async def _named(
    tx: AsyncConnection, who: ColumnElement[bool], order: SQLColumnExpression[int], most: int
) -> list[Member]:
    query = select(
        Person.id,
        func.coalesce(Person.call_me, Person.name).label("name"),
        Person.level,
        Person.tier,
        Person.orders,
        Person.net_paid_fen,
        Person.last_order_ms,
    ).where(who)
    rows = (await tx.execute(query.order_by(order).limit(most))).all()
    return [
        Member(row.id, row.name, row.level, row.tier, row.orders, row.net_paid_fen, row.last_order_ms) for row in rows
    ]


async def count(tx: AsyncConnection, segment: Segment, now_ms: int, zone: str) -> int:
    """How many people belong."""
    await _prepare(tx)
    who = await _members(tx, segment, _view(tx, now_ms, zone))
    return await tx.scalar(select(func.count()).select_from(Person).where(who)) or 0


async def count_by_account(tx: AsyncConnection, segment: Segment, now_ms: int, zone: str) -> tuple[dict[str, int], int]:
    """How many of them are friends of each account, the most first; and how many are friends of any."""
    await _prepare(tx)
    who = await _members(tx, segment, _view(tx, now_ms, zone))
    query = (
        select(Friendship.account, func.count())
        .where(Friendship.state == "friend", Friendship.person.in_(select(Person.id).where(who)))
        .group_by(Friendship.account)
        .order_by(func.count().desc(), Friendship.account)
    )
    friends = select(Friendship.person).where(Friendship.state == "friend")
    reached = select(func.count()).select_from(Person).where(who, Person.id.in_(friends))
    rows = (await tx.execute(query)).all()
    return {account: number for account, number in rows}, await tx.scalar(reached) or 0  # noqa: C416  # rows are no pairs


async def _members(tx: AsyncConnection, segment: Segment, view: View) -> ColumnElement[bool]:
    """Does a row of `people` belong: each of a few looked at, or all of them together."""
    few = await narrow(tx, segment.who, view)
    if few is None:
        return members(segment, view)
    return and_(Person.id.in_(few.people), members(segment, replace(view, one_by_one=True)))


async def _prepare(tx: AsyncConnection) -> None:
    if tx.dialect.name == "postgresql":
        await tx.execute(_PREPARE)


def _view(tx: AsyncConnection, now_ms: int, zone: str) -> View:
    return View(now_ms, local(now_ms, zone).date(), unindexed=tx.dialect.name == "sqlite")
