"""A worker whose take-over fails half-way: what it holds is served, and what it can't serve nobody waits for."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from sqlalchemy import func, select

from bots.fleet import Member
from bots.ownership import ALL_SHARDS, SHARDS, Owner, Taken
from bots.tenure import Tenure
from storage.engine import Database
from storage.errors import DatabaseUnavailable
from storage.tables import Shard
from tests.bots.fleet_world import lane
from tests.bots.processes import FlakyDatabase
from tests.bots.scripted_gateway import ScriptedGateway
from tests.virtual_time import until
from wxfleet.clocks import RunningClock, alive_ms, wall_ms
from wxfleet.share import Share

pytestmark = pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
MEMBERS = {number: [Member(lane(f"a{number}"), lambda: ScriptedGateway())] for number in ALL_SHARDS}
ACCOUNTS = {f"a{number}" for number in ALL_SHARDS}


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


class Forgetful(Tenure):
    """Its first take-over is committed, and the answer is lost."""

    lost = False

    async def take(self, db: Database, numbers: Collection[int], *, now_ms: int) -> Taken:
        unsure = FlakyDatabase(db)
        unsure.flaw = "" if self.lost else "after"
        self.lost = True
        return await super().take(unsure, numbers, now_ms=now_ms)


@asynccontextmanager
async def working(db: Database, url: str, fleet: Fleet, kind: type[Tenure] = Tenure) -> AsyncIterator[Share]:
    """One worker, alone, inside the block."""

    async def look() -> None:
        """No coarse work."""

    tenure = kind(Owner("one", "here", 1, "0", timeout_ms=2_000), alive_ms=alive_ms, wall_ms=wall_ms)
    share = Share(
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


async def test_a_take_over_whose_answer_was_lost_leaves_no_shard_without_an_account_that_is_served(
    database: Database, migrated_url: str
) -> None:
    fleet = Fleet()
    async with working(database, migrated_url, fleet, Forgetful) as share:
        await until(lambda: share.held == SHARDS and fleet.serves == ACCOUNTS)
        async with database.read() as connection:
            mine = await connection.scalar(select(func.count()).where(Shard.owner == "one"))
    assert mine == SHARDS
