"""Accounts that somebody took over: the process that had them leaves them for certain, and what it wrote down late is
taken up by the new one.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from random import Random

import pytest

from bots.courier import Courier
from bots.errors import StreamBusy
from bots.fleet import Fleet, Member
from bots.gateway import GatewayEvent
from bots.lifecycle import State
from bots.ownership import Owner, make_shards, shard_of
from bots.tenure import Tenure
from rules.kinds import Kind
from storage.engine import Database
from storage.inbox import NewArrival, record
from storage.outbox import Content, NewDelivery, plan
from tests.bots.fleet_world import Heard, NoCampaigns, add_accounts, hand_over_nothing, lane, running
from tests.bots.people import states
from tests.bots.processes import FlakyDatabase, silence
from tests.bots.scripted_gateway import ScriptedGateway
from tests.virtual_time import VirtualClock

postgresql_only = pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)


class OneStream(ScriptedGateway):
    """One gateway as two processes reach it: its event stream goes to one of them at a time."""

    def __init__(self, line: "OneStream | None" = None) -> None:
        super().__init__("wxid_a")
        self.line: set[OneStream] = set() if line is None else line.line

    async def events(self) -> AsyncIterator[GatewayEvent]:
        if self.line:
            raise StreamBusy("somebody else reads it")
        self.line.add(self)
        try:
            async for event in super().events():
                yield event
        finally:
            self.line.discard(self)


@dataclass
class Shop:
    """One of two processes over account `a`."""

    fleet: Fleet
    tenure: Tenure
    db: FlakyDatabase
    gateway: OneStream
    clock: VirtualClock

    async def take(self) -> None:
        await self.tenure.take(self.db, [shard_of("a")], now_ms=self.clock.now_ms())
        await self.fleet.take([Member(lane("a"), lambda: self.gateway)])

    async def beat(self) -> None:
        async with self.tenure.heartbeat(self.db):
            """It lives."""

    @property
    def online(self) -> bool:
        return self.fleet.states().get("a") is State.ONLINE


@asynccontextmanager
async def _open(name: str, db: Database, clock: VirtualClock, gateway: OneStream) -> AsyncIterator[Shop]:
    flaky = FlakyDatabase(db)
    tenure = Tenure(Owner(name, "here", 1, "0"), alive_ms=clock.now_ms, wall_ms=clock.now_ms)
    courier = Courier(
        flaky, clock, wording=NoCampaigns(), hand_over=hand_over_nothing, random=Random(1), ownership=tenure,
        on_lost=lambda accounts: fleet.hear_lost(accounts),
    )  # fmt: skip
    fleet = Fleet(flaky, clock, [], courier=courier, handle=Heard(), random=Random(1))
    shop = Shop(fleet, tenure, flaky, gateway, clock)
    await shop.beat()
    run = asyncio.create_task(fleet.run(), name=f"fleet {name}")
    yield shop
    flaky.flaw = ""
    fleet.stop()
    await _until(clock, run.done)  # after trouble with the database it rests a little
    await run


@asynccontextmanager
async def two_shops(db: Database, clock: VirtualClock) -> AsyncIterator[tuple[Shop, Shop]]:
    """The old one has the account and its stream."""
    await add_accounts(db, "a")
    async with db.write() as tx:
        await make_shards(tx)
    first = OneStream()
    async with AsyncExitStack() as stack:
        old = await stack.enter_async_context(_open("old", db, clock, first))
        new = await stack.enter_async_context(_open("new", db, clock, OneStream(first)))
        await old.take()
        await _until(clock, lambda: old.online)
        yield old, new


async def _until(clock: VirtualClock, there: Callable[[], bool], *, also: Callable[[], None] = lambda: None) -> None:
    async with asyncio.timeout(10):
        while not there():
            also()
            await clock.advance(0.25)
            await asyncio.sleep(0.002)


async def _taken_over(old: Shop, new: Shop) -> None:
    await silence(new.db, "old")
    await new.beat()
    await new.take()


@postgresql_only
async def test_who_lost_an_account_lets_go_of_its_stream_so_that_the_new_owner_hears_and_sends(
    database: Database, clock: VirtualClock
) -> None:
    async with two_shops(database, clock) as (old, new):
        await _taken_over(old, new)
        await _until(clock, lambda: new.online)
        assert old.fleet.states() == {} and not old.gateway.attached
        row = NewDelivery(Kind.REPLY, "a", "wxid_c", Content(text="好"), "one", clock.now_ms())
        async with database.write() as tx:
            await plan(tx, [row], now_ms=clock.now_ms())
        await _until(clock, lambda: bool(new.gateway.sent))
        assert old.gateway.sent == []


@postgresql_only
async def test_a_database_that_fails_meanwhile_only_delays_the_leaving(database: Database, clock: VirtualClock) -> None:
    async with two_shops(database, clock) as (old, new):
        await _taken_over(old, new)
        failures = 0

        def break_again() -> None:
            nonlocal failures
            if failures < 20:
                failures += 1
                old.db.flaw = "before"

        await _until(clock, lambda: new.online, also=break_again)
        assert old.fleet.states() == {}


@postgresql_only
async def test_an_account_that_comes_back_begins_anew(database: Database, clock: VirtualClock) -> None:
    """Lost and taken again before it was left: its old runner ends, a new one reads the stream and may write."""
    async with two_shops(database, clock) as (old, new):
        before = old.gateway
        await _taken_over(old, new)
        await _until(clock, lambda: not old.tenure.shards)  # it has heard of it
        await new.fleet.release(["a"])
        await new.tenure.release(new.db, [shard_of("a")])
        old.gateway = OneStream(before)
        await old.beat()
        await old.take()
        await _until(clock, lambda: old.online)
        assert (before.attached, old.gateway.attached) == (False, True)
        row = NewDelivery(Kind.REPLY, "a", "wxid_c", Content(text="好"), "one", clock.now_ms())
        async with database.write() as tx:
            await plan(tx, [row], now_ms=clock.now_ms())
        await _until(clock, lambda: bool(old.gateway.sent))
    assert await states(database) == {"one": ("accepted", None)}


def _written_late(number: int, clock: VirtualClock) -> NewArrival:
    return NewArrival("a", f"message:m{number}", "message", clock.now_ms())


@postgresql_only
async def test_what_an_earlier_owner_wrote_down_late_is_fetched_and_handled_once(
    database: Database, clock: VirtualClock
) -> None:
    """A process that was frozen with events in its memory wakes, and writes them after its accounts were taken up."""
    await add_accounts(database, "a", "elsewhere")
    gateway = ScriptedGateway("wxid_a")
    async with running(database, clock, {"a": gateway}) as world:
        await world.reaches(State.ONLINE)
        for number in range(3):
            gateway.say(f"m{number}", "wxid_c", f"第{number}句")
        await world.until(lambda: len(world.heard.arrivals) == 3)
        gateway.messages["m3"] = gateway.messages["m0"]
        async with database.write() as tx:
            not_ours = NewArrival("elsewhere", "message:x", "message", clock.now_ms())
            await record(tx, [_written_late(number, clock) for number in range(4)] + [not_ours])
        await world.until(lambda: len(world.heard.arrivals) == 4, step_s=1)
        await clock.advance(60)
    assert {row.event: row.state for row in await world.arrivals()} == {
        **{f"message:m{number}": "handled" for number in range(4)}, "message:x": "received",
    }  # fmt: skip
    assert len(world.heard.arrivals) == 4


@postgresql_only
async def test_one_account_that_is_offline_keeps_no_leftovers_of_another_from_being_seen(
    database: Database, clock: VirtualClock
) -> None:
    """The offline one has events in memory that can't be fetched for hours."""
    await add_accounts(database, "a", "b")
    gateways = {"a": ScriptedGateway("wxid_a"), "b": ScriptedGateway("")}
    async with database.write() as tx:
        await record(tx, [NewArrival("b", "message:old", "message", clock.now_ms())])
    async with running(database, clock, gateways) as world:
        await world.reaches(State.ONLINE)
        gateways["a"].say("m0", "wxid_c", "在吗")
        await world.until(lambda: len(world.heard.arrivals) == 1)
        gateways["a"].messages["m1"] = gateways["a"].messages["m0"]
        async with database.write() as tx:
            await record(tx, [_written_late(1, clock)])
        await world.until(lambda: len(world.heard.arrivals) == 2, step_s=1)
