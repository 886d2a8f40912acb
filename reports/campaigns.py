"""How campaigns stand: what became of each row, with the reasons."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.outbox import DeliveryState
from storage.tables import Campaign, Delivery


async def progress(connection: AsyncConnection, campaign: int | None = None) -> list[dict[str, Any]]:
    """[{id, name, title, state, counts: {planned, accepted, pending, failed, doubt}, skipped: {reason: n}}].

    The newest first; only one where `campaign` names it. `planned` is the sum of the others and of `skipped`.
    """
    asked = select(Campaign).order_by(Campaign.id.desc())
    if campaign is not None:
        asked = asked.where(Campaign.id == campaign)
    rows = (await connection.execute(asked)).all()
    return [
        {"id": row.id, "name": row.name, "title": row.title, "state": row.state, **await _counts(connection, row.id)}
        for row in rows
    ]


async def _counts(connection: AsyncConnection, campaign: int) -> dict[str, Any]:
    found = await connection.execute(
        select(Delivery.state, Delivery.reason, func.count())
        .where(Delivery.campaign == campaign)
        .group_by(Delivery.state, Delivery.reason)
    )
    skipped: dict[str, int] = {}
    by_state: dict[str, int] = {}
    for state, reason, count in found:
        by_state[state] = by_state.get(state, 0) + count
        if state == DeliveryState.SKIPPED:
            skipped[reason or ""] = skipped.get(reason or "", 0) + count
    doubtful = (DeliveryState.IN_DOUBT, DeliveryState.SENDING, DeliveryState.UNKNOWN)
    return {
        "counts": {
            "planned": sum(by_state.values()),
            "accepted": by_state.get(DeliveryState.ACCEPTED, 0),
            "pending": by_state.get(DeliveryState.PENDING, 0),
            "failed": by_state.get(DeliveryState.FAILED, 0),
            "doubt": sum(by_state.get(state, 0) for state in doubtful),
        },
        "skipped": skipped,
    }
