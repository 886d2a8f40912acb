"""How pushes and campaigns stand: what became of each row, with the reasons."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.outbox import DeliveryState
from storage.tables import CAMPAIGN, Campaign, Delivery

_COUNTS = ("planned", "accepted", "pending", "failed", "doubt")
_DOUBTFUL = (DeliveryState.IN_DOUBT, DeliveryState.SENDING, DeliveryState.UNKNOWN)


async def progress(connection: AsyncConnection, campaign: int | None = None) -> list[dict[str, Any]]:
    """[{id, name, title, kind, state, parent, phase, phases, counts: {planned, accepted, pending, failed, doubt},
    skipped: {reason: n}}].

    The newest first; only one where `campaign` names it. `planned` is the sum of the others and of `skipped`. A
    campaign of several phases sends nothing itself: it has the sums of its phases, whose ids are in `phases` and whose
    rows follow it; of anything else `phases` is None.
    """
    columns = (
        Campaign.id,
        Campaign.name,
        Campaign.title,
        Campaign.state,
        Campaign.kind,
        Campaign.parent,
        Campaign.phase,
    )
    asked = select(*columns).order_by(func.coalesce(Campaign.parent, Campaign.id).desc(), Campaign.id)
    if campaign is not None:
        asked = asked.where((Campaign.id == campaign) | (Campaign.parent == campaign))
    found = (await connection.execute(asked)).all()
    counted = {row.id: await _counts(connection, row.id) for row in found if row.kind != CAMPAIGN}
    rows = []
    for row in found:
        phases = [one.id for one in found if one.parent == row.id] if row.kind == CAMPAIGN else None
        of_it = counted[row.id] if phases is None else _sum([counted[id] for id in phases])
        who = {"id": row.id, "name": row.name, "title": row.title, "kind": row.kind, "state": row.state}
        rows.append({**who, "parent": row.parent, "phase": row.phase, "phases": phases, **of_it})
    return [row for row in rows if campaign in (None, row["id"])]


def _sum(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    counts = {name: sum(part["counts"][name] for part in parts) for name in _COUNTS}
    reasons = dict.fromkeys(_reasons(parts))
    return {"counts": counts, "skipped": {why: sum(part["skipped"].get(why, 0) for part in parts) for why in reasons}}


def _reasons(parts: Iterable[dict[str, Any]]) -> list[str]:
    return [reason for part in parts for reason in part["skipped"]]


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
    counts = {
        "planned": sum(by_state.values()),
        "accepted": by_state.get(DeliveryState.ACCEPTED, 0),
        "pending": by_state.get(DeliveryState.PENDING, 0),
        "failed": by_state.get(DeliveryState.FAILED, 0),
        "doubt": sum(by_state.get(state, 0) for state in _DOUBTFUL),
    }
    return {"counts": counts, "skipped": skipped}
