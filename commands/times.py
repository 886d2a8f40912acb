"""Times as people write them in a chat: 20:00, 今晚8点, 明早9点半, 30分钟后, 11-11 20:00, 周五 19:30."""

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

from rules.quiet_hours import at, local
from texts.script import simplified

_NUMERALS = {sign: number for number, sign in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_NUMBER = r"(?:\d{1,4}|[零〇一二两三四五六七八九十]{1,3})"
_DAYS = {"今": 0, "明": 1, "后": 2, "大后": 3}
_WEEKDAYS = {sign: number for number, sign in enumerate("一二三四五六")} | {"日": 6, "天": 6}
_PART = r"(?P<part>凌晨|清晨|早上|早晨|早|上午|中午|下午|傍晚|晚上|晚|夜里)?"
_MINUTE_WORDS = rf"(?P<half>半)|(?P<quarter>一刻|三刻)|(?P<minutes>{_NUMBER})分?"
_CLOCK = rf"{_PART}(?:(?P<hour>{_NUMBER})(?::(?P<minute>\d{{2}})|[点时](?:{_MINUTE_WORDS})?)(?:整)?)?"

_AFTER = re.compile(
    rf"(?:再过|过)?(?P<number>{_NUMBER}|半)个?(?P<unit>分钟|分|小时|钟头|天|日|周|星期)(?:后|以后|之后)?"
)
_RELATIVE = re.compile(rf"(?P<day>今|明|大后|后)(?:天|日)?{_CLOCK}")
_WEEKDAY = re.compile(rf"(?P<next>下)?(?:个)?(?:周|星期|礼拜)(?P<weekday>[一二三四五六日天]){_CLOCK}")
_DATE = re.compile(
    rf"(?:(?P<year>\d{{4}})[-/.年])?(?P<month>\d{{1,2}})(?:[-/.]|月)(?P<day>\d{{1,2}})(?:日|号)?{_CLOCK}"
)
_ONLY_CLOCK = re.compile(_CLOCK)
_MINUTES = {"分钟": 1, "分": 1, "小时": 60, "钟头": 60, "天": 1440, "日": 1440, "周": 10_080, "星期": 10_080}
_LONGEST = 40

Found = re.Match[str]


def time_of(text: str, now_ms: int, zone: str, *, default: time = time(9, 0)) -> int | None:
    """Epoch milliseconds of what `text` means in `zone`, seen from `now_ms`; None when it is no time. Never raises.

    A clock time without a day is the next one to come. A day without a clock time is at `default`.
    """
    plain = simplified("".join(unicodedata.normalize("NFKC", text[:_LONGEST]).split()))
    if not plain:
        return None
    now = local(now_ms, zone)
    ways: tuple[tuple[re.Pattern[str], Callable[[Found, datetime, time], datetime | None]], ...] = (
        (_AFTER, _after), (_RELATIVE, _relative), (_WEEKDAY, _weekday), (_DATE, _date), (_ONLY_CLOCK, _next_clock),
    )  # fmt: skip
    for pattern, meaning in ways:
        found = pattern.fullmatch(plain)
        if found:
            try:
                moment = meaning(found, now, default)
            except (ValueError, OverflowError):  # 11月31日, 25:00, a year that no calendar has
                return None
            return None if moment is None else at(moment, moment.time())
    return None


def passed_today(text: str, now_ms: int, zone: str) -> int | None:
    """Epoch milliseconds of the moment of today that `text` names, where it is over; None for any other time."""
    midnight = local(now_ms, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    seen, meant = time_of(text, at(midnight, time(0)), zone), time_of(text, now_ms, zone)
    if seen is None or meant is None or seen > now_ms or local(seen, zone).date() != midnight.date():
        return None
    moved_on = meant > now_ms and local(meant, zone).date() == midnight.date()
    return None if moved_on or local(meant, zone).time() != local(seen, zone).time() else seen


def number_of(text: str) -> int:
    """A number in digits or in Chinese up to 99. Raises ValueError."""
    if text.isascii() and text.isdigit():
        return int(text)
    if "十" in text:
        tens, _, ones = text.partition("十")
        return (_digit(tens) if tens else 1) * 10 + (_digit(ones) if ones else 0)
    return _digit(text)


def _digit(sign: str) -> int:
    if sign not in _NUMERALS:
        raise ValueError(f"no number: {sign}")
    return _NUMERALS[sign]


def _after(found: Found, now: datetime, default: time) -> datetime:
    unit = _MINUTES[found["unit"]]
    minutes = unit // 2 if found["number"] == "半" else number_of(found["number"]) * unit
    # Through UTC: "in an hour" is an hour, whatever the clocks do.
    return (now.astimezone(UTC) + timedelta(minutes=minutes)).astimezone(now.tzinfo)


def _relative(found: Found, now: datetime, default: time) -> datetime:
    return _on(now + timedelta(days=_DAYS[found["day"]]), found, default)


def _weekday(found: Found, now: datetime, default: time) -> datetime:
    wanted = _WEEKDAYS[found["weekday"]]
    if found["next"]:
        monday = now + timedelta(days=7 - now.weekday())
        return _on(monday + timedelta(days=wanted), found, default)
    moment = _on(now + timedelta(days=(wanted - now.weekday()) % 7), found, default)
    return moment if moment > now else _on(moment + timedelta(days=7), found, default)


def _date(found: Found, now: datetime, default: time) -> datetime:
    year = int(found["year"]) if found["year"] else now.year
    moment = _on(now.replace(year=year, month=int(found["month"]), day=int(found["day"])), found, default)
    if moment <= now and not found["year"]:
        return moment.replace(year=year + 1)
    return moment


def _next_clock(found: Found, now: datetime, default: time) -> datetime | None:
    if found["hour"] is None:
        return None
    moment = _on(now, found, default)
    return moment if moment > now else moment + timedelta(days=1)


def _on(day: datetime, found: Found, default: time) -> datetime:
    """The clock time of the match on that day; 晚上12点 is the end of it."""
    if found["hour"] is None:
        clock = _default_of_part(found["part"]) or default
        return day.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0)
    hour, minute = number_of(found["hour"]), _minute(found)
    part = found["part"] or ""
    if part in ("下午", "傍晚", "晚上", "晚", "夜里") and hour < 12:
        hour += 12
    elif part in ("晚上", "晚", "夜里") and hour == 12:
        hour = 24
    elif part == "中午" and hour < 3:
        hour += 12
    elif part == "凌晨" and hour == 12:
        hour = 0
    if hour > 24 or minute > 59 or (hour == 24 and minute):
        raise ValueError("no such time of day")
    start = day.replace(hour=hour % 24, minute=minute, second=0, microsecond=0)
    return start + timedelta(days=hour // 24)


def _minute(found: Found) -> int:
    if found["half"]:
        return 30
    if found["quarter"]:
        return 15 if found["quarter"] == "一刻" else 45
    if found["minutes"]:
        return number_of(found["minutes"])
    return int(found["minute"] or 0)


def _default_of_part(part: str | None) -> time | None:
    if part is None:
        return None
    if part in ("中午",):
        return time(12, 0)
    if part in ("下午", "傍晚"):
        return time(15, 0)
    return time(20, 0) if part in ("晚上", "晚", "夜里") else time(9, 0)
