"""While a person has a conversation nothing comes unasked; it comes when they have given it back."""

from random import Random

from sqlalchemy import select

from bots.courier import Courier
from conversations.handover import give_back, take_over
from rules.kinds import Kind
from storage.engine import Database
from storage.outbox import Content, NewDelivery
from storage.tables import Friendship
from tests.bots.people import (
    PlainWording,
    RecordingSender,
    add_account,
    befriend,
    lane,
    let_sends_finish,
    nobody_posts,
    planned,
    reply,
    states,
)
from tests.virtual_time import VirtualClock

HOUR_MS = 3_600_000


async def test_care_waits_for_the_end_of_the_talk_and_goes_when_it_is_given_back(
    database: Database, clock: VirtualClock
) -> None:
    sender = RecordingSender()
    courier = Courier(database, clock, wording=PlainWording(), hand_over=nobody_posts, random=Random(7))
    async with database.write() as tx:
        await add_account(tx, "a")
        person = await befriend(tx, "a", "w1", now_ms=clock.now_ms())
        friendship = (await tx.scalars(select(Friendship.id))).one()
        await take_over(tx, friendship, "mei", clock.now_ms(), idle_ms=8 * HOUR_MS)
    courier.add(lane("a"), sender)
    care = NewDelivery(Kind.CARE, "a", "w1", Content(text="天冷了"), "care", clock.now_ms(), person=person)
    await planned(database, [care, reply("a", "w2", "other", clock.now_ms())], clock.now_ms())

    async def pass_time(seconds: int) -> None:
        for _ in range(seconds):
            await clock.advance(1)
            await courier.tick()
            await let_sends_finish()

    await pass_time(12)
    assert [row.to for row in sender.sent] == ["w2"]
    assert (await states(database))["care"] == ("pending", "held")
    async with database.write() as tx:
        assert await give_back(tx, friendship, "mei", clock.now_ms())
    await pass_time(12)
    assert [row.to for row in sender.sent] == ["w2", "w1"]
