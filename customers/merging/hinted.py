"""Orders that somebody has by their last digits alone: theirs until better evidence says otherwise."""

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.one_at_a_time import hold
from customers.standing.purchases import recompute
from storage.order_tables import Claim, Order

HINT = "hint"
"""The evidence of such a claim."""


async def give_way(tx: AsyncConnection, which: ColumnElement[bool], now_ms: int) -> None:
    """Of these orders those that are somebody's by a hint are nobody's, and no longer claimed."""
    hinted = (
        select(Order.number, Claim.person)
        .join(Claim, Claim.order_number == Order.number)
        .where(which, Claim.evidence == HINT)
    )
    rows = (await tx.execute(hinted)).all()
    if not rows:
        return
    people, numbers = sorted({row.person for row in rows}), [row.number for row in rows]
    await hold(tx, people)
    await tx.execute(delete(Claim).where(Claim.order_number.in_(numbers), Claim.evidence == HINT))
    await tx.execute(update(Order).where(Order.number.in_(numbers), Order.person.in_(people)).values(person=None))
    await recompute(tx, people, now_ms=now_ms)
