"""Accounts change hands: nothing is sent twice, nothing by who was silent, and only good news from who lost them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest
from sqlalchemy import event, text, update
from sqlalchemy.util import await_only

from bots.errors import GatewayUnavailable
from bots.ownership import ALL_SHARDS, hold_off_take_over, shard_of
from storage.engine import EVERYBODY, Database, open_database
from storage.errors import DatabaseUnavailable
from storage.notify import Listener
from storage.outbox import Claimed
from storage.tables import Delivery, Person
from tests.bots.people import RecordingSender, add_account, befriend, lane, planned, push, reply, states
from tests.bots.processes import Process, silence
from tests.virtual_time import VirtualClock, until

ACCOUNTS = ("a", "b")
sqlite_only = pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)  # where that is not the point
postgresql_only = pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)


class Pair:
    """Two processes over two accounts, and everything that either was given to send."""

    def __init__(self, db: Database, clock: VirtualClock) -> None:
        self.db = db
        self.clock = clock
        self.road = RecordingSender()
        self.old, self.new = (
            Process(name, db, clock, [lane(account) for account in ACCOUNTS], lambda _process, _account: self.road,
                    Random(1))
            for name in ("old", "new")
        )  # fmt: skip

    async def begin(self) -> None:
        await self.old.begin()
        await self.new.begin()
        await self.old.take()

    async def plan(self, account: str, key: str) -> None:
        await planned(self.db, [reply(account, f"w-{key}", key, self.clock.now_ms())], self.clock.now_ms())

    async def take_over(self) -> int:
        """The old process is silent for the new one, and does not know."""
        await silence(self.db, self.old.name)
        return await self.new.take()

    @property
    def keys(self) -> list[str | None]:
        return [row.text for row in self.road.sent]


@pytest.fixture
async def pair(database: Database, clock: VirtualClock) -> Pair:
    pair = Pair(database, clock)
    await pair.begin()
    return pair


@sqlite_only
async def test_a_process_that_was_frozen_sends_nothing_of_what_it_claimed_and_puts_it_back(pair: Pair) -> None:
    await pair.plan("a", "one")
    await pair.old.courier.tick()  # committed; the send itself has not begun
    pair.clock._now_ms += 18_000  # frozen: nobody wakes, but time goes by
    await pair.old.tick()
    assert pair.keys == []
    await pair.old.tick()
    assert await states(pair.db) == {"one": ("pending", None)}, "it still owns the account, and trusts itself no more"
    await pair.old.beat()
    await pair.old.tick()
    assert pair.keys == ["one"]


async def test_what_a_frozen_process_claimed_is_in_doubt_for_its_successor_and_never_sent(pair: Pair) -> None:
    await pair.plan("a", "one")
    await pair.old.courier.tick()
    pair.clock._now_ms += 30_000
    assert await pair.take_over() == 1
    await pair.new.beat()
    for process in (pair.old, pair.new, pair.old):
        await process.tick()
    assert (pair.keys, await states(pair.db)) == ([], {"one": ("in_doubt", "owner_died")})


async def test_an_old_owner_brings_good_news_and_no_bad(pair: Pair) -> None:
    answers: dict[str, asyncio.Future[str]] = {}

    async def wait(row: Claimed) -> str:
        answer = answers[row.account] = asyncio.get_running_loop().create_future()
        return await answer

    pair.road.act = wait
    await pair.plan("a", "good")
    await pair.plan("b", "bad")
    await pair.old.tick()
    assert await pair.take_over() == 2
    pair.road.act = None
    async with pair.db.write() as tx:  # a person saw on the phone that it did not arrive
        await tx.execute(update(Delivery).where(Delivery.key == "bad").values(state="pending", reason=None))
    pair.new.courier.wake("b")
    await pair.new.courier.tick()
    answers["a"].set_result("m1")
    answers["b"].set_exception(GatewayUnavailable("away"))
    await pair.old.tick()
    await pair.old.tick()
    assert (await states(pair.db))["good"] == ("accepted", None)
    assert (await states(pair.db))["bad"] == ("sending", None), "the new owner is sending it"
    await pair.new.tick()
    await pair.new.tick()
    assert (await states(pair.db))["bad"] == ("accepted", None)
    assert pair.keys == ["good", "bad", "bad"]


@sqlite_only
async def test_who_lost_one_account_goes_on_with_the_other(pair: Pair) -> None:
    lost: list[frozenset[int]] = []
    pair.old.tenure.on_lost = lost.append
    await silence(pair.db, "old")
    await pair.new.take([shard_of("a")])
    await pair.plan("a", "for new")
    await pair.plan("b", "for old")
    for process in (pair.old, pair.new):
        await process.tick()
    assert sorted(filter(None, pair.keys)) == ["for new", "for old"]
    assert lost == [frozenset({shard_of("a")})]
    assert pair.old.tenure.shards == frozenset(ALL_SHARDS) - {shard_of("a")}


@sqlite_only
async def test_what_is_alive_is_not_taken(pair: Pair) -> None:
    assert (await pair.new.take(), pair.new.tenure.shards) == (0, frozenset())


@sqlite_only
async def test_a_release_under_load_loses_nothing_and_doubts_nothing(pair: Pair) -> None:
    let_go = asyncio.Event()

    async def slow(row: Claimed) -> str:
        await let_go.wait()
        return "m"

    pair.road.act = slow
    for number in range(6):
        await pair.plan(ACCOUNTS[number % 2], str(number))
    await pair.old.tick()
    releasing = asyncio.create_task(pair.old.release("a"), name="release")
    await asyncio.sleep(0.02)
    let_go.set()
    await releasing
    assert await pair.new.take([shard_of("a")]) == 0
    for _ in range(5):
        await pair.old.tick()
        await pair.new.tick()
    assert sorted(filter(None, pair.keys)) == [str(number) for number in range(6)]
    assert set((await states(pair.db)).values()) == {("accepted", None)}


@postgresql_only
async def test_a_take_over_between_any_two_statements_of_a_claim(pair: Pair) -> None:
    """Before the claim, or after it and then what was claimed is in doubt: never twice, never forgotten."""
    async with pair.db.write() as tx:
        for account in ACCOUNTS:
            await add_account(tx, account)
        people = [
            await befriend(tx, account, f"w{n}", now_ms=pair.clock.now_ms()) for n, account in enumerate(ACCOUNTS)
        ]
    steps = {"left": 0}
    taking: list[asyncio.Task[int]] = []

    def before(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if (task := asyncio.current_task()) is not None and task.get_name() == "tick":
            steps["left"] -= 1
            if steps["left"] == 0:
                taking.append(asyncio.create_task(pair.take_over(), name="take over"))
                await_only(asyncio.wait({taking[0]}, timeout=0.02))

    engine = pair.db._writer.sync_engine
    event.listen(engine, "before_cursor_execute", before)
    number = outcomes = 0
    while not number or taking:
        number += 1
        taking.clear()
        steps["left"] = number
        now_ms = pair.clock.now_ms()
        rows = [push(a, f"w{n}", people[n], None, now_ms) for n, a in enumerate(ACCOUNTS)]
        async with pair.db.write() as tx:
            await tx.execute(text("DELETE FROM outbox"))
            await tx.execute(update(Person).values(last_push_ms=None, last_push_id=None))
        pair.road.sent.clear()
        await planned(pair.db, rows, now_ms)
        await asyncio.create_task(pair.old.tick(), name="tick")
        await asyncio.gather(*taking)
        for process in (pair.new, pair.old, pair.new):
            await process.tick()
        found = {state for state, _ in (await states(pair.db)).values()}
        sent = [row.id for row in pair.road.sent]
        assert len(sent) == len(set(sent)), (number, sent)
        assert found <= {"accepted", "in_doubt"}, (number, found)
        outcomes += "in_doubt" in found
        if taking:  # and back again
            pair.old, pair.new = pair.new, pair.old
            for process in (pair.old, pair.new):
                process._beaten_ms = 0
                await process.beat()
    event.remove(engine, "before_cursor_execute", before)
    assert number > 5
    assert outcomes == 0, "what was sent in time is good news"


@asynccontextmanager
async def _opened(url: str, dead_after_ms: int) -> AsyncIterator[Database]:
    db = open_database(url, dead_after_ms=dead_after_ms)
    yield db
    await db.close()


@postgresql_only
async def test_a_transaction_that_is_frozen_holds_up_no_take_over(pair: Pair, migrated_url: str) -> None:
    async with _opened(migrated_url, 1_000) as impatient:
        pair.old.db.__dict__.update(impatient.__dict__)
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailable):
            async with pair.old.db.write() as tx:
                await hold_off_take_over(tx, "old")  # as a claim begins; and then the process is frozen
                await tx.execute(update(Delivery).values(state="sending"))
                await pair.take_over()
                assert time.monotonic() - began < 2
                await tx.execute(text("SELECT 1"))
    assert pair.new.tenure.shards == frozenset(ALL_SHARDS)


@postgresql_only
async def test_another_process_hears_at_once_what_was_planned_for_its_accounts(
    database: Database, migrated_url: str, clock: VirtualClock
) -> None:
    heard: list[frozenset[str]] = []
    async with _opened(migrated_url, 30_000) as other:
        other.on_touched(heard.append, serves=("a",))
        listening = asyncio.create_task(Listener(other, clock).run(), name="listener")
        await until(lambda: heard == [frozenset({EVERYBODY})])
        many = [reply(f"account-{n}", "w", f"k{n}", 0) for n in range(1000)]
        for rows in ([reply("a", "w", "one", 0), reply("c", "w", "two", 0)], many):
            await planned(database, rows, 0)
        await until(lambda: len(heard) == 3)
        async with other.write() as tx:  # its own accounts it hears of without the server
            await tx.execute(text("SELECT 1"))
        await planned(other, [reply("a", "w", "three", 0)], 0)
        await asyncio.sleep(0.05)
        listening.cancel()
    assert heard[1:] == [frozenset({"a", "c"}), frozenset({EVERYBODY}), frozenset({"a"})]
