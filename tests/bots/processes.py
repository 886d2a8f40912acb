"""Processes that share a few accounts: each believes what it last read, and may be frozen, silent, dead or stopped."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from random import Random

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.courier import Courier
from bots.lane import LaneConfig, Sender
from bots.ownership import ALL_SHARDS, Owner, make_shards, ownerless, shard_of
from bots.tenure import Tenure
from storage.engine import Database
from storage.errors import DatabaseUnavailable
from storage.fleet_tables import Worker
from tests.bots.people import PlainWording, let_sends_finish, nobody_posts
from tests.virtual_time import VirtualClock

BEAT_MS = 5_000


class FlakyDatabase(Database):
    """The same database, whose next transaction fails `before` or `after` its commit when told to."""

    def __init__(self, db: Database) -> None:
        self.__dict__.update(db.__dict__)
        self.flaw = ""

    @asynccontextmanager
    async def write(self, *, short: bool = False) -> AsyncIterator[AsyncConnection]:
        flaw, self.flaw = self.flaw, ""
        async with super().write(short=short) as tx:
            yield tx
            if flaw == "before":
                raise DatabaseUnavailable("gone before the commit")
        if flaw == "after":
            raise DatabaseUnavailable("gone after the commit")


class Process:
    """One process. `lanes` are all accounts there are; it serves those whose shards it got.

    Its wall clock and the clock that runs on while it is frozen both show the test's time. On PostgreSQL heartbeats
    bear the server's time.
    """

    def __init__(
        self,
        name: str,
        db: Database,
        clock: VirtualClock,
        lanes: Iterable[LaneConfig],
        sender: Callable[["Process", str], Sender],
        random: Random,
    ) -> None:
        self.name = name
        self.db = FlakyDatabase(db)
        self.frozen = False
        self.tenure = Tenure(Owner(name, "here", 1, "0"), alive_ms=clock.now_ms, wall_ms=clock.now_ms)
        self.courier = Courier(
            self.db, clock, wording=PlainWording(), hand_over=nobody_posts, random=random, ownership=self.tenure
        )
        self._clock = clock
        self._lanes = {lane.account: lane for lane in lanes}
        self._sender = sender
        self._beaten_ms = 0

    async def begin(self) -> None:
        async with self.db.write() as tx:
            await make_shards(tx)
        await self.beat()

    async def beat(self) -> None:
        if self._clock.now_ms() - self._beaten_ms >= BEAT_MS:
            try:
                async with self.tenure.heartbeat(self.db):
                    """Nothing else to write."""
            except DatabaseUnavailable:
                return
            self._beaten_ms = self._clock.now_ms()

    async def take(self, numbers: Iterable[int] = ALL_SHARDS) -> int:
        """Take what no living process owns. Returns how many rows were under way there."""
        wanted = list(numbers)
        try:
            taken = await self.tenure.take(self.db, wanted, now_ms=self._clock.now_ms())
        except DatabaseUnavailable:  # perhaps they are ours by now, perhaps not
            taken = await self.tenure.take(self.db, wanted, now_ms=self._clock.now_ms())
        for account, config in self._lanes.items():
            if shard_of(account) in taken.epochs:
                self.courier.add(config, self._sender(self, account))
        return taken.in_doubt

    async def take_what_is_free(self) -> None:
        async with self.db.read() as connection:
            free = await ownerless(connection, wall_ms=self._clock.now_ms())
        if free:
            await self.take(free)

    async def release(self, account: str) -> None:
        """Hand the account over, in order."""
        if shard_of(account) in self.tenure.shards:
            await self.courier.release([account])
            try:
                await self.tenure.release(self.db, [shard_of(account)])
            except DatabaseUnavailable:
                await self.tenure.release(self.db, [shard_of(account)])

    async def tick(self) -> None:
        try:
            await self.courier.tick()
        except DatabaseUnavailable:
            return
        await let_sends_finish()

    async def stop(self) -> None:
        self.db.flaw = ""
        await self.courier.stop()
        await self.tenure.leave(self.db)

    async def die(self) -> None:
        """In the middle of whatever it does."""
        self.db.flaw = ""
        mine = list(self.courier._under_way._sends.values())
        for task in mine:
            task.cancel()
        await asyncio.gather(*mine, return_exceptions=True)
        await silence(self.db, self.name)


async def silence(db: Database, process: str) -> None:
    """The others hear nothing of that process any more, whatever it believes itself."""
    async with db.write() as tx:
        await tx.execute(update(Worker).where(Worker.id == process).values(heartbeat_ms=0))
