"""Who has a customer now, and where they are found who wait at an account that is lost or no longer configured."""

import pytest
from sqlalchemy import update

from operations.open_matters import repairs_now
from storage.engine import Database
from storage.staff_tables import StaffMember
from storage.tables import Account, Person
from tests.commands.test_chat import ZONE, Office
from tests.conversations.shop import NOW_MS, befriend, open_shop, row_of
from texts.problem import ExitCode

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
_QUESTION = "你们老板娘结婚了吗"


@pytest.fixture
async def shop(sqlite_database: Database) -> Office:
    await open_shop(sqlite_database)
    return Office(sqlite_database)


async def test_a_customer_is_shown_with_who_has_them_and_since_when_they_wait(shop: Office) -> None:
    await shop.post.bring(_QUESTION)
    later = NOW_MS + 26 * HOUR_MS
    waits = (await shop.says("/客户 花花", now_ms=later)).text.split("\n")[1]
    assert waits.startswith("现在在等真人回复：lin-1，从 11-21 10:00 起，26 小时 0 分了，") and "/接手 #" in waits
    assert _QUESTION in waits
    await shop.says("/接手 花花", "mei", later)
    held, no_word = (await shop.says("/客户 花花", now_ms=later + 1)).text.split("\n")[1:3]
    assert held.startswith("现在 小美 在和 TA 聊（lin-1、lin-2）") and no_word.startswith("TA 正等着回话：lin-1")
    told = await shop.says("/客户 花花", now_ms=later + 1)
    (now,) = [one["now"] for one in told.data["customers"]]
    assert [talk["staff"] for talk in now["held"]] == ["mei", "mei"] and now["bot"] is None
    await shop.says("/交回 花花", "mei", later + 2)
    assert "机器人接待" in (await shop.says("/客户 花花", now_ms=later + 3)).text


@pytest.mark.parametrize("lost", [False, True], ids=["taken out of config.yaml", "lost"])
async def test_who_waits_at_an_account_that_is_gone_is_listed_with_what_to_do(shop: Office, lost: bool) -> None:
    async with shop.db.write() as tx:
        await befriend(tx, "lin-1", "wxid_only", "独独")
    for talker in ("wxid_hua", "wxid_only"):
        await shop.post.bring(_QUESTION, talker=talker)
    async with shop.db.write() as tx:
        gone = {"removed": True, "state": "stopped", "lost_ms": NOW_MS if lost else None}
        await tx.execute(update(Account).where(Account.id == "lin-1").values(**gone))
        await tx.execute(update(StaffMember).where(StaffMember.id == "mei").values(accounts=["lin-2"]))
    hua, only = [(await row_of(shop.db, Person, name=name)).id for name in ("花花🌸", "独独")]
    listed = (await shop.says("/接手", now_ms=NOW_MS + MINUTE_MS)).text
    word = "lin-1 已丢失" if lost else "lin-1 已经不在 config.yaml 里"
    assert f"{word}，TA 也在 lin-2 上，从那边回：/接手 #{hua}，回完发 /交回 #{hua}" in listed
    assert f"{word}，从那里回不了，别的号也没有 TA：" in listed and listed.count("/账号 lin-1") == 1
    mine = await shop.says("/接手", "mei", NOW_MS + 2 * MINUTE_MS)  # of those at the gone account whom hers knows
    assert [one["person"] for one in mine.data["waiting"]] == [hua]
    async with shop.db.read() as connection:
        waiting = {line.key: line for line in await repairs_now(connection, NOW_MS + MINUTE_MS, ZONE)}
    assert waiting[f"waiting:lin-1:{hua}"].commands == (f"/接手 #{hua}", f"/交回 #{hua}")
    assert waiting[f"waiting:lin-1:{only}"].commands == ("/账号 lin-1",)
    assert word in (await shop.says(f"/客户 #{hua}")).text
    for line in (f"/接手 #{hua}", f"/交回 #{hua}"):
        assert (await shop.says(line, "mei", NOW_MS + 3 * MINUTE_MS)).ok
    after = await shop.says("/接手", now_ms=NOW_MS + 4 * MINUTE_MS)
    assert [one["person"] for one in after.data["waiting"]] == [only]


async def test_one_account_closely(shop: Office) -> None:
    well = (await shop.says("/账号 lin-1")).text
    assert well.split("\n")[0].startswith("lin-1（销售）在线") and "没有要处理的事" in well and "小美 那里" in well
    assert "xiaoyu" not in well
    await shop.post.bring(_QUESTION)
    assert "等真人回复" in (await shop.says("/账号 lin-1")).text
    async with shop.db.write() as tx:
        await tx.execute(update(Account).where(Account.id == "lin-1").values(removed=True, state="stopped"))
    gone = (await shop.says("/账号 lin-1")).text
    assert "写回去" in gone and "客户 1 人" in gone and "wxfleet accounts friends lin-1" in gone
    assert "客户 1 人" not in (await shop.says("/账号 lin-1", "mei")).text  # who may not lose one sees no friends of it
    unknown = await shop.says("/账号 lin-9")
    assert (unknown.exit_code, "lin-2" in unknown.text) == (ExitCode.NOT_FOUND, True)
