"""The planner looks at everything, twice without harm, and one step that fails stops no other."""

import asyncio
import time
from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.clock import Ticker
from scheduler.moments.moments import Calendar
from scheduler.planner import Planner, Step
from scheduler.push_events import CampaignEvent
from scheduler.pushes.pushes import create, start
from storage.engine import Database
from tests.scheduler.matrix import account, friends, rows, settle
from tests.scheduler.test_moments import _calendar, _entry
from tests.scheduler.test_pushes import NOW_MS, push
from tests.virtual_time import VirtualClock, until


class _Heard:
    """Keeps what staff would have heard."""

    def __init__(self) -> None:
        self.events: list[str] = []

    async def __call__(self, tx: AsyncConnection, event: CampaignEvent, now_ms: int) -> None:
        self.events.append(event.what)


async def test_a_day_goes_from_calendar_to_mirrors_by_looking(database: Database, clock: VirtualClock) -> None:
    await account(database, "lin-1")
    await account(database, "lin-2", mirror_of="lin-1")
    planner = Planner(database, clock, _calendar(_entry("coffee", "10:20")), tell=_Heard())
    await planner.tick()
    await planner.tick()
    planned = await rows(database)
    assert [row.key for row in planned] == [
        "moment:lin-1:lin-1:2026-11-21:coffee",
        "moment:lin-1:lin-1:2026-11-22:coffee",
    ]
    await clock.advance(20 * 60)
    await settle(database, [planned[0].key], "accepted", clock.now_ms())
    await planner.tick()
    await planner.tick()
    assert [row.account for row in await rows(database)] == ["lin-1", "lin-1", "lin-2"]


async def test_the_next_day_is_planned_when_it_comes_and_after_a_restart_nothing_is_twice(
    database: Database, clock: VirtualClock
) -> None:
    await account(database, "lin-1")
    await account(database, "paris", persona="persona-lin-1", time_zone="Europe/Paris")
    calendar = _calendar(_entry("coffee", "10:20"))
    planner = Planner(database, clock, calendar, tell=_Heard())
    await planner.tick()
    assert len(await rows(database)) == 4
    await clock.advance(15 * 3600)  # Sunday in Shanghai, still Saturday in Paris
    await planner.tick()
    await Planner(database, clock, calendar, tell=_Heard()).tick()
    planned = [(row.account, row.key.split(":")[3]) for row in await rows(database)]
    assert sorted(planned) == [
        ("lin-1", "2026-11-21"),
        ("lin-1", "2026-11-22"),
        ("lin-1", "2026-11-23"),
        ("paris", "2026-11-21"),
        ("paris", "2026-11-22"),
    ]


async def test_a_push_goes_from_start_to_end_by_looking_and_staff_hear_of_it_once(
    database: Database, clock: VirtualClock
) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 4, NOW_MS)
    heard = _Heard()
    planner = Planner(database, clock, Calendar(), tell=heard)
    async with database.write() as tx:
        await start(tx, await create(tx, push(first_batch=1), "staff:owner", NOW_MS), NOW_MS)
    for _ in range(3):
        await planner.tick()
        due = [row.key for row in await rows(database, state="pending") if row.due_ms <= clock.now_ms()]
        await settle(database, due, "accepted", clock.now_ms())
    assert heard.events == ["finished"]


async def test_a_step_that_fails_stops_no_other_and_leaves_nothing_half_done(
    database: Database, clock: VirtualClock
) -> None:
    await account(database, "lin-1")
    ran: list[int] = []

    async def due(tx: AsyncConnection, now_ms: int) -> bool:
        return True

    async def breaks(tx: AsyncConnection, now_ms: int) -> bool:
        await tx.execute(text("SELECT * FROM a_table_that_is_not"))
        return True

    async def works(tx: AsyncConnection, now_ms: int) -> None:
        ran.append(now_ms)

    steps = (Step(breaks, works), Step(due, breaks), Step(due, works))
    planner = Planner(database, clock, _calendar(_entry("coffee", "10:20")), tell=_Heard(), extra=steps)
    await planner.tick()
    await planner.tick()
    assert ran == [NOW_MS, NOW_MS]
    assert len(await rows(database)) == 2


async def test_what_is_not_due_opens_no_writing_transaction(database: Database, clock: VirtualClock) -> None:
    ran: list[int] = []
    asked: list[int] = []

    async def due(tx: AsyncConnection, now_ms: int) -> bool:
        asked.append(now_ms)
        return False

    async def act(tx: AsyncConnection, now_ms: int) -> None:
        ran.append(now_ms)

    planner = Planner(database, clock, Calendar(), tell=_Heard(), extra=(Step(due, act),))
    async with database.write():  # who would write has to wait for this one on SQLite
        await planner.tick()
    assert (asked, ran) == ([NOW_MS], [])


async def test_what_nobody_waits_for_is_looked_at_in_turn_and_at_once_again_while_there_is_more(
    database: Database, clock: VirtualClock
) -> None:
    looks: list[str] = []
    left = {"a": 0, "b": 2}

    def step(name: str) -> Step:
        async def due(tx: AsyncConnection, now_ms: int) -> bool:
            looks.append(name)
            return left[name] > 0

        async def act(tx: AsyncConnection, now_ms: int) -> None:
            left[name] -= 1

        return Step(due, act, every=5)

    planner = Planner(database, clock, Calendar(), tell=_Heard(), extra=(step("a"), step("b")))
    seen: list[str] = []
    for _ in range(13):
        await planner.tick()
        seen.append("".join(looks))
        looks.clear()
    # At the start everything; b again as long as it finds something; then one tick in five is each one's.
    assert seen == ["ab", "b", "ab", "", "", "", "b", "a", "", "", "", "b", "a"]
    assert left == {"a": 0, "b": 0}


async def test_ticks_come_by_themselves_never_two_at_once_and_a_stop_waits_for_the_last() -> None:
    running = 0
    done = 0
    overlapped = False

    async def tick() -> None:
        nonlocal running, done, overlapped
        running += 1
        overlapped |= running > 1
        await asyncio.sleep(0.03)
        running -= 1
        done += 1

    ticker = Ticker(0.01, tick)
    ticker.start()
    await until(lambda: done >= 3 and running)
    await ticker.stop()
    after = done
    assert running == 0
    assert not overlapped
    await asyncio.sleep(0.05)
    assert done == after


@pytest.mark.parametrize("steps", range(8))
async def test_a_stop_that_meets_a_tick_on_its_way_leaves_none_behind(
    caplog: pytest.LogCaptureFixture, steps: int
) -> None:
    begun: list[str] = []
    ended: list[str] = []

    async def tick() -> None:
        begun.append("tick")
        await asyncio.sleep(0.02)
        ended.append("tick")

    ticker = Ticker(0.005, tick)
    ticker.start()
    await asyncio.to_thread(time.sleep, 0)  # the scheduler has set its alarm
    time.sleep(0.01)  # noqa: ASYNC251  # the alarm is overdue, and goes off within the next steps of the loop
    for _ in range(steps):
        await asyncio.sleep(0)
    await ticker.stop()
    assert begun == ended
    await asyncio.sleep(0.01)
    assert begun == ended
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_tick_that_fails_is_followed_by_the_next() -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        ticks += 1
        raise RuntimeError("broken on purpose")

    ticker = Ticker(0.01, tick)
    ticker.start()
    await until(lambda: ticks >= 3)
    await ticker.stop()


async def test_days_are_those_of_the_calendar() -> None:
    saturdays = _calendar(_entry("market", "10:20", days=["sat", "2026-11-24"]))
    days = [day for day in range(20, 30) if saturdays.entries("", "persona-lin-1", date(2026, 11, day))]
    assert days == [21, 24, 28]
