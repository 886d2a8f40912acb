"""On which days somebody has their birthday, in the solar and in the lunar calendar."""

from calendar import isleap
from collections.abc import Iterable
from datetime import date, timedelta

from borax.calendars.lunardate import LunarDate

_FIRST, _LAST = date(1901, 1, 1), date(2099, 12, 31)
"""What the lunar tables reach."""


def solar_days(days: Iterable[date]) -> set[int]:
    """Birthdays (month × 100 + day) that fall on these days.

    Who was born on February 29 has the 28th in other years.
    """
    found = set()
    for day in days:
        found.add(day.month * 100 + day.day)
        if (day.month, day.day) == (2, 28) and not isleap(day.year):
            found.add(229)
    return found


def lunar_days(days: Iterable[date]) -> set[int]:
    """Lunar birthdays (month × 100 + day) that fall on these days.

    A leap month (闰月) repeats a month without its birthdays; who was born on the 30th of a month that has only 29
    days this year has the 29th. Days outside 1901 to 2099 have none.
    """
    found = set()
    for day in days:
        if not _FIRST <= day < _LAST:
            continue
        lunar = LunarDate.from_solar(day)
        if lunar.leap:
            continue
        found.add(lunar.month * 100 + lunar.day)
        if lunar.day == 29 and LunarDate.from_solar(day + timedelta(days=1)).day == 1:
            found.add(lunar.month * 100 + 30)
    return found
