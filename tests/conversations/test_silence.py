"""While a person has a conversation nothing comes unasked; it comes when they have given it back."""

from random import Random

from sqlalchemy import select, update

from bots.courier import Courier
from conversations.handover import HELD, give_back, take_over
from rules.kinds import Kind
from storage.engine import Database
from storage.outbox import Content, NewDelivery
from storage.tables import Delivery, Friendship
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


async def test_giving_back_hurries_only_what_waited_for_the_end_of_that_talk(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    """Not what is planned for another day, nor what waits for a talk at another account; what was unsaid stays so."""
    now_ms = clock.now_ms()
    async with sqlite_database.write() as tx:
        for account in ("a", "b"):
            await add_account(tx, account)
        person = await befriend(tx, "a", "w1", now_ms=now_ms)
        await befriend(tx, "b", "w1", now_ms=now_ms, person=person)
    rows = [("care", "a", "pending", HELD), ("planned", "a", "pending", None), ("elsewhere", "b", "pending", HELD),
            ("unsaid", "a", "skipped", HELD)]  # fmt: skip
    due_ms = now_ms + 8 * HOUR_MS
    waiting = [
        NewDelivery(Kind.CARE, account, "w1", Content(text="在"), key, due_ms, person=person)
        for key, account, _, _ in rows
    ]
    await planned(sqlite_database, waiting, now_ms)
    async with sqlite_database.write() as tx:
        for key, _, state, reason in rows:
            await tx.execute(update(Delivery).where(Delivery.key == key).values(state=state, reason=reason))
        (friendship,) = (await tx.scalars(select(Friendship.id).where(Friendship.account == "a"))).all()
        await take_over(tx, friendship, "mei", now_ms)
        assert await give_back(tx, friendship, "mei", now_ms)
        found = await tx.execute(select(Delivery.key, Delivery.due_ms, Delivery.reason))
    assert {key: (at_ms, reason) for key, at_ms, reason in found} == {
        "care": (now_ms, None), "planned": (due_ms, None), "elsewhere": (due_ms, HELD), "unsaid": (due_ms, HELD),
    }  # fmt: skip
