"""A campaign is cancelled while people answer it: nobody is promised anything any more, and who wrote hears why."""

import pytest
from sqlalchemy import select, update

from rules.kinds import Kind
from rules.pacing import MINUTE_MS
from storage.campaign_tables import Campaign
from storage.engine import Database
from storage.tables import Delivery
from tests.commands.campaign_office import begin, office_of
from tests.commands.test_campaign_commands import FILE
from tests.commands.test_chat import Office
from tests.conversations.shop import NOW_MS, outbox

ANSWERED_MS = NOW_MS + 2 * MINUTE_MS


@pytest.fixture
async def office(database: Database) -> Office:
    """双十一 has asked three people: two have places, one waits; the first takes it back, and the third moves up."""
    office = await office_of(database, FILE)
    await begin(office, "双十一")
    for n, words in ((0, "1"), (1, "1"), (2, "1"), (0, "算了")):
        await office.post.bring(words, talker=f"wxid_vip_{n}", now_ms=ANSWERED_MS)
    return office


async def test_answers_that_wait_are_not_said_but_who_wrote_hears_that_it_is_off(office: Office) -> None:
    before = {row.id: row for row in await outbox(office.db, kind=Kind.REPLY.value)}
    told = await office.says("/取消 双十一", now_ms=ANSWERED_MS + 1000)
    assert "报了名的 2 位还不知道取消了" in told.text and "小客1" in told.text and "小客2" in told.text
    after = await outbox(office.db, kind=Kind.REPLY.value)
    assert {(row.state, row.reason) for row in after if row.id in before} == {("skipped", "cancelled")}
    new = [row for row in after if row.id not in before]
    assert sorted(row.to for row in new) == ["wxid_vip_0", "wxid_vip_0", "wxid_vip_1", "wxid_vip_2"]
    assert {row.state for row in new} == {"pending"} and all("取消了" in row.content["text"] for row in new)
    (moved_up,) = await outbox(office.db, kind=Kind.REMINDER.value)
    assert (moved_up.to, moved_up.state, moved_up.reason) == ("wxid_vip_2", "skipped", "cancelled")


async def test_answers_that_left_within_two_minutes_are_asked_back_like_the_push_itself(office: Office) -> None:
    async with office.db.write() as tx:
        left = {"state": "accepted", "gateway_id": "m", "sent_ms": ANSWERED_MS}
        await tx.execute(update(Delivery).where(Delivery.state == "pending").values(left))
        old = update(Delivery).where(Delivery.to == "wxid_vip_1", Delivery.kind == Kind.REPLY.value)
        await tx.execute(old.values(sent_ms=ANSWERED_MS - 3 * MINUTE_MS))
        foreign = update(Delivery).where(Delivery.to == "wxid_vip_0", Delivery.source.like("%withdrawn%"))
        id = await tx.scalar(select(Campaign.id).where(Campaign.name == "double-eleven"))
        await tx.execute(foreign.values(source=f"inbox:4:campaign_{id}1_withdrawn"))
    await office.says("/取消 双十一", now_ms=ANSWERED_MS + MINUTE_MS)
    rows = await outbox(office.db)
    asked = {row.key.removeprefix("recall:") for row in rows if row.kind == Kind.RECALL.value}
    assert sorted((row.to, row.kind) for row in rows if str(row.id) in asked and row.kind in ("reply", "reminder")) == [
        ("wxid_vip_0", "reply"), ("wxid_vip_2", "reminder"), ("wxid_vip_2", "reply"),
    ]  # fmt: skip


async def test_a_pause_holds_back_no_answer(office: Office) -> None:
    await office.says("/暂停 双十一", now_ms=ANSWERED_MS + 1000)
    assert {row.state for row in await outbox(office.db, kind=Kind.REPLY.value)} == {"pending"}
    assert all(row.campaign is None for row in await outbox(office.db, kind=Kind.REPLY.value))
