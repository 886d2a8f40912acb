"""A bare /取消 after a question means the question; it ends no push unasked."""

import pytest

from storage.campaign_tables import Campaign
from storage.engine import Database
from tests.commands.test_chat import Office, vips
from tests.conversations.shop import NOW_MS, open_shop, outbox, row_of
from tests.scheduler.matrix import plan_pushes
from texts.problem import ExitCode


@pytest.fixture
async def shop(sqlite_database: Database) -> Office:
    await open_shop(sqlite_database)
    await vips(sqlite_database, 3)
    office = Office(sqlite_database)
    await office.says(f"/确认 {(await office.says('/推送 laoke-fuli')).code}")
    await plan_pushes(office.db, NOW_MS)
    return office


async def test_it_drops_my_codes_only_and_no_push(shop: Office) -> None:
    mine, others = await shop.says("/全部恢复"), await shop.says("/全部恢复", "fan")
    dropped = await shop.says("/取消")
    assert dropped.ok and dropped.code is None and "1 个确认码作废" in dropped.text
    assert (await row_of(shop.db, Campaign)).state == "running"
    assert (await shop.says(f"/确认 {mine.code}")).exit_code == ExitCode.NOT_ALLOWED
    assert (await shop.says(f"/确认 {others.code}", "fan")).ok


async def test_without_a_code_it_names_the_push_and_waits_for_one(shop: Office) -> None:
    asked = await shop.says("/取消")
    assert asked.code is not None and "「老客专享福利」" in asked.text and "没发的 3 条" in asked.text
    assert (await row_of(shop.db, Campaign)).state == "running"
    assert (await shop.says("/取消")).code is None  # no: that question is dropped, too
    asked = await shop.says("/取消")
    assert (await shop.says(f"/确认 {asked.code}")).ok
    assert {row.reason for row in await outbox(shop.db, kind="push")} == {"cancelled"}
