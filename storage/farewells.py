"""The end of a friendship that a refused message tells: nothing more is tried."""

from collections.abc import Sequence

from sqlalchemy import select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.kinds import GATES, Surface
from storage.conversation_tables import Wait
from storage.outbox import DeliveryState
from storage.tables import Delivery, Friendship

DELETED_US = "deleted_us"
"""The reason of a row that failed because they ended the friendship, and of those that are not tried any more."""
PARTED = ("gone", "deleted")
"""A friendship that is over: they left the account's list, or deleted the account and may still stand in its list."""

_MESSAGES = tuple(kind.value for kind, gate in GATES.items() if gate.surface is Surface.MESSAGE)


async def part(tx: AsyncConnection, ids: Sequence[int], *, now_ms: int) -> None:
    """The gateway said clearly that whoever these failed rows went to is a friend no longer.

    What else waits for them from that account is skipped with the reason. A friendship begins anew with a request.
    """
    rows = await tx.execute(
        select(Delivery.account, Delivery.to)
        .where(
            Delivery.id.in_(ids),
            Delivery.state == DeliveryState.FAILED.value,
            Delivery.reason == DELETED_US,
            Delivery.kind.in_(_MESSAGES),
        )
        .distinct()
    )
    ended = [(row.account, row.to) for row in rows.all()]
    if not ended:
        return
    left = await tx.scalars(
        update(Friendship)
        .where(tuple_(Friendship.account, Friendship.contact).in_(ended), Friendship.state == "friend")
        .values(state="deleted", waiting_since_ms=None)
        .returning(Friendship.id)
    )
    await tx.execute(
        update(Wait)
        .where(Wait.friendship.in_(left.all()), Wait.ended_ms.is_(None))
        .values(state="dropped", ended_ms=now_ms, look_ms=None)
    )
    await tx.execute(
        update(Delivery)
        .where(
            tuple_(Delivery.account, Delivery.to).in_(ended),
            Delivery.state == DeliveryState.PENDING.value,
            Delivery.kind.in_(_MESSAGES),
        )
        .values(state=DeliveryState.SKIPPED.value, reason=DELETED_US, settled_ms=now_ms)
    )
