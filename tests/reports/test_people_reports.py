"""Reports about people: each equals its plain oracle on random small worlds, and has something to say when empty."""

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reports.interval import difference, wilson
from reports.period import period_of
from reports.report import Asked, Report
from reports.shelf import SHELF
from storage.engine import Database
from tests.reports import oracles, small_world
from tests.reports.small_world import NOW_MS, World
from texts import catalogue

PERIOD = period_of("2026-09-24..2026-09-28", NOW_MS, "Asia/Shanghai")
STEPS = {"added": "added", "replied": "replied", "claimed": "claimed", "bought": "bought", "again": "bought_again",
         "shown": "shown", "cost": "cost_fen"}  # fmt: skip


async def made(db: Database, name: str) -> Report:
    async with db.read() as connection:
        return await SHELF[name].make(connection, Asked(PERIOD, NOW_MS))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(roll=st.randoms(use_true_random=False))
async def test_every_number_is_what_one_counts_by_hand(database: Database, roll: Random) -> None:
    world = small_world.make(roll)
    await small_world.write(database, world)
    _channels(await made(database, "channels"), world)
    _campaigns(await made(database, "campaigns"), await made(database, "push"), world)
    _reach(await made(database, "reach"), world)
    _capacity(await made(database, "capacity"), world)
    _referrals(await made(database, "referrals"), world)
    _service(await made(database, "service"), world)


def _channels(report: Report, world: World) -> None:
    found = {
        str(row["channel"]): {name: row[column] for name, column in STEPS.items() if row[column]} for row in report.rows
    }
    counted = {
        code: {name: count for name, count in row.items() if count} for code, row in oracles.channels(world).items()
    }
    assert found == counted
    assert report.totals["added"] == sum(int(row.get("added", 0)) for row in counted.values())


def _campaigns(funnel: Report, effect: Report, world: World) -> None:
    expected = {
        c["id"]: oracles.campaign(world, c["id"])
        for c in world.campaigns
        if oracles.inside(c["starts_ms"]) and c["state"] != "draft"
    }
    assert {row["campaign"] for row in funnel.rows} == {row["campaign"] for row in effect.rows} == set(expected)
    for row in (*funnel.rows, *effect.rows):
        by_hand = expected[row["campaign"]]
        by_hand = {**by_hand, "got_bought": by_hand["after_buyers"]}
        assert {name: cell for name, cell in row.items() if name in by_hand} == {
            name: cell for name, cell in by_hand.items() if name in row
        }


def _reach(report: Report, world: World) -> None:
    expected = oracles.reach(world)
    assert (report.totals["friends_in_people"], report.totals["untouched"]) == expected.pop("")
    rows = {row["way"]: (row["reached"], row["touches"]) for row in report.rows}
    seen, views = rows.pop("moments")
    assert rows == expected
    assert (seen, views) == pytest.approx(oracles.moments(world), abs=0.51)


def _capacity(report: Report, world: World) -> None:
    rows = {
        row["account"]: (row["account_friends"], row["open_places"], row["reserve_places"], row["per_day"])
        for row in report.rows
    }
    assert rows == oracles.capacity(world)
    assert report.totals["friends_in_people"] == len(oracles.friends(world))


def _referrals(report: Report, world: World) -> None:
    rows = {
        row["person"]: (
            row["brought"], row["brought_bought"], row["brought_on"], row["brought_net_fen"], row["thanks_due"],
        )
        for row in report.rows
    }  # fmt: skip
    assert rows == oracles.referrals(world)
    assert report.totals["deepest"] == oracles.deepest(world)
    shown = [row["person"] for row in report.rows]
    for row in report.rows:
        if row["brought_by"] in rows:
            assert shown.index(row["brought_by"]) < shown.index(row["person"])


def _service(report: Report, world: World) -> None:
    rows = {row["account"]: row for row in report.rows if not row["staff"]} | {"": report.totals}
    for account, (received, first, people) in oracles.service(world).items():
        row = rows[account]
        assert (row["received"], row["answered"], row["answered_by_people"]) == (received, len(first), len(people))
        assert row["first_answer_median_s"] == oracles.nearest_rank(first, 50)
        assert row["first_answer_most_s"] == oracles.nearest_rank(first, 90)
        assert row["people_median_s"] == oracles.nearest_rank(people, 50)
        assert row["people_most_s"] == oracles.nearest_rank(people, 90)


async def test_an_empty_shop_gets_every_report_in_both_languages(database: Database) -> None:
    for name in SHELF:
        for language in catalogue.LANGUAGES:
            catalogue.speak(language)
            document = (await made(database, name)).as_json()
            assert {"report", "period", "definition", "rows", "totals"} <= set(document)
            assert document["report"] == name
            assert len(document["definition"]) > 20


@given(yes=st.integers(0, 200), no=st.integers(0, 200), other_yes=st.integers(0, 200), other_no=st.integers(0, 200))
def test_an_interval_holds_the_difference_and_turns_with_the_groups(
    yes: int, no: int, other_yes: int, other_no: int
) -> None:
    of, other_of = yes + no + 1, other_yes + other_no + 1
    gap, low, high = difference(yes, of, other_yes, other_of)
    assert -1 - 1e-9 <= low <= gap + 1e-9 and gap - 1e-9 <= high <= 1 + 1e-9
    turned = difference(other_yes, other_of, yes, of)
    assert turned == pytest.approx((-gap, -high, -low))


def test_the_intervals_of_the_textbook() -> None:
    """Newcombe 1998: 56 of 70 against 48 of 80, and 9 of 10 against 3 of 10."""
    assert difference(56, 70, 48, 80) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)
    assert difference(9, 10, 3, 10) == pytest.approx((0.6, 0.1705, 0.8090), abs=1e-4)
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
