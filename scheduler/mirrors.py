"""Mirrors follow what their source published: the same post, a few minutes later, or not at all."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Integer, Select, bindparam, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from rules.kinds import Kind
from rules.pacing import DAY_MS, MINUTE_MS
from rules.quiet_hours import local
from scheduler.day_slots import GRACE_MS
from scheduler.posts import delivery_key, moment, skip_planned
from scheduler.seeds import drawn
from storage.outbox import DeliveryState, plan
from storage.tables import Account, Delivery, Post

SOONEST_MS = MINUTE_MS
LATEST_MS = 15 * MINUTE_MS
_LOOK_BACK_MS = 3 * DAY_MS
"""A post whose source was settled later than this after its minute is followed by nobody."""
_SETTLED = (
    DeliveryState.ACCEPTED.value,
    DeliveryState.SKIPPED.value,
    DeliveryState.FAILED.value,
    DeliveryState.UNKNOWN.value,
)


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


def _why_not(row: Any, due_ms: int, now_ms: int) -> str:
    if row.state == DeliveryState.SKIPPED.value:
        return row.reason or "source_skipped"
    if row.state != DeliveryState.ACCEPTED.value:
        return "source_failed"
    return "too_late" if due_ms + GRACE_MS < now_ms else ""


async def _unfollowed(tx: AsyncConnection, now_ms: int, *, limit: int) -> Sequence[Any]:
    """Settled posts of sources, one row for each mirror that has none of its own yet."""
    since = local(now_ms - _LOOK_BACK_MS, "UTC").date().isoformat()
    rows: Sequence[Any] = (await tx.execute(_UNFOLLOWED, {"since": since, "at_most": limit})).all()
    return rows


def _unfollowed_rows() -> Select[*tuple[Any, ...]]:
    mirror = aliased(Account)
    own = aliased(Delivery)
    source_row_key = literal("moment:").concat(Post.account).concat(":").concat(Post.key)
    own_key = literal("moment:").concat(mirror.id).concat(":").concat(Post.key)
    return (
        select(
            mirror.id.label("mirror"),
            Post.id.label("post"),
            Post.key,
            Delivery.state,
            Delivery.reason,
            Delivery.settled_ms,
        )
        .select_from(mirror)
        .join(Post, Post.account == mirror.mirror_of)
        .join(Delivery, Delivery.key == source_row_key)
        .outerjoin(own, own.key == own_key)
        .where(
            mirror.mirror_of.is_not(None),
            mirror.removed.is_(False),
            Post.day >= bindparam("since"),
            Delivery.kind == Kind.MOMENT.value,
            Delivery.state.in_(_SETTLED),
            own.id.is_(None),
        )
        .order_by(Post.id, mirror.id)
        .limit(bindparam("at_most", type_=Integer))
    )


_UNFOLLOWED = _unfollowed_rows()
"""Asked every second: made once, because making it takes longer than asking."""
