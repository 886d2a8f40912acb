"""Posts that a mirror could not follow by its own caps: reported to staff, and never posted differently."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from rules.pacing import DAY_MS, MINUTE_MS
from storage.statements import both, rows_of

_LOOK_BACK_MS = DAY_MS
_AT_ONCE = 100
_MARGIN_MS = 2 * MINUTE_MS
"""What came to an end at that moment may be committed so much later."""
# A row whose source was published. Keys are "moment:<account>:<post>": that of the source has another account in it.
_GAPS = both("""
    SELECT o.id, o.account, a.mirror_of, p.text, o.reason, o.settled_ms
      FROM outbox o JOIN accounts a ON a.id = o.account
      JOIN outbox s ON s.key = 'moment:' || a.mirror_of || substr(o.key, 8 + length(o.account))
      JOIN posts p ON p.key = substr(o.key, 9 + length(o.account))
     WHERE o.settled_ms > :since_ms AND o.kind = 'moment' AND o.state IN ('skipped', 'failed', 'unknown')
       AND a.mirror_of IS NOT NULL AND s.state = 'accepted' AND COALESCE(o.reason, '') <> 'dry_run'
     ORDER BY o.settled_ms, o.id LIMIT :at_most""")


@dataclass(frozen=True, slots=True)
class Gap:
    """A post of the source that the mirror does not have. `delivery` is the mirror's row in the outbox."""

    delivery: int
    mirror: str
    source: str
    text: str
    reason: str


Tell = Callable[[AsyncConnection, Gap, int], Awaitable[object]]
"""Lets staff hear of it, once for each row: (transaction, gap, now in epoch ms)."""


async def gaps_since(connection: AsyncConnection, since_ms: int) -> list[Gap]:
    """The gaps that came to an end after `since_ms` (epoch ms), oldest first, at most a hundred. Writes nothing."""
    rows = await rows_of(connection, _GAPS, {"since_ms": since_ms, "at_most": _AT_ONCE})
    return [Gap(id, mirror, source, text, reason or "") for id, mirror, source, text, reason, _ in rows]


class MirrorGaps:
    """The step of the planner. What was told is remembered by the key of the notice; here only how far was looked."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._seen_ms: int | None = None

    async def due(self, connection: AsyncConnection, now_ms: int) -> bool:
        """Is there a gap that is newer than the last look? Writes nothing."""
        if await self._rows(connection, now_ms, 1):
            return True
        self._seen_ms = now_ms - _MARGIN_MS
        return False

    async def act(self, tx: AsyncConnection, now_ms: int) -> int:
        """Tell staff of each. Returns how many."""
        rows = await self._rows(tx, now_ms, _AT_ONCE)
        for id, mirror, source, text, reason, _ in rows:
            await self._tell(tx, Gap(id, mirror, source, text, reason or ""), now_ms)
        if rows:
            # Of rows that came to an end in one millisecond some may be left.
            self._seen_ms = rows[-1][5] - (1 if len(rows) == _AT_ONCE else 0)
        return len(rows)

    async def _rows(self, connection: AsyncConnection, now_ms: int, at_most: int) -> Any:
        since_ms = now_ms - _LOOK_BACK_MS if self._seen_ms is None else self._seen_ms
        return await rows_of(connection, _GAPS, {"since_ms": since_ms, "at_most": at_most})
