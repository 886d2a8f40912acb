"""Profiles by hand: what no gateway can set, as one package for each phone holder; alike accounts are grouped."""

from collections.abc import Mapping, Sequence
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.packages import Package, Part, hand_over_package
from rules.pacing import DAY_MS
from storage.outbox import Claimed
from storage.tables import Account
from texts.catalogue import say

EXPIRES_MS = 3 * DAY_MS
"""What nobody got round to within three days is looked at, and asked for, anew. Ours."""
_COPIED = ("nickname", "signature")
_PICTURES = ("avatar", "cover")


async def hand_over_profiles(tx: AsyncConnection, rows: Sequence[Claimed], now_ms: int) -> None:
    """Make tasks of claimed profile changes, in the claim's transaction, and write to whoever holds the phones."""
    holders = {
        row.id: row.holder or ""
        for row in await tx.execute(select(Account.id, Account.holder).where(Account.id.in_({r.account for r in rows})))
    }
    groups: dict[tuple[str, tuple[tuple[str, str], ...]], list[Part]] = {}
    for row in rows:
        fields = (row.content.profile or {}).get("fields", {})
        alike = (holders.get(row.account, ""), tuple(fields.items()))
        groups.setdefault(alike, []).append(Part(row.account, row.id, {"fields": fields}))
    for (holder, fields), parts in groups.items():
        package = _package(holder, dict(fields), parts)
        await hand_over_package(tx, package, now_ms, now_ms + EXPIRES_MS)


def _package(holder: str, fields: Mapping[str, str], parts: Sequence[Part]) -> Package:
    alike = sha256(repr(sorted(fields.items())).encode()).hexdigest()[:8]
    first = min(part.delivery or 0 for part in parts)
    lines = "\n".join(
        say("bots.profile_line", field=_name(field), value=_shown(field, fields[field])) for field in fields
    )
    return Package(
        key=f"{holder}:profile:{alike}:{first}",
        kind="profile",
        holder=holder,
        title=say("bots.profile_task", fields="、".join(_name(field) for field in fields)),
        words="bots.profile_package",
        parts=tuple(parts),
        values={"lines": lines},
        copies=tuple(fields[field] for field in _COPIED if field in fields),
        pictures=tuple(fields[field] for field in _PICTURES if field in fields),
    )


def _name(field: str) -> str:
    return say(f"bots.profile.{field}")


def _shown(field: str, value: str) -> str:
    if field == "visibility":
        return say(f"bots.profile.visible.{value}")
    return say("bots.profile.picture") if field in _PICTURES else value
