"""How long a push takes is an honest guess: never before the pace allows, never in quiet hours, nothing lost."""

from datetime import time

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.limits import Limits
from rules.pacing import DAY_MS, MINUTE_MS
from rules.quiet_hours import local, within
from scheduler.pushes.forecast import Load, a_day, gap_ms, outlook
from storage.engine import Database
from tests.scheduler.matrix import ZONE, account, friends
from tests.scheduler.test_pushes import NOW_MS, _preview, push

HOUR_MS = 60 * MINUTE_MS
NEVER_MS = NOW_MS + 1000 * DAY_MS


def _load(messages: int, **more: int) -> Load:
    return Load(messages, Limits(), ZONE, **more)


def test_a_hundred_people_take_ten_minutes_at_ten_people_a_minute() -> None:
    assert gap_ms(Limits()) == 6000
    assert outlook(_load(100), NOW_MS, NEVER_MS).ends_ms - NOW_MS == 99 * 6000


def test_what_waits_already_goes_first() -> None:
    assert outlook(_load(1, waiting=100), NOW_MS, NEVER_MS).ends_ms - NOW_MS == 100 * 6000


def test_the_days_budget_ends_and_the_next_day_goes_on() -> None:
    assert a_day(Limits()) == 300
    view = outlook(_load(301), NOW_MS, NEVER_MS)
    assert view.ends_ms - NOW_MS == DAY_MS
    view = outlook(_load(1, sent_today=300), NOW_MS, NEVER_MS)
    assert view.ends_ms - NOW_MS == DAY_MS


def test_what_does_not_fit_before_the_end_is_counted() -> None:
    assert outlook(_load(400), NOW_MS, NOW_MS + 23 * HOUR_MS).beyond == 100
    assert outlook(_load(10), NOW_MS, NOW_MS + 30_000).beyond == 5
    assert outlook(_load(10), NOW_MS, NOW_MS).beyond == 10


def test_the_window_of_the_push_is_kept() -> None:
    view = outlook(_load(2), NOW_MS, NEVER_MS, (time(19), time(20)))
    assert local(view.ends_ms, ZONE).strftime("%H:%M:%S") == "19:00:06"


def test_a_window_within_the_quiet_hours_never_opens() -> None:
    assert outlook(_load(3), NOW_MS, NOW_MS + 3 * DAY_MS, (time(23), time(23, 30))).beyond == 3


@settings(max_examples=150, deadline=None)
@given(
    messages=st.integers(1, 2000),
    waiting=st.integers(0, 500),
    sent=st.integers(0, 400),
    start=st.integers(0, 2 * DAY_MS // 1000),
    valid=st.integers(0, 10 * DAY_MS // 1000),
)
def test_the_end_is_in_waking_hours_and_not_before_the_pace_allows(
    messages: int, waiting: int, sent: int, start: int, valid: int
) -> None:
    starts_ms = NOW_MS + start * 1000
    view = outlook(_load(messages, waiting=waiting, sent_today=sent), starts_ms, starts_ms + valid * 1000)
    limits = Limits()
    assert view.ends_ms - starts_ms >= (messages + waiting - 1) * gap_ms(limits)
    assert within(view.ends_ms, limits.quiet_until, limits.quiet_from, ZONE)
    assert 0 <= view.beyond <= messages
    later = outlook(_load(messages, waiting=waiting, sent_today=sent), starts_ms, starts_ms + valid * 1000 + DAY_MS)
    assert later.beyond <= view.beyond


async def test_a_preview_adds_up_and_says_when_it_ends(sqlite_database: Database) -> None:
    await account(sqlite_database, "lin-1")
    await friends(sqlite_database, "lin-1", 12, NOW_MS)
    seen = await _preview(sqlite_database, push(valid_for="1m"))
    assert (seen.seconds, seen.ends_at, seen.beyond_valid_until) == (66, NOW_MS + 66_000, 2)
    assert seen.as_json()["ends_at"] == "2026-11-21T02:01:06+00:00"
