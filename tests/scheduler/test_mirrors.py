"""Mirrors post what their source published, a little later, or say why not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.pacing import DAY_MS
from scheduler.moments.day_plan import plan_day
from scheduler.moments.mirrors import follow, follows_at, has_followers_waiting
from scheduler.moments.moments import Calendar
from storage.engine import Database
from tests.scheduler.matrix import account, rows, settle
from tests.scheduler.test_moments import NOW_MS, TODAY, _calendar, _entry

SOURCE = "moment:lin-1:lin-1:2026-11-21:coffee"
MINUTE_MS = 60_000


@pytest.fixture
async def matrix(database: Database) -> Database:
    """A source with two mirrors, one post planned."""
    await account(database, "lin-1")
    for mirror in ("lin-2", "lin-3"):
        await account(database, mirror, mirror_of="lin-1")
    calendar: Calendar = _calendar(_entry("coffee", "10:20"))
    async with database.write() as tx:
        await plan_day(tx, calendar, TODAY, NOW_MS)
    return database


async def _follow(db: Database, now_ms: int) -> int:
    async with db.write() as tx:
        return await follow(tx, now_ms)


@pytest.mark.parametrize("state", ["pending", "sending", "handed", "in_doubt"])
async def test_nobody_follows_what_is_not_known_to_be_published(matrix: Database, state: str) -> None:
    await settle(matrix, [SOURCE], state, NOW_MS)
    async with matrix.read() as connection:
        assert not await has_followers_waiting(connection, NOW_MS)
    assert await _follow(matrix, NOW_MS) == 0


async def test_what_was_published_is_followed_once_with_the_same_post(matrix: Database) -> None:
    published_ms = NOW_MS + 20 * MINUTE_MS
    await settle(matrix, [SOURCE], "accepted", published_ms)
    async with matrix.read() as connection:
        assert await has_followers_waiting(connection, published_ms)
    assert await _follow(matrix, published_ms + 1000) == 2
    assert await _follow(matrix, published_ms + 2000) == 0
    found = {row.account: row for row in await rows(matrix)}
    assert found["lin-2"].content == found["lin-3"].content == found["lin-1"].content
    for mirror in ("lin-2", "lin-3"):
        assert found[mirror].state == "pending"
        assert 1 * MINUTE_MS <= found[mirror].due_ms - published_ms <= 15 * MINUTE_MS
    assert found["lin-2"].due_ms != found["lin-3"].due_ms


@pytest.mark.parametrize(
    ("state", "reason", "expected"),
    [
        ("skipped", "task_expired", "task_expired"),
        ("failed", "GARBAGE", "source_failed"),
        ("unknown", None, "source_failed"),
    ],
)
async def test_what_was_not_published_is_skipped_by_mirrors_too_and_they_say_why(
    matrix: Database, state: str, reason: str | None, expected: str
) -> None:
    await settle(matrix, [SOURCE], state, NOW_MS, reason)
    assert await _follow(matrix, NOW_MS) == 2
    mirrors = [row for row in await rows(matrix) if row.account != "lin-1"]
    assert {(row.state, row.reason) for row in mirrors} == {("skipped", expected)}


async def test_a_mirror_that_comes_too_late_does_not_follow_yesterdays_breakfast(matrix: Database) -> None:
    await settle(matrix, [SOURCE], "accepted", NOW_MS)
    assert await _follow(matrix, NOW_MS + 2 * 60 * MINUTE_MS) == 2
    mirrors = [row for row in await rows(matrix) if row.account != "lin-1"]
    assert {(row.state, row.reason) for row in mirrors} == {("skipped", "too_late")}


async def test_who_becomes_a_mirror_follows_nothing_of_last_week(matrix: Database) -> None:
    await settle(matrix, [SOURCE], "accepted", NOW_MS)
    assert await _follow(matrix, NOW_MS + 7 * DAY_MS) == 0


async def test_a_removed_mirror_follows_nobody(database: Database) -> None:
    await account(database, "lin-1")
    await account(database, "lin-2", mirror_of="lin-1", removed=True)
    async with database.write() as tx:
        await plan_day(tx, _calendar(_entry("coffee", "10:20")), TODAY, NOW_MS)
    await settle(database, [SOURCE], "accepted", NOW_MS)
    assert await _follow(database, NOW_MS) == 0


@given(st.text(), st.text(), st.integers(min_value=0, max_value=2**45))
def test_a_mirror_follows_within_1_to_15_minutes_and_always_in_the_same(
    mirror: str, key: str, published_ms: int
) -> None:
    at_ms = follows_at(mirror, key, published_ms)
    assert MINUTE_MS <= at_ms - published_ms <= 15 * MINUTE_MS
    assert at_ms == follows_at(mirror, key, published_ms)
