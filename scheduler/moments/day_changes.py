"""A day that was planned meets a calendar that changed: nothing doubles, nothing is lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.moments.posts import LIFE_MS, NewPost, delivery_key, skip_planned
from storage.campaign_tables import Post
from storage.engine import touch
from storage.outbox import DeliveryState
from storage.tables import Account, Delivery

CHANGED = "calendar_changed"
REOPENED = frozenset({"too_late", "no_free_slot", "young_account", "sells_too_often", CHANGED})
"""Skipped when it was planned: given another minute, it may go all the same."""
UNPOSTABLE = frozenset({"no_consent", "media_missing"})
"""Whatever its minute."""
_ACCOUNTS_A_STATEMENT = 500


@dataclass(frozen=True, slots=True)
class KnownPost:
    """A post as it was planned, and what became of it. Times in epoch ms; `day` an ISO date."""

    account: str
    key: str
    day: str
    entry: str
    kind: str
    text: str
    media: tuple[str, ...]
    link: str | None
    due_ms: int
    state: str
    reason: str | None
    source: str

    @property
    def content(self) -> tuple[object, ...]:
        return self.kind, self.text, self.media, self.link

    @property
    def pending(self) -> bool:
        return self.state == DeliveryState.PENDING.value


async def known_posts(tx: AsyncConnection, accounts: Sequence[str], days: Sequence[date]) -> list[KnownPost]:
    """What was planned for these accounts on these days."""
    columns = (
        Post.account, Post.key, Post.day, Post.entry, Post.kind, Post.text, Post.media, Post.link, Post.due_ms,
        Delivery.state, Delivery.reason, Delivery.source,
    )  # fmt: skip
    row_key = "moment:" + Post.account + ":" + Post.key
    found: list[KnownPost] = []
    for start in range(0, len(accounts), _ACCOUNTS_A_STATEMENT):
        query = (
            select(*columns)
            .join(Delivery, Delivery.key == row_key)
            .where(
                Post.account.in_(accounts[start : start + _ACCOUNTS_A_STATEMENT]),
                Post.day.in_([day.isoformat() for day in days]),
            )
            .order_by(Post.due_ms, Post.id)
        )
        found += [KnownPost(**{**row._mapping, "media": tuple(row.media)}) for row in await tx.execute(query)]
    return found


async def amend(
    tx: AsyncConnection, today: Sequence[KnownPost], wanted: Sequence[NewPost], now_ms: int
) -> list[NewPost]:
    """Bring what was planned of one account's day to what the calendar says now. Returns what is new.

    Words, pictures and minutes of a post that has not left follow the calendar; what left stays. A post whose name is
    gone is skipped, unless another has its very words: then it was only given another name.
    """
    by_key = {row.key: row for row in today}
    keys = {post.key for post in wanted}
    gone = [row for row in today if row.key not in keys]
    renamed = {row.content: row for row in gone if row.state != DeliveryState.SKIPPED.value}
    fresh, kept = [], set()
    for post in wanted:
        known = by_key.get(post.key)
        if known is not None:
            await _follow(tx, known, post, now_ms)
        elif (other := renamed.get(_content(post))) is not None:
            kept.add(other.key)
        else:
            fresh.append(post)
    left_out = [delivery_key(row.account, row.key) for row in gone if row.pending and row.key not in kept]
    await skip_planned(tx, left_out, CHANGED, now_ms)
    return fresh


def _content(post: NewPost) -> tuple[object, ...]:
    return post.kind.value, post.text, tuple(post.media), post.link


async def _follow(tx: AsyncConnection, known: KnownPost, post: NewPost, now_ms: int) -> None:
    moved = known.due_ms != post.due_ms
    back = not known.pending and known.state == DeliveryState.SKIPPED.value and known.reason in REOPENED
    if not (known.pending or (back and moved and not post.skipped)):
        return
    if moved or known.content != _content(post):
        await tx.execute(
            update(Post)
            .where(Post.key == known.key)
            .values(kind=post.kind.value, text=post.text, media=list(post.media), link=post.link, due_ms=post.due_ms)
        )
    if not moved and not (known.pending and post.skipped in UNPOSTABLE):
        return
    key = delivery_key(known.account, known.key)
    if post.skipped:
        await skip_planned(tx, [key], post.skipped, now_ms)
        return
    await _give_minute(tx, key, post.due_ms)
    if back:
        await _let_mirrors_follow_again(tx, known)
    touch(tx, {known.account})


async def _give_minute(tx: AsyncConnection, key: str, due_ms: int) -> None:
    values: dict[str, Any] = {
        "state": DeliveryState.PENDING.value,
        "reason": None,
        "settled_ms": None,
        "due_ms": due_ms,
        "valid_until_ms": due_ms + LIFE_MS,
    }
    still = Delivery.state.in_((DeliveryState.PENDING.value, DeliveryState.SKIPPED.value))
    await tx.execute(update(Delivery).where(Delivery.key == key, still).values(values))


async def _let_mirrors_follow_again(tx: AsyncConnection, known: KnownPost) -> None:
    """They were skipped because it was: they wait for it anew."""
    mirrors = (await tx.scalars(select(Account.id).where(Account.mirror_of == known.account))).all()
    keys = [delivery_key(mirror, known.key) for mirror in mirrors]
    skipped = Delivery.state == DeliveryState.SKIPPED.value
    await tx.execute(delete(Delivery).where(Delivery.key.in_(keys), skipped, Delivery.sent_ms.is_(None)))
