"""The shop's export looks like a seller's real one, and fits the people."""

import csv
import re
from pathlib import Path

import pytest

from simulator import names
from simulator.crowd import Crowd, contact_of
from simulator.history import Status
from simulator.scenario import shop_day
from simulator.shop import Shop
from tests.simulator.worlds import BOSS, CLERK, QUIET, ROOM
from tests.virtual_time import START

START_MS = round(START.timestamp() * 1000)


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop(Crowd(QUIET), START_MS)


def rows_of(path: Path, encoding: str) -> list[dict[str, str]]:
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8-sig"])
def test_the_export_has_the_columns_and_quirks_of_a_real_one(shop: Shop, tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "orders.csv"
    assert shop.export(path, encoding) == len(shop.sales)
    rows = rows_of(path, encoding)
    assert len(rows) == len(shop.sales)
    headers = {header.strip() for header in rows[0]}
    assert {
        "订单编号",
        "买家会员名",
        "买家实际支付金额",
        "订单状态",
        "订单创建时间",
        "订单付款时间",
        "退款金额",
    } <= headers
    assert any(header != header.strip() for header in rows[0])
    assert all(re.fullmatch(r'="\d{18,19}"', row["订单编号"]) for row in rows)
    assert all("*" in row["联系手机"] and row["联系手机"].startswith("'") for row in rows)
    assert {row["订单状态"] for row in rows} <= set(Status)


def test_order_numbers_are_all_different(shop: Shop) -> None:
    numbers = [sale.number for sale in shop.sales]
    assert len(set(numbers)) == len(numbers)


def test_equal_seeds_write_equal_files(tmp_path: Path) -> None:
    for name in ("1.csv", "2.csv"):
        Shop(Crowd(QUIET), START_MS).export(tmp_path / name)
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()


def test_money_and_times_agree_with_the_status(shop: Shop) -> None:
    for sale in shop.sales:
        assert sale.created_ms < START_MS
        assert 0 <= sale.refund_fen <= sale.paid_fen <= sale.price_fen
        assert (sale.paid_ms is None) == (sale.paid_fen == 0)
        assert (sale.status is Status.CLOSED) == bool(sale.closed_why)
        if sale.status is Status.UNPAID:
            assert sale.paid_fen == 0
        if sale.paid_ms is not None:
            assert sale.created_ms < sale.paid_ms <= START_MS


def test_every_known_and_claiming_buyer_has_bought(shop: Shop) -> None:
    groups = [*shop.crowd.known.values(), *shop.crowd.claiming.values()]
    contacts = [contact_of(number) for group in groups for number in group]
    assert len(contacts) == QUIET.known_buyers + QUIET.claiming_buyers
    assert all(shop.numbers_of(contact) for contact in contacts)


def test_a_remark_names_the_member_whose_orders_they_are(shop: Shop) -> None:
    contact = contact_of(shop.crowd.known["lin-1"][0])
    alias = shop.crowd.profile(contact, "lin-1").alias
    members = {sale.member_name for sale in shop.sales if sale.number in shop.numbers_of(contact)}
    assert len(members) == 1
    assert re.split("[:：]", alias)[1].split(" ")[0] == members.pop()


def test_every_second_newcomer_has_bought_until_the_buyers_run_out(shop: Shop) -> None:
    first = shop.crowd.first_newcomer
    buyers = [shop.crowd.buyer(contact_of(first + place)) for place in range(40)]
    assert [buyer is not None for buyer in buyers] == [True, False] * QUIET.new_buyers + [False] * 20
    assert max(buyer for buyer in buyers if buyer is not None) < shop.crowd.buyers


def test_member_names_are_unique_and_nicknames_various() -> None:
    members = [names.member_name(7, buyer) for buyer in range(700)]
    assert len(set(members)) == len(members)
    assert all(" " not in member for member in members)
    nicknames = {names.nickname(7, number) for number in range(2000)}
    assert len(nicknames) >= 200
    assert any("🌸" in name for name in nicknames)
    assert any(name.startswith("A") for name in nicknames)


def test_the_shop_day_shares_the_known_buyers_among_the_sales_accounts_and_some_are_friends_of_two() -> None:
    day = shop_day(
        seed=7, accounts=QUIET.accounts, staff=(BOSS, CLERK), channels=QUIET.channels, staff_room=ROOM, desk="yu-1",
        push="老客福利",
    )  # fmt: skip
    crowd = Crowd(day)
    assert set(crowd.known) == {"lin-1", "lin-2"}
    shared = [number for group in crowd.shared.values() for number in group]
    assert shared
    assert all(crowd.profile(contact_of(number), "lin-2").alias for number in crowd.shared["lin-2"])
    assert [step.text for step in day.script if step.text.startswith("/推送")] == ["/推送 老客福利"]
