"""How pushes and campaigns stand: what became of each row, with the reasons."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.campaign_tables import CAMPAIGN, Campaign
from storage.outbox import DeliveryState
from storage.tables import Delivery
from texts.masking import without_ids

_COUNTS = ("planned", "accepted", "pending", "failed", "doubt")
_DOUBTFUL = (DeliveryState.IN_DOUBT, DeliveryState.SENDING, DeliveryState.UNKNOWN)


async def progress(connection: AsyncConnection, campaign: int | None = None) -> list[dict[str, Any]]:
    """[{id, name, title, kind, state, parent, phase, phases, counts: {planned, accepted, pending, failed, doubt},
    skipped: {reason: n}, failed: {reason: n}}].

    The newest first; only one where `campaign` names it. In `counts`, `planned` is the sum of the others and of
    `skipped`. A campaign of several phases sends nothing itself: it has the sums of its phases, whose ids are in
    `phases` and whose rows follow it; of anything else `phases` is None.
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
    return {"counts": counts} | {what: dict(_added(part[what] for part in parts)) for what in ("skipped", "failed")}


def _added(parts: Iterable[Mapping[str, int]]) -> Counter[str]:
    """The reasons of all, in the order in which they first stand."""
    added: Counter[str] = Counter()
    for part in parts:
        added.update(part)
    return added


async def _counts(connection: AsyncConnection, campaign: int) -> dict[str, Any]:
    found = await connection.execute(
        select(Delivery.state, Delivery.reason, func.count())
        .where(Delivery.campaign == campaign)
        .group_by(Delivery.state, Delivery.reason)
    )
    skipped: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    by_state: dict[str, int] = {}
    for state, reason, count in found:
        by_state[state] = by_state.get(state, 0) + count
        if state == DeliveryState.SKIPPED:
            skipped[reason or ""] += count
        elif state == DeliveryState.FAILED:
            failed[without_ids(reason or "")] += count  # rows of old hold what the gateway said about one person each
    counts = {
        "planned": sum(by_state.values()),
        "accepted": by_state.get(DeliveryState.ACCEPTED, 0),
        "pending": by_state.get(DeliveryState.PENDING, 0),
        "failed": by_state.get(DeliveryState.FAILED, 0),
        "doubt": sum(by_state.get(state, 0) for state in _DOUBTFUL),
    }
    return {"counts": counts, "skipped": dict(skipped), "failed": dict(failed)}
