"""Whoever looks for a buyer whom nobody knows yet hears of the orders, and of an old number, who it is today."""

from pathlib import Path

import pytest

from customers.finding.people import find, meant
from customers.imports.orders import import_orders
from customers.merging.merging import merge
from customers.merging.unmatched import Unmatched, unmatched
from customers.own_data.holdings import OF_PEOPLE
from customers.standing.purchases import link_orders
from operations.errors import NotFound
from operations.finding import person_named
from storage.engine import Database
from tests.customers.shop import export, order, person
from texts.catalogue import say

FIRST, SECOND, MASKED = "2202600000000001111", "2202600000000002222", "2202600000000003333"


async def test_orders_of_nobody_are_named_with_what_staff_bind_and_those_of_somebody_are_not(
    database: Database, tmp_path: Path
) -> None:
    rows = [order(FIRST, "xl_hua"), order(SECOND, "xl_hua"), order(MASKED, "t***7")]
    await import_orders(database, [export(tmp_path / "orders.csv", rows)], now_ms=1)
    async with database.write() as tx:
        for words in ("xl_hua", " xl_hua "):
            assert await unmatched(tx, words) == Unmatched(2, "xl_hua", "xl_hua")
        assert await unmatched(tx, "2222") == Unmatched(1, "xl_hua", "xl_hua")
        assert await unmatched(tx, MASKED) == Unmatched(1, "t***7", MASKED)
        assert await unmatched(tx, "xl") is None
        with pytest.raises(NotFound, match="2 笔订单") as raised:
            await person_named(tx, "xl_hua")
        assert raised.value.hint.endswith("xl_hua")
    await person(database, name="花花", member_name="xl_hua")
    async with database.write() as tx:
        await link_orders(tx, ["xl_hua"])
        assert await unmatched(tx, "xl_hua") is None


async def test_the_number_of_an_entry_that_became_part_of_another_leads_there(sqlite_database: Database) -> None:
    keep, gone = [await person(sqlite_database, name=name) for name in ("花花", "表里的花花")]
    async with sqlite_database.write() as tx:
        await merge(tx, keep, gone, "staff:owner", "staff:owner", 1)
        for words in (f"#{gone}", str(gone)):
            assert [one.id for one in await find(tx, words)] == [keep]
        assert [one.id for one in await meant(tx, f"#{gone}")] == [keep]
        assert await find(tx, "#99999") == []


def test_every_table_of_people_has_its_name_on_the_screen_of_an_erasure() -> None:
    assert all(say(f"privacy.part.{model.__tablename__}") for model in OF_PEOPLE)
