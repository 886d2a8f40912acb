"""What a source published its mirrors publish, word for word; where they did not, there is a reason, and staff hear."""

from collections.abc import Sequence
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.roles import PostKind
from scheduler.moments.mirror_gaps import Gap, MirrorGaps
from scheduler.moments.mirrors import follow
from scheduler.moments.posts import NewPost, delivery_key, write_posts
from storage.engine import Database
from storage.tables import Delivery
from tests.scheduler.matrix import account, settle
from tests.scheduler.test_moments import NOW_MS

HOUR_MS = 3_600_000
_UNSETTLED = ("pending", "sending", "handed", "in_doubt")
_NUMBERS = count(1)
_OUTCOME = st.sampled_from([
    *((state, None) for state in _UNSETTLED), ("accepted", None), ("failed", "Refused"), ("unknown", None),
    ("skipped", "task_expired"), ("skipped", "sells_too_often"), ("skipped", None),
])  # fmt: skip


async def _posts(db: Database, source: str, number: int) -> list[str]:
    posts = [
        NewPost(source, f"{source}:2026-11-21:{i}", "2026-11-21", str(i), PostKind.LIFE, f"第{i}条", NOW_MS + i)
        for i in range(number)
    ]
    async with db.write() as tx:
        await write_posts(tx, posts, NOW_MS)
    return [post.key for post in posts]


async def _outcome(db: Database, account: str, posts: Sequence[str]) -> dict[str, Any]:
    keys = {delivery_key(account, post): post for post in posts}
    async with db.read() as connection:
        rows = await connection.execute(select(Delivery.__table__).where(Delivery.key.in_(keys)))
        return {keys[row.key]: row for row in rows}


class _Ears:
    def __init__(self) -> None:
        self.gaps: list[Gap] = []
        self.step = MirrorGaps(self._hear)

    async def _hear(self, tx: AsyncConnection, gap: Gap, now_ms: int) -> None:
        self.gaps.append(gap)

    async def listen(self, db: Database, now_ms: int) -> bool:
        async with db.read() as connection:
            due = await self.step.due(connection, now_ms)
        if due:
            async with db.write() as tx:
                await self.step.act(tx, now_ms)
        return due


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(outcomes=st.lists(st.tuples(_OUTCOME, _OUTCOME), min_size=1, max_size=6))
async def test_source_and_mirror_show_the_same_or_the_difference_has_a_reason(
    sqlite_database: Database, outcomes: list[tuple[tuple[str, str | None], tuple[str, str | None]]]
) -> None:
    db, number = sqlite_database, next(_NUMBERS)
    source, mirror = f"s{number}", f"m{number}"
    await account(db, source)
    await account(db, mirror, mirror_of=source)
    posts = await _posts(db, source, len(outcomes))
    for post, ((state, reason), _) in zip(posts, outcomes, strict=True):
        await settle(db, [delivery_key(source, post)], state, NOW_MS + HOUR_MS, reason)
    async with db.write() as tx:
        await follow(tx, NOW_MS + HOUR_MS)
        await follow(tx, NOW_MS + HOUR_MS)
    followed = await _outcome(db, mirror, posts)
    for post, (_, (state, reason)) in zip(posts, outcomes, strict=True):
        if post in followed and followed[post].state == "pending":
            await settle(db, [delivery_key(mirror, post)], state, NOW_MS + 2 * HOUR_MS, reason)
    theirs, ours = await _outcome(db, source, posts), await _outcome(db, mirror, posts)
    ears = _Ears()
    await ears.listen(db, NOW_MS + 2 * HOUR_MS)
    told = {gap.delivery for gap in ears.gaps if gap.mirror == mirror}
    for post in posts:
        published = theirs[post].state == "accepted"
        if theirs[post].state in _UNSETTLED:
            assert post not in ours
            continue
        assert ours[post].content == theirs[post].content
        if not published:
            assert ours[post].state == "skipped" and ours[post].reason
        missing = published and ours[post].state in ("skipped", "failed", "unknown")
        assert (ours[post].id in told) == missing


async def test_a_post_the_mirrors_own_caps_stopped_is_told_once(database: Database) -> None:
    await account(database, "lin-1")
    await account(database, "lin-2", mirror_of="lin-1")
    [post] = await _posts(database, "lin-1", 1)
    await settle(database, [delivery_key("lin-1", post)], "accepted", NOW_MS + 1)
    async with database.write() as tx:
        await follow(tx, NOW_MS + 2)
    ears = _Ears()
    assert not await ears.listen(database, NOW_MS + 2)
    await settle(database, [delivery_key("lin-2", post)], "skipped", NOW_MS + HOUR_MS, "posts_per_day")
    assert await ears.listen(database, NOW_MS + HOUR_MS)
    assert not await ears.listen(database, NOW_MS + HOUR_MS + 1)
    assert [(gap.mirror, gap.source, gap.text, gap.reason) for gap in ears.gaps] == [
        ("lin-2", "lin-1", "第0条", "posts_per_day")
    ]
