"""Looking at the profiles of accounts with mirrors, and of mirrors: once a day, and after a login.

Whoever is online is asked by a row of `requests`; what its gateway tells stands in `account_profiles`.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.gateway import OwnProfile
from rules.pacing import DAY_MS
from storage.fleet_tables import LiveRequest
from storage.statements import both, rows_of
from storage.task_tables import AccountProfile

OWN_PROFILE = "own_profile"
AGAIN_MS = 3_600_000
"""A login sooner than this after a look (a short break of the line) is no reason for another. Ours."""
_AT_ONCE = 20
_DUE = both("""
    SELECT p.account FROM account_profiles p JOIN accounts a ON a.id = p.account
     WHERE a.state = 'online' AND a.removed IS NOT TRUE
       AND (p.look_ms <= :now_ms OR (p.asked_ms < a.state_since_ms AND p.asked_ms < :lately_ms))
     ORDER BY p.look_ms, p.account LIMIT :at_most""")


async def looks_due(connection: AsyncConnection, now_ms: int) -> bool:
    """Is there an online account to be looked at? Writes nothing."""
    return bool(await _due(connection, now_ms, 1))


async def ask_for_looks(tx: AsyncConnection, now_ms: int) -> int:
    """Ask the gateways of a few accounts what their profiles say. Returns how many."""
    accounts = await _due(tx, now_ms, _AT_ONCE)
    if accounts:
        await tx.execute(
            update(AccountProfile)
            .where(AccountProfile.account.in_(accounts))
            .values(asked_ms=now_ms, look_ms=now_ms + DAY_MS)
        )
        rows = [{"account": account, "verb": OWN_PROFILE, "payload": {}, "state": "waiting", "created_ms": now_ms}
                for account in accounts]  # fmt: skip
        await tx.execute(insert(LiveRequest), rows)
    return len(accounts)


def as_told(profile: OwnProfile) -> dict[str, str]:
    """What the gateway told; a field that it left empty is one it can't tell."""
    told = {"nickname": profile.nickname, "signature": profile.signature}
    return {field: value for field, value in told.items() if value}


async def note_look(tx: AsyncConnection, account: str, told: Mapping[str, Any] | None, now_ms: int) -> None:
    """It was looked at. `told` None: the gateway refused; what was seen before stays."""
    seen = {} if told is None else {"seen": dict(told)}
    await tx.execute(update(AccountProfile).where(AccountProfile.account == account).values(seen_ms=now_ms, **seen))


async def _due(connection: AsyncConnection, now_ms: int, at_most: int) -> list[str]:
    found = {"now_ms": now_ms, "lately_ms": now_ms - AGAIN_MS, "at_most": at_most}
    return [row[0] for row in await rows_of(connection, _DUE, found)]
