"""/推送 人群= 时间=: for fewer people, from a later hour of today on, and what was shown is what is confirmed."""

import pytest

from rules.quiet_hours import local
from scheduler.pushes.push_file import PushFile
from storage.engine import Database
from storage.tables import Campaign
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
