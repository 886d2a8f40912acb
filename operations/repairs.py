"""What only a person can mend, each with the command or the step that mends it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import Repair
from texts.catalogue import catalogue, say

_SEEN_IS_MENDED = ("payload_lost:", "introduce:", "merge:", "member:")
"""Repairs that end when a person has looked at the phone; all others end by themselves when the cause is gone."""


@dataclass(frozen=True, slots=True)
class RepairLine:
    """`mend` is '' where the text itself says what to do."""

    key: str
    account: str | None
    text: str
    mend: str
    since_ms: int


async def repairs_now(conn: AsyncConnection) -> list[RepairLine]:
    """All open repairs, the oldest first. Whoever wrote one wrote its words, and a `.hint` where they need one."""
    rows = await conn.execute(
        select(Repair.key, Repair.account, Repair.message, Repair.values.label("details"), Repair.since_ms).order_by(
            Repair.since_ms, Repair.key
        )
    )
    return [
        RepairLine(
            row.key,
            row.account,
            say(row.message, **_values(row)),
            _mend(row),
            row.since_ms,
        )
        for row in rows.all()
    ]


def _mend(row: Row[Any]) -> str:
    hint = f"{row.message}.hint"
    if hint in catalogue():
        return say(hint, **_values(row))
    return say("operations.repair_seen", key=row.key) if row.key.startswith(_SEEN_IS_MENDED) else ""


def _values(row: Row[Any]) -> dict[str, Any]:
    """What was noted, in the reader's language: a sentence among it was kept as its key and values."""
    noted = {"account": row.account or "", **row.details}
    return {name: _in_words(value) if isinstance(value, dict) else value for name, value in noted.items()}


def _in_words(sentence: dict[str, Any]) -> str:
    return say(sentence["say"], **sentence["with"])


async def close_seen(tx: AsyncConnection, key: str) -> bool:
    """A person looked: take the repair off the list. Only for those that nothing else can notice as mended."""
    if not key.startswith(_SEEN_IS_MENDED):
        return False
    return (await tx.execute(delete(Repair).where(Repair.key == key))).rowcount > 0
