"""Profiles by hand: what no gateway can set, as one package for each phone holder; alike accounts are grouped."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.packages import Package, Part, hand_over_package
from rules.kinds import Kind
from rules.pacing import DAY_MS
from storage.outbox import Claimed
from storage.tables import Account, Delivery
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
    groups: dict[tuple[str, str], list[Claimed]] = {}
    for row in rows:
        groups.setdefault((holders.get(row.account, ""), _alike(row.content.profile)), []).append(row)
    for (holder, alike), group in groups.items():
        mentions = await _follow_shortly(tx, holder, alike)
        package = _package(f"{holder}:profile:{alike}", holder, group, mentions)
        await hand_over_package(tx, package, now_ms, now_ms + EXPIRES_MS)


def _alike(profile: Mapping[str, Any] | None) -> str:
    """The same for what was asked at once in the same words."""
    return sha256(repr(sorted((profile or {}).items())).encode()).hexdigest()[:12]


async def _follow_shortly(tx: AsyncConnection, holder: str, alike: str) -> tuple[str, ...]:
    """Accounts on the same person's phones whose rows say the same and wait for their turn."""
    waiting = await tx.execute(
        select(Delivery.account, Delivery.content)
        .join(Account, Account.id == Delivery.account)
        .where(
            func.coalesce(Account.holder, "") == holder,
            Delivery.state == "pending",
            Delivery.kind == Kind.PROFILE.value,
        )
    )
    return tuple(sorted(row.account for row in waiting if _alike(row.content.get("profile")) == alike))


def _package(key: str, holder: str, rows: Sequence[Claimed], mentions: tuple[str, ...]) -> Package:
    fields: Mapping[str, str] = (rows[0].content.profile or {}).get("fields", {})
    lines = "\n".join(
        say("bots.profile_line", field=_name(field), value=_shown(field, fields[field])) for field in fields
    )
    return Package(
        key=key,
        kind="profile",
        holder=holder,
        title=say("bots.profile_task", fields="、".join(_name(field) for field in fields)),
        words="bots.profile_package",
        parts=tuple(Part(row.account, row.id, {"fields": dict(fields)}) for row in rows),
        mentions=mentions,
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
