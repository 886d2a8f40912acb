"""The reports about sales say what a slow count by their definitions says, on both databases."""

from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from reports.errors import NoSuchReport, NotAPeriod
from reports.period import Period, period_of
from reports.report import Asked, header, share_of
from reports.shelf import volume
from storage.engine import Database
from tests.reports import counted_by_hand
from tests.reports.plain_shop import BEGIN_MS, PlainShop, grown_shop, shops, write
from texts.catalogue import speak

ZONE = "Asia/Shanghai"
NAMES = ("share", "items", "repurchase", "breadth", "arrivals", "ladder", "snowball")
PERIODS = (
    Period(date(2026, 10, 1), date(2026, 10, 31), ZONE),
    Period(date(2026, 9, 20), date(2026, 10, 3), ZONE),
    Period(date(2026, 1, 1), date(2026, 12, 31), ZONE),
)


async def agree(db: Database, shop: PlainShop, period: Period, now_ms: int) -> None:
    async with db.write() as tx:
        await write(tx, shop)
    async with db.read() as connection:
        for name in NAMES:
            report = await volume(name).make(connection, Asked(period, now_ms))
            by_hand: Callable[..., counted_by_hand.Found] = getattr(counted_by_hand, name)
            rows, totals = by_hand(shop, period, now_ms)
            assert [{key: row[key] for key in row if not key.endswith("_name")} for row in report.rows] == rows, name
            assert report.totals == totals, name


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # to shrink an example would mean to fill the database for minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(shop=shops(), period=st.sampled_from(PERIODS), days=st.integers(0, 100))
async def test_every_report_agrees_with_a_count_by_hand(
    database: Database, shop: PlainShop, period: Period, days: int
) -> None:
    await agree(database, shop, period, period.end_ms + days * 86_400_000)


async def test_percentages_appear_when_there_are_enough_and_agree_too(database: Database) -> None:
    """A shop of 400 orders from the simulator's history, most of them with people behind them."""
    period = Period(date(2025, 1, 1), date(2026, 12, 31), ZONE)
    shop = grown_shop(400, seed=7, now_ms=period.end_ms)
    await agree(database, shop, period, period.end_ms)
    async with database.read() as connection:
        totals = (await volume("share").make(connection, Asked(period, period.end_ms))).totals
    assert 0 < float(totals["matrix_share"] or 0) < 1
    assert 0 < float(totals["unmatched_share"] or 0) < 1


@pytest.mark.parametrize(("words", "first", "last"), [
    ("本月", "2026-10-01", "2026-10-31"), ("last month", "2026-09-01", "2026-09-30"),
    ("上周", "2026-09-21", "2026-09-27"), ("昨天", "2026-09-30", "2026-09-30"), ("去年", "2025-01-01", "2025-12-31"),
    ("近30天", "2026-09-02", "2026-10-01"), ("last 7 days", "2026-09-25", "2026-10-01"),
    ("2026-02", "2026-02-01", "2026-02-28"), ("２０２６年９月", "2026-09-01", "2026-09-30"),
    ("2026-09-30", "2026-09-30", "2026-09-30"), ("2026-09-01 至 2026-09-15", "2026-09-01", "2026-09-15"),
])  # fmt: skip
def test_people_say_periods_in_their_own_words(words: str, first: str, last: str) -> None:
    """Seen from the first minute of 1 October in Shanghai, which is still September in London."""
    found = period_of(words, BEGIN_MS + 60_000, ZONE)
    assert (found.first.isoformat(), found.last.isoformat()) == (first, last)


@pytest.mark.parametrize(
    "words", ["", "下个世纪", "2026-02-30", "2026-13", "2026-10-05..2026-10-01", "近0天", "9" * 80]
)
def test_what_names_no_days_is_refused_with_examples(words: str) -> None:
    with pytest.raises(NotAPeriod) as caught:
        period_of(words, BEGIN_MS, ZONE)
    assert "2026-10" in caught.value.hint


def test_a_period_is_whole_days_of_the_shop_however_long_they_are() -> None:
    """The night the clocks go back in New York has an hour more."""
    night = Period(date(2026, 11, 1), date(2026, 11, 1), "America/New_York")
    assert night.end_ms - night.start_ms == 25 * 3_600_000


async def test_an_empty_shop_has_every_report_with_noughts_and_words_in_both_languages(
    sqlite_database: Database,
) -> None:
    asked = Asked(PERIODS[0], PERIODS[0].end_ms)
    async with sqlite_database.read() as connection:
        for name in NAMES:
            report = await volume(name).make(connection, asked)
            for language in ("zh", "en"):
                speak(language)
                assert report.title and report.definition and volume(name).title
                assert all(header(column) for column in (*report.columns, *report.totals))
            assert all(set(report.columns) <= row.keys() for row in report.rows)
            assert not any(value for key, value in report.totals.items() if key != "strong_share")


def test_a_report_that_nobody_wrote_is_refused_with_the_nearest() -> None:
    with pytest.raises(NoSuchReport) as caught:
        volume("repurchases")
    assert "repurchase" in caught.value.hint


@pytest.mark.parametrize(("part", "whole", "cases", "expected"), [
    (1, 3, 30, 0.3333), (1, 3, 29, None), (0, 30, 30, 0.0), (0, 0, 0, None), (5, 0, 40, None),
])  # fmt: skip
def test_a_percentage_needs_thirty_cases(part: int, whole: int, cases: int, expected: float | None) -> None:
    assert share_of(part, whole, cases) == expected
