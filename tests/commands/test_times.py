"""Times as people write them, seen from Saturday 2026-11-21, 10:00 in Shanghai."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.times import time_of

ZONE = "Asia/Shanghai"
NOW_MS = round(datetime(2026, 11, 21, 10, 0, tzinfo=ZoneInfo(ZONE)).timestamp() * 1000)


def read(text: str) -> str | None:
    ms = time_of(text, NOW_MS, ZONE)
    if ms is None:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(ZoneInfo(ZONE)).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("20:00", "2026-11-21 20:00"),
        ("9:00", "2026-11-22 09:00"),
        ("２０：００", "2026-11-21 20:00"),
        ("今晚8点", "2026-11-21 20:00"),
        ("今晚八点半", "2026-11-21 20:30"),
        ("明早9点", "2026-11-22 09:00"),
        ("明天", "2026-11-22 09:00"),
        ("后天下午3点一刻", "2026-11-23 15:15"),
        ("大后天中午12点", "2026-11-24 12:00"),
        ("今晚12点", "2026-11-22 00:00"),
        ("30分钟后", "2026-11-21 10:30"),
        ("半小时后", "2026-11-21 10:30"),
        ("两个小时后", "2026-11-21 12:00"),
        ("7天后", "2026-11-28 10:00"),
        ("11-25 20:00", "2026-11-25 20:00"),
        ("11-11 20:00", "2027-11-11 20:00"),
        ("2026-12-01", "2026-12-01 09:00"),
        ("12月1日晚上8点", "2026-12-01 20:00"),
        ("周五 19:30", "2026-11-27 19:30"),
        ("星期六 9:00", "2026-11-28 09:00"),
        ("周六 19:30", "2026-11-21 19:30"),
        ("下周一 9:00", "2026-11-23 09:00"),
        ("周日二十点", "2026-11-22 20:00"),
    ],
)
def test_reads(text: str, means: str) -> None:
    assert read(text) == means


@pytest.mark.parametrize("text", ["", "张三", "25:00", "13-40 20:00", "2月30日", "周八", "8888", "今晚八十点", "早上"])
def test_is_no_time(text: str) -> None:
    assert read(text) is None


@given(st.text(alphabet="今明后天早晚上下午点半分钟周五一二十两0123456789:- 月日号后", max_size=20))
def test_never_raises(text: str) -> None:
    ms = time_of(text, NOW_MS, ZONE)
    assert ms is None or isinstance(ms, int)
