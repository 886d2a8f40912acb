"""/接手 and /交回: who waits, whose it is, and that one number is enough."""

import pytest
from sqlalchemy import update

from storage.conversation_tables import Wait
from storage.engine import Database
from storage.staff_tables import StaffMember
from storage.tables import Friendship
from tests.commands.test_chat import Office
from tests.conversations.shop import NOW_MS, befriend, open_shop, row_of, texts

MINUTE_MS = 60_000
UNKNOWN = "你们老板娘结婚了吗"


@pytest.fixture
async def shop(sqlite_database: Database) -> Office:
    await open_shop(sqlite_database)
    async with sqlite_database.write() as tx:
        await befriend(tx, "lin-1", "wxid_gold", "金姐", tier="gold", level="VIP1", orders=1)
    office = Office(sqlite_database)
    await office.post.bring(UNKNOWN)
    await office.post.bring("我要投诉", talker="wxid_gold", now_ms=NOW_MS + MINUTE_MS)
    return office


async def _person(shop: Office, contact: str) -> int:
    return int((await row_of(shop.db, Friendship, account="lin-1", contact=contact)).person)


async def test_without_a_name_it_shows_who_waits_gold_first_and_a_number_takes_them(shop: Office) -> None:
    gold = await _person(shop, "wxid_gold")
    assert await shop.post.bring("/接手", talker="wxid_mei", now_ms=NOW_MS + 5 * MINUTE_MS) == "command"
    lines = (await texts(shop.db, kind="command_reply"))[-1].split("\n")
    assert "2 位" in lines[0] and lines[1].startswith(f"#{gold} 金姐 · VIP1 · 黄金") and "4 分钟" in lines[1]
    assert "我要投诉" in lines[2]
    assert await shop.post.bring(f"#{gold}", talker="wxid_mei", now_ms=NOW_MS + 6 * MINUTE_MS) == "command"
    said = (await texts(shop.db, kind="command_reply"))[-1]
    assert "金姐" in said and "交给你了" in said and "我要投诉" in said
    assert (await row_of(shop.db, Friendship, account="lin-1", contact="wxid_gold")).held_by == "mei"


async def test_a_number_that_was_not_listed_takes_nobody(shop: Office) -> None:
    async with shop.db.write() as tx:
        other = await befriend(tx, "lin-1", "wxid_other", "没在等")
    await shop.post.bring("/接手", talker="wxid_mei", now_ms=NOW_MS + 5 * MINUTE_MS)
    await shop.post.bring(f"#{other}", talker="wxid_mei", now_ms=NOW_MS + 6 * MINUTE_MS)
    assert (await row_of(shop.db, Friendship, account="lin-1", contact="wxid_other")).held_by is None


async def test_taking_it_from_a_colleague_says_so_and_the_new_one_is_reminded(shop: Office) -> None:
    await shop.says("/接手 花花", "mei", NOW_MS + 2 * MINUTE_MS)
    reply = await shop.says("/接手 花花", "fan", NOW_MS + 3 * MINUTE_MS)
    assert "刚才是小美在聊" in reply.text
    wait = await row_of(shop.db, Wait, why="unknown")
    assert (wait.staff, wait.from_ms, wait.since_ms) == ("fan", NOW_MS + 3 * MINUTE_MS, NOW_MS)


async def test_the_one_that_i_hold_goes_back_without_a_name_and_of_several_i_choose(shop: Office) -> None:
    assert "没有接手" in (await shop.says("/交回", "mei")).text
    await shop.says("/接手 花花", "mei")
    assert "花花" in (await shop.says("/交回", "mei")).text
    await shop.says("/接手 花花", "mei")
    await shop.says("/接手 金姐", "mei")
    gold = await _person(shop, "wxid_gold")
    await shop.post.bring("/交回", talker="wxid_mei", now_ms=NOW_MS + 5 * MINUTE_MS)
    assert "2 位" in (await texts(shop.db, kind="command_reply"))[-1]
    await shop.post.bring(f"{gold}", talker="wxid_mei", now_ms=NOW_MS + 6 * MINUTE_MS)
    rows = [await row_of(shop.db, Friendship, account="lin-1", contact=one) for one in ("wxid_gold", "wxid_hua")]
    assert [row.held_by for row in rows] == [None, "mei"]


async def test_who_needs_no_answer_is_taken_off_the_list(shop: Office) -> None:
    assert "不用等人了" in (await shop.says("/交回 花花", "fan")).text
    waiting = (await shop.says("/接手", "fan")).data["waiting"]
    assert [one["name"] for one in waiting] == ["金姐"]
    assert "本来就由机器人接待" in (await shop.says("/交回 花花", "fan")).text


async def test_nobody_sees_who_waits_at_accounts_of_others(shop: Office) -> None:
    async with shop.db.write() as tx:
        await tx.execute(update(StaffMember).where(StaffMember.id == "fan").values(accounts=["lin-2"]))
    assert (await shop.says("/接手", "fan")).text == "现在没有客户在等真人"
    assert not (await shop.says("/接手 金姐", "fan")).ok
