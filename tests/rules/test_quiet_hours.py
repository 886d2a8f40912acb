"""Quiet hours hold in every zone, across midnight, and on the days when a zone changes its clock."""

from datetime import UTC, datetime, time

from hypothesis import assume, example, given

from rules.quiet_hours import local, next_at, open_from, quiet_until, within
from tests.rules.moments import HOUR_MS, moments, shanghai, times_of_day, zones

DAY_MS = 24 * HOUR_MS
MINUTE_MS = 60_000
TWICE_MS = round(datetime(2026, 10, 25, 0, 45, tzinfo=UTC).timestamp() * 1000)
"""02:45 in Berlin, for the first time that night: 02:30 comes again three quarters of an hour later."""


def _minutes_between(start_ms: int, end_ms: int) -> range:
    """Whole minutes after `start_ms` and before `end_ms`: windows begin and end on these."""
    first = (start_ms // MINUTE_MS + 1) * MINUTE_MS
    return range(first, end_ms, MINUTE_MS)


@given(moments, times_of_day, times_of_day, zones)
def test_a_moment_is_inside_a_window_or_inside_the_rest_of_the_day(ms: int, start: time, end: time, zone: str) -> None:
    assume(start != end)
    assert within(ms, start, end, zone) is not within(ms, end, start, zone)


@given(moments, times_of_day, zones)
def test_an_empty_window_holds_nothing(ms: int, clock: time, zone: str) -> None:
    assert not within(ms, clock, clock, zone)
    assert quiet_until(ms, clock, clock, zone) is None


@given(moments, times_of_day, zones)
def test_the_next_time_is_later_and_at_most_a_long_day_away(ms: int, clock: time, zone: str) -> None:
    found = next_at(ms, clock, zone)
    assert ms < found <= ms + DAY_MS + HOUR_MS


@given(moments, times_of_day, zones)
@example(TWICE_MS, time(2, 30), "Europe/Berlin")
def test_the_next_time_is_the_first_one_that_the_clock_shows(ms: int, clock: time, zone: str) -> None:
    found = next_at(ms, clock, zone)
    for minute in _minutes_between(ms, found):
        assert local(minute, zone).time() != clock


@given(moments, times_of_day, times_of_day, zones)
@example(TWICE_MS, time(2, 45), time(2, 30), "Europe/Berlin")
@example(TWICE_MS + HOUR_MS, time(2, 45), time(2, 50), "Europe/Berlin")
@example(round(datetime(2026, 3, 29, 0, 59, tzinfo=UTC).timestamp() * 1000), time(1), time(2, 30), "Europe/Berlin")
def test_quiet_ends_at_the_first_moment_that_is_not_quiet(ms: int, start: time, end: time, zone: str) -> None:
    ends = quiet_until(ms, start, end, zone)
    if ends is None:
        assert not within(ms, start, end, zone)
        return
    assert within(ms, start, end, zone)
    assert not within(ends, start, end, zone)
    for minute in _minutes_between(ms, ends):
        assert within(minute, start, end, zone)


@given(moments, times_of_day, times_of_day, zones)
@example(TWICE_MS, time(2, 30), time(2, 45), "Europe/Berlin")
def test_a_window_opens_at_the_first_moment_inside_it(ms: int, start: time, end: time, zone: str) -> None:
    assume(start != end)
    opens = open_from(ms, start, end, zone)
    assert opens >= ms
    assert within(opens, start, end, zone)
    for minute in _minutes_between(ms, opens):
        assert not within(minute, start, end, zone)


def test_the_night_of_the_house_crosses_midnight() -> None:
    night = (time(21, 30), time(8, 30), "Asia/Shanghai")
    assert quiet_until(shanghai(21, 29), *night) is None
    assert quiet_until(shanghai(21, 30), *night) == shanghai(8, 30, day=22)
    assert quiet_until(shanghai(3), *night) == shanghai(8, 30)
    assert quiet_until(shanghai(8, 30), *night) is None


def test_an_hour_is_the_account_s_own() -> None:
    """Ten in the evening in Shanghai is the middle of the afternoon in Berlin."""
    assert quiet_until(shanghai(22), time(21, 30), time(8, 30), "Europe/Berlin") is None
    assert quiet_until(shanghai(22), time(21, 30), time(8, 30), "Asia/Shanghai") is not None
