"""Mirrors follow what their source published: the same post, a few minutes later, or not at all."""

from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from rules.kinds import Kind
from rules.pacing import DAY_MS, MINUTE_MS
from rules.quiet_hours import local
from scheduler.moments.day_slots import GRACE_MS
from scheduler.moments.posts import delivery_key, moment, skip_planned
from scheduler.seeds import drawn
from storage.outbox import DeliveryState, plan
from storage.statements import both, rows_of

SOONEST_MS = MINUTE_MS
LATEST_MS = 15 * MINUTE_MS
_LOOK_BACK_MS = 3 * DAY_MS
"""A post whose source was settled later than this after its minute is followed by nobody."""
_SETTLED = (DeliveryState.ACCEPTED, DeliveryState.SKIPPED, DeliveryState.FAILED, DeliveryState.UNKNOWN)


class _Settled(NamedTuple):
    """What became of a source's post, and a mirror that has not followed it."""

    mirror: str
    post: int
    key: str
    state: str
    reason: str | None
    settled_ms: int


def follows_at(mirror: str, post_key: str, published_ms: int) -> int:
    """When a mirror follows what was published then: 1 to 15 minutes later, its own minute for each post."""
    return published_ms + SOONEST_MS + drawn(mirror, post_key, below=LATEST_MS - SOONEST_MS + 1)


async def has_followers_waiting(tx: AsyncConnection, now_ms: int) -> bool:
    """Is there anything for `follow` to do? A look that writes nothing."""
    return bool(await _unfollowed(tx, now_ms, limit=1))


async def follow(tx: AsyncConnection, now_ms: int, *, limit: int = 1000) -> int:
    """Write the rows of mirrors whose source was settled. Returns how many.

    Published or ticked off: the same post 1–15 minutes later. Skipped or failed: a row that is skipped with that
    reason. In doubt: the mirrors wait until it is known. A mirror's own caps are the courier's business.
    """
    found = await _unfollowed(tx, now_ms, limit=limit)
    rows = []
    skipped: dict[str, list[str]] = {}
    for row in found:
        due_ms = follows_at(row.mirror, row.key, row.settled_ms)
        rows.append(moment(row.mirror, row.post, row.key, due_ms))
        if reason := _why_not(row, due_ms, now_ms):
            skipped.setdefault(reason, []).append(delivery_key(row.mirror, row.key))
    await plan(tx, rows, now_ms=now_ms)
    for reason, keys in skipped.items():
        await skip_planned(tx, keys, reason, now_ms)
    return len(rows)


def _why_not(row: _Settled, due_ms: int, now_ms: int) -> str:
    if row.state == DeliveryState.SKIPPED.value:
        return row.reason or "source_skipped"
    if row.state != DeliveryState.ACCEPTED.value:
        return "source_failed"
    return "too_late" if due_ms + GRACE_MS < now_ms else ""


async def _unfollowed(tx: AsyncConnection, now_ms: int, *, limit: int) -> list[_Settled]:
    """Settled posts of sources, one for each mirror that has no row of its own yet."""
    since = local(now_ms - _LOOK_BACK_MS, "UTC").date().isoformat()
    return [_Settled(*row) for row in await rows_of(tx, _UNFOLLOWED, {"since": since, "at_most": limit})]


_UNFOLLOWED = both(f"""
SELECT m.id, p.id, p.key, o.state, o.reason, o.settled_ms
FROM accounts m
JOIN posts p ON p.account = m.mirror_of
JOIN outbox o ON o.key = 'moment:' || p.account || ':' || p.key
LEFT JOIN outbox own ON own.key = 'moment:' || m.id || ':' || p.key
WHERE m.mirror_of IS NOT NULL AND m.removed IS NOT TRUE AND p.day >= :since
  AND o.kind = '{Kind.MOMENT.value}'
  AND o.state IN ({", ".join(f"'{state.value}'" for state in _SETTLED)})
  AND own.id IS NULL
ORDER BY p.id, m.id
LIMIT :at_most""")
