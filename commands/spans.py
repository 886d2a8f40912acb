"""Stretches of days as people write them: 明天, 本周, 下周, 7天, 未来30天, 本月, 11-22, 2026-11-22."""

import calendar
import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta

from commands.grammar import as_key
from commands.times import number_of

MOST_DAYS = 62
_ONE_DAY = {"今天": 0, "今日": 0, "today": 0, "明天": 1, "明日": 1, "tomorrow": 1, "后天": 2, "大后天": 3}
_NUMBER = re.compile(r"(?:未来|接下来|近|后面)?([0-9]{1,3}|[一二两三四五六七八九十]{1,3})(?:天|日|d|days?)")
_DATE = re.compile(r"(?:(\d{4})[-/.年])?(\d{1,2})[-/.月](\d{1,2})[日号]?")


@dataclass(frozen=True, slots=True)
class Days:
    """`number` days from `first` on."""

    first: date
    number: int


def days_of(text: str, today: date) -> Days | None:
    """What the words mean, seen from `today`; None when they mean no days, or more than a calendar shows."""
    plain = as_key("".join(unicodedata.normalize("NFKC", text[:40]).split()))
    if plain in _ONE_DAY:
        return Days(today + timedelta(days=_ONE_DAY[plain]), 1)
    found = _week_or_month(plain, today)
    if found is None and (number := _NUMBER.fullmatch(plain)):
        days = number_of(number[1])
        found = Days(today, days) if 1 <= days <= MOST_DAYS else None
    return found or _one_date(plain, today)


def _week_or_month(plain: str, today: date) -> Days | None:
    if plain in ("本周", "这周", "week"):
        return Days(today, 7 - today.weekday())
    if plain in ("下周", "nextweek"):
        return Days(today + timedelta(days=7 - today.weekday()), 7)
    last = calendar.monthrange(today.year, today.month)[1]
    if plain in ("本月", "这个月", "month"):
        return Days(today, last - today.day + 1)
    if plain in ("下月", "下个月", "nextmonth"):
        first = today.replace(day=last) + timedelta(days=1)
        return Days(first, calendar.monthrange(first.year, first.month)[1])
    return None


def _one_date(plain: str, today: date) -> Days | None:
    found = _DATE.fullmatch(plain)
    if found is None:
        return None
    try:
        day = date(int(found[1] or today.year), int(found[2]), int(found[3]))
        if found[1] is None and day < today - timedelta(days=180):
            day = day.replace(year=today.year + 1)
    except ValueError:
        return None
    return Days(day, 1)
