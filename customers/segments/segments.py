"""Who belongs to a segment now: how many, the first of them, and through which accounts they can be reached."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Select, SQLColumnExpression, Text, and_, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.segments.segment_file import Segment
from customers.segments.segment_narrowing import Candidates, fulfilled_by_some, narrow
from customers.segments.segment_query import View, count_friends, reads_rows, select_members, select_outside
from rules.quiet_hours import local
from storage.bulk import among_ids
from storage.tables import Friendship, Person

SHOWN = 20
"""How many people a preview names."""
_FIRST_LOOK, _SECOND_LOOK = 2_000, 12_000
"""Oldest entries among which the first are looked for, before and after an index is asked for a few others."""
_FEW_TO_NAME = 3_000
"""Of more each can't be looked at while somebody waits for names; a count takes its time."""
_FIRST_PART, _GROWTH = 200, 8
"""Of those few so many are looked at to begin with, and so many times as many next."""
_MOST_OUTSIDE = 100_000
"""To look at each of more who are in no segment would take longer than to read everybody."""
_SET_BASED = {
    "work_mem": "128MB", "jit": "off", "max_parallel_workers_per_gather": "0", "enable_hashjoin": "off",
    "enable_hashagg": "on", "enable_nestloop": "on",
}  # fmt: skip
"""PostgreSQL's own 4 MB go to the disk for a set of a million people; compiling such a query takes longer than it runs;
each parallel worker makes the same sets once more; and an index gives friendships in the order of their people, so
that merging the two costs half of hashing either (measured at a million people).
"""
_BY_INDEX = {"random_page_cost": "1.1"}
"""An index has all of it, in the order of the people."""
_BY_ROWS = {"random_page_cost": "4"}
"""Everybody's row is read: any other way round would fetch the same pages again and again."""
_SHOWN_COLUMNS: tuple[SQLColumnExpression[Any], ...] = (
    Person.id, func.coalesce(Person.call_me, Person.name).label("name"), Person.level, Person.tier, Person.orders,
    Person.net_paid_fen, Person.last_order_ms,
)  # fmt: skip
_PREPARE = {
    by_rows: select(*(func.set_config(name, value, True) for name, value in {**_SET_BASED, **how}.items()))
    for by_rows, how in ((False, _BY_INDEX), (True, _BY_ROWS))
}
_IN_ORDER = select(func.set_config("enable_hashagg", "off", True))
"""Where an index gives people in order, PostgreSQL would still rather hash a million of them."""
_IN_BULK = select(func.set_config("enable_nestloop", "off", True))
"""Of a title that many bought PostgreSQL expects a few buyers, whom it would look up one after the other."""


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


async def preview(
    tx: AsyncConnection, segment: Segment, now_ms: int, zone: str, named: list[Member] | None = None
) -> Preview:
    """All of it; everybody is read once. `zone` says which day it is, for birthdays.

    `named`: what `first` found, where it was asked; else the first are taken from those who were counted.
    """
    await _prepare(tx, segment)
    view = _view(tx, now_ms, zone)
    few = await narrow(tx, segment.who, view)
    belong = (await _members(tx, segment, view, few, Person.id)).cte("belong").prefix_with("MATERIALIZED")
    friends = and_(Friendship.person == belong.c.id, Friendship.state == "friend")
    oldest = select(cast(belong.c.id, Text).label("id")).order_by(belong.c.id).limit(SHOWN).subquery()
    query = (
        select(
            Friendship.account,
            func.count(),
            select(func.count()).select_from(belong).scalar_subquery(),
            select(func.aggregate_strings(oldest.c.id, " ")).scalar_subquery(),
        )
        .select_from(belong.outerjoin(Friendship, friends))
        .group_by(Friendship.account)
        .order_by(func.count().desc(), Friendship.account)
    )
    rows = (await tx.execute(query)).all()
    if not rows:
        return Preview(0, [], {}, 0)
    through = {account: number for account, number, _, _ in rows}
    unreachable = through.pop(None, 0)
    _, _, number, ids = rows[0]
    return Preview(number, named or await _of_ids(tx, map(int, ids.split())), through, unreachable)


async def first(
    tx: AsyncConnection, segment: Segment, now_ms: int, zone: str, most: int = SHOWN
) -> list[Member] | None:
    """The oldest entries of it, at once or not at all.

    Where many belong, they are found among the oldest entries; where an index knows of a few, among those. None: they
    may be anywhere, and looking further would take as long as counting all (`preview`).
    """
    await _prepare(tx, segment)
    view = _view(tx, now_ms, zone)
    nearby = select_members(segment, replace(view, one_by_one=True), *_SHOWN_COLUMNS)
    oldest, newest = [await tx.scalar(select(end(Person.id))) or 0 for end in (func.min, func.max)]
    for look in (_FIRST_LOOK, _SECOND_LOOK):
        found = await _named(tx, nearby.where(Person.id < oldest + look), Person.id, most)
        if len(found) == most or newest < oldest + look:
            return found
        few = await narrow(tx, segment.who, view, _FEW_TO_NAME) if look == _FIRST_LOOK else None
        if few is not None:
            return await _first_among(tx, nearby, few, most)
    return None


async def _of_ids(tx: AsyncConnection, ids: Iterable[int]) -> list[Member]:
    query = select(*_SHOWN_COLUMNS).where(among_ids(tx, Person.id, [*ids]))
    return await _named(tx, query, Person.id + 0, SHOWN)


async def _first_among(tx: AsyncConnection, query: Select[Any], few: Candidates, most: int) -> list[Member]:
    """A part of them after the other, each larger than the one before, until enough are found."""
    # Put in order here: SQLite would read everybody in the order of their ids instead.
    ids = sorted({*(await tx.scalars(few.ids())).all()})
    found: list[Member] = []
    done, part = 0, _FIRST_PART
    while done < len(ids) and len(found) < most:
        some = query.where(among_ids(tx, Person.id, ids[done : done + part]))
        found += await _named(tx, some, Person.id + 0, most - len(found))
        done, part = done + part, part * _GROWTH
    return found


async def _named(tx: AsyncConnection, query: Select[Any], order: SQLColumnExpression[int], most: int) -> list[Member]:
    rows = (await tx.execute(query.order_by(order).limit(most))).all()
    return [
        Member(row.id, row.name, row.level, row.tier, row.orders, row.net_paid_fen, row.last_order_ms) for row in rows
    ]


async def count(tx: AsyncConnection, segment: Segment, now_ms: int, zone: str) -> int:
    """How many people belong."""
    await _prepare(tx, segment)
    view = _view(tx, now_ms, zone)
    few = await narrow(tx, segment.who, view)
    friends = None if few is not None else count_friends(segment, view)
    if friends is not None and await _few_are_outside(tx):
        if tx.dialect.name == "postgresql":
            await tx.execute(_IN_ORDER)
        return await tx.scalar(friends) or 0
    return await tx.scalar(await _members(tx, segment, view, few, func.count())) or 0


async def _few_are_outside(tx: AsyncConnection) -> bool:
    some = select_outside().limit(_MOST_OUTSIDE + 1).subquery()
    return (await tx.scalar(select(func.count()).select_from(some)) or 0) <= _MOST_OUTSIDE


async def _members(
    tx: AsyncConnection, segment: Segment, view: View, few: Candidates | None, *columns: SQLColumnExpression[int]
) -> Select[Any]:
    """Of those who belong: each of a few looked at, or all of them together."""
    if few is not None:
        return select_members(segment, replace(view, one_by_one=True), *columns).where(Person.id.in_(few.people))
    if tx.dialect.name == "postgresql":
        await tx.execute(_IN_BULK)
        return select_members(segment, view, *columns)
    some = await fulfilled_by_some(tx, segment.who, view)
    return select_members(segment, replace(view, friends_one_by_one=some), *columns)


async def _prepare(tx: AsyncConnection, segment: Segment) -> None:
    if tx.dialect.name == "postgresql":
        await tx.execute(_PREPARE[reads_rows(segment.who)])


def _view(tx: AsyncConnection, now_ms: int, zone: str) -> View:
    return View(now_ms, local(now_ms, zone).date(), unindexed=tx.dialect.name == "sqlite")
