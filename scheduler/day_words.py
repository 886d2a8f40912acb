"""Which days a post repeats on, as people write it: one word each, Chinese or English.

`daily`, `mon`/`周一`, `weekend`/`周末`, `2026-11-21`, `2026-11-01~2026-11-11`, `11-11` (every year), `每月15日`/`15th`,
`农历八月十五`/`lunar 8-15`, `农历初一` (every lunar month), `中秋节`, `中秋节前3天`, `mid-autumn-3`,
`workday`/`工作日`, `day-off`/`休息日`, `holiday`/`节假日`, `made-up`/`补班`.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from scheduler.days import SATURDAY, Standing, is_festival, is_lunar, plain_name, standing

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_SPAN = re.compile(r"(\d{4}-\d{2}-\d{2})(?:~|\.\.|到|至)(\d{4}-\d{2}-\d{2})")
_YEARLY = re.compile(r"(\d{1,2})-(\d{1,2})|(\d{1,2})月(\d{1,2})[日号]")
_MONTHLY = re.compile(r"每月(\d{1,2})[日号]|(\d{1,2})(?:st|nd|rd|th)")
_WEEKDAY = re.compile(r"(?:每)?(?:周|星期|礼拜)([一二三四五六日天])")
_LUNAR = re.compile(
    r"农历(?:(正|十[一二]?|[一二三四五六七八九冬腊])月)?([初十廿二三][一二三四五六七八九十]|十|廿|三十)"
)
_LUNAR_PLAIN = re.compile(r"lunar(?: ?(\d{1,2})-(\d{1,2})|-day-(\d{1,2}))")
_BESIDE = re.compile(r"(.+?)(前|后|[-+])(\d{1,2})天?")
_DAYS_A_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FURTHEST = 60
_DIGITS = {sign: number for number, sign in enumerate("一二三四五六七八九十", start=1)}
_MONTHS = {"正": 1, "十一": 11, "冬": 11, "十二": 12, "腊": 12} | _DIGITS
_DECREED: dict[str, Callable[[Standing], bool]] = {
    "workday": lambda found: found.at_work,
    "day-off": lambda found: found.off,
    "holiday": lambda found: found is Standing.HOLIDAY,
    "made-up": lambda found: found is Standing.MADE_UP,
}
_DECREED_WORDS = {
    "workday": "workday", "工作日": "workday", "上班日": "workday",
    "day-off": "day-off", "休息日": "day-off", "放假": "day-off",
    "holiday": "holiday", "节假日": "holiday", "法定节假日": "holiday",
    "made-up": "made-up", "补班": "made-up", "调休上班": "made-up", "补班日": "made-up",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DayRule:
    """One word understood. `matches` is None for a day that only an unknown notice could decide."""

    matches: Callable[[date], bool | None]
    decreed: bool = False
    """Does it need the yearly notice of days off?"""
    last: date | None = None
    """The last day it can ever mean; None when it comes back."""


def as_word(value: object) -> str:
    """The word in its plain form: what may be typed full-width, with blanks, or as a YAML date."""
    text = value.isoformat() if isinstance(value, date) else str(value)
    plain = unicodedata.normalize("NFKC", text).strip().lower()
    return re.sub(r"(?<=[^a-z0-9]) | (?=[^a-z0-9])", "", plain)


@lru_cache(maxsize=2048)
def rule_of(word: str) -> DayRule:
    """What a plain word means. Raises ValueError for one that means nothing, or no day of any year."""
    for reading in _READINGS:
        rule = reading(word)
        if rule is not None:
            return rule
    raise ValueError(word)


@lru_cache(maxsize=65_536)
def means(word: str, day: date) -> bool | None:
    """Does the word mean that day? None: only a notice that is not known could say."""
    return rule_of(word).matches(day)


def _everyday(word: str) -> DayRule | None:
    if word in ("daily", "每天", "天天"):
        return DayRule(lambda day: True)
    if word in ("weekend", "周末"):
        return DayRule(lambda day: day.weekday() >= SATURDAY)
    return None


def _weekday(word: str) -> DayRule | None:
    found = _WEEKDAY.fullmatch(word)
    if found is None and word not in WEEKDAYS:
        return None
    number = "一二三四五六日天".index(found[1]) if found else WEEKDAYS.index(word)
    return DayRule(lambda day: day.weekday() == min(number, 6))


def _dates(word: str) -> DayRule | None:
    if DATE.fullmatch(word):
        only = date.fromisoformat(word)
        return DayRule(lambda day: day == only, last=only)
    found = _SPAN.fullmatch(word)
    if found is None:
        return None
    first, last = date.fromisoformat(found[1]), date.fromisoformat(found[2])
    if first > last:
        raise ValueError(word)
    return DayRule(lambda day: first <= day <= last, last=last)


def _yearly(word: str) -> DayRule | None:
    if found := _YEARLY.fullmatch(word):
        month, number = (int(part) for part in found.groups() if part)
        if not (1 <= month <= 12 and 1 <= number <= _DAYS_A_MONTH[month - 1]):
            raise ValueError(word)
        return DayRule(lambda day: (day.month, day.day) == (month, number))
    if found := _MONTHLY.fullmatch(word):
        number = int(found[1] or found[2])
        if not 1 <= number <= 31:
            raise ValueError(word)
        return DayRule(lambda day: day.day == number)
    return None


def _lunar(word: str) -> DayRule | None:
    if found := _LUNAR.fullmatch(word):
        month = _MONTHS[found[1]] if found[1] else None
        number = _lunar_number(found[2])
    elif found := _LUNAR_PLAIN.fullmatch(word):
        month = int(found[1]) if found[1] else None
        number = int(found[2] or found[3])
    else:
        return None
    if not 1 <= number <= 30 or (month is not None and not 1 <= month <= 12):
        raise ValueError(word)
    return DayRule(lambda day: is_lunar(day, month, number))


def _lunar_number(text: str) -> int:
    """初五, 十五, 二十, 廿三, 三十."""
    if text in ("十", "初十"):
        return 10
    if text in ("廿", "二十"):
        return 20
    if text == "三十":
        return 30
    return {"初": 0, "十": 10, "廿": 20, "二": 20}.get(text[0], 99) + _DIGITS[text[1]]


def _festival(word: str) -> DayRule | None:
    if (name := plain_name(word)) is not None:
        return DayRule(lambda day: is_festival(name, day))
    found = _BESIDE.fullmatch(word)
    if found is None or (beside := plain_name(found[1])) is None:
        return None
    days = int(found[3])
    if days > _FURTHEST:
        raise ValueError(word)
    away = timedelta(days=days if found[2] in ("前", "-") else -days)
    return DayRule(lambda day: is_festival(beside, day + away))


def _decreed(word: str) -> DayRule | None:
    name = _DECREED_WORDS.get(word)
    if name is None:
        return None

    def matches(day: date) -> bool | None:
        found = standing(day)
        return None if found is Standing.UNKNOWN else _DECREED[name](found)

    return DayRule(matches, decreed=True)


_READINGS: tuple[Callable[[str], DayRule | None], ...] = (
    _everyday, _weekday, _dates, _yearly, _lunar, _festival, _decreed,
)  # fmt: skip


def days_from(first: date, number: int) -> Iterator[date]:
    """`number` days from `first` on."""
    return (first + timedelta(days=n) for n in range(number))
