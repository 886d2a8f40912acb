"""Who belongs to a segment now: how many, the first of them, and through which accounts they can be reached."""

from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.segment_file import Segment
from customers.segment_query import View, members
from rules.quiet_hours import local
from storage.tables import Friendship, Person

SHOWN = 20
"""How many people a preview names."""
_FIRST_LOOK = 5_000
"""Entries among which the first are looked for before everybody is."""


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

    Where many belong, they are found among the oldest entries; else everybody is looked at.
    """
    oldest = await tx.scalar(select(func.min(Person.id))) or 0
    view = replace(_view(tx, now_ms, zone), one_by_one=True)
    found = await _named(tx, and_(members(segment, view), Person.id < oldest + _FIRST_LOOK), most)
    if len(found) < most:
        found = await _named(tx, members(segment, _view(tx, now_ms, zone)), most, few=True)
    return found


async def _named(tx: AsyncConnection, who: ColumnElement[bool], most: int, *, few: bool = False) -> list[Member]:
    """`few`: hardly more than that are expected, so an index that finds them beats reading in order."""
    query = (
        select(
            Person.id,
            func.coalesce(Person.call_me, Person.name).label("name"),
            Person.level,
            Person.tier,
            Person.orders,
            Person.net_paid_fen,
            Person.last_order_ms,
        )
        .where(who)
        .order_by(Person.id + 0 if few else Person.id)
        .limit(most)
    )
    return [
        Member(row.id, row.name, row.level, row.tier, row.orders, row.net_paid_fen, row.last_order_ms)
        for row in (await tx.execute(query)).all()
    ]


async def count(tx: AsyncConnection, segment: Segment, now_ms: int, zone: str) -> int:
    """How many people belong."""
    view = _view(tx, now_ms, zone)
    return await tx.scalar(select(func.count()).select_from(Person).where(members(segment, view))) or 0


async def count_by_account(tx: AsyncConnection, segment: Segment, now_ms: int, zone: str) -> tuple[dict[str, int], int]:
    """How many of them are friends of each account, the most first; and how many are friends of any."""
    view = _view(tx, now_ms, zone)
    theirs = select(Person.id).where(members(segment, view))
    query = (
        select(Friendship.account, func.count())
        .where(Friendship.state == "friend", Friendship.person.in_(theirs))
        .group_by(Friendship.account)
        .order_by(func.count().desc(), Friendship.account)
    )
    friends = select(Friendship.person).where(Friendship.state == "friend")
    reached = select(func.count()).select_from(Person).where(members(segment, view), Person.id.in_(friends))
    rows = (await tx.execute(query)).all()
    return {account: number for account, number in rows}, await tx.scalar(reached) or 0  # noqa: C416  # rows are no pairs


def _view(tx: AsyncConnection, now_ms: int, zone: str) -> View:
    return View(now_ms, local(now_ms, zone).date(), sqlite=tx.dialect.name == "sqlite")
