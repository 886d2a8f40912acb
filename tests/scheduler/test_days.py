"""Which days a word means: weekdays, dates, lunar days, festivals, days off; never a guess."""

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.day_words import as_word, days_from, means, rule_of
from scheduler.days import Standing, lunar_words, standing

_WORDS = [
    ("周一", "2026-11-23"), ("mon", "2026-11-23"), ("星期天", "2026-11-29"), ("２０２６-12-01", "2026-12-01"),
    ("11-11", "2027-11-11"), ("12月1日", "2026-12-01"), ("每月15日", "2026-12-15"), ("15th", "2026-12-15"),
    ("农历八月十五", "2027-09-15"), ("lunar 8-15", "2027-09-15"), ("中秋", "2027-09-15"), ("mid-autumn", "2027-09-15"),
    ("农历初一", "2026-12-09"), ("农历 腊月廿三", "2027-01-30"), ("除夕", "2027-02-05"), ("春节", "2027-02-06"),
    ("春节前3天", "2027-02-03"), ("spring-festival+2", "2027-02-08"), ("冬至", "2026-12-22"), ("母亲节", "2027-05-09"),
    ("2026-12-03~2026-12-05", "2026-12-03"), ("weekend", "2026-11-28"), ("工作日", "2026-11-23"),
]  # fmt: skip


@pytest.mark.parametrize(("word", "first"), _WORDS)
def test_the_first_day_that_a_word_means_from_the_23rd_of_november_on(word: str, first: str) -> None:
    plain = as_word(word)
    assert next(day for day in days_from(date(2026, 11, 23), 800) if means(plain, day)) == date.fromisoformat(first)


@pytest.mark.parametrize(
    "word", ["someday", "13-1", "2-30", "每月32日", "农历十三月初一", "2026-13-01", "春节前61天", "农历二"]
)
def test_what_is_no_day_of_any_year_is_refused(word: str) -> None:
    with pytest.raises(ValueError):
        rule_of(as_word(word))


def test_days_off_and_the_workdays_that_make_up_for_them_are_those_of_the_notice() -> None:
    assert standing(date(2026, 2, 14)) is Standing.MADE_UP  # a Saturday, for the Spring Festival
    assert standing(date(2026, 2, 20)) is Standing.HOLIDAY
    assert standing(date(2026, 10, 10)) is Standing.MADE_UP
    assert standing(date(2026, 11, 21)) is Standing.WEEKEND
    assert standing(date(2026, 11, 23)) is Standing.WORKDAY


def test_a_year_without_a_notice_has_no_answer() -> None:
    far = date(2090, 6, 7)
    assert standing(far) is Standing.UNKNOWN
    assert [means(word, far) for word in ("workday", "day-off", "holiday", "made-up")] == [None] * 4
    # The notice of the next year may move days across New Year.
    last_known = max(year for year in range(2026, 2090) if standing(date(year, 6, 7)) is not Standing.UNKNOWN)
    assert standing(date(last_known, 12, 28)) is Standing.UNKNOWN


@given(st.dates(date(2026, 1, 1), date(2026, 12, 24)))
def test_every_known_day_is_either_worked_or_off(day: date) -> None:
    assert means("workday", day) is not means("day-off", day)


@given(st.dates(date(1950, 1, 1), date(2099, 12, 31)))
def test_a_lunar_day_comes_back_after_29_or_30_days(day: date) -> None:
    hits = [found for found in days_from(day, 61) if means(as_word("农历十五"), found)]
    assert {(later - earlier).days for earlier, later in pairwise(hits)} <= {29, 30}
    assert len(hits) >= 2
    assert lunar_words(day)
