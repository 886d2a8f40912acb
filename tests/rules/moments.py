"""What the tests of the rules draw from: moments, zones and times of day, odd ones among them."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
"""No daylight saving, three kinds of it (Lord Howe's is half an hour), a crooked offset, none at all."""

_CHANGES = (
    datetime(2026, 3, 29, 1, tzinfo=UTC),  # Berlin, forward
    datetime(2026, 10, 25, 1, tzinfo=UTC),  # Berlin, back
    datetime(2026, 3, 8, 7, tzinfo=UTC),  # New York, forward
    datetime(2026, 11, 1, 6, tzinfo=UTC),  # New York, back
    datetime(2026, 4, 4, 15, tzinfo=UTC),  # Lord Howe, back
)
_FIRST_MS = round(datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1000)
_LAST_MS = round(datetime(2030, 1, 1, tzinfo=UTC).timestamp() * 1000)
HOUR_MS = 3_600_000

zones = st.sampled_from(ZONES)
times_of_day = st.builds(time, st.integers(0, 23), st.sampled_from((0, 1, 15, 29, 30, 31, 59)))
near_a_change = st.builds(
    lambda change, hours: round(change.timestamp() * 1000) + round(hours * HOUR_MS),
    st.sampled_from(_CHANGES),
    st.floats(-30, 30, allow_nan=False),
)
moments = st.one_of(st.integers(_FIRST_MS, _LAST_MS), near_a_change)


def shanghai(hours: int, minutes: int = 0, *, day: int = 21) -> int:
    """A moment of November 2026 by the clock in Shanghai, in epoch milliseconds."""
    return round(datetime(2026, 11, day, hours, minutes, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp() * 1000)
