"""A worker whose take-over fails half-way: what it holds is served, and what it can't serve nobody waits for."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.fleet import Member
from bots.ownership import ALL_SHARDS, SHARDS, Owner, Taken
from bots.tenure import Tenure
from storage.engine import Database
from storage.errors import DatabaseUnavailable
from storage.fleet_tables import Shard
from tests.bots.fleet_world import lane
from tests.bots.processes import FlakyDatabase
from tests.bots.scripted_gateway import ScriptedGateway
from tests.virtual_time import until
from wxfleet.clocks import RunningClock, alive_ms, wall_ms
from wxfleet.running.share import Share

pytestmark = pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
MEMBERS = {number: [Member(lane(f"a{number}"), lambda: ScriptedGateway())] for number in ALL_SHARDS}
ACCOUNTS = {f"a{number}" for number in ALL_SHARDS}
ELSEWHERE, LOST = 0, 5
_IS_RUN = text("SELECT count(*) FROM procrastinate_jobs WHERE lock = :lock AND status = 'doing'")
_ELSEWHERE = text(
    "WITH worker AS (INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() + interval '1 day') RETURNING id)"
    " INSERT INTO procrastinate_jobs (queue_name, task_name, lock, args, status, worker_id)"
    " SELECT 'shards', 'own_shard', 'shard:' || :number, jsonb_build_object('number', :number), 'doing', id FROM worker"
)


@dataclass
class Fleet:
    """Serves what it is given, after it has failed so many times, each time with the accounts taken up half."""

    failures: int = 0
    serves: set[str] = field(default_factory=set)

    async def take(self, members: Sequence[Member]) -> None:
        if self.failures:
            self.failures -= 1
            self.serves |= {member.account for member in members[::2]}
            raise DatabaseUnavailable("gone while the accounts were read")
        self.serves |= {member.account for member in members}

    async def release(self, accounts: Collection[str]) -> None:
        self.serves -= set(accounts)


class Unsure(Tenure):
    """Its take-overs are committed and the answers lost, and what it lets go of stays."""

    async def take(self, db: Database, numbers: Collection[int], *, now_ms: int) -> Taken:
        unsure = FlakyDatabase(db)
        unsure.flaw = "after"
        return await super().take(unsure, numbers, now_ms=now_ms)

    async def release(self, db: Database, numbers: Collection[int]) -> None:
        away = FlakyDatabase(db)
        away.flaw = "before"
        await super().release(away, numbers)


class Counting(Share):
    """Knows how often the job of each shard began here."""

    def __init__(self, *parts: Any, **more: Any) -> None:
        super().__init__(*parts, **more)
        self.begun: Counter[int] = Counter()

    async def _own(self, number: int) -> None:
        self.begun[number] += 1
        await super()._own(number)


class Gated(Database):
    """The same database: who commits the end of the `watched` shard's job goes on when `open` says so."""

    def __init__(self, db: Database) -> None:
        self.__dict__.update(db.__dict__)
        self.watched: int | None = None
        self.open: Callable[[], bool] = bool
        self.held_up = 0

    @asynccontextmanager
    async def write(self, *, short: bool = False) -> AsyncIterator[AsyncConnection]:
        async with super().write(short=short) as tx:
            yield tx
            ends = self.watched is not None and not await tx.scalar(_IS_RUN, {"lock": f"shard:{self.watched}"})
        if ends:
            self.watched, self.held_up = None, self.held_up + 1
            await until(self.open)


@asynccontextmanager
async def working(
    db: Database, url: str, fleet: Fleet, name: str = "one", kind: type[Tenure] = Tenure
) -> AsyncIterator[Counting]:
    """A worker, inside the block."""

    async def look() -> None:
        """No coarse work."""

    tenure = kind(Owner(name, "here", 1, "0", timeout_ms=2_000), alive_ms=alive_ms, wall_ms=wall_ms)
    share = Counting(
        db, RunningClock(), tenure, fleet, MEMBERS, url=url, look=look, on_trouble=lambda problem: None
    )  # fmt: skip
    await share.begin()
    running = asyncio.create_task(share.run(), name="share")
    try:
        yield share
    finally:
        await share.hand_over()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_what_was_taken_and_could_not_be_served_is_let_go_and_taken_again(
    database: Database, migrated_url: str
) -> None:
    fleet = Fleet(failures=1)
    async with working(database, migrated_url, fleet) as share:
        await until(lambda: fleet.failures == 0)
        await until(lambda: share.held == SHARDS and fleet.serves == ACCOUNTS)
    assert fleet.serves == set()


async def test_a_worker_that_never_learns_what_it_took_keeps_nothing_from_the_others(
    database: Database, migrated_url: str
) -> None:
    serving, helpless = Fleet(), Fleet()
    async with (
        working(database, migrated_url, helpless, "helpless", Unsure),
        working(database, migrated_url, serving) as share,
    ):
        await until(lambda: share.held == SHARDS // 2 and len(serving.serves) == SHARDS // 2, wall_s=30)
    assert helpless.serves == set()


async def test_a_shard_whose_successor_starts_here_while_it_is_given_back_is_served_again(
    database: Database, migrated_url: str
) -> None:
    """It was taken from us by hand; the job that ends and the one that begins are both ours, one within the other."""
    gated, fleet = Gated(database), Fleet()
    async with database.write() as tx:  # somebody else's, for good: so there is always room for one more here
        await tx.execute(_ELSEWHERE, {"number": ELSEWHERE})
    async with working(gated, migrated_url, fleet) as share:
        ours = ACCOUNTS - {f"a{ELSEWHERE}"}
        await until(lambda: share.held == SHARDS - 1 and fleet.serves == ours)
        before = share.begun[LOST]
        gated.open = lambda: share.begun[LOST] > before
        gated.watched = LOST
        async with database.write() as tx:
            await tx.execute(update(Shard).where(Shard.number == LOST).values(owner=None))
        await until(lambda: gated.held_up == 1)
        await until(lambda: share.held == SHARDS - 1 and fleet.serves == ours)
        assert share.begun[LOST] == before + 1
