"""Moments posts as rows: what is to appear, once, and the delivery by which its account publishes it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.kinds import Kind
from rules.pacing import MINUTE_MS
from rules.roles import PostKind
from storage.campaign_tables import Post
from storage.outbox import Content, DeliveryState, NewDelivery, insert_ignoring, plan
from storage.tables import Delivery

LIFE_MS = 4 * 60 * MINUTE_MS
"""A post that could not go within this time after its minute is stale: a breakfast is no supper. Ours."""
CALENDAR = "calendar"
_KEYS_A_STATEMENT = 500


@dataclass(frozen=True, slots=True)
class NewPost:
    """A post to be, for the account that speaks first; its mirrors follow by themselves.

    `key` says what it is, 'lin-1:2026-11-21:coffee': the second one with that key is not written. `day`: ISO date in
    the account's zone. `source`: who wants it ('calendar', 'staff:owner', 'campaign:3'). `skipped`: the reason why it
    is only written down, '' when it is to appear.
    """

    account: str
    key: str
    day: str
    entry: str
    kind: PostKind
    text: str
    due_ms: int
    media: tuple[str, ...] = ()
    link: str | None = None
    source: str = CALENDAR
    skipped: str = ""


async def write_posts(tx: AsyncConnection, posts: Sequence[NewPost], now_ms: int) -> int:
    """Plan them. Returns how many are new; those that are there already are left as they are."""
    ids = await _write_rows(tx, posts)
    rows = [moment(post.account, ids[post.key], post.key, post.due_ms, source=post.source) for post in posts]
    new = await plan(tx, rows, now_ms=now_ms)
    for reason in {post.skipped for post in posts if post.skipped}:
        keys = [delivery_key(post.account, post.key) for post in posts if post.skipped == reason]
        await skip_planned(tx, keys, reason, now_ms)
    return new


def delivery_key(account: str, post_key: str) -> str:
    """The key of the row by which `account` publishes that post."""
    return f"moment:{account}:{post_key}"


def moment(account: str, post: int, post_key: str, due_ms: int, *, source: str = CALENDAR) -> NewDelivery:
    """The row by which `account` publishes the post with that id."""
    return NewDelivery(
        kind=Kind.MOMENT,
        account=account,
        to="",
        content=Content(post=post),
        key=delivery_key(account, post_key),
        due_ms=due_ms,
        valid_until_ms=due_ms + LIFE_MS,
        source=source,
    )


async def skip_planned(tx: AsyncConnection, keys: Sequence[str], reason: str, now_ms: int) -> None:
    """Rows of the outbox, by key, that do not leave, as far as they have not left yet."""
    for start in range(0, len(keys), _KEYS_A_STATEMENT):
        await tx.execute(
            update(Delivery)
            .where(
                Delivery.key.in_(keys[start : start + _KEYS_A_STATEMENT]),
                Delivery.state == DeliveryState.PENDING.value,
            )
            .values(state=DeliveryState.SKIPPED.value, reason=reason, settled_ms=now_ms)
        )


async def _write_rows(tx: AsyncConnection, posts: Sequence[NewPost]) -> dict[str, int]:
    """Ids by key. A post that another process wrote meanwhile keeps its row."""
    ids: dict[str, int] = {}
    for start in range(0, len(posts), _KEYS_A_STATEMENT):
        chunk = posts[start : start + _KEYS_A_STATEMENT]
        rows = [
            {
                "key": post.key,
                "account": post.account,
                "day": post.day,
                "entry": post.entry,
                "kind": post.kind.value,
                "text": post.text,
                "media": list(post.media),
                "link": post.link,
                "due_ms": post.due_ms,
            }
            for post in chunk
        ]
        await tx.execute(insert_ignoring(tx, Post), rows)
        query = select(Post.key, Post.id).where(Post.key.in_([post.key for post in chunk]))
        ids.update({row.key: row.id for row in (await tx.execute(query)).all()})
    return ids
