"""Days that the clock jumped over, or that nobody ran on, stand in the tables with the reason."""

import pytest

from rules.roles import PostKind
from scheduler.moments.passed_over import MOST_DAYS
from scheduler.moments.posts import NewPost, write_posts
from scheduler.planner import Planner
from storage.engine import Database
from tests.scheduler.matrix import account, nobody_hears, rows
from tests.scheduler.test_moments import _calendar, _entry
from tests.virtual_time import VirtualClock

DAY_S = 24 * 3600
CALENDAR = _calendar(_entry("coffee", "10:20"), persona="persona-lin-1")


async def _days(db: Database, account: str = "lin-1") -> dict[str, tuple[str, str | None]]:
    """What became of each day's coffee."""
    keys = {row.key.split(":")[3]: row for row in await rows(db, account=account) if row.key.endswith(":coffee")}
    return {day: (row.state, row.reason) for day, row in keys.items()}


@pytest.mark.parametrize("restarted", [False, True])
async def test_days_jumped_over_are_skipped_as_too_late_once(
    database: Database, clock: VirtualClock, restarted: bool
) -> None:
    await account(database, "lin-1")
    planner = Planner(database, clock, CALENDAR, tell=nobody_hears)
    await planner.tick()
    await clock.advance(4 * DAY_S)
    await account(database, "new-1", persona="persona-lin-1")  # nothing of it was missed
    if restarted:
        planner = Planner(database, clock, CALENDAR, tell=nobody_hears)
    for _ in range(2):
        await planner.tick()
    waits, late = ("pending", None), ("skipped", "too_late")
    assert await _days(database) == {
        "2026-11-21": waits, "2026-11-22": waits, "2026-11-23": late, "2026-11-24": late, "2026-11-25": waits,
        "2026-11-26": waits,
    }  # fmt: skip
    assert set(await _days(database, "new-1")) == {"2026-11-25", "2026-11-26"}


async def test_after_long_the_last_two_weeks_are_told_and_a_wish_for_a_day_to_come_hides_none(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    await account(sqlite_database, "lin-1")
    await Planner(sqlite_database, clock, CALENDAR, tell=nobody_hears).tick()
    wish = NewPost(
        account="lin-1", key="lin-1:2026-12-10:wish", day="2026-12-10", entry="wish", kind=PostKind.LIFE, text="早",
        due_ms=clock.now_ms() + 19 * DAY_S * 1000, source="staff:boss",
    )  # fmt: skip
    async with sqlite_database.write() as tx:
        await write_posts(tx, [wish], clock.now_ms())
    await clock.advance(30 * DAY_S)
    await Planner(sqlite_database, clock, CALENDAR, tell=nobody_hears).tick()
    late = [day for day, (_, reason) in (await _days(sqlite_database)).items() if reason == "too_late"]
    assert (min(late), max(late), len(late)) == ("2026-12-07", "2026-12-20", MOST_DAYS)
