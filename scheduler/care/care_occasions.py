"""What there is to be kind about on one day: whose day it is, which one of theirs, and in which words."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from borax.calendars.lunardate import LunarDate
from sqlalchemy import ColumnElement

from personas.model import Goal
from rules.kinds import Kind
from scheduler.care.care_file import BIRTHDAY, BY_THE_MOON, AfterPurchase, CareFile
from scheduler.care.care_people import birthday_by_the_moon, birthday_by_the_sun, bought_before, completed_days_ago
from scheduler.days import is_festival

MOON_BIRTHDAY = "birthday-by-the-moon"


@dataclass(frozen=True, slots=True)
class CareOccasion:
    """One occasion on one day in one zone.

    `mark` says which one of a person's it is, 'birthday:2026': a second with that mark is never planned. `words` by
    persona; none are the persona's own for birthdays.
    """

    name: str
    mark: str
    kind: Kind
    whose: ColumnElement[bool]
    words: dict[str, tuple[str, ...]]
    picture: str | None = None


def occasions(care: CareFile, goal: Goal, day: date, zone_name: str) -> Iterator[CareOccasion]:
    """All of that day, in the order in which the kindnesses of a month are given away."""
    if care.birthday is not None:
        words = dict(care.birthday.words)
        yield CareOccasion(BIRTHDAY, f"{BIRTHDAY}:{day.year}", Kind.GREETING, birthday_by_the_sun(day), words)
        moon = birthday_by_the_moon(day)
        # It may come twice in a year of the sun: it has the years of its own calendar.
        yield CareOccasion(MOON_BIRTHDAY, f"{BIRTHDAY}:moon-{_moon_year(day)}", Kind.GREETING, moon, words)
    after = (*care.after_purchase, *(care.word_of_mouth if goal is Goal.WORD_OF_MOUTH else ()))
    for one in after:
        yield _after(one, day, zone_name)
    for holiday in care.holidays:
        if is_festival(holiday.day, day):
            year = _moon_year(day) if holiday.day in BY_THE_MOON else day.year
            whose = bought_before(holiday.levels)
            yield CareOccasion(holiday.name, f"{holiday.name}:{year}", Kind.GREETING, whose, dict(holiday.words))


def _after(after: AfterPurchase, day: date, zone_name: str) -> CareOccasion:
    then = day - timedelta(days=after.days)
    whose = completed_days_ago(day, after.days, zone_name)
    return CareOccasion(
        after.name, f"{after.name}:{then.isoformat()}", Kind.CARE, whose, dict(after.words), after.picture
    )


def _moon_year(day: date) -> int:
    return int(LunarDate.from_solar(day).year)
