"""One day of the calendar becomes rows: each account's posts in its own minutes, once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.gates import allowed_by_role
from rules.kinds import Kind
from rules.limits import Limits
from rules.pacing import MINUTE_MS
from rules.roles import Role
from scheduler.moments import Calendar, Entry
from scheduler.rhythm import Advice, Planned, advise
from storage.moving import RESTORED_MS
from storage.outbox import Content, DeliveryState, NewDelivery, insert_ignoring, plan
from storage.tables import Account, Delivery, Post, Setting

GRACE_MS = 30 * MINUTE_MS
"""A post that is later than this when it is planned is not published any more."""
LIFE_MS = 4 * 60 * MINUTE_MS
"""A post that could not go within this time after its minute is stale: a breakfast is no supper. Ours."""
_KEYS_A_STATEMENT = 500


@dataclass(frozen=True, slots=True)
class DayPost:
    """One post of one account on one day. `skipped` is the reason why it will not appear, '' when it will."""

    account: str
    key: str
    entry: Entry
    due_ms: int
    skipped: str = ""


@dataclass(slots=True)
class DayPlan:
    """What a day brings. `warnings` are posts that a cap will probably hold back, by account."""

    posts: list[DayPost] = field(default_factory=list)
    warnings: list[tuple[str, Advice]] = field(default_factory=list)
    new: int = 0


def delivery_key(account: str, post_key: str) -> str:
    """The key of the row by which `account` publishes that post."""
    return f"moment:{account}:{post_key}"


async def preview(
    tx: AsyncConnection, calendar: Calendar, day: date, now_ms: int, *, time_zone: str | None = None
) -> DayPlan:
    """What `plan_day` would plan. Writes nothing."""
    plan = DayPlan()
    restored_ms = await _restored_ms(tx)
    for account in await _sources(tx, time_zone):
        posts = list(_posts_of(account, calendar, day, now_ms, restored_ms))
        plan.posts += posts
        estimate = [Planned(post.entry.name, post.entry.kind, post.due_ms) for post in posts if not post.skipped]
        limits = Limits.model_validate(account.limits)
        plan.warnings += [(account.id, advice) for advice in advise(estimate, limits, account.time_zone)]
    return plan


async def plan_day(
    tx: AsyncConnection, calendar: Calendar, day: date, now_ms: int, *, time_zone: str | None = None
) -> DayPlan:
    """Write the posts of `day` (a date in each account's own zone) for every account that is nobody's mirror.

    Only accounts of `time_zone`, where given. What is past already is written as skipped (too_late), what the role
    forbids as skipped (role), what a restored backup may have forgotten as skipped (restored). Planning a day again
    changes nothing.
    """
    day_plan = await preview(tx, calendar, day, now_ms, time_zone=time_zone)
    known = await _known(tx, [post.key for post in day_plan.posts])
    fresh = [post for post in day_plan.posts if post.key not in known]
    ids = await _write_posts(tx, fresh, day)
    rows = [moment(post.account, ids[post.key], post.key, post.due_ms) for post in fresh]
    day_plan.new = await plan(tx, rows, now_ms=now_ms)
    for reason in ("too_late", "role", "restored"):
        keys = [delivery_key(post.account, post.key) for post in fresh if post.skipped == reason]
        await skip_planned(tx, keys, reason, now_ms)
    return day_plan


def moment(account: str, post: int, post_key: str, due_ms: int) -> NewDelivery:
    """The row by which `account` publishes the post with that id."""
    return NewDelivery(
        kind=Kind.MOMENT,
        account=account,
        to="",
        content=Content(post=post),
        key=delivery_key(account, post_key),
        due_ms=due_ms,
        valid_until_ms=due_ms + LIFE_MS,
        source="calendar",
    )


async def skip_planned(tx: AsyncConnection, keys: Sequence[str], reason: str, now_ms: int) -> None:
    """Rows that were planned in this transaction only to say why they do not leave."""
    for start in range(0, len(keys), _KEYS_A_STATEMENT):
        await tx.execute(
            update(Delivery)
            .where(
                Delivery.key.in_(keys[start : start + _KEYS_A_STATEMENT]),
                Delivery.state == DeliveryState.PENDING.value,
            )
            .values(state=DeliveryState.SKIPPED.value, reason=reason, settled_ms=now_ms)
        )


async def _sources(tx: AsyncConnection, time_zone: str | None) -> Sequence[Row[Any]]:
    query = select(Account.id, Account.persona, Account.role, Account.time_zone, Account.limits).where(
        Account.removed.is_(False), Account.mirror_of.is_(None)
    )
    if time_zone is not None:
        query = query.where(Account.time_zone == time_zone)
    return (await tx.execute(query.order_by(Account.id))).all()


async def _restored_ms(tx: AsyncConnection) -> int:
    """What was due before this moment may have been published: the tables come from a backup. 0 when they do not."""
    return int(await tx.scalar(select(Setting.value).where(Setting.key == RESTORED_MS)) or 0)


def _posts_of(account: Row[Any], calendar: Calendar, day: date, now_ms: int, restored_ms: int) -> Iterable[DayPost]:
    for entry in calendar.entries(account.id, account.persona, day):
        due_ms = entry.due_ms(account.id, day, account.time_zone)
        skipped = ""
        if not allowed_by_role(Kind.MOMENT, Role(account.role), entry.kind):
            skipped = "role"
        elif due_ms + GRACE_MS < now_ms:
            skipped = "too_late"
        elif due_ms <= restored_ms:
            skipped = "restored"
        yield DayPost(account.id, f"{account.id}:{day.isoformat()}:{entry.name}", entry, due_ms, skipped)


async def _known(tx: AsyncConnection, keys: Sequence[str]) -> set[str]:
    known: set[str] = set()
    for start in range(0, len(keys), _KEYS_A_STATEMENT):
        query = select(Post.key).where(Post.key.in_(keys[start : start + _KEYS_A_STATEMENT]))
        known.update((await tx.execute(query)).scalars())
    return known


async def _write_posts(tx: AsyncConnection, posts: Sequence[DayPost], day: date) -> dict[str, int]:
    """Ids by key. A post that another process wrote meanwhile keeps its row."""
    ids: dict[str, int] = {}
    for start in range(0, len(posts), _KEYS_A_STATEMENT):
        chunk = posts[start : start + _KEYS_A_STATEMENT]
        rows = [
            {
                "key": post.key,
                "account": post.account,
                "day": day.isoformat(),
                "entry": post.entry.name,
                "kind": post.entry.kind.value,
                "text": post.entry.text,
                "media": list(post.entry.media),
                "link": post.entry.link.url if post.entry.link else None,
                "due_ms": post.due_ms,
            }
            for post in chunk
        ]
        await tx.execute(insert_ignoring(tx, Post), rows)
        query = select(Post.key, Post.id).where(Post.key.in_([post.key for post in chunk]))
        ids.update({row.key: row.id for row in (await tx.execute(query)).all()})
    return ids
