"""The courier sends exactly what was meant: once, from the right account, through every gate."""

import asyncio
from random import Random

import pytest
from sqlalchemy import Connection, Engine, event, insert, select, update

from bots.courier import Courier
from bots.errors import GatewayUnavailable, NotAFriend, OutcomeUnknown, Refused
from bots.lane import LaneConfig
from rules.gates import WEEK_MS
from rules.kinds import Kind
from rules.limits import Limits
from rules.roles import Role
from scheduler.pushes.push_file import PushFile
from scheduler.pushes.pushes import preview
from storage import claiming
from storage.campaign_tables import Campaign
from storage.engine import Database
from storage.outbox import Claimed, Content, NewDelivery
from storage.tables import Delivery, Friendship, Person, Setting
from tests.bots.people import (
    DAY_MS,
    PlainWording,
    RecordingSender,
    add_account,
    add_campaign,
    befriend,
    lane,
    let_sends_finish,
    nobody_posts,
    planned,
    push,
    reply,
    states,
    taken_over,
)
from tests.virtual_time import VirtualClock, until


class Desk:
    """A courier with some accounts, driven tick by tick."""

    def __init__(self, db: Database, clock: VirtualClock) -> None:
        self.db = db
        self.clock = clock
        self.senders: dict[str, RecordingSender] = {}
        self.courier = self.new_courier()

    def new_courier(self) -> Courier:
        return Courier(self.db, self.clock, wording=PlainWording(), hand_over=nobody_posts, random=Random(7))

    def add(self, config: LaneConfig, sender: RecordingSender | None = None) -> RecordingSender:
        sender = sender or RecordingSender()
        self.senders[config.account] = sender
        self.courier.add(config, sender)
        return sender

    async def tick(self, times: int = 1) -> None:
        for _ in range(times):
            await self.courier.tick()
            await let_sends_finish()

    async def pass_time(self, seconds: float, *, step_s: float = 0.25) -> None:
        """Let time go by, ticking as the courier would."""
        steps = round(seconds / step_s)
        for _ in range(steps):
            await self.clock.advance(step_s)
            await self.tick()

    @property
    def now_ms(self) -> int:
        return self.clock.now_ms()


@pytest.fixture
def desk(database: Database, clock: VirtualClock) -> Desk:
    return Desk(database, clock)


async def test_a_planned_row_is_sent_once_and_settled(desk: Desk) -> None:
    sender = desk.add(lane("a"))
    await planned(desk.db, [reply("a", "w1", "k", desk.now_ms, text="在的呀")], desk.now_ms)
    await desk.tick(5)
    assert [(row.to, row.text) for row in sender.sent] == [("w1", "在的呀")]
    assert await states(desk.db) == {"k": ("accepted", None)}
    async with desk.db.read() as connection:
        assert (await connection.execute(select(Delivery.gateway_id))).scalar_one() == f"m{sender.sent[0].id}"


async def test_the_intent_is_committed_before_anything_is_sent(desk: Desk) -> None:
    seen: list[str] = []

    async def look(row: Claimed) -> str:
        async with desk.db.read() as connection:
            seen.append((await connection.execute(select(Delivery.state))).scalar_one())
        return ""

    desk.add(lane("a"), RecordingSender(look))
    await planned(desk.db, [reply("a", "w1", "k", desk.now_ms)], desk.now_ms)
    await desk.courier.tick()
    await until(lambda: not desk.courier.in_flight)
    assert seen == ["sending"]


async def test_an_account_never_has_two_rows_under_way(desk: Desk) -> None:
    """Not even when the answer to the first comes while the next claim is being written."""
    answered = asyncio.Event()

    async def wait(row: Claimed) -> str:
        await answered.wait()
        return ""

    desk.add(lane("a", limits=Limits(gap_min_s=0, gap_max_s=0)), RecordingSender(wait))
    await planned(desk.db, [reply("a", "w1", key, desk.now_ms) for key in ("k1", "k2")], desk.now_ms)
    await desk.courier.tick()
    await until(lambda: desk.courier.in_flight == 1)
    await desk.clock.advance(2)

    def answer(_: Connection) -> None:
        answered.set()

    event.listen(Engine, "begin", answer)
    try:
        await desk.courier.tick()
    finally:
        event.remove(Engine, "begin", answer)
    assert sorted(state for state, _ in (await states(desk.db)).values()).count("sending") <= 1


async def test_an_empty_id_is_a_success(desk: Desk) -> None:
    async def no_id(row: Claimed) -> str:
        return ""

    desk.add(lane("a"), RecordingSender(no_id))
    await planned(desk.db, [reply("a", "w1", "k", desk.now_ms)], desk.now_ms)
    await desk.tick(3)
    assert (await states(desk.db))["k"][0] == "accepted"


async def test_an_unknown_outcome_is_in_doubt_and_never_sent_again(desk: Desk) -> None:
    async def vanish(row: Claimed) -> str:
        raise OutcomeUnknown("?")

    sender = desk.add(lane("a"), RecordingSender(vanish))
    await planned(desk.db, [reply("a", "w1", "k", desk.now_ms)], desk.now_ms)
    await desk.pass_time(30)
    assert len(sender.sent) == 1
    assert (await states(desk.db))["k"] == ("in_doubt", "outcome_unknown")


async def test_what_was_not_written_is_tried_again_and_then_given_up(desk: Desk) -> None:
    async def away(row: Claimed) -> str:
        raise GatewayUnavailable("连不上")

    sender = desk.add(lane("a"), RecordingSender(away))
    await planned(desk.db, [reply("a", "w1", "k", desk.now_ms)], desk.now_ms)
    await desk.pass_time(600, step_s=1)
    assert len(sender.sent) == 10
    assert (await states(desk.db))["k"] == ("failed", "连不上")


async def test_a_refusal_fails_the_row_with_nobodys_id_and_gives_the_week_back(desk: Desk) -> None:
    async def no(row: Claimed) -> str:
        raise Refused("网关回绝了：w1 的内容太长，wxid_c0000030")

    desk.add(lane("a"), RecordingSender(no))
    async with desk.db.write() as tx:
        await add_account(tx, "a")
        person = await befriend(tx, "a", "w1", now_ms=desk.now_ms)
        campaign = await add_campaign(tx)
    await planned(desk.db, [push("a", "w1", person, campaign, desk.now_ms)], desk.now_ms)
    await desk.tick(4)
    assert list((await states(desk.db)).values()) == [("failed", "网关回绝了：*** 的内容太长，***")]
    async with desk.db.read() as connection:
        assert (await connection.execute(select(Person.last_push_ms))).scalar_one() is None


async def test_who_deleted_the_account_is_tried_once_and_what_waits_for_them_is_skipped(desk: Desk) -> None:
    async def no(row: Claimed) -> str:
        if row.to == "w1":
            raise NotAFriend("对方开启了朋友验证")
        return "m"

    sender = desk.add(lane("a"), RecordingSender(no))
    async with desk.db.write() as tx:
        await add_account(tx, "a")
        persons = [await befriend(tx, "a", contact, now_ms=desk.now_ms) for contact in ("w1", "w2")]
    rows = [
        reply("a", "w1", "welcome", desk.now_ms),
        reply("a", "w1", "later", desk.now_ms + 60_000),
        reply("a", "w2", "other", desk.now_ms + 60_000),
    ]
    await planned(desk.db, rows, desk.now_ms)
    await desk.pass_time(5)
    await planned(desk.db, [push("a", "w1", persons[0], None, desk.now_ms)], desk.now_ms)
    await desk.pass_time(90, step_s=1)
    found = await states(desk.db)
    assert [row.to for row in sender.sent] == ["w1", "w2"]
    assert found.pop(f"push:None:{persons[0]}") == ("skipped", "not_a_friend")
    assert found == {
        "welcome": ("failed", "deleted_us"), "later": ("skipped", "deleted_us"), "other": ("accepted", None),
    }  # fmt: skip
    again = PushFile.model_validate(
        {"name": "n", "title": "n", "who": {"levels": ["VIP1"]}, "words": {"default": "你好"}}
    )
    async with desk.db.read() as connection:
        seen = await preview(connection, again, desk.now_ms)
        known = await connection.execute(select(Friendship.contact, Friendship.state))
    assert {row.contact: row.state for row in known} == {"w1": "deleted", "w2": "friend"}
    assert (seen.recipients, seen.excluded["no_friendship"]) == (1, 1)


async def test_after_a_crash_what_was_under_way_is_in_doubt_and_the_rest_goes_on(desk: Desk) -> None:
    async def never(row: Claimed) -> str:
        await asyncio.Event().wait()
        return ""

    desk.add(lane("a"), RecordingSender(never))
    await planned(
        desk.db, [reply("a", "w1", "first", desk.now_ms), reply("a", "w2", "second", desk.now_ms)], desk.now_ms
    )
    await desk.tick()
    for task in asyncio.all_tasks():
        if task.get_name().startswith("send:"):
            task.cancel()
    desk.courier = desk.new_courier()  # the process died: nobody settled
    sender = desk.add(lane("a"))
    assert await taken_over(desk.db, desk.now_ms) == 1
    await desk.pass_time(20, step_s=1)
    assert [row.to for row in sender.sent] == ["w2"]
    assert {key: state for key, (state, _) in (await states(desk.db)).items()} == {
        "first": "in_doubt", "second": "accepted",
    }  # fmt: skip


async def test_stopping_waits_for_what_is_under_way(desk: Desk) -> None:
    release = asyncio.Event()

    async def slow(row: Claimed) -> str:
        await release.wait()
        return "late"

    desk.add(lane("a"), RecordingSender(slow))
    await planned(desk.db, [reply("a", "w1", "k", desk.now_ms)], desk.now_ms)
    await desk.tick()
    stopping = asyncio.create_task(desk.courier.stop())
    await let_sends_finish()
    release.set()
    await stopping
    assert (await states(desk.db))["k"][0] == "accepted"


async def test_one_account_has_one_message_under_way(desk: Desk) -> None:
    release = asyncio.Event()

    async def slow(row: Claimed) -> str:
        await release.wait()
        return ""

    sender = desk.add(lane("a"), RecordingSender(slow))
    await planned(desk.db, [reply("a", f"w{n}", f"k{n}", desk.now_ms) for n in range(5)], desk.now_ms)
    await desk.tick(5)
    assert len(sender.sent) == 1
    release.set()
    await desk.tick(12)
    assert len(sender.sent) == 5


async def test_each_row_leaves_from_its_own_account(desk: Desk) -> None:
    names = [f"a{n}" for n in range(20)]
    for name in names:
        desk.add(lane(name))
    await planned(
        desk.db, [reply(name, f"w{n}", f"{name}:{n}", desk.now_ms) for name in names for n in range(7)], desk.now_ms
    )
    await desk.tick(30)
    for name, sender in desk.senders.items():
        assert {row.account for row in sender.sent} == {name}
        assert len(sender.sent) == 7


async def test_a_row_that_was_given_to_another_account_leaves_from_that_one_only(desk: Desk) -> None:
    """The first account has it in its page already when somebody else hands it on."""
    for name in ("a", "b"):
        desk.add(lane(name))
    async with desk.db.write() as tx:
        for name in ("a", "b"):
            await add_account(tx, name)
    await planned(desk.db, [reply("a", f"w{n}", f"k{n}", desk.now_ms) for n in range(3)], desk.now_ms)
    await desk.tick()
    async with desk.db.write() as tx:
        moved = update(Delivery).where(Delivery.account == "a", Delivery.state == "pending")
        await tx.execute(moved.values(account="b"))
    await desk.pass_time(30)
    assert (len(desk.senders["a"].sent), len(desk.senders["b"].sent)) == (1, 2)


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("changed", [{"account": "b"}, {"state": "skipped"}, {"state": "accepted"}])
async def test_a_row_that_is_another_accounts_or_settled_between_look_and_claim_is_not_claimed(
    database: Database, changed: dict[str, str]
) -> None:
    """Handed on, taken back by an opt-out, sent by another process: the claim asks once more."""
    async with database.write() as tx:
        await add_account(tx, "a")
    await planned(database, [reply("a", "w", "k", 0)], 0)
    async with database.write() as tx:
        (row,) = (await claiming.page(tx, ["a"], now_ms=1))["a"]
        assert (await claiming.facts_of(tx, [row]))[row.id].account == "a"
        async with database.write() as other:
            await other.execute(update(Delivery).values(**changed))
        intents = {row.id: claiming.Intent("a", "好")}
        assert await claiming.take_turn(tx, intents, accepted={}, week={}, now_ms=1, epoch=0) == set()
        assert await claiming.claim(tx, intents, "handed", now_ms=1, epoch=0) == set()


async def test_stop_all_binds_at_the_next_claim_whoever_set_it(desk: Desk) -> None:
    sender = desk.add(lane("a"))
    rows = [reply("a", f"w{n}", f"k{n}", desk.now_ms) for n in range(3)]
    await planned(desk.db, rows, desk.now_ms)
    await desk.tick()
    async with desk.db.write() as tx:
        await tx.execute(insert(Setting).values(key="stop_all", value="owner", changed_ms=desk.now_ms))
    await desk.tick(5)
    await planned(desk.db, [reply("a", "boss", "cmd", desk.now_ms, kind=Kind.COMMAND_REPLY)], desk.now_ms)
    await desk.tick(5)
    assert [row.to for row in sender.sent] == ["w0", "boss"]
    async with desk.db.write() as tx:
        await tx.execute(update(Setting).values(value=""))
    await desk.pass_time(12, step_s=1)
    assert [row.to for row in sender.sent] == ["w0", "boss", "w1", "w2"]


async def test_an_opt_out_between_planning_and_sending_is_kept(desk: Desk) -> None:
    sender = desk.add(lane("a"))
    async with desk.db.write() as tx:
        await add_account(tx, "a")
        campaign = await add_campaign(tx)
        people = [await befriend(tx, "a", f"w{n}", now_ms=desk.now_ms) for n in range(4)]
    await planned(desk.db, [push("a", f"w{n}", p, campaign, desk.now_ms) for n, p in enumerate(people)], desk.now_ms)
    await desk.tick()
    async with desk.db.write() as tx:
        await tx.execute(update(Person).where(Person.id.in_(people[1:3])).values(opted_out_ms=desk.now_ms))
    await desk.tick(8)
    assert [row.to for row in sender.sent] == ["w0", "w3"]
    assert list((await states(desk.db)).values()).count(("skipped", "opted_out")) == 2


@pytest.mark.parametrize("overrides", [False, True])
async def test_one_push_a_week_across_accounts_and_campaigns(desk: Desk, overrides: bool) -> None:
    """Not even two that may pass over the week reach one person in one moment."""
    for name in ("a", "b"):
        desk.add(lane(name))
    async with desk.db.write() as tx:
        for name in ("a", "b"):
            await add_account(tx, name)
        first, second = [await add_campaign(tx, overrides_weekly=overrides) for _ in range(2)]
        person = await befriend(tx, "a", "w1", now_ms=desk.now_ms)
        await befriend(tx, "b", "w1", now_ms=desk.now_ms, person=person)
    until_ms = desk.now_ms + DAY_MS
    rows = [
        push("a", "w1", person, first, desk.now_ms, valid_until_ms=until_ms),
        push("b", "w1", person, second, desk.now_ms, valid_until_ms=until_ms),
    ]
    await planned(desk.db, rows, desk.now_ms)
    await desk.tick(6)
    sent = [row for sender in desk.senders.values() for row in sender.sent]
    assert len(sent) == 1
    assert sorted(state for state, _ in (await states(desk.db)).values()) == ["accepted", "skipped"]
    assert ("skipped", "weekly_cap") in (await states(desk.db)).values()


async def test_a_row_that_names_who_was_merged_meanwhile_is_judged_and_counted_as_who_they_are_today(
    desk: Desk,
) -> None:
    for name in ("a", "b", "c"):
        desk.add(lane(name))
    async with desk.db.write() as tx:
        for name in ("a", "b", "c"):
            await add_account(tx, name)
        first, second, third = [await add_campaign(tx) for _ in range(3)]
        kept = await befriend(tx, "a", "w1", now_ms=desk.now_ms)
        gone = await befriend(tx, "b", "w1", now_ms=desk.now_ms)
        refused = await befriend(tx, "c", "w2", now_ms=desk.now_ms, opted_out_ms=desk.now_ms)
        also_gone = await befriend(tx, "c", "w3", now_ms=desk.now_ms)
        await tx.execute(update(Person).where(Person.id == gone).values(merged_into=kept))
        await tx.execute(update(Person).where(Person.id == also_gone).values(merged_into=refused))
    until_ms = desk.now_ms + DAY_MS
    rows = [push("b", "w1", gone, first, desk.now_ms, valid_until_ms=until_ms)]
    await planned(desk.db, rows, desk.now_ms)
    await desk.tick(6)
    async with desk.db.read() as connection:
        assert await connection.scalar(select(Person.last_push_ms).where(Person.id == kept)) is not None
    rows = [
        push("a", "w1", kept, second, desk.now_ms, valid_until_ms=until_ms),
        push("b", "w1", gone, third, desk.now_ms, valid_until_ms=until_ms),
        push("c", "w3", also_gone, second, desk.now_ms, valid_until_ms=until_ms),
    ]
    await planned(desk.db, rows, desk.now_ms)
    await desk.tick(6)
    assert sum(len(sender.sent) for sender in desk.senders.values()) == 1
    assert sorted(states_ for states_ in (await states(desk.db)).values()) == [
        ("accepted", None), ("skipped", "opted_out"), ("skipped", "weekly_cap"), ("skipped", "weekly_cap")
    ]  # fmt: skip


async def test_a_push_with_time_waits_until_the_week_is_over(desk: Desk) -> None:
    sender = desk.add(lane("a"))
    async with desk.db.write() as tx:
        await add_account(tx, "a")
        campaign = await add_campaign(tx)
        person = await befriend(tx, "a", "w1", now_ms=desk.now_ms, last_push_ms=desk.now_ms - WEEK_MS + 3600_000)
    await planned(desk.db, [push("a", "w1", person, campaign, desk.now_ms)], desk.now_ms)
    await desk.pass_time(3599, step_s=59)
    assert sender.sent == []
    assert list((await states(desk.db)).values()) == [("pending", "weekly_cap")]
    await desk.pass_time(120, step_s=30)
    assert len(sender.sent) == 1


async def test_a_row_that_waits_never_blocks_the_others(desk: Desk) -> None:
    """Two hundred pushes wait for a week; a reply and a push behind them leave at once."""
    sender = desk.add(lane("a"))
    async with desk.db.write() as tx:
        await add_account(tx, "a")
        campaign = await add_campaign(tx)
        blocked = [await befriend(tx, "a", f"x{n}", now_ms=desk.now_ms, last_push_ms=desk.now_ms) for n in range(200)]
        free = await befriend(tx, "a", "free", now_ms=desk.now_ms)
    rows = [push("a", f"x{n}", person, campaign, desk.now_ms) for n, person in enumerate(blocked)]
    rows += [push("a", "free", free, campaign, desk.now_ms), reply("a", "w", "r", desk.now_ms)]
    await planned(desk.db, rows, desk.now_ms)
    await desk.tick(10)
    assert [row.to for row in sender.sent] == ["w", "free"]


async def test_a_paused_campaign_stands_in_nobodys_way_and_goes_on(desk: Desk) -> None:
    sender = desk.add(lane("a"))
    async with desk.db.write() as tx:
        await add_account(tx, "a")
        paused, running = await add_campaign(tx, state="paused"), await add_campaign(tx)
        people = [await befriend(tx, "a", f"w{n}", now_ms=desk.now_ms) for n in range(60)]
    rows = [push("a", f"w{n}", p, paused if n < 50 else running, desk.now_ms) for n, p in enumerate(people)]
    await planned(desk.db, rows, desk.now_ms)
    await desk.tick(30)
    assert {row.campaign for row in sender.sent} == {running}
    assert len(sender.sent) == 10
    async with desk.db.write() as tx:
        await tx.execute(update(Campaign).where(Campaign.id == paused).values(state="running"))
    await desk.pass_time(80, step_s=1)
    assert len(sender.sent) == 60


async def test_a_cancelled_campaign_sends_nothing_more(desk: Desk) -> None:
    sender = desk.add(lane("a"))
    async with desk.db.write() as tx:
        await add_account(tx, "a")
        campaign = await add_campaign(tx)
        people = [await befriend(tx, "a", f"w{n}", now_ms=desk.now_ms) for n in range(5)]
    await planned(desk.db, [push("a", f"w{n}", p, campaign, desk.now_ms) for n, p in enumerate(people)], desk.now_ms)
    await desk.tick()
    async with desk.db.write() as tx:
        await tx.execute(update(Campaign).values(state="cancelled"))
    await desk.tick(10)
    assert len(sender.sent) == 1
    assert list((await states(desk.db)).values()).count(("skipped", "cancelled")) == 4


async def test_at_night_pushes_wait_and_replies_do_not(desk: Desk) -> None:
    sender = desk.add(lane("a"))
    await desk.clock.advance(12 * 3600)  # 22:00 in Shanghai
    async with desk.db.write() as tx:
        await add_account(tx, "a")
        campaign = await add_campaign(tx)
        person = await befriend(tx, "a", "w1", now_ms=desk.now_ms)
    await planned(
        desk.db, [push("a", "w1", person, campaign, desk.now_ms), reply("a", "w2", "r", desk.now_ms)], desk.now_ms
    )
    await desk.tick(3)
    assert [row.to for row in sender.sent] == ["w2"]
    await desk.pass_time(10.4 * 3600, step_s=600)
    assert len(sender.sent) == 1
    await desk.pass_time(1200, step_s=600)
    assert [row.to for row in sender.sent] == ["w2", "w1"]


async def test_dry_run_records_what_it_would_have_said_and_sends_nothing(desk: Desk) -> None:
    sender = desk.add(lane("a", live=False))
    async with desk.db.write() as tx:
        await add_account(tx, "a")
        campaign = await add_campaign(tx)
        person = await befriend(tx, "a", "w1", now_ms=desk.now_ms, call_me="花花")
    row = NewDelivery(
        kind=Kind.PUSH, account="a", to="w1", content=Content(template="{call_me}，福利来啦"), key="k",
        due_ms=desk.now_ms, person=person, campaign=campaign,
    )  # fmt: skip
    await planned(desk.db, [row], desk.now_ms)
    await desk.tick(3)
    assert sender.sent == []
    async with desk.db.read() as connection:
        found = (await connection.execute(select(Delivery.state, Delivery.reason, Delivery.text))).one()
        assert tuple(found) == ("skipped", "dry_run", "花花，福利来啦")
        assert (await connection.execute(select(Person.last_push_ms))).scalar_one() is None


async def test_an_acquisition_account_never_pushes(desk: Desk) -> None:
    sender = desk.add(lane("a", role=Role.ACQUISITION))
    async with desk.db.write() as tx:
        await add_account(tx, "a", role="acquisition")
        campaign = await add_campaign(tx)
        person = await befriend(tx, "a", "w1", now_ms=desk.now_ms)
    await planned(desk.db, [push("a", "w1", person, campaign, desk.now_ms)], desk.now_ms)
    await desk.tick(3)
    assert sender.sent == []
    assert list((await states(desk.db)).values()) == [("skipped", "role")]


async def test_the_pace_survives_a_restart(desk: Desk) -> None:
    limits = Limits(messages_per_day=30, replies_kept_per_day=0)
    first = desk.add(lane("a", limits=limits))
    await planned(desk.db, [reply("a", f"w{n}", f"k{n}", desk.now_ms) for n in range(100)], desk.now_ms)
    await desk.pass_time(60, step_s=1)
    before = len(first.sent)
    assert 5 <= before <= 10
    desk.courier = desk.new_courier()
    second = desk.add(lane("a", limits=limits))
    await desk.pass_time(2, step_s=1)
    assert len(second.sent) <= 1
    await desk.pass_time(3600, step_s=5)
    assert before + len(second.sent) == 30


async def test_a_full_minute_still_lets_an_answer_to_a_recent_person_go(desk: Desk) -> None:
    """No slot is wasted: when ten people were written to, an eleventh waits and a recent one is answered."""
    limits = Limits(gap_min_s=0.1, gap_max_s=0.1)
    sender = desk.add(lane("a", limits=limits))
    await planned(desk.db, [reply("a", f"w{n}", f"k{n}", desk.now_ms) for n in range(60)], desk.now_ms)
    await planned(desk.db, [reply("a", "w3", "again", desk.now_ms + 1)], desk.now_ms)
    await desk.pass_time(20, step_s=0.25)
    assert len(sender.sent) == 11
    assert sender.sent[-1].to == "w3"


async def test_a_database_that_fails_in_the_middle_sends_nothing_and_loses_nothing(desk: Desk) -> None:
    sender = desk.add(lane("a"))
    await planned(desk.db, [reply("a", "w1", "k", desk.now_ms)], desk.now_ms)
    write = desk.db.write

    def broken() -> object:
        raise RuntimeError("the disk is gone")

    desk.db.write = broken  # type: ignore[method-assign, assignment]
    with pytest.raises(RuntimeError):
        await desk.courier.tick()
    assert sender.sent == []
    desk.db.write = write  # type: ignore[method-assign]
    await desk.tick(4)
    assert [row.to for row in sender.sent] == ["w1"]


async def test_a_commit_of_unknown_outcome_is_put_back_because_nothing_was_sent(desk: Desk) -> None:
    sender = desk.add(lane("a"))
    await planned(desk.db, [reply("a", "w1", "k", desk.now_ms)], desk.now_ms)
    async with desk.db.write() as tx:  # the claim was committed, but the courier never heard of it
        await tx.execute(update(Delivery).values(state="sending", sent_ms=desk.now_ms))
    desk.courier._doubt_commit = True
    await desk.tick(4)
    assert [row.to for row in sender.sent] == ["w1"]
    assert (await states(desk.db))["k"][0] == "accepted"


async def test_rows_of_another_process_are_found_within_a_second(desk: Desk) -> None:
    sender = desk.add(lane("a"))
    await desk.tick(2)
    other = Database(desk.db._writer, desk.db._readers, desk.db.url)  # has no listeners: as another process
    if desk.db._one_writer is not None:
        other._one_writer = desk.db._one_writer
    await planned(other, [reply("a", "w1", "k", desk.now_ms)], desk.now_ms)
    await desk.pass_time(1.25)
    assert [row.to for row in sender.sent] == ["w1"]


async def test_a_wait_that_the_gates_found_ends_without_another_look(desk: Desk) -> None:
    """Planned five seconds before the night ends: it leaves with the first tick after, not with the next full look."""
    sender = desk.add(lane("a"))
    await desk.clock.advance(22.5 * 3600 - 5)  # 08:29:55 in Shanghai
    await desk.tick(2)
    await planned(desk.db, [reply("a", "w1", "k", desk.now_ms, kind=Kind.STAFF_NOTICE)], desk.now_ms)
    await desk.tick(2)
    assert (await states(desk.db))["k"] == ("pending", "quiet_hours")
    await desk.clock.advance(5)
    await desk.tick()
    assert [row.to for row in sender.sent] == ["w1"]


async def test_stopping_in_the_middle_of_a_tick_sends_and_settles_what_it_claimed(desk: Desk) -> None:
    sender = desk.add(lane("a"))
    await planned(desk.db, [reply("a", "w1", "k", desk.now_ms)], desk.now_ms)
    ticking = asyncio.create_task(desk.courier.tick())
    await asyncio.sleep(0)
    await desk.courier.stop()
    await ticking
    assert len(sender.sent) == 1
    assert (await states(desk.db))["k"][0] == "accepted"
    await planned(desk.db, [reply("a", "w2", "l", desk.now_ms)], desk.now_ms)
    await desk.tick(2)
    assert len(sender.sent) == 1


async def test_stopping_after_a_commit_of_unknown_outcome_leaves_nothing_in_doubt(desk: Desk) -> None:
    desk.add(lane("a"))
    await planned(desk.db, [reply("a", "w1", "k", desk.now_ms)], desk.now_ms)
    async with desk.db.write() as tx:  # the claim was committed, but the courier never heard of it
        await tx.execute(update(Delivery).values(state="sending", sent_ms=desk.now_ms))
    desk.courier._doubt_commit = True
    await desk.courier.stop()
    assert (await states(desk.db))["k"][0] == "pending"


async def test_a_clock_set_back_makes_nobody_wait_for_a_time_that_came_already(desk: Desk) -> None:
    sender = desk.add(lane("a", limits=Limits(messages_per_day=12, replies_kept_per_day=0)))
    await planned(desk.db, [reply("a", f"w{n}", f"k{n}", desk.now_ms) for n in range(5)], desk.now_ms)
    await desk.pass_time(60, step_s=1)
    assert len(sender.sent) == 5
    desk.clock.set_by(-2 * 3_600)
    await planned(desk.db, [reply("a", f"x{n}", f"l{n}", desk.now_ms) for n in range(20)], desk.now_ms)
    await desk.pass_time(300, step_s=1)
    assert len(sender.sent) == 12  # it goes on, and the day's cap still counts what was sent before


async def test_a_clock_set_forward_empties_no_window_and_ends_no_pause(desk: Desk) -> None:
    sender = desk.add(lane("a", limits=Limits(messages_per_day=12, replies_kept_per_day=0)))
    await planned(desk.db, [reply("a", f"w{n}", f"k{n}", desk.now_ms) for n in range(5)], desk.now_ms)
    await desk.pass_time(60, step_s=1)
    assert len(sender.sent) == 5
    desk.clock.set_by(2 * 86_400)
    await planned(desk.db, [reply("a", f"x{n}", f"l{n}", desk.now_ms) for n in range(20)], desk.now_ms)
    await desk.pass_time(300, step_s=1)
    assert len(sender.sent) == 12  # two days later by the clock, five minutes later in truth
    await desk.pass_time(86_400, step_s=600)
    assert len(sender.sent) > 12


async def test_a_courier_that_rests_notices_that_the_clock_was_set_back(desk: Desk) -> None:
    sender = desk.add(lane("a"))
    running = asyncio.create_task(desk.courier.run())
    await desk.clock.advance(5)
    desk.clock.set_by(-2 * 3_600)
    other = Database(desk.db._writer, desk.db._readers, desk.db.url)
    other._one_writer = desk.db._one_writer
    await planned(other, [reply("a", "w1", "k", desk.now_ms)], desk.now_ms)
    desk.courier.wake("a")
    for _ in range(50):
        await desk.clock.advance(0.5)
        await asyncio.sleep(0.005)
        if sender.sent:
            break
    await desk.courier.stop()
    await desk.clock.advance(5)
    await running
    assert [row.to for row in sender.sent] == ["w1"]
