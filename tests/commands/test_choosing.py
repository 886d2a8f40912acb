"""Two customers of one name: staff answer the list with a number, and only what the list offered is done."""

import pytest

from rules.kinds import Kind
from storage.engine import Database
from storage.staff_tables import Audit
from storage.tables import Account, Person
from tests.commands.test_chat import Office
from tests.conversations.shop import NOW_MS, befriend, count, open_shop, row_of, texts


@pytest.fixture
async def shop(sqlite_database: Database) -> Office:
    await open_shop(sqlite_database)
    return Office(sqlite_database)


async def _two(shop: Office) -> tuple[int, int]:
    """Huahua of the shop, and another one."""
    async with shop.db.write() as tx:
        other = await befriend(tx, "lin-2", "wxid_hua2", "花花🌷")
    return (await row_of(shop.db, Person, name="花花🌸")).id, other


async def _opted_out(shop: Office, person: int) -> bool:
    return (await row_of(shop.db, Person, id=person)).opted_out_ms is not None


async def _answer(shop: Office) -> str:
    return (await texts(shop.db, kind=Kind.COMMAND_REPLY.value))[-1]


@pytest.mark.parametrize("written", ["#{}", "/{}", "{}", " ＃{} "])
async def test_a_number_answers_the_list(shop: Office, written: str) -> None:
    first, second = await _two(shop)
    await shop.post.bring("/退订 花花", talker="wxid_mei")
    assert f"#{second}" in await _answer(shop) and "直接回编号" in await _answer(shop)
    await shop.post.bring(written.format(second), talker="wxid_mei", now_ms=NOW_MS + 119_000)
    assert (await _opted_out(shop, first), await _opted_out(shop, second)) == (False, True)


async def test_in_the_staff_room_the_number_is_of_whoever_asked(sqlite_database: Database) -> None:
    await open_shop(sqlite_database, room="1@chatroom")
    shop = Office(sqlite_database)
    first, second = await _two(shop)
    said = {"account": "xiaoyu-1", "room": "1@chatroom"}
    await shop.post.bring("@小鱼 /退订 花花", talker="wxid_mei", **said)
    assert await shop.post.bring(f"{second}", talker="wxid_fan", **said) == "ignored"
    assert not await _opted_out(shop, second)
    assert await shop.post.bring(f"@小鱼 {second}", talker="wxid_mei", **said) == "command"
    assert (await _opted_out(shop, first), await _opted_out(shop, second)) == (False, True)


async def test_one_command_after_the_other_about_one_customer(shop: Office) -> None:
    """The same number twice within a minute are two commands where two were asked."""
    _, second = await _two(shop)
    for line in ("/退订 花花", "/勿扰 花花 7天"):
        await shop.post.bring(line, talker="wxid_mei")
        assert await shop.post.bring(f"#{second}", talker="wxid_mei") == "command"
    row = await row_of(shop.db, Person, id=second)
    assert row.opted_out_ms is not None and row.muted_until_ms is not None
    assert await shop.post.bring(f"#{second}", talker="wxid_mei") == "command_repeated"


async def test_two_names_take_two_numbers(shop: Office) -> None:
    _, second = await _two(shop)
    async with shop.db.write() as tx:
        olds = [await befriend(tx, "lin-1", f"wxid_b{n}", f"北北{n}") for n in range(2)]
    await shop.post.bring("/老带新 花花 北北", talker="wxid_mei")
    await shop.post.bring(f"#{second}", talker="wxid_mei")
    assert f"#{olds[1]}" in await _answer(shop)
    await shop.post.bring(f"#{olds[1]}", talker="wxid_mei")
    refer = await row_of(shop.db, Audit, verb="refer", outcome="done")
    assert (refer.request["who"], refer.request["old"]) == (f"#{second}", f"#{olds[1]}")


async def test_of_a_list_of_customers_the_number_shows_one(shop: Office) -> None:
    _, second = await _two(shop)
    await shop.post.bring("/客户 花花", talker="wxid_mei")
    assert await shop.post.bring(f"{second}", talker="wxid_mei") == "command"
    assert (await _answer(shop)).startswith(f"#{second}")


async def test_a_number_that_no_list_offered_does_nothing(shop: Office) -> None:
    """Not somebody else, not too late, not after another command, not twice; a bare number is then ordinary talk."""
    first, second = await _two(shop)
    async with shop.db.write() as tx:
        stranger = await befriend(tx, "lin-1", "wxid_z", "子君")
    await shop.post.bring("/退订 花花", talker="wxid_mei")
    assert await shop.post.bring(f"#{stranger}", talker="wxid_mei") == "command_refused"
    assert "对不上" in await _answer(shop)
    assert await shop.post.bring(f"{stranger}", talker="wxid_mei", now_ms=NOW_MS + 1) == "ignored"
    assert await shop.post.bring(f"#{second}", talker="wxid_mei", now_ms=NOW_MS + 120_000) == "command_refused"
    await shop.post.bring("/退订 花花", talker="wxid_mei", now_ms=NOW_MS + 200_000)
    await shop.post.bring("/暂停 lin-9", talker="wxid_mei", now_ms=NOW_MS + 200_001)
    assert await shop.post.bring(f"#{second}", talker="wxid_mei", now_ms=NOW_MS + 200_002) == "command_refused"
    for person in (first, second, stranger):
        assert not await _opted_out(shop, person)
    assert (await row_of(shop.db, Account, id="lin-1")).paused_by is None


async def test_a_second_number_of_one_list_is_answered_and_does_nothing(shop: Office) -> None:
    first, second = await _two(shop)
    await shop.post.bring("/退订 花花", talker="wxid_mei")
    assert await shop.post.bring(f"{first}", talker="wxid_mei", now_ms=NOW_MS + 1) == "command"
    for at_ms, said in ((2, f"{second}"), (3, f"#{second}")):
        assert await shop.post.bring(said, talker="wxid_mei", now_ms=NOW_MS + at_ms) == "command_refused"
        assert f"已经选了 #{first}，#{second} 没有动" in await _answer(shop) and "「/退订 花花」" in await _answer(shop)
    assert not await _opted_out(shop, second)


async def test_customers_choose_nothing(shop: Office) -> None:
    _, second = await _two(shop)
    await shop.post.bring("/退订 花花", talker="wxid_mei")
    before = await count(shop.db, Audit)
    await shop.post.bring(f"#{second}", talker="wxid_hua2", account="lin-2")
    assert not await _opted_out(shop, second)
    assert await count(shop.db, Audit) == before
