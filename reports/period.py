"""Whole days of the shop's calendar: 本月, 上周, 近30天, 2026-10, 2026-10-01..2026-10-15."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from reports.errors import NotAPeriod
from rules.quiet_hours import at, local, zone
from texts.catalogue import say

FIRST_DAY = date(2003, 1, 1)
"""Before the first order that any shop can have: Taobao opened in May 2003."""

_LONGEST_DAYS = 3660
_NUMBER = r"(\d{1,4})"
_DAY = r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
_ONE_DAY = re.compile(_DAY)
_MONTH = re.compile(r"(\d{4})[-/.年](\d{1,2})月?")
_YEAR = re.compile(r"(\d{4})年?")
_LAST_DAYS = re.compile(rf"(?:最?近|过去){_NUMBER}天|last{_NUMBER}days?|{_NUMBER}d")
_FROM_TO = re.compile(rf"{_DAY}(?:\.\.+|~|–|—|至|到|to){_DAY}")

_BETWEEN_WORDS = re.compile(r"[\s_]+|-(?=[a-z])|(?<=[a-z])-")

Days = tuple[date, date]


@dataclass(frozen=True, slots=True)
class Period:
    """From the beginning of `first` to the end of `last` in the zone of the shop."""

    first: date
    last: date
    zone: str

    @property
    def start_ms(self) -> int:
        """Epoch ms of its first moment."""
        return _midnight(self.first, self.zone)

    @property
    def end_ms(self) -> int:
        """Epoch ms of the first moment after it."""
        return _midnight(self.last + timedelta(days=1), self.zone)

    def __str__(self) -> str:
        if self.first == FIRST_DAY:
            return say("reports.period.all", last=self.last)
        return f"{self.first}" if self.first == self.last else f"{self.first} – {self.last}"

    def as_json(self) -> dict[str, str]:
        return {"from": self.first.isoformat(), "to": self.last.isoformat(), "zone": self.zone}


def period_of(words: str, now_ms: int, zone_name: str) -> Period:
    """The days that `words` mean on the day of `now_ms` (epoch ms). Raises NotAPeriod."""
    plain = _BETWEEN_WORDS.sub("", unicodedata.normalize("NFKC", words[:60]).lower())
    try:
        found = _days(plain, local(now_ms, zone_name).date())
    except (ValueError, OverflowError):  # 2026-02-30, a month 13
        found = None
    if found is None:
        raise NotAPeriod(words)
    return period(found[0], found[1], zone_name)


def period(first: date, last: date, zone_name: str) -> Period:
    """From one day to another, both included. Raises NotAPeriod when they are the wrong way round."""
    if last < first:
        raise NotAPeriod(f"{first} – {last}", "ends_before_it_begins")
    return Period(max(first, FIRST_DAY), max(last, FIRST_DAY), zone_name)


def _days(plain: str, today: date) -> Days | None:
    named = _NAMED.get(plain)
    if named is not None:
        return named(today)
    if found := _LAST_DAYS.fullmatch(plain):
        days = int(next(filter(None, found.groups())))
        return (today - timedelta(days=days - 1), today) if 1 <= days <= _LONGEST_DAYS else None
    if found := _FROM_TO.fullmatch(plain):
        return _day(*found.groups()[:3]), _day(*found.groups()[3:])
    if found := _ONE_DAY.fullmatch(plain):
        return (_day(*found.groups()),) * 2
    if found := _MONTH.fullmatch(plain):
        return _month(date(int(found[1]), int(found[2]), 1))
    if found := _YEAR.fullmatch(plain):
        return _year(date(int(found[1]), 1, 1))
    return None


def _day(year: str, month: str, day: str) -> date:
    return date(int(year), int(month), int(day))


def _week(day: date) -> Days:
    """Monday to Sunday."""
    monday = day - timedelta(days=day.weekday())
    return monday, monday + timedelta(days=6)


def _month(day: date) -> Days:
    first = day.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _year(day: date) -> Days:
    return date(day.year, 1, 1), date(day.year, 12, 31)


_WAYS: tuple[tuple[tuple[str, ...], Callable[[date], Days]], ...] = (
    (("今天", "今日", "today"), lambda today: (today, today)),
    (("昨天", "昨日", "yesterday"), lambda today: (today - timedelta(days=1),) * 2),
    (("本周", "这周", "thisweek"), _week),
    (("上周", "lastweek"), lambda today: _week(today - timedelta(days=7))),
    (("本月", "这个月", "thismonth"), _month),
    (("上月", "上个月", "lastmonth"), lambda today: _month(today.replace(day=1) - timedelta(days=1))),
    (("今年", "本年", "thisyear"), _year),
    (("去年", "lastyear"), lambda today: _year(today.replace(month=1, day=1) - timedelta(days=1))),
    (("全部", "所有", "all"), lambda today: (FIRST_DAY, today)),
)
_NAMED = {name: way for names, way in _WAYS for name in names}


def _midnight(day: date, zone_name: str) -> int:
    return at(datetime.combine(day, time(), zone(zone_name)), time())
