"""Birthdays as people write them: `农历8月15`, `1990-08-15`, `8月15日`, `腊月廿三`. Pure.

Kept as 'YYYY-MM-DD' or '--MM-DD' in the calendar they are given in; on which days
they fall says `customers.segments.birthdays`.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from borax.calendars.lunardate import InvalidLunarDateError, LunarDate

from texts.catalogue import say

OLDEST_YEAR = 1901
"""What the lunar tables reach; nobody among the customers is older."""
_LUNAR_MARK = "lunar:"
_LEAP_YEAR = 2000
"""February 29 is a birthday where no year is given."""
_LUNAR, _SOLAR = re.compile(r"农历|阴历|旧历|lunar"), re.compile(r"公历|阳历|新历|国历|solar")
_CLOCK = re.compile(r"[t ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?$")
_DATES = (
    re.compile(r"(?:(?P<year>\d{4})年)?(?P<leap>闰)?(?P<month>\d{1,2})月(?P<day>\d{1,2})[日号]?"),
    re.compile(r"(?:--|(?P<year>\d{4})[-/.])?(?P<month>\d{1,2})[-/.](?P<day>\d{1,2})"),
    re.compile(r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})"),
)
_CHINESE = re.compile(
    r"(?:(?P<year>\d{4})年)?(?P<leap>闰)?(?P<month>[正一二三四五六七八九十冬腊]{1,2})月(?P<day>[初一二三四五六七八九十廿卅]{1,3})(?P<solar>[日号])?"
)
_SURELY_LUNAR = re.compile(r"[正冬腊闰初廿卅]")
_DIGITS = {sign: number for number, sign in enumerate("一二三四五六七八九", 1)}
_MONTHS = {"正": 1, "冬": 11, "腊": 12, "十": 10, "十一": 11, "十二": 12, **_DIGITS}
_TENS = {"初": 0, "十": 10, "廿": 20, "二十": 20, "卅": 30, "三十": 30}


class NoBirthday(ValueError):
    """These words are no birthday. `why`: form (not understood), unclear (which calendar), impossible, future."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Birthday:
    """A day of a year; in the lunar calendar when `lunar`. The year is their own affair and mostly unknown."""

    month: int
    day: int
    lunar: bool = False
    year: int | None = None

    @property
    def date(self) -> str:
        """As `people.birthday` holds it."""
        return f"{self.year or '-'}-{self.month:02}-{self.day:02}"

    @property
    def mmdd(self) -> int:
        """As segments and greetings look for it."""
        return self.month * 100 + self.day

    @property
    def stored(self) -> str:
        """One word for all of it, as the history of a profile keeps it."""
        return _LUNAR_MARK + self.date if self.lunar else self.date

    @property
    def words(self) -> str:
        """For people: 农历8月15日."""
        year = say("profile.birthday.year", year=self.year) if self.year else ""
        key = "profile.birthday.lunar" if self.lunar else "profile.birthday.solar"
        return say(key, year=year, month=self.month, day=self.day)


def birthday_of(text: str, today: date, *, lunar: bool = False) -> Birthday:
    """The birthday these words say; `lunar` where they do not name the calendar. Raises NoBirthday.

    Who was born in a leap month (闰月) has their birthday in the month before it, which bears the same number.
    """
    plain = _CLOCK.sub("", unicodedata.normalize("NFKC", text).strip().casefold())
    by_name = bool(_LUNAR.search(plain))
    solar = bool(_SOLAR.search(plain)) and not by_name
    bare = re.sub(r"[\s:()]", "", _SOLAR.sub("", _LUNAR.sub("", plain)))
    found = next((match for form in _DATES if (match := form.fullmatch(bare))), None)
    if found:
        month, day = int(found["month"]), int(found["day"])
        leap = "leap" in found.re.groupindex and bool(found["leap"])
        in_lunar = by_name or leap or (lunar and not solar)
    else:
        found = _CHINESE.fullmatch(bare)
        if not found:
            raise NoBirthday("form")
        month, day = _MONTHS.get(found["month"], 0), _chinese_day(found["day"])
        leap = bool(found["leap"])
        in_lunar = by_name or (not solar and (lunar or bool(_SURELY_LUNAR.search(bare))))
        if not in_lunar and not solar and not found["solar"]:
            raise NoBirthday("unclear")
    year = int(found["year"]) if found["year"] else None
    born = Birthday(month, day, in_lunar, year)
    _require_possible(born, today, leap=leap)
    return born


def stored_birthday(stored: str) -> Birthday:
    """What `Birthday.stored` wrote."""
    year, month, day = stored.removeprefix(_LUNAR_MARK).rsplit("-", 2)
    return Birthday(int(month), int(day), stored.startswith(_LUNAR_MARK), int(year) if year != "-" else None)


def _chinese_day(words: str) -> int:
    """0 for none."""
    if words in _TENS:
        return _TENS[words]
    tens = next((tens for tens in sorted(_TENS, key=len, reverse=True) if words.startswith(tens)), "")
    rest = _DIGITS.get(words.removeprefix(tens), 0)
    return _TENS.get(tens, 0) + rest if rest else 0


def _require_possible(born: Birthday, today: date, *, leap: bool) -> None:
    if born.year is not None and born.year < OLDEST_YEAR:
        raise NoBirthday("impossible")
    if born.year is not None and born.year > today.year:
        raise NoBirthday("future")
    try:
        if not born.lunar:
            day = date(born.year or _LEAP_YEAR, born.month, born.day)
        elif born.year is not None:
            day = LunarDate(born.year, born.month, born.day, int(leap)).to_solar_date()
        elif 1 <= born.month <= 12 and 1 <= born.day <= 30:
            return
        else:
            raise NoBirthday("impossible")
    except (ValueError, InvalidLunarDateError) as error:
        raise NoBirthday("impossible") from error
    if born.year is not None and day > today:
        raise NoBirthday("future")
