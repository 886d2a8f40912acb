"""How many kindnesses somebody had lately: one statement for many people."""

from collections.abc import Collection

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.kindness import KINDNESSES, MONTH_MS, MOST_A_MONTH
from storage.outbox import NEVER_LEFT
from storage.tables import Delivery

_KINDS = tuple(sorted(kind.value for kind in KINDNESSES))


async def had_enough(tx: AsyncConnection, people: Collection[int], now_ms: int) -> set[int]:
    """Who of these people had as many kindnesses as a month may bring, planned ones included.

    What belongs together (a picture with its words, a name card) has one source and counts once.
    """
    query = (
        select(Delivery.person)
        .where(
            Delivery.person.in_(people),
            Delivery.kind.in_(_KINDS),
            Delivery.state.not_in(NEVER_LEFT),
            Delivery.created_ms > now_ms - MONTH_MS,
        )
        .group_by(Delivery.person)
        .having(func.count(Delivery.source.distinct()) >= MOST_A_MONTH)
    )
    return {person for person in (await tx.scalars(query)).all() if person is not None}
