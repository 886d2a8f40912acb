"""Hours on duty: counted minute by minute, the slow way, they come to the same."""

from datetime import UTC, datetime, time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.quiet_hours import local
from rules.shifts import Hours, after_open, anybody_at, hours_of

MINUTE_MS = 60_000
DAY_MIN = 24 * 60
QUIET = (time(21, 30), time(8, 30))
ZONES = st.sampled_from(("Asia/Shanghai", "America/New_York"))
SHIFTS = st.none() | st.sampled_from(
    ("09:00-18:00", "13:00-22:00", "20:00-02:00", "22:00-06:00", "00:00-00:00", "09:00-09:30")
)
MOMENTS = st.integers(0, 200 * DAY_MIN).map(lambda minute: round(datetime(2026, 10, 1, tzinfo=UTC).timestamp() * 1000)
                                            + minute * MINUTE_MS)  # fmt: skip


def _on_duty(shift: str | None, at_ms: int, zone: str) -> bool:
    """By the minutes of the day alone."""
    clock = local(at_ms, zone)
    minute = clock.hour * 60 + clock.minute
    if not 8 * 60 + 30 <= minute < 21 * 60 + 30:
        return False
    if shift is None:
        return True
    start, end = (int(part[:2]) * 60 + int(part[3:]) for part in shift.split("-"))
    if start == end:
        return True
    return start <= minute < end if start < end else minute >= start or minute < end


@settings(max_examples=40)
@given(crew=st.lists(SHIFTS, max_size=3), from_ms=MOMENTS, span=st.integers(0, 90), zone=ZONES)
def test_the_minutes_that_count_are_those_in_which_somebody_is_there(
    crew: list[str | None], from_ms: int, span: int, zone: str
) -> None:
    hours = [hours_of(shift, QUIET) for shift in crew]
    at_ms, left = from_ms, span
    for _ in range(5 * DAY_MIN):
        there = any(_on_duty(shift, at_ms, zone) for shift in crew)
        assert anybody_at(hours, at_ms, zone) == there
        if there and left == 0:
            break
        left -= there
        at_ms += MINUTE_MS
        if span and left == 0:
            break
    else:
        assert after_open(hours, from_ms, span * MINUTE_MS, zone) is None
        return
    assert after_open(hours, from_ms, span * MINUTE_MS, zone) == at_ms


def test_the_night_shift_is_told_nothing_while_everybody_sleeps() -> None:
    """Nothing is said in the quiet hours, so these hours do not count."""
    hours = hours_of("22:00-06:00", QUIET)
    midnight = datetime(2026, 11, 21, 16, tzinfo=UTC)
    times = [round((midnight + timedelta(hours=hour)).timestamp() * 1000) for hour in range(24)]
    assert not any(hours.open_at(at_ms, "Asia/Shanghai") for at_ms in times)
    assert after_open([hours], times[0], 0, "Asia/Shanghai") is None


def test_hours_without_a_window_are_all_hours() -> None:
    assert Hours().open_at(0, "Asia/Shanghai") and after_open([Hours()], 0, 5, "Asia/Shanghai") == 5
    assert after_open([], 0, 5, "Asia/Shanghai") is None
