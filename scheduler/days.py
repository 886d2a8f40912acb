"""What kind of day it is in China: lunar dates, festivals, solar terms, and the yearly notice of days off.

Festivals are arithmetic and known for every year up to 2100. Days off and the workdays that make up for them (调休)
are decreed: the State Council publishes each year's in the November before. A year whose notice is not known yet has
no answer here, never a guess.
"""

from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache

from borax.calendars.lunardate import MAX_SOLAR_DATE, MIN_SOLAR_DATE, LunarDate, TermUtils
from holidays.countries.china import China, ChinaStaticHolidays

SATURDAY = 5
_ONE = timedelta(days=1)
_FIXED = {
    "元旦": (1, 1), "情人节": (2, 14), "妇女节": (3, 8), "劳动节": (5, 1), "青年节": (5, 4), "儿童节": (6, 1),
    "教师节": (9, 10), "国庆节": (10, 1), "双十一": (11, 11), "双十二": (12, 12), "平安夜": (12, 24),
    "圣诞节": (12, 25),
}  # fmt: skip
_LUNAR = {
    "春节": (1, 1), "元宵节": (1, 15), "端午节": (5, 5), "七夕": (7, 7), "中秋节": (8, 15), "重阳节": (9, 9),
    "腊八节": (12, 8), "小年": (12, 23),
}  # fmt: skip
_SUNDAYS = {"母亲节": (5, 2), "父亲节": (6, 3)}
_EVE = "除夕"
_TERMS = (
    "小寒", "大寒", "立春", "雨水", "惊蛰", "春分", "清明", "谷雨", "立夏", "小满", "芒种", "夏至",
    "小暑", "大暑", "立秋", "处暑", "白露", "秋分", "寒露", "霜降", "立冬", "小雪", "大雪", "冬至",
)  # fmt: skip
_ALSO = {
    "new-year": "元旦", "spring-festival": "春节", "lunar-new-years-eve": "除夕", "lantern-festival": "元宵节",
    "qingming": "清明", "labour-day": "劳动节", "dragon-boat": "端午节", "qixi": "七夕", "mid-autumn": "中秋节",
    "double-ninth": "重阳节", "national-day": "国庆节", "winter-solstice": "冬至", "christmas": "圣诞节",
    "valentines-day": "情人节", "mothers-day": "母亲节", "fathers-day": "父亲节", "双11": "双十一", "双12": "双十二",
    "女神节": "妇女节", "三八节": "妇女节", "五一": "劳动节", "六一": "儿童节", "十一": "国庆节", "国庆": "国庆节",
    "中秋": "中秋节", "端午": "端午节", "元宵": "元宵节", "重阳": "重阳节", "腊八": "腊八节", "清明节": "清明",
    "圣诞": "圣诞节", "大年初一": "春节", "年三十": "除夕", "七夕节": "七夕", "冬至节": "冬至",
}  # fmt: skip

FESTIVALS: tuple[str, ...] = (*_FIXED, *_LUNAR, *_SUNDAYS, _EVE, *_TERMS)
"""Every festival and solar term by its plain name."""


class Standing(StrEnum):
    """Is one at work on that day?"""

    WORKDAY = "workday"
    """A plain workday, Monday to Friday."""
    MADE_UP = "made_up"
    """A Saturday or Sunday on which people work for a day off elsewhere (调休)."""
    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    """Off by decree: a public holiday or a day moved beside one."""
    UNKNOWN = "unknown"
    """The notice for that year is not known here."""

    @property
    def at_work(self) -> bool:
        return self in (Standing.WORKDAY, Standing.MADE_UP)

    @property
    def off(self) -> bool:
        return self in (Standing.WEEKEND, Standing.HOLIDAY)


def plain_name(word: str) -> str | None:
    """The festival that people mean by `word`; None when it is none."""
    name = _ALSO.get(word, word)
    return name if name in FESTIVALS else None


@lru_cache(maxsize=4096)
def is_festival(name: str, day: date) -> bool:
    """Is `day` the festival of that plain name itself? Days off around it are another matter."""
    if name in _FIXED:
        return (day.month, day.day) == _FIXED[name]
    if name in _LUNAR:
        return is_lunar(day, *_LUNAR[name])
    if name in _SUNDAYS:
        month, number = _SUNDAYS[name]
        return day.month == month and day.isoweekday() == 7 and (day.day - 1) // 7 + 1 == number
    if name == _EVE:
        return is_lunar(day + _ONE, 1, 1)
    return _in_range(day) and TermUtils.nth_term_day(day.year, term_name=name) == day


def is_lunar(day: date, month: int | None, number: int) -> bool:
    """Is it the `number`-th day of the lunar `month` (any when None)? A leap month is no month of that number."""
    if not _in_range(day):
        return False
    lunar = LunarDate.from_solar(day)
    return lunar.day == number and (month is None or (lunar.month == month and not lunar.leap))


def lunar_words(day: date) -> str:
    """As people say it: 十月十四, and 除夕 or 冬至 where it has a name."""
    if not _in_range(day):
        return ""
    lunar = LunarDate.from_solar(day)
    names = [name for name in FESTIVALS if is_festival(name, day)]
    return " ".join([f"{lunar.cn_leap}{lunar.cn_month}月{lunar.cn_day}", *names])


@lru_cache(maxsize=4096)
def standing(day: date) -> Standing:
    """Workday, made-up workday, weekend or decreed day off; UNKNOWN where no notice says so."""
    if not notice_known(day):
        return Standing.UNKNOWN
    year = _year(day.year)
    if day.weekday() >= SATURDAY:
        if day in year.weekend_workdays:
            return Standing.MADE_UP
        return Standing.HOLIDAY if day in year else Standing.WEEKEND
    return Standing.HOLIDAY if day in year else Standing.WORKDAY


def notice_known(day: date) -> bool:
    """Is the notice known that says whether `day` is a workday? The last week of December needs the next year's."""
    known = ChinaStaticHolidays.special_public_holidays
    return day.year in known and (day < date(day.year, 12, 25) or day.year + 1 in known)


@lru_cache(maxsize=16)
def _year(year: int) -> China:
    # With its neighbour: a notice may move days across New Year.
    return China(years=(year, year + 1))  # type: ignore[no-untyped-call]  # the library's own gap


def _in_range(day: date) -> bool:
    return bool(MIN_SOLAR_DATE <= day <= MAX_SOLAR_DATE)
