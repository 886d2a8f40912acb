"""/推送 人群= 时间=: for fewer people, from a later hour of today on, and what was shown is what is confirmed."""

from decimal import Decimal

import pytest
from sqlalchemy import update

from commands.chat import Chat
from customers.segments.segment_file import Condition, Orders, Segment
from customers.standing.ladder import Ladder, Level, keep
from customers.standing.tiers import Tier
from operations.desk import Desk
from rules.quiet_hours import local
from scheduler.pushes.push_file import PushFile
from storage.campaign_tables import Campaign
from storage.engine import Database
from storage.tables import Person
from tests.commands.test_chat import FULI, ZONE, Office, vips
from tests.conversations.shop import NOW_MS, befriend, count, open_shop, outbox
from tests.scheduler.matrix import plan_pushes
from texts.problem import ExitCode

HOUR_MS = 3_600_000
BOTH = PushFile.model_validate(FULI.model_dump(exclude_unset=True) | {"who": {"levels": ["VIP1", "VIP2"]}})


@pytest.fixture
async def shop(sqlite_database: Database) -> Office:
    await open_shop(sqlite_database)
    async with sqlite_database.write() as tx:
        await befriend(tx, "lin-1", "wxid_gold", "小金", level="VIP2", orders=3, net_paid_fen=60_000)
    await vips(sqlite_database, 2)  # VIP1
    shop = Office(sqlite_database)
    shop.pushes[BOTH.name] = BOTH
    return shop


@pytest.mark.parametrize(("levels", "people"), [("VIP", 3), ("vip2", 1), ("VIP1", 2), ("VIP2、VIP1", 3)])
async def test_only_the_levels_named(shop: Office, levels: str, people: int) -> None:
    asked = await shop.says(f"/推送 laoke-fuli 人群={levels}")
    assert f"将发给 {people} 人" in asked.text
    await shop.says(f"/确认 {asked.code}")
    await plan_pushes(shop.db, NOW_MS)
    assert len(await outbox(shop.db, kind="push")) == people


async def test_nobody_beyond_the_file_can_be_named(shop: Office) -> None:
    reply = await shop.says("/推送 laoke-fuli 人群=friend")
    assert (reply.ok, reply.exit_code) == (False, ExitCode.USAGE)
    assert "VIP1、VIP2" in reply.text


_LADDER = Ladder(
    levels=(
        Level(id="friend", name="朋友"),
        Level(id="VIP1", name="老朋友", any_purchase=True),
        Level(id="VIP2", name="知己", from_net_yuan=Decimal(300)),
        Level(id="VIP3", name="常客", from_net_yuan=Decimal(900)),
    )
)
_SEGMENTS = {
    one.name: one
    for one in (
        Segment(name="best", title="核心和铁粉", who=Condition(tiers=(Tier.GOLD,))),
        Segment(name="first-timers", title="只买过一次", who=Condition(orders=Orders(at_most=1))),
        Segment(name="nobody", title="没有这样的人", who=Condition(orders=Orders(at_least=99))),
    )
}


@pytest.fixture
async def named(shop: Office) -> Office:
    """The same shop with names for its levels and three segments; 小金 is gold, and the only one of VIP2."""
    async with shop.db.write() as tx:
        await keep(tx, _LADDER, NOW_MS)
        await tx.execute(update(Person).where(Person.name == "小金").values(tier="gold"))
    shop.desk = Desk(shop.pushes, zone=ZONE, segments=_SEGMENTS)
    shop.chat = Chat(shop.desk, ZONE)
    return shop


async def test_levels_and_segments_go_by_their_names_and_several_are_added_up(named: Office) -> None:
    for words, people, said in (
        ("知己", 1, "VIP2（知己）"),
        ("老朋友、知己", 3, "VIP1（老朋友）、VIP2（知己）"),
        ("老朋友和知己", 3, "VIP1（老朋友）、VIP2（知己）"),
        ("核心和铁粉", 1, "核心和铁粉"),
        ("best", 1, "核心和铁粉"),
        ("只買過一次", 2, "只买过一次"),
        ("只买过一次、知己", 3, "只买过一次、VIP2（知己）"),
        ("知己、没有这样的人", 1, "VIP2（知己）、没有这样的人"),
    ):
        asked = await named.says(f"/推送 laoke-fuli 人群={words}")
        assert f"将发给 {people} 人" in asked.text, words
        assert f"这次只发给：{said}" in asked.text
    await named.says(f"/确认 {asked.code}")
    await plan_pushes(named.db, NOW_MS)
    assert [row.to for row in await outbox(named.db, kind="push")] == ["wxid_gold"]


async def test_the_segment_of_the_file_binds_those_who_are_named(named: Office) -> None:
    who = BOTH.who.model_copy(update={"segment": _SEGMENTS["first-timers"]})
    named.pushes[BOTH.name] = BOTH.model_copy(update={"who": who})
    assert "将发给 2 人" in (await named.says("/推送 laoke-fuli 人群=VIP")).text
    told = await named.says("/推送 laoke-fuli 人群=核心和铁粉")
    assert (told.ok, told.code) == (False, None) and "一个人也发不到" in told.text


async def test_who_is_unknown_is_answered_with_the_nearest_name(named: Office) -> None:
    for line, said in (
        ("/推送 laoke-fuli 人群=知已", "没有叫「知已」的等级或人群\n是不是想说 知己？"),
        ("/推送 laoke-fuli 人群=铁粉", "是不是想说 核心和铁粉？"),
        ("/推送 laoke-fuli 人群=常客", "里没有 VIP3（常客） 这一级\n可以选：VIP1（老朋友）、VIP2（知己）、核心和铁粉"),
        ("/推送 laoke-fuli 人群=小学生", "没有叫「小学生」的等级或人群\n可以选："),
        ("/会员 小金 知已", "是不是想说 知己？"),
        ("/会员 小金 VIP9", "是不是想说 VIP"),
    ):
        told = await named.says(line)
        assert (told.ok, told.exit_code) == (False, ExitCode.USAGE), line
        assert said in told.text, told.text


async def test_nothing_leaves_before_the_hour_that_was_named(shop: Office) -> None:
    asked = await shop.says("/推送 laoke-fuli 时间=今晚8点")
    await shop.says(f"/确认 {asked.code}", now_ms=NOW_MS + 60_000)
    await plan_pushes(shop.db, NOW_MS + 61_000)
    rows = await outbox(shop.db, kind="push")
    assert len(rows) == 3
    assert all(row.due_ms >= NOW_MS + 10 * HOUR_MS for row in rows)
    assert local(rows[0].due_ms, ZONE).strftime("%d %H:%M") == "21 20:00"


@pytest.mark.parametrize("line", ["时间=明天9点", "时间=22:00"])
async def test_another_day_and_the_night_are_refused(shop: Office, line: str) -> None:
    reply = await shop.says(f"/推送 laoke-fuli {line}")
    assert (reply.ok, reply.exit_code, reply.code) == (False, ExitCode.REFUSED_BY_POLICY, None)
    assert await count(shop.db, Campaign) == 0
