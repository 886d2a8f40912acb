"""What only a person can mend, the most urgent first, each with the command or the step that mends it.

Some of it was noted when it happened (`repairs`); the rest stands in the tables by itself (`operations.open_matters`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any
from zlib import crc32

from sqlalchemy import Row, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.fleet_tables import Repair
from storage.tables import Account
from texts.catalogue import catalogue, say

_SEEN_IS_MENDED = ("payload_lost:", "introduce:", "merge:", "member:", "served_by:")
"""Repairs that end when a person has looked at the phone; all others end by themselves when the cause is gone."""
_COMMAND = re.compile(r"(?<![\w/])(?:/[^\W\d_]+|wxfleet [a-z])[^，；。、;,()（）\n]*")


class Urgency(IntEnum):
    """When somebody should see to it, the soonest first."""

    NOW = 0
    """An account is silent, or one of the best customers waits."""
    SOON = 1
    """A customer waits, or something that was promised does not leave."""
    TODAY = 2
    AT_LEISURE = 3


_URGENCY = {
    "scan": Urgency.NOW, "wrong_account": Urgency.NOW, "gateway": Urgency.NOW, "restricted": Urgency.NOW,
    "payload_lost": Urgency.SOON, "coupons": Urgency.SOON, "media": Urgency.SOON,
    "served_by": Urgency.AT_LEISURE, "introduce": Urgency.AT_LEISURE, "merge": Urgency.AT_LEISURE,
    "member": Urgency.AT_LEISURE, "pond_full": Urgency.AT_LEISURE,
}  # fmt: skip
"""By how the keys of what was noted begin; all others are for today."""


@dataclass(frozen=True, slots=True)
class RepairLine:
    """`mend` says what to do, with the commands for it; '' where the text itself does. `since_ms`: epoch ms.

    `rank`: of what is as urgent, the lower stands first.
    """

    key: str
    account: str | None
    text: str
    mend: str
    since_ms: int
    urgency: Urgency = Urgency.TODAY
    rank: int = 0

    @property
    def line(self) -> str:
        """Both in one line."""
        return f"{self.text} → {self.mend}" if self.mend else self.text

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands in `mend`, as they are typed: `/…` in a chat, `wxfleet …` in a terminal."""
        return tuple(found.strip() for found in _COMMAND.findall(self.mend))

    def as_json(self) -> dict[str, Any]:
        """One entry of `status --json`."""
        return {
            "key": self.key, "account": self.account, "text": self.text, "mend": self.mend,
            "commands": list(self.commands), "urgency": self.urgency.name.lower(), "since_ms": self.since_ms,
        }  # fmt: skip


def in_order(lines: Sequence[RepairLine]) -> list[RepairLine]:
    """The most urgent first; of equals what has waited longest."""
    return sorted(lines, key=lambda line: (line.urgency, line.rank, line.since_ms, line.key))


async def noted_repairs(conn: AsyncConnection) -> list[RepairLine]:
    """What was noted as it happened. Whoever wrote one wrote its words, and a `.hint` where they need one.

    Nobody is asked to scan the code of an account that was lost.
    """
    lost = select(Account.id).where(Account.lost_ms.is_not(None))
    rows = await conn.execute(
        select(Repair.key, Repair.account, Repair.message, Repair.values.label("details"), Repair.since_ms).where(
            Repair.account.is_(None) | Repair.account.not_in(lost)
        )
    )
    return in_order([_noted(row) for row in rows.all()])


def _noted(row: Row[Any]) -> RepairLine:
    urgency = _URGENCY.get(row.key.partition(":")[0], Urgency.TODAY)
    return RepairLine(row.key, row.account, say(row.message, **_values(row)), _mend(row), row.since_ms, urgency)


def _mend(row: Row[Any]) -> str:
    hint = f"{row.message}.hint"
    if hint in catalogue():
        return say(hint, key=short_name(row.key), **_values(row))
    return say("operations.repair_seen", key=short_name(row.key)) if row.key.startswith(_SEEN_IS_MENDED) else ""


def _values(row: Row[Any]) -> dict[str, Any]:
    """What was noted, in the reader's language: a sentence among it was kept as its key and values."""
    noted = {"account": row.account or "", **row.details}
    return {name: _in_words(value) if isinstance(value, dict) else value for name, value in noted.items()}


def _in_words(sentence: dict[str, Any]) -> str:
    return say(sentence["say"], **sentence["with"])


async def close_seen(tx: AsyncConnection, which: str) -> RepairLine | None:
    """A person looked: take the repair off the list and return it. Only those that nothing else notices as mended.

    `which`: its short name, or its key.
    """
    meant = await _seen(tx, which)
    if meant is not None:
        await tx.execute(delete(Repair).where(Repair.key == meant.key))
    return meant


async def account_of_seen(tx: AsyncConnection, which: str) -> str | None:
    """At which account's phone that would be looked at; None where nothing such is noted, or it is no account's."""
    meant = await _seen(tx, which)
    return meant.account if meant else None


async def _seen(tx: AsyncConnection, which: str) -> RepairLine | None:
    wanted = which.upper()
    ours = [line for line in await noted_repairs(tx) if line.key.startswith(_SEEN_IS_MENDED)]
    return next((line for line in ours if line.key == which or short_name(line.key) == wanted), None)


def short_name(key: str) -> str:
    """What a repair is called on a phone: R and five digits, always the same for one key; tasks have digits only."""
    return f"R{crc32(key.encode()) % 100_000:05d}"
