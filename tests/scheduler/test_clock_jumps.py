"""Restarts, downtime and clocks that are set: nothing is lost without a reason, nothing comes twice."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from rules.kinds import Kind
from rules.pacing import DAY_MS, MINUTE_MS
from scheduler.moments.calendar_files import load_calendar
from storage.campaign_tables import Phase, Post
from storage.engine import Database
from storage.tables import Delivery
from tests.scheduler.busy_month import BEGIN, BOOK, MEMBERS, ROOT, Left, Month

HOUR_MS = 60 * MINUTE_MS
DAYS = 3


class Disturbed(Month):
    """Three days with a push, a campaign, lessons and care; on the second evening something happens to the time."""

    def __init__(self, db: Database, trouble: str, by_ms: int) -> None:
        super().__init__(db, people=30, days=DAYS)
        self.trouble = trouble
        self.by_ms = by_ms
        self.ticks = 0

    def _campaign_runs(self, now: datetime) -> bool:
        return now.day == BEGIN.day and 10 <= now.hour < 13

    async def _something_happens(self) -> None:
        self.ticks += 1
        if self.ticks == 2:
            await self.orders_come()
        if self.ticks == 7:  # ten in the morning
            await self.campaign()
        if self.ticks == 12:
            await self.welfare()
        if self.ticks in (20, 110):
            await (self.clock_set(self.by_ms) if self.trouble == "clock" else self._restart(self.by_ms))


@pytest.mark.parametrize(
    ("trouble", "by_ms"), [("process", HOUR_MS), ("process", DAY_MS), ("clock", HOUR_MS), ("clock", -HOUR_MS)]
)
async def test_whatever_happens_to_the_time_all_is_there_once_or_says_why_not(
    sqlite_database: Database, trouble: str, by_ms: int
) -> None:
    shop = Disturbed(sqlite_database, trouble, by_ms)
    await shop.live()
    async with sqlite_database.read() as connection:
        rows = (await connection.execute(select(Delivery.__table__).order_by(Delivery.id))).all()
        posts = (await connection.execute(select(Post.__table__))).all()
        phases = (await connection.execute(select(Phase.name, Phase.state, Phase.reason))).all()
    sent = [one for one in shop.left if one.outcome != "away"]
    assert max(Counter(one.row.id for one in sent).values()) == 1
    _nobody_hears_the_same_twice(sent, {row.id: row for row in rows})
    _every_day_has_its_calendar(posts)
    now_ms = shop.clock.now_ms()
    for row in rows:
        waits = row.state == "pending" and (row.due_ms > now_ms - DAY_MS or row.reason)
        assert waits or row.state in ("accepted", "unknown") or row.reason, (row.key, row.state)
    assert phases
    assert all(phase.state in ("done", "running", "waiting") or phase.reason for phase in phases)
    assert {one.row.kind for one in sent} >= {Kind.MOMENT, Kind.PUSH, Kind.GREETING, Kind.LESSON}


def _nobody_hears_the_same_twice(sent: list[Left], rows: dict[int, Any]) -> None:
    heard: dict[object, set[str]] = defaultdict(set)
    for one in sent:
        what = one.row.content.post or one.row.content.image or f"{one.row.text or one.row.content.text}"
        if one.outcome != "refused" and one.row.kind is not Kind.REPLY:
            who = one.row.person or one.account
            about = f"{rows[one.row.id].source}:{rows[one.row.id].campaign}:{what}"
            assert about not in heard[who], one
            heard[who].add(about)


def _every_day_has_its_calendar(posts: Sequence[Any]) -> None:
    """Each day between the first and the last that was planned has what the calendar says for each account."""
    calendar, _ = load_calendar(ROOT / "moments", plans=BOOK.moments_plans)
    planned = {(post.account, post.day, post.entry) for post in posts}
    for member in MEMBERS:
        days = [date.fromisoformat(day) for account, day, _ in planned if account == member.id]
        if member.mirror_of is not None:
            assert not days
            continue
        assert (max(days) - min(days)).days >= 2
        for number in range((max(days) - min(days)).days + 1):
            day = min(days) + timedelta(days=number)
            for entry in calendar.entries(member.id, member.persona, day):
                assert (member.id, day.isoformat(), entry.name) in planned, (member.id, day, entry.name)
