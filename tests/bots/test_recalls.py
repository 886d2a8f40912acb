"""What left of a push within two minutes of its cancelling is asked back, once each, and what came of it is known."""

from typing import Any

import pytest
from sqlalchemy import insert, select, update

from bots.errors import GatewayUnavailable, OutcomeUnknown, Refused
from bots.gateway import Message, MessageKind
from conversations.phone import own_message
from rules.kinds import Kind
from scheduler.campaigns.steering import Cancelled, cancel
from scheduler.push_events import CampaignEvent
from scheduler.pushes.recalls import RECALL_MS, Recall, Recalls, outcome_of
from storage.campaign_tables import Campaign
from storage.engine import Database
from storage.outbox import Claimed
from storage.tables import Delivery, Friendship, Setting
from tests.bots.people import (
    RecordingSender,
    add_account,
    add_campaign,
    befriend,
    lane,
    planned,
    push,
    states,
    taken_over,
)
from tests.bots.test_courier import Desk
from tests.virtual_time import VirtualClock

FRIENDS = 4


class Shop(Desk):
    """A courier, a push that is running, and what staff heard of it."""

    def __init__(self, db: Database, clock: VirtualClock) -> None:
        super().__init__(db, clock)
        self.heard: list[CampaignEvent] = []
        self.recalls = Recalls(self._hear)
        self.campaign = 0

    async def _hear(self, tx: Any, event: CampaignEvent, now_ms: int) -> None:
        self.heard.append(event)

    async def open(self) -> None:
        async with self.db.write() as tx:
            await add_account(tx, "a")
            self.campaign = await add_campaign(tx, now_ms=self.now_ms)
            people = {f"w{n}": await befriend(tx, "a", f"w{n}", now_ms=self.now_ms) for n in range(FRIENDS)}
        rows = [push("a", to, person, self.campaign, self.now_ms) for to, person in people.items()]
        await planned(self.db, rows, self.now_ms)

    async def cancel(self) -> Cancelled:
        async with self.db.write() as tx:
            return await cancel(tx, self.campaign, self.now_ms)

    async def look(self) -> None:
        """The planner's part."""
        async with self.db.write() as tx:
            if await self.recalls.due(tx, self.now_ms):
                await self.recalls.act(tx, self.now_ms)

    async def outcome(self) -> dict[str, int]:
        async with self.db.read() as connection:
            return (await outcome_of(connection, self.campaign)).as_json()


@pytest.fixture
async def shop(database: Database, clock: VirtualClock) -> Shop:
    shop = Shop(database, clock)
    await shop.open()
    return shop


def recalled(sender: RecordingSender) -> list[str | None]:
    return [row.content.recall for row in sender.sent if row.kind is Kind.RECALL]


def messages(sender: RecordingSender) -> list[Claimed]:
    return [row for row in sender.sent if row.kind is not Kind.RECALL]


async def test_what_left_is_taken_back_once_each_at_a_pace_and_told(shop: Shop) -> None:
    sender = shop.add(lane("a"))
    await shop.pass_time(3)
    assert await shop.cancel() == Cancelled(0, Recall(FRIENDS, FRIENDS))
    await shop.pass_time(0.5)
    assert len(recalled(sender)) == 1  # paced: the next one no earlier than a second later
    for _ in range(40):
        await shop.look()
        await shop.pass_time(4)
    assert recalled(sender) == [f"m{row.id}" for row in messages(sender)]
    assert await shop.outcome() == {"recalled": FRIENDS, "too_late": 0, "unknown": 0, "waiting": 0}
    assert [(event.what, event.values["recalled"]) for event in shop.heard] == [("recalled", FRIENDS)]


async def test_what_is_older_or_has_no_id_stays_and_is_counted(shop: Shop) -> None:
    async def nameless(row: Claimed) -> str:
        return "" if row.to == "w1" else f"m{row.id}"

    sender = shop.add(lane("a"), RecordingSender(nameless))
    await shop.pass_time(3)
    async with shop.db.write() as tx:
        old = update(Delivery).where(Delivery.to == "w0")
        await tx.execute(old.values(sent_ms=shop.now_ms - RECALL_MS))
        await tx.execute(update(Campaign).values(starts_ms=shop.now_ms - RECALL_MS))
    cancelled = await shop.cancel()
    assert (cancelled.recall.sent, cancelled.recall.trying, cancelled.recall.stays) == (FRIENDS, 2, 2)
    await shop.pass_time(10)
    assert sorted({row.to for row in sender.sent if row.kind is Kind.RECALL}) == ["w2", "w3"]


async def test_an_echo_gives_the_id_that_the_gateway_did_not(shop: Shop) -> None:
    async def nameless(row: Claimed) -> str:
        return ""

    sender = shop.add(lane("a"), RecordingSender(nameless))
    await shop.pass_time(3)
    async with shop.db.write() as tx:
        await tx.execute(update(Delivery).where(Delivery.to == "w2").values(echo="from-the-event"))
    assert (await shop.cancel()).recall == Recall(FRIENDS, 1)
    await shop.pass_time(3)
    assert recalled(sender) == ["from-the-event"]


async def test_a_no_an_unknown_and_an_account_that_is_away_are_told_apart_and_nothing_is_tried_twice(
    shop: Shop,
) -> None:
    async def act(row: Claimed) -> str:
        if row.kind is Kind.RECALL and row.to == "w0":
            raise Refused("too late")
        if row.kind is Kind.RECALL and row.to == "w1":
            raise OutcomeUnknown("?")
        if row.kind is Kind.RECALL and row.to == "w2":
            raise GatewayUnavailable("away")
        return f"m{row.id}"

    sender = shop.add(lane("a"), RecordingSender(act))
    await shop.pass_time(3)
    await shop.cancel()
    for _ in range(50):
        await shop.look()
        await shop.pass_time(3)
    tried = [row.to for row in sender.sent if row.kind is Kind.RECALL]
    assert [tried.count(to) for to in ("w0", "w1", "w3")] == [1, 1, 1]
    assert await shop.outcome() == {"recalled": 1, "too_late": 2, "unknown": 1, "waiting": 0}
    assert len(shop.heard) == 1


async def test_a_crash_during_a_recall_leaves_it_in_doubt_and_a_new_owner_does_not_repeat_it(shop: Shop) -> None:
    sender = shop.add(lane("a"))
    await shop.pass_time(3)
    await shop.cancel()
    async with shop.db.write() as tx:
        await tx.execute(
            update(Delivery).where(Delivery.kind == "recall", Delivery.to == "w0")
            .values(state="sending", sent_ms=shop.now_ms)
        )  # fmt: skip
    assert await taken_over(shop.db, shop.now_ms) == 1
    for _ in range(40):
        await shop.look()
        await shop.pass_time(4)
    assert len(recalled(sender)) == FRIENDS - 1
    assert (await shop.outcome())["unknown"] == 1


async def test_what_was_under_way_when_it_was_cancelled_is_asked_back_as_soon_as_it_is_out(shop: Shop) -> None:
    sender = shop.add(lane("a"))
    await shop.pass_time(3)
    async with shop.db.write() as tx:
        last = update(Delivery).where(Delivery.to == "w3").returning(Delivery.id)
        id = (await tx.execute(last.values(state="sending", gateway_id=None, settled_ms=None))).scalar_one()
    assert (await shop.cancel()).recall == Recall(FRIENDS, FRIENDS - 1)
    async with shop.db.write() as tx:
        await tx.execute(update(Delivery).where(Delivery.id == id).values(state="accepted", gateway_id="late"))
    await shop.look()
    await shop.look()
    await shop.pass_time(15)
    assert sorted(map(str, recalled(sender))).count("late") == 1


async def test_it_goes_during_a_full_stop_which_is_when_it_is_wanted_most(shop: Shop) -> None:
    sender = shop.add(lane("a"))
    await shop.pass_time(3)
    async with shop.db.write() as tx:
        await tx.execute(insert(Setting).values(key="stop_all", value="owner 1", changed_ms=1))
    await shop.cancel()
    await shop.pass_time(15)
    assert len(recalled(sender)) == FRIENDS


async def test_a_recall_counts_as_no_message_of_the_day(shop: Shop) -> None:
    shop.add(lane("a"))
    await shop.pass_time(3)
    await shop.cancel()
    await shop.pass_time(15)
    assert shop.courier._lanes["a"].pace.messages.count(shop.now_ms) == FRIENDS
    found = await states(shop.db)
    assert [state for key, (state, _) in found.items() if key.startswith("recall:")] == ["accepted"] * FRIENDS


async def test_wechats_own_line_about_a_recall_is_nobody_typing_on_the_phone(shop: Shop) -> None:
    line = Message("m9", MessageKind.RECALLED, "m1", "self-a", "w0", "", shop.now_ms)
    async with shop.db.write() as tx:
        assert await own_message(tx, "a", line, received_ms=shop.now_ms, now_ms=shop.now_ms) == "own"
        assert (await tx.scalars(select(Friendship.held_by).where(Friendship.contact == "w0"))).all() == [None]
