"""Who stands on which rung of the ladder: set from orders or by staff, every change written down."""

from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, case, func, insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.errors import LevelRefused, NoSuchPerson
from customers.standing.ladder import Ladder, current, keep
from customers.standing.tiers import current_rules, tier_case
from storage.customer_tables import LevelMove
from storage.tables import Person


class Why(StrEnum):
    """What moved somebody; besides, `staff:ID` who gave the level by hand."""

    ORDERS = "orders"
    REFUND = "refund"
    """Less counts than before: refunded, closed, or an import was undone."""
    LADDER = "ladder"
    """The levels themselves were written anew."""


AT_ONCE = 2_000
"""Of so many entries levels are set in the transaction that changes the ladder: some tens of milliseconds. Ours."""


async def adopt_ladder(tx: AsyncConnection, ladder: Ladder, now_ms: int) -> bool:
    """Make it the ladder of this fleet. Returns whether it changed.

    Then levels follow: those of the oldest `AT_ONCE` entries here, the others' with the next pass of
    `customers.standing`, which is due at once.
    """
    if not await keep(tx, ladder, now_ms):
        return False
    oldest = select(Person.id.label("id")).order_by(Person.id).limit(AT_ONCE).subquery()
    last = await tx.scalar(select(func.max(oldest.c.id))) or 0
    await relevel(tx, and_(on_ladder(), Person.id <= last), now_ms=now_ms, why=Why.LADDER)
    return True


def on_ladder() -> ColumnElement[bool]:
    """Does a row of `people` stand for somebody who has a level?"""
    return and_(Person.kind == "customer", Person.merged_into.is_(None))


async def relevel(tx: AsyncConnection, who: ColumnElement[bool], *, now_ms: int, why: str = Why.ORDERS) -> None:
    """Bring level and tier of `who` to what their counted purchases say; each change of level is a move.

    A level that staff gave holds until the orders say more, then it is forgotten.
    """
    ladder = await current(tx)
    earned = ladder.level_case(Person.net_paid_fen, Person.orders)
    given_counts = _rank(ladder, Person.given_level) > _rank(ladder, earned)
    level = case((given_counts, Person.given_level), else_=earned)
    # A gift that the orders have only just reached is kept: a refund would take it back again.
    gift = case((_rank(ladder, Person.given_level) >= _rank(ladder, earned), Person.given_level), else_=None)
    tier = tier_case(await current_rules(tx), now_ms)
    down = _rank(ladder, level) < _rank(ladder, Person.level)
    cause = case((down, Why.REFUND.value), else_=why) if why == Why.ORDERS else literal(str(why))
    moved = select(Person.id, Person.level, level, cause, literal(now_ms)).where(who, Person.level != level)
    columns = ["person", "before", "after", "why", "at_ms"]
    await tx.execute(insert(LevelMove).from_select(columns, moved))
    differs = or_(Person.level != level, Person.given_level.is_distinct_from(gift), Person.tier.is_distinct_from(tier))
    await tx.execute(update(Person).where(who, differs).values(level=level, given_level=gift, tier=tier))


async def give_level(tx: AsyncConnection, person: int, level: str, *, by: str, now_ms: int) -> str:
    """Staff's word: this person is on `level` (an id or a name) from now on, or what their orders say if that is more.

    `by` is a staff id. Returns the level they are on now. Raises LevelRefused for one that the ladder does not have,
    NoSuchPerson.
    """
    rung = (await current(tx)).find(level)
    if rung is None:
        raise LevelRefused(level, (await current(tx)).ids)
    changed = await tx.execute(update(Person).where(Person.id == person).values(given_level=rung.id))
    if not changed.rowcount:
        raise NoSuchPerson(person)
    await relevel(tx, Person.id == person, now_ms=now_ms, why=f"staff:{by}")
    return str(await tx.scalar(select(Person.level).where(Person.id == person)))


def _rank(ladder: Ladder, level: SQLColumnExpression[Any]) -> ColumnElement[int]:
    """How high a level stands; below all where the ladder does not have it."""
    return case(*((level == id, number) for number, id in enumerate(ladder.ids)), else_=-1)
