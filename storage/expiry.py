"""What is past its validity, found at a cost that does not grow with what waits.

The courier never sends such a row; here it is closed, so that nobody waits for it. Pending rows are walked through in
strides, one a look: an index that knew them by their validity would be written with every send.
"""

import json
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from storage.settling import ECHO_WINDOW_MS
from storage.statements import both, change, rows_of

STRIDE_ROWS = 2_000
"""Pending rows of one look. A million of them are through in less than ten minutes."""

# Both databases use a partial index only where its own condition stands in the question.
_DOUBTS = f"""
    state = 'in_doubt' AND state IN ('sending', 'in_doubt') AND valid_until_ms <= :now_ms
    AND NOT EXISTS (SELECT 1 FROM inbox i
         WHERE i.account = outbox.account AND i.state IN ('received', 'fetched')
           AND i.received_ms BETWEEN outbox.sent_ms - {ECHO_WINDOW_MS} AND outbox.sent_ms + {ECHO_WINDOW_MS})"""
_DOUBT_IS_OVER = both(f"SELECT 1 FROM outbox WHERE {_DOUBTS} LIMIT 1")
_END_DOUBTS = both(f"UPDATE outbox SET state = 'unknown', settled_ms = :now_ms WHERE {_DOUBTS}")

_ORDER = "account, priority, due_ms, id"
_BEHIND = f"state = 'pending' AND ({_ORDER}) > (:account, :priority, :due_ms, :id)"
_STRIDE_ENDS = both(f"SELECT {_ORDER} FROM outbox WHERE {_BEHIND} ORDER BY {_ORDER} LIMIT 1 OFFSET {STRIDE_ROWS - 1}")
_OVER = f"SELECT id FROM outbox WHERE {_BEHIND} AND valid_until_ms <= :now_ms"
_OVER_IN_STRIDE = both(f"{_OVER} AND ({_ORDER}) <= (:to_account, :to_priority, :to_due_ms, :to_id)")
_OVER_IN_REST = both(_OVER)
_IDS = {
    "sqlite": "(SELECT value FROM json_each(:ids))",
    "postgresql": "(SELECT CAST(json_array_elements_text(CAST(:ids AS json)) AS bigint))",
}
_SKIP = {
    dialect: f"""
        UPDATE outbox SET state = 'skipped', reason = COALESCE(reason, 'expired'), settled_ms = :now_ms
         WHERE state = 'pending' AND valid_until_ms <= :now_ms AND id IN {ids}"""
    for dialect, ids in _IDS.items()
}
_START = ("", 0, 0, 0)


class Expiry:
    """A walk through the outbox, one stride a look; `due` first, then `close` for what it found."""

    def __init__(self) -> None:
        self._after: tuple[Any, ...] = _START
        self._over: list[int] = []

    async def due(self, tx: AsyncConnection, now_ms: int) -> bool:
        """Is something past its validity, in doubt or in this stride? Writes nothing.

        A doubt stays open while something that came about the time of the send is unread: it may be the receipt.
        """
        behind = dict(zip(("account", "priority", "due_ms", "id"), self._after, strict=True))
        found = await rows_of(tx, _STRIDE_ENDS, behind)
        if found:
            self._after = tuple(found[0])
            to = dict(zip(("to_account", "to_priority", "to_due_ms", "to_id"), self._after, strict=True))
            over = await rows_of(tx, _OVER_IN_STRIDE, {**behind, **to, "now_ms": now_ms})
        else:
            self._after = _START
            over = await rows_of(tx, _OVER_IN_REST, {**behind, "now_ms": now_ms})
        self._over = [row[0] for row in over]
        return bool(self._over) or bool(await rows_of(tx, _DOUBT_IS_OVER, {"now_ms": now_ms}))

    async def close(self, tx: AsyncConnection, now_ms: int) -> int:
        """Pending is skipped, in doubt will never be known. Returns how many rows."""
        skipped = await change(tx, _SKIP, {"ids": json.dumps(self._over), "now_ms": now_ms}) if self._over else 0
        return skipped + await change(tx, _END_DOUBTS, {"now_ms": now_ms})
