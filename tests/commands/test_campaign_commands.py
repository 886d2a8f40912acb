"""A campaign by chat, and customers who answer it: one office, from /预览 to /到场."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update

from commands.chat import Chat
from operations.desk import Desk
from operations.requests.request import Verb
from personas.model import Goal
from rules.pacing import MINUTE_MS
from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.participants.participants import counted
from storage.campaign_tables import Campaign, Phase
from storage.engine import Database
from storage.staff_tables import Audit
from storage.tables import Person
from tests.commands.campaign_office import begin, office_of
from tests.commands.test_chat import Office
from tests.conversations.shop import NOW_MS, befriend, outbox
from tests.scheduler.matrix import ZONE

FILE: dict[str, Any] = {
    "name": "double-eleven",
    "title": "双十一",
    "items": ["大衣"],
    "offer": "再减 50",
    "gift": "发夹",
    "join": {"how": "回复 1"},
    "from": "+1m",
    "until": "+90m",
    "who": {"levels": ["VIP1"]},
    "stock": {"units": 1},
    "phases": [
        {"kind": "push", "at": "0m", "until": "+50m", "words": {"default": "{{ offer }}，{{ join }}"}},
        {"kind": "reminder", "at": "+55m", "words": {"default": "给你留着{{ gift }}"}},
    ],
}


@pytest.fixture
async def office(sqlite_database: Database) -> Office:
    return await office_of(sqlite_database, FILE)


async def _begin(office: Office) -> int:
    return int((await begin(office, "双十一")).data["campaign"])


async def test_the_preview_shows_every_phase_with_its_hour_and_its_people(office: Office) -> None:
    seen = await office.says("/预览 双十一")
    assert "11-21 10:01 推送：发给 3 人" in seen.text
    assert "11-21 10:56 提醒：只给答应了的人" in seen.text
    assert "答应 2 人" in seen.text
    assert seen.data["recipients"] == 3


async def test_answers_are_told_in_the_voice_and_a_free_place_goes_to_the_next(office: Office) -> None:
    id = await _begin(office)
    later = NOW_MS + 2 * MINUTE_MS
    outcomes = [await office.post.bring("1", talker=f"wxid_vip_{n}", now_ms=later) for n in range(3)]
    assert outcomes == ["campaign_promised", "campaign_promised", "campaign_waiting"]
    assert await office.post.bring("算了", talker="wxid_vip_0", now_ms=later) == "campaign_withdrawn"
    told = {row.to: row for row in await outbox(office.db) if row.kind in ("reply", "reminder")}
    assert "排在候补" in next(
        row.content["text"] for row in await outbox(office.db) if row.to == "wxid_vip_2" and row.kind == "reply"
    )
    assert "轮到你啦" in told["wxid_vip_2"].content["text"] and told["wxid_vip_2"].kind == "reminder"
    async with office.db.read() as connection:
        assert (await counted(connection, id))["promised"] == 2


async def test_a_question_is_still_a_question_and_an_opt_out_an_opt_out(office: Office) -> None:
    await _begin(office)
    later = NOW_MS + 2 * MINUTE_MS
    assert await office.post.bring("你们店名叫什么", talker="wxid_vip_0", now_ms=later) == "answered"
    assert await office.post.bring("退订", talker="wxid_vip_1", now_ms=later) == "opted_out"


async def test_status_cancel_and_who_came(office: Office) -> None:
    id = await _begin(office)
    await office.post.bring("要", talker="wxid_vip_0", now_ms=NOW_MS + 2 * MINUTE_MS)
    status = await office.says("/状态")
    assert "活动「双十一」" in status.text and "答应 1" in status.text and "提醒" in status.text
    night = datetime(2026, 11, 24, 0, 13, tzinfo=ZoneInfo(ZONE))
    async with office.db.write() as tx:
        waiting = update(Phase).where(Phase.campaign == id, Phase.state == "waiting")
        await tx.execute(waiting.values(due_ms=round(night.timestamp() * 1000)))
    assert "下一步 11-24 08:30 提醒" in (await office.says("/状态", "mei")).text  # not in the quiet hours
    async with office.db.write() as tx:
        await befriend(tx, "lin-1", "wxid_namesake", "小客0")  # was never asked, so nobody means them
    assert (await office.says("/到场 双十一 小客0")).ok
    assert not (await office.says("/到场 双十一 小客2 没来")).ok  # had promised nothing
    async with office.db.read() as connection:
        kept = (await connection.execute(select(func.sum(Person.kept_promises)))).scalar_one()
    assert kept == 1
    assert (await office.says(f"/取消 {id}")).ok
    async with office.db.read() as connection:
        states = (await connection.scalars(select(Campaign.state).where(Campaign.id == id))).all()
    assert states == ["cancelled"]


async def test_only_an_owner_overrides_the_week_with_a_reason_in_the_log(office: Office) -> None:
    id = await _begin(office)
    assert not (await office.says("/破例 双十一 想多发一点", "fan")).ok
    assert not (await office.says("/破例 双十一")).ok
    asked = await office.says("/破例 双十一 退货补偿，答应过大家")
    assert (await office.says(f"/确认 {asked.code}")).ok
    async with office.db.read() as connection:
        assert await connection.scalar(select(Campaign.overrides_weekly).where(Campaign.id == id))
        lines = (await connection.scalars(select(Audit.request).where(Audit.verb == Verb.OVERRIDE.value))).all()
    assert any("退货补偿，答应过大家" in str(line.get("reason")) for line in lines)
    assert "/暂停" in (await office.says("/撤销")).text  # it stays; what stops the campaign is said


async def test_an_override_that_comes_too_late_is_told_so(office: Office) -> None:
    id = await _begin(office)
    assert "已经按限制排好" in (await office.says("/破例 双十一 答应过大家")).text
    async with office.db.write() as tx:
        await tx.execute(update(Campaign).where(Campaign.id == id).values(state="finished"))
    told = await office.says("/破例 双十一 还想发一点")
    assert (told.ok, told.code) == (False, None) and "已经结束" in told.text


async def test_what_there_is_not_is_answered_with_pushes_and_campaigns(office: Office) -> None:
    """Part of a title is enough to be understood; else everything is named, and why a new file is not known yet."""
    assert "双十一" in (await office.says("/预览 十一")).text
    told = (await office.says("/推送 什么都不像")).text
    assert "双十一" in told and "wxfleet run" in told


async def test_word_of_mouth_starts_no_push_and_says_what_to_do_instead(office: Office) -> None:
    file = CampaignFile.model_validate(FILE)
    office.desk = Desk(office.pushes, zone=ZONE, campaigns={file.name: file}, goal=Goal.WORD_OF_MOUTH)
    office.chat = Chat(office.desk, ZONE)
    for wish in ("/推送 双十一", f"/推送 {next(iter(office.pushes))}"):
        told = await office.says(wish)
        assert (told.ok, told.code) == (False, None)
        assert "口碑" in told.text and "care.yaml" in told.text
    assert (await office.says("/预览 双十一")).ok
