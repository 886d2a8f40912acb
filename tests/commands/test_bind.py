"""/绑定 and /拆分: staff say who is who, and take it back."""

from typing import Any

import pytest
from sqlalchemy import insert, select, update

from customers.finding.search import catch_up
from customers.merging.claim_words import Hint
from customers.merging.claims import ClaimOutcome, claim_by_hint
from storage.engine import Database
from storage.order_tables import Merge, Order
from storage.tables import Person
from tests.commands.test_chat import ZONE, Office
from tests.conversations.shop import NOW_MS, befriend, open_shop
from texts.problem import ExitCode

NUMBER = "2202600000000000001"


@pytest.fixture
async def shop(sqlite_database: Database) -> Office:
    await open_shop(sqlite_database)
    async with sqlite_database.write() as tx:
        for number, member in ((NUMBER, "M1"), ("2202600000000000002", "M2")):
            row = {"number": number, "member_name": member, "status": "done", "paid_fen": 9950, "created_ms": 1}
            await tx.execute(insert(Order).values(row | {"batch": 1}))
        await tx.execute(insert(Person).values(name="表里的阿花", phone="13800001234", created_ms=1))
    return Office(sqlite_database)


async def _person(shop: Office, name: str) -> Any:
    async with shop.db.read() as connection:
        return (await connection.execute(select(Person.__table__).where(Person.name == name))).one()


@pytest.mark.parametrize("what", ["M1", NUMBER])
async def test_a_member_name_or_an_order_number_brings_the_orders_and_is_taken_back(shop: Office, what: str) -> None:
    reply = await shop.says(f"/绑定 花花 {what}", staff="mei")
    assert reply.ok and "1 单，净实付 99.50 元" in reply.text
    assert ((hua := await _person(shop, "花花🌸")).member_name, hua.orders) == ("M1", 1)
    assert "不再绑定会员 M1" in (await shop.says("/撤销", staff="mei", now_ms=NOW_MS + 1)).text
    assert ((hua := await _person(shop, "花花🌸")).member_name, hua.orders) == (None, 0)


async def test_an_order_under_a_masked_name_comes_alone_and_goes_back(shop: Office) -> None:
    async with shop.db.write() as tx:
        await tx.execute(update(Order).values(member_name="m***1#" + Order.number))
    assert "1 单，净实付 99.50 元" in (await shop.says(f"/绑定 花花 {NUMBER}", staff="mei")).text
    assert ((hua := await _person(shop, "花花🌸")).member_name, hua.orders) == (None, 1)
    other = await shop.says(f"/绑定 表里的阿花 {NUMBER}", now_ms=NOW_MS + 1)
    assert (other.ok, other.exit_code) == (False, ExitCode.REFUSED_BY_POLICY)
    assert f"订单 {NUMBER} 不再算" in (await shop.says("/撤销", staff="mei", now_ms=NOW_MS + 2)).text
    assert (await _person(shop, "花花🌸")).orders == 0
    assert (await shop.says(f"/绑定 表里的阿花 {NUMBER}", now_ms=NOW_MS + 3)).ok


async def test_staff_know_better_than_whoever_said_but_the_end_of_an_order(shop: Office) -> None:
    async with shop.db.write() as tx:
        guesser = await befriend(tx, "lin-1", "wxid_guess", "猜猜")
        await tx.execute(update(Order).values(member_name="m***1#" + Order.number))
        claimed = await claim_by_hint(tx, guesser, "lin-1", Hint(NUMBER[-4:], amount_fen=9950), ZONE, NOW_MS)
        assert claimed is ClaimOutcome.CLAIMED
    assert (await shop.says(f"/绑定 花花 {NUMBER}", staff="mei")).ok
    assert ((await _person(shop, "花花🌸")).orders, (await _person(shop, "猜猜")).orders) == (1, 0)


async def test_a_phone_makes_two_entries_one_and_an_operator_parts_them(shop: Office) -> None:
    reply = await shop.says("/bind 花花 13800001234")
    hua, card = await _person(shop, "花花🌸"), await _person(shop, "表里的阿花")
    assert (hua.phone, card.merged_into) == ("13800001234", hua.id)
    async with shop.db.read() as connection:
        number = await connection.scalar(select(Merge.id))
    assert f"/拆分 {number}" in reply.text
    assert (await shop.says(f"/拆分 {number}", now_ms=NOW_MS + 99_000)).ok
    assert (await _person(shop, "表里的阿花")).merged_into is None
    again = await shop.says(f"/拆分 {number}", now_ms=NOW_MS + 99_001)
    assert (again.ok, again.exit_code) == (False, ExitCode.REFUSED_BY_POLICY)


async def test_a_contradiction_is_asked_back_and_done_when_they_are_sure(shop: Office) -> None:
    await shop.says("/绑定 花花 M1")
    asked = await shop.says("/绑定 花花 M2", now_ms=NOW_MS + 1)
    assert not asked.ok and "M1" in asked.text and "确定" in asked.text
    assert (await shop.says("/绑定 花花 M2 确定", now_ms=NOW_MS + 2)).ok
    assert (await _person(shop, "花花🌸")).orders == 2


@pytest.mark.parametrize(
    "line", ["/绑定", "/绑定 花花", "/绑定 花花 138****1234", "/绑定 花花 #99999", "/拆分 x", "/拆分 77"]
)
async def test_what_cannot_be_bound_is_said_with_the_way_out(shop: Office, line: str) -> None:
    reply = await shop.says(line)
    assert not reply.ok and "\n" in reply.text


async def test_a_customer_is_looked_up_by_pinyin_and_the_answer_names_the_entry(shop: Office) -> None:
    async with shop.db.write() as tx:
        await catch_up(tx, 1)
    reply = await shop.says("/客户 hh", staff="mei")
    hua = await _person(shop, "花花🌸")
    assert reply.ok and reply.text.startswith(f"#{hua.id} 花花") and "好友：lin-1" in reply.text
    assert reply.data["customers"][0]["friendships"][0]["account"] == "lin-1"
    assert (await shop.says("/查 无名氏")).exit_code == ExitCode.NOT_FOUND


async def test_somebody_cannot_be_merged_with_themself(shop: Office) -> None:
    hua = await _person(shop, "花花🌸")
    reply = await shop.says(f"/绑定 #{hua.id} #{hua.id}")
    assert (reply.ok, reply.exit_code) == (False, ExitCode.REFUSED_BY_POLICY)


async def test_a_binding_speaks_of_and_takes_back_itself_alone_while_the_shops_clock_stands_still(shop: Office) -> None:
    first, second = await shop.says("/绑定 花花 M1"), await shop.says("/绑定 花花 13800001234")
    (named,), (merged,) = first.data["merges"], second.data["merges"]
    assert second.text.endswith(f"以后用 /拆分 {merged}") and str(named) != str(merged)
    assert "又是两位客户" in (await shop.says("/撤销")).text
    assert ((hua := await _person(shop, "花花🌸")).member_name, hua.orders) == ("M1", 1)


async def test_several_merges_are_taken_back_at_once_all_or_none(shop: Office) -> None:
    named = (await shop.says("/绑定 花花 M1")).data["merges"]
    merged = (await shop.says("/绑定 花花 13800001234", now_ms=NOW_MS + 1)).data["merges"]
    (first,), (second,) = named, merged
    refused = await shop.says(f"/拆分 {first}、{second}、77", now_ms=NOW_MS + 2)
    assert (refused.ok, refused.exit_code) == (False, ExitCode.NOT_FOUND)
    assert (await _person(shop, "表里的阿花")).merged_into is not None
    done = await shop.says(f"/拆分 {first}、#{second}", now_ms=NOW_MS + 3)
    assert (done.ok, done.data["merges"], done.text.count("\n")) == (True, [second, first], 1)
    assert (await _person(shop, "表里的阿花")).merged_into is None
    assert (await _person(shop, "花花🌸")).member_name is None
