"""A giveaway and a contest by chat: entries and photos in the customer's own words; /抽奖 shows, waits, draws once."""

from typing import Any

import pytest
from sqlalchemy import select

from bots.gateway import MessageKind
from rules.pacing import MINUTE_MS
from scheduler.moments.materials import Source
from storage.campaign_tables import Material
from storage.engine import Database
from storage.entry_tables import Entry, PrizeWon
from tests.commands.campaign_office import begin, office_of
from tests.conversations.shop import NOW_MS, outbox

COMMON: dict[str, Any] = {
    "items": ["大衣"], "offer": "断码送", "gift": "无", "join": {"how": "回 我要"}, "from": "+1m", "until": "+90m",
    "who": {"levels": ["VIP1"]},
    "phases": [{"kind": "push", "at": "0m", "until": "+50m", "words": {"default": "{{ offer }}，{{ join }}"}}],
}  # fmt: skip
GIVEAWAY = {**COMMON, "name": "pins", "title": "送发夹", "kind": "giveaway",
            "giveaway": {"items": [{"item": "发夹", "count": 2}]}}  # fmt: skip
CONTEST = {
    **COMMON, "name": "sweater", "title": "第一件毛衣", "kind": "contest",
    "contest": {"theme": "毛衣", "terms": "照片会用在朋友圈，一人一票。", "prizes": [{"prize": "围巾"}]},
}  # fmt: skip


async def test_a_giveaway_is_shown_confirmed_and_drawn_once(sqlite_database: Database) -> None:
    office = await office_of(sqlite_database, GIVEAWAY)
    assert "指纹" in (await begin(office, "送发夹")).text
    later = NOW_MS + 2 * MINUTE_MS
    for number in range(3):
        assert await office.post.bring("我要", talker=f"wxid_vip_{number}", now_ms=later) == "campaign_entered"
    assert "你是 3 号" in str([row.content for row in await outbox(office.db) if row.to == "wxid_vip_2"])
    assert not (await office.says("/抽奖 送发夹", now_ms=later)).ok  # still open
    status = (await office.says("/状态", now_ms=later)).text
    assert "能抽的 3 人" in status and "指纹" not in status and "发夹 ×" not in status  # one short line of it
    over = NOW_MS + 100 * MINUTE_MS
    assert not (await office.says("/抽奖 送发夹", "mei", now_ms=over)).ok  # not theirs to do
    asked = await office.says("/抽奖 送发夹", now_ms=over)
    assert asked.code is not None and "能抽的 3 人" in asked.text
    async with office.db.read() as connection:
        assert await connection.scalar(select(PrizeWon.id)) is None  # only looked at
    drawn = await office.says(f"/确认 {asked.code}", now_ms=over)
    assert drawn.ok and "2 人中" in drawn.text
    assert "只开一次" in (await office.says("/抽奖 送发夹", now_ms=over + 61_000)).text
    assert "开过奖" in (await office.says("/状态", now_ms=over)).text


async def test_a_contest_photo_reaches_the_library_with_its_consent(sqlite_database: Database) -> None:
    office = await office_of(sqlite_database, CONTEST)
    await begin(office, "第一件毛衣")
    later = NOW_MS + 2 * MINUTE_MS
    photo = await office.post.bring("", talker="wxid_vip_0", now_ms=later, kind=MessageKind.IMAGE)
    assert photo == "campaign_terms"
    assert await office.post.bring("同意", talker="wxid_vip_0", now_ms=later) == "campaign_photo_entered"
    assert await office.post.bring("1", talker="wxid_vip_1", now_ms=later) == "campaign_voted_entry"
    assert await office.post.bring("退订", talker="wxid_vip_2", now_ms=later) == "opted_out"
    async with office.db.read() as connection:
        source, consent, by = (
            await connection.execute(select(Material.source, Material.consent, Material.consent_by))
        ).one()
        assert (await connection.scalar(select(Entry.number))) == 1
    assert (source, consent) == (Source.CONTEST.value, "given") and str(by).startswith("inbox:")
    assert "照片会用在朋友圈" in str([row.content for row in await outbox(office.db) if row.to == "wxid_vip_0"])


@pytest.mark.parametrize("words", ["/抽奖 没有的活动", "/抽奖"])
async def test_what_can_not_be_drawn_says_so(sqlite_database: Database, words: str) -> None:
    office = await office_of(sqlite_database, GIVEAWAY)
    reply = await office.says(words)
    assert not reply.ok and reply.text
