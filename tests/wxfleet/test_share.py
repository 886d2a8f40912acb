"""A worker whose take-over fails half-way: what it holds is served, and what it can't serve nobody waits for."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from bots.fleet import Member
from bots.ownership import ALL_SHARDS, SHARDS, Owner, Taken
from bots.tenure import Tenure
from storage.engine import Database
from storage.errors import DatabaseUnavailable
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


@asynccontextmanager
async def working(
    db: Database, url: str, fleet: Fleet, name: str = "one", kind: type[Tenure] = Tenure
) -> AsyncIterator[Share]:
    """A worker, inside the block."""

    async def look() -> None:
        """No coarse work."""

    tenure = kind(Owner(name, "here", 1, "0", timeout_ms=2_000), alive_ms=alive_ms, wall_ms=wall_ms)
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
