"""Answers that say what is the matter: a time that is over or missing, nothing to continue, whose it is."""

import pytest
from sqlalchemy import update

from commands.times import passed_today
from storage.conversation_tables import Wait
from storage.engine import Database
from storage.tables import Friendship
from tests.commands.test_chat import ZONE, Office, vips
from tests.conversations.shop import NOW_MS, befriend, open_shop, row_of
from tests.scheduler.matrix import plan_pushes
from texts.problem import ExitCode

HOUR_MS = 3_600_000
_QUESTION = "你们老板娘结婚了吗"


@pytest.fixture
async def shop(sqlite_database: Database) -> Office:
    await open_shop(sqlite_database)
    return Office(sqlite_database)


async def test_a_time_without_a_day_that_is_over_is_said_to_be_over(shop: Office) -> None:
    for words in ("时间=00:01", "时间=今天零点1分"):
        told = await shop.says(f"/推送 laoke-fuli {words}")
        assert not told.ok and "00:01 已经过了" in told.text, told.text
    for words in ("明天8点", "30分钟后", "23:59"):
        assert passed_today(words, NOW_MS, ZONE) is None


async def test_a_time_that_is_missing_is_asked_for(shop: Office) -> None:
    told = await shop.says("/勿扰 花花")
    assert "还要写" in told.text and "看不懂" not in told.text


async def test_with_nothing_stopped_there_is_no_code_to_continue(shop: Office) -> None:
    await vips(shop.db, 2)
    assert (await shop.says("/继续")).exit_code == ExitCode.NOT_FOUND
    await shop.says(f"/确认 {(await shop.says('/推送 laoke-fuli')).code}")
    await plan_pushes(shop.db, NOW_MS)
    for line in ("/继续", "/继续 laoke-fuli"):
        told = await shop.says(line)
        assert (told.ok, told.code) == (False, None) and "不用继续" in told.text
    await shop.says("/暂停 laoke-fuli")
    assert (await shop.says("/继续")).code is not None


async def test_who_waits_is_shown_by_pages_mine_first_and_mine_alone(shop: Office) -> None:
    async with shop.db.write() as tx:
        for n in range(11):
            await befriend(tx, "lin-1", f"wxid_w{n}", f"等着{n}")
    for n in range(11):
        await shop.post.bring(_QUESTION, talker=f"wxid_w{n}", now_ms=NOW_MS + n)
    last = await row_of(shop.db, Friendship, account="lin-1", contact="wxid_w10")
    async with shop.db.write() as tx:
        await tx.execute(update(Wait).values(staff="mei"))
        await tx.execute(update(Wait).where(Wait.person == last.person).values(staff="fan"))
    first = (await shop.says("/接手", "fan", NOW_MS + HOUR_MS)).text
    assert first.split("\n")[1].startswith(f"#{last.person} ") and "还有 1 位" in first and "第2页" in first
    assert "等着9" in (await shop.says("/接手 第2页", "fan", NOW_MS + HOUR_MS)).text
    own = await shop.says("/接手 我的", "fan", NOW_MS + HOUR_MS)
    assert [one["person"] for one in own.data["waiting"]] == [last.person]


async def test_taking_over_says_whose_they_were_and_a_second_time_that_they_are_mine(shop: Office) -> None:
    await shop.post.bring(_QUESTION)
    async with shop.db.write() as tx:
        await tx.execute(update(Wait).values(staff="fan"))
    assert "派给小范" in (await shop.says("/接手 花花", "mei", NOW_MS + 1)).text
    assert "本来就在你手上" in (await shop.says("/接手 花花", "mei", NOW_MS + 2)).text
