"""Thanks wait for whom they are for: who came is often known later than they are due, when orders are imported or staff
say so.
"""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.pacing import MINUTE_MS
from storage.campaign_tables import Participant

LOOK_AGAIN_MS = 10 * MINUTE_MS
"""So long nobody new came to be known before they go. Ours."""


async def not_before(
    tx: AsyncConnection, campaign: int, standings: Sequence[str], *, own_due_ms: int, due_ms: int, now_ms: int
) -> int | None:
    """When to look again (epoch ms); None: they may go.

    With somebody to thank at their own moment they go then. Else they wait until staff, who name one after the other,
    have been silent for a while.
    """
    newest = func.max(func.coalesce(Participant.settled_ms, Participant.answered_ms, 0))
    query = select(func.count(), newest).where(Participant.campaign == campaign, Participant.state.in_(standings))
    number, newest_ms = (await tx.execute(query)).one()
    if not number:
        return now_ms + LOOK_AGAIN_MS
    waited = due_ms > own_due_ms
    return newest_ms + LOOK_AGAIN_MS if waited and newest_ms + LOOK_AGAIN_MS > now_ms else None
