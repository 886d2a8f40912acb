"""`wxfleet worker`: one of several processes that share the accounts on PostgreSQL."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog

from bots.fleet import Member
from bots.ownership import shard_of
from bots.tenure import Tenure
from reports.summary import summary
from rules.clock import Clock
from storage.engine import PATIENCE_S, Database, open_database
from storage.schema import in_turn
from texts.problem import Problem
from wxfleet.clocks import RunningClock, alive_ms, wall_ms
from wxfleet.errors import NeedsPostgresql, SimulatedAccounts
from wxfleet.reading.settings import Examination, Settings
from wxfleet.running.enrolment import enrol
from wxfleet.running.process import this_process, unless_broken, until_signal
from wxfleet.running.screen import Screen
from wxfleet.running.share import Share
from wxfleet.running.standstill import upgrade_alone
from wxfleet.running.tuning import allow_files, settle_in
from wxfleet.running.watching import Watcher, watched
from wxfleet.wiring import House, build

log = structlog.get_logger(__name__)

_ENROL_LOCK = 0x77786F78
"""Workers that start together write what the files say one after another. Any number that nobody else uses."""


class SharingWorker:
    """One process of several. `stop` may be called at any time, from a signal or a test."""

    def __init__(self, examination: Examination, screen: Screen) -> None:
        if examination.settings is None or examination.ladder is None:
            raise ValueError("only valid files can run")
        self._examination = examination
        self._settings: Settings = examination.settings
        self._ladder = examination.ladder
        self._screen = screen
        self._stop = asyncio.Event()
        timeout_ms = round(self._settings.worker.heartbeat_timeout_s * 1000)
        self.tenure = Tenure(this_process("worker", timeout_ms), alive_ms=alive_ms, wall_ms=wall_ms)

    def stop(self) -> None:
        """Hand over and end."""
        self._stop.set()

    async def run(self, wall_s: float | None = None) -> dict[str, Any]:
        """Run until `stop`, or for `wall_s` seconds. Returns the document of `worker --json`.

        Raises Problem: NeedsPostgresql, SimulatedAccounts, OwnershipHeld (`wxfleet run` is there), FleetRunning (an
        older version runs), …
        """
        require_shareable(self._settings)
        async with AsyncExitStack() as stack:
            db = await stack.enter_async_context(self._database())
            clock = RunningClock()
            since_ms = clock.now_ms()
            await self._enrol(db, clock)
            house = build(
                self._settings, self._examination.book, db, clock, doors=None, ownership=self.tenure,
                on_scan=self._screen.scan, shared=True,
            )  # fmt: skip
            stack.push_async_callback(house.close)
            share = Share(
                db, clock, self.tenure, house.fleet, _by_shard(house.members), url=self._settings.database_url,
                look=house.planner.tick, on_trouble=self._say_trouble,
            )  # fmt: skip
            stack.push_async_callback(self._leave, db)
            await share.begin()
            warning = allow_files(len(self._settings.accounts))
            if warning:
                self._screen.warn(warning)
            settle_in()
            self._screen.opens(db, clock, house)
            watcher = Watcher(house, db, clock, self.tenure)
            async with watched(self._settings.metrics, watcher, self._screen.warn):
                await self._live(house, share, wall_s)
            async with db.read() as connection:
                document = await summary(connection, since_ms, clock.now_ms())
        return {"worker": self.tenure.owner.id, "since_ms": since_ms, **document}

    async def _live(self, house: House, share: Share, wall_s: float | None) -> None:
        with until_signal(self.stop):
            async with asyncio.TaskGroup() as group:
                fleet = group.create_task(house.fleet.run(), name="fleet")
                sharing = group.create_task(share.run(), name="share")
                screen = group.create_task(self._screen.watch(), name="screen")
                listening = group.create_task(house.listener.run(), name="listener")
                asking = group.create_task(house.asking.run(), name="asking") if house.asking else None
                stopping = asyncio.create_task(self._stop.wait(), name="stop")
                await asyncio.wait(
                    {stopping, fleet, sharing, screen}, timeout=wall_s, return_when=asyncio.FIRST_COMPLETED
                )
                stopping.cancel()
                self._screen.closing()
                await share.hand_over()
                screen.cancel()
                listening.cancel()
                if asking is not None:
                    asking.cancel()
                sharing.cancel()
                house.fleet.stop()

    @asynccontextmanager
    async def _database(self) -> AsyncIterator[Database]:
        db = open_database(
            self._settings.database_url, dead_after_ms=self.tenure.owner.timeout_ms, patience_s=PATIENCE_S
        )
        try:
            await upgrade_alone(db, self._settings)
            yield db
        finally:
            await db.close()

    async def _enrol(self, db: Database, clock: Clock) -> None:
        """Others may be at work: what the accounts are doing is theirs to say."""
        async with db.write() as tx:
            await in_turn(tx, _ENROL_LOCK)
            await enrol(
                tx, self._settings, self._examination.book, self._ladder, now_ms=clock.now_ms(), keep_states=True
            )

    async def _leave(self, db: Database) -> None:
        with unless_broken():
            await self.tenure.leave(db)

    def _say_trouble(self, problem: Problem | None) -> None:
        if problem is None:
            self._screen.well_again()
        else:
            self._screen.trouble(problem)


def require_shareable(settings: Settings) -> None:
    """Raises NeedsPostgresql, SimulatedAccounts: what several processes can't share."""
    if not settings.database_url.startswith("postgresql"):
        raise NeedsPostgresql
    simulated = [account.id for account in settings.accounts if account.simulated]
    if simulated:
        raise SimulatedAccounts(simulated)


def _by_shard(members: Iterable[Member]) -> dict[int, list[Member]]:
    found: dict[int, list[Member]] = defaultdict(list)
    for member in members:
        found[shard_of(member.account)].append(member)
    return dict(found)
