"""What a preview promises comes true, within a tenth: the planner plans it, the courier sends it, on virtual time."""

import pytest

from rules.limits import Limits
from rules.pacing import DAY_MS
from scheduler.pushes.pushes import check, create, preview, start
from storage.engine import Database
from tests.scheduler.matrix import friends, rows
from tests.scheduler.sending import MINUTE_MS, Sending
from tests.scheduler.test_pushes import NOW_MS, push
from tests.virtual_time import VirtualClock


@pytest.fixture
def sending(sqlite_database: Database, clock: VirtualClock) -> Sending:
    return Sending(sqlite_database, clock)


async def _promised_and_true(sending: Sending, look_ms: int, **file: object) -> tuple[int, int, int, int]:
    """Seconds until the last message, as promised and as it was; people who came too late, likewise."""
    wanted = push(words={"default": "好"}, **file)
    async with sending.db.write() as tx:
        seen = await preview(tx, wanted, NOW_MS)
        campaign = await create(tx, wanted, "staff:owner", NOW_MS)
        await start(tx, campaign, NOW_MS, checked=await check(tx, campaign, NOW_MS))
    await sending.until_done(until_ms=NOW_MS + 20 * DAY_MS, look_ms=look_ms)
    planned = await rows(sending.db)
    assert seen.recipients == len(planned)
    last_ms = max(row.sent_ms for row in planned if row.state == "accepted")
    late = sum(row.state == "skipped" for row in planned)
    return seen.seconds, (last_ms - NOW_MS) // 1000, seen.beyond_valid_until, late


async def test_some_hundred_people_are_reached_when_the_preview_said(sending: Sending) -> None:
    for number in range(4):
        await sending.add(f"lin-{number}", Limits())
        await friends(sending.db, f"lin-{number}", 40 + 10 * number, NOW_MS)
    promised, true, beyond, late = await _promised_and_true(sending, MINUTE_MS)
    assert true == pytest.approx(promised, rel=0.1)
    assert beyond == late == 0


async def test_with_small_daily_budgets_and_short_days_it_takes_the_days_the_preview_said(sending: Sending) -> None:
    limits = Limits.model_validate({"pushes_per_day": 4, "quiet_from": "10:20", "quiet_until": "09:40"})
    for number in range(2):
        await sending.add(f"lin-{number}", limits)
        await friends(sending.db, f"lin-{number}", 9 + 2 * number, NOW_MS)
    promised, true, beyond, late = await _promised_and_true(sending, 60 * MINUTE_MS, valid_for="9d", first_batch=4)
    assert true > 2 * DAY_MS // 1000
    assert true == pytest.approx(promised, rel=0.1)
    assert beyond == late == 0


async def test_who_does_not_fit_before_the_end_is_as_many_as_the_preview_said(sending: Sending) -> None:
    await sending.add("lin-1", Limits.model_validate({"pushes_per_day": 10}))
    await friends(sending.db, "lin-1", 40, NOW_MS)
    _, _, beyond, late = await _promised_and_true(sending, 10 * MINUTE_MS, valid_for="2d", first_batch=4)
    assert beyond == late == 20
