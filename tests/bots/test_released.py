"""What a person released from doubt: judged by every gate again, sent once more at most, never held for ever."""

import pytest
from sqlalchemy import select, update

from bots.courier import Courier
from bots.errors import OutcomeUnknown
from storage.campaign_tables import Campaign
from storage.doubts import Ending, doubts, end_doubt
from storage.engine import Database
from storage.outbox import Claimed
from storage.settling import EchoMatch, match_echo
from storage.tables import Delivery, Friendship, Person
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


class Doubtful(Desk):
    """A courier whose first send is never answered: the row is in doubt."""

    async def doubt(self) -> int:
        answered = False

        async def vanish_once(row: Claimed) -> str:
            nonlocal answered
            if not answered:
                answered = True
                raise OutcomeUnknown("?")
            return "m"

        self.sender = self.add(lane("a"), RecordingSender(vanish_once))
        async with self.db.write() as tx:
            await add_account(tx, "a")
            self.person = await befriend(tx, "a", "w1", now_ms=self.now_ms)
            self.campaign = await add_campaign(tx, now_ms=self.now_ms)
        await planned(self.db, [push("a", "w1", self.person, self.campaign, self.now_ms)], self.now_ms)
        await self.tick(3)
        ((state, _),) = (await states(self.db)).values()
        assert state == "in_doubt"
        async with self.db.read() as connection:
            return int(await connection.scalar(select(Delivery.id)) or 0)

    async def release(self, id: int, *, shown_ms: int | None = None) -> list[int]:
        async with self.db.write() as tx:
            at_ms = self.now_ms if shown_ms is None else shown_ms
            return await end_doubt(tx, [id], Ending.RELEASE, shown_ms=at_ms, now_ms=self.now_ms)

    async def state(self) -> tuple[str, str | None]:
        (only,) = (await states(self.db)).values()
        return only


@pytest.fixture
def desk(database: Database, clock: VirtualClock) -> Doubtful:
    return Doubtful(database, clock)


async def test_a_released_push_goes_in_its_own_week_though_its_campaign_is_finished(desk: Doubtful) -> None:
    id = await desk.doubt()
    async with desk.db.write() as tx:
        await tx.execute(update(Campaign).values(state="finished"))
    assert await desk.release(id) == [id]
    await desk.pass_time(12, step_s=1)
    assert [row.id for row in desk.sender.sent] == [id, id]
    assert (await desk.state())[0] == "accepted"


async def test_another_push_to_the_same_person_still_binds_a_released_one(desk: Doubtful) -> None:
    id = await desk.doubt()
    async with desk.db.write() as tx:
        await tx.execute(update(Person).values(last_push_ms=desk.now_ms, last_push_id=id + 1))
    await desk.release(id)
    await desk.pass_time(12, step_s=1)
    assert len(desk.sender.sent) == 1
    assert await desk.state() == ("pending", "weekly_cap")


async def test_a_released_push_keeps_the_week_from_others(desk: Doubtful) -> None:
    """It may have arrived: until it is known, no other push goes to that person."""
    id = await desk.doubt()
    async with desk.db.write() as tx:
        await tx.execute(update(Campaign).values(state="paused"))
        other = await add_campaign(tx, now_ms=desk.now_ms)
    await desk.release(id)
    await planned(desk.db, [push("a", "w1", desk.person, other, desk.now_ms)], desk.now_ms)
    await desk.pass_time(12, step_s=1)
    assert len(desk.sender.sent) == 1


async def test_who_opted_out_meanwhile_gets_no_released_push(desk: Doubtful) -> None:
    id = await desk.doubt()
    await desk.release(id)
    async with desk.db.write() as tx:
        await tx.execute(update(Person).values(opted_out_ms=desk.now_ms))
    await desk.pass_time(12, step_s=1)
    assert len(desk.sender.sent) == 1
    assert await desk.state() == ("skipped", "opted_out")


async def _echo(desk: Doubtful, echo: str = "e1") -> EchoMatch:
    async with desk.db.write() as tx:
        return await match_echo(
            tx, account="a", to="w1", kind="text", words="给w1的福利", message_id=echo, at_ms=desk.now_ms
        )


async def test_a_receipt_before_the_word_of_a_person_wins(desk: Doubtful) -> None:
    id = await desk.doubt()
    shown_ms = desk.now_ms
    assert await _echo(desk) is EchoMatch.MATCHED
    assert await desk.release(id, shown_ms=shown_ms) == []
    assert (await desk.state())[0] == "accepted"


async def test_a_receipt_after_the_release_stops_the_second_send(desk: Doubtful) -> None:
    id = await desk.doubt()
    await desk.release(id)
    assert await _echo(desk) is EchoMatch.MATCHED
    await desk.pass_time(12, step_s=1)
    assert len(desk.sender.sent) == 1
    assert await desk.state() == ("accepted", None)


async def test_what_fell_into_doubt_after_it_was_shown_is_not_meant(desk: Doubtful) -> None:
    id = await desk.doubt()
    assert await desk.release(id, shown_ms=desk.now_ms - 60_000) == []


@pytest.mark.parametrize("why", ["expired", "cancelled", "opted_out", "not_a_friend"])
async def test_what_could_not_be_sent_any_more_says_why(desk: Doubtful, why: str) -> None:
    await desk.doubt()
    change = {
        "expired": update(Delivery).values(valid_until_ms=desk.now_ms),
        "cancelled": update(Campaign).values(state="cancelled"),
        "opted_out": update(Person).values(opted_out_ms=1),
        "not_a_friend": update(Friendship).values(state="gone"),
    }[why]
    async with desk.db.write() as tx:
        await tx.execute(change)
        assert [row.blocked for row in await doubts(tx, desk.now_ms)] == [why]


async def test_a_restart_leaves_a_released_row_released(desk: Doubtful) -> None:
    """The next owner sends it, once."""
    id = await desk.doubt()
    await desk.release(id)
    later: Courier = desk.new_courier()
    later.add(lane("a"), desk.sender)
    assert await taken_over(desk.db, desk.now_ms) == 0
    desk.courier = later
    await desk.pass_time(12, step_s=1)
    assert [row.id for row in desk.sender.sent] == [id, id]
