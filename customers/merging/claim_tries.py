"""How often somebody named an order that was not to be found, or not theirs: who tries numbers is soon looked up none.

A few thousand ends of a number are few: without this, whoever goes through them comes upon the orders of others.
"""

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.pacing import DAY_MS
from storage.customer_tables import ClaimTry

MOST_A_DAY = 3
"""Claims in vain within 24 hours, at all accounts together; then a person looks. Ours."""


async def may_try(tx: AsyncConnection, person: int, now_ms: int) -> bool:
    """May an order be looked up for them? Hold the person first: of two claims at once the second sees the first."""
    lately = select(func.count()).where(ClaimTry.person == person, ClaimTry.at_ms > now_ms - DAY_MS)
    return (await tx.scalar(lately) or 0) < MOST_A_DAY


async def note_try(tx: AsyncConnection, person: int, account: str, now_ms: int) -> None:
    """They named one in vain. What counts no more is forgotten."""
    old = delete(ClaimTry).where(ClaimTry.person == person, ClaimTry.at_ms <= now_ms - DAY_MS)
    await tx.execute(old)
    await tx.execute(insert(ClaimTry).values(person=person, account=account, at_ms=now_ms))
