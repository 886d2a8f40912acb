"""`wxfleet run`: the life of a fleet in one process, from the lock on its data to the last settled send."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.tenure import Tenure
from customers.imports.orders import import_orders
from customers.segments.segment_file import load_segments
from reports.summary import summary
from rules.clock import Clock
from scheduler.campaign_files.campaign_file import CampaignKind
from scheduler.campaign_files.campaign_files import load_campaigns
from scheduler.clock import Ticker
from scheduler.pushes.push_file import load_pushes
from simulator.simulation import Simulation
from storage.engine import PATIENCE_S, Database, open_database
from storage.settings import put_setting
from storage.tables import Arrival, Delivery, Setting
from texts.problem import Problem
from wxfleet.clocks import RunningClock, alive_ms, wall_ms, world_start_ms
from wxfleet.reading.settings import Examination, Settings
from wxfleet.running.enrolment import enrol
from wxfleet.running.idleness import upgrade_idle
from wxfleet.running.lock import sending_lock
from wxfleet.running.process import this_process, unless_broken, until_signal
from wxfleet.running.screen import Screen
from wxfleet.running.simulated import simulation_for
from wxfleet.running.tuning import allow_files, settle_in
from wxfleet.running.watching import Watcher, watched
from wxfleet.wiring import House, build

log = structlog.get_logger(__name__)

BEATS_A_TIMEOUT = 10
HEARTBEAT_WALL_MS = 2_000
"""At most between two heartbeats; oftener where the time-out is short."""
PLANNER_WALL_S = 1.0
"""Between two looks at what is due. A look at tables with nothing due costs a few indexed reads."""


def data_folder(settings: Settings) -> Path:
    """Where a fleet keeps what is not in the database: beside the SQLite file, else `data` beside config.yaml, or in
    `--home`.
    """
    url = settings.database_url
    if url.startswith("sqlite:///"):
        return Path(url.removeprefix("sqlite:///")).parent
    return settings.home / "data"


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run leaves: the document of `run --json`."""

    document: dict[str, Any]


class Service:
    """One run. `stop` may be called at any time, from a signal or a test."""

    def __init__(
        self,
        examination: Examination,
        screen: Screen,
        *,
        clock: Clock | None = None,
        wall_ms: Callable[[], int] = wall_ms,
    ) -> None:
        if examination.settings is None or examination.ladder is None:
            raise ValueError("only valid files can run")
        self._examination = examination
        self._settings: Settings = examination.settings
        self._ladder = examination.ladder
        self._data = data_folder(examination.settings)
        self._screen = screen
        self._given_clock = clock
        self._wall_ms = wall_ms
        timeout_ms = round(self._settings.worker.heartbeat_timeout_s * 1000)
        self.tenure = Tenure(this_process("run", timeout_ms), alive_ms=alive_ms, wall_ms=wall_ms, whole=True)
        self._stop = asyncio.Event()
        self.simulation: Simulation | None = None
        self.house: House | None = None

    def stop(self) -> None:
        """Drain and end; `run` returns within five seconds."""
        self._stop.set()

    async def run(self, wall_s: float | None = None) -> Ran:
        """Run until `stop`, or for `wall_s` seconds on the wall.

        Raises Problem: the data is in use (FleetRunning, OwnershipHeld), the database can't be used, …
        """
        async with AsyncExitStack() as stack:
            stack.enter_context(self._lock())
            db = await stack.enter_async_context(self._database())
            clock = await self._clock(db)
            await self._take_over(db, clock)
            stack.push_async_callback(self._give_up, db)
            doors = None
            if any(account.simulated for account in self._settings.accounts):
                self.simulation = simulation_for(
                    self._settings, self._examination.book, clock, self._data, push=_first_push(self._settings),
                    campaign=_first_campaign(self._settings),
                )  # fmt: skip
                doors = await self.simulation.start()
                stack.push_async_callback(self._close_world, self.simulation)
                if doors.orders_csv is not None and self._settings.all_simulated:
                    imported = await import_orders(db, [doors.orders_csv], now_ms=clock.now_ms())
                    self._screen.imported(imported)
            self.house = build(
                self._settings, self._examination.book, db, clock, doors=doors, ownership=self.tenure,
                on_scan=self._screen.scan,
            )  # fmt: skip
            self._prepare_process()
            since_ms = clock.now_ms()
            watcher = Watcher(self.house, db, clock, self.tenure)
            async with watched(self._settings.metrics, watcher, self._screen.warn):
                states = await self._live(self.house, db, clock, wall_s)
            async with db.read() as connection:
                document = await summary(connection, since_ms, clock.now_ms())
            for account in document["accounts"]:  # as they were when the time was up; by now all are stopped
                account["state"] = states.get(account["id"], account["state"])
            await self._remember(db, clock)
        return Ran(document)

    def _prepare_process(self) -> None:
        warning = allow_files(len(self._settings.accounts))
        if warning:
            self._screen.warn(warning)
        settle_in()

    async def _live(self, house: House, db: Database, clock: Clock, wall_s: float | None) -> dict[str, str]:
        """Until the end is asked for or the time is up. Returns the accounts' states as they were then."""
        self._screen.opens(db, clock, house)
        ticker = Ticker(PLANNER_WALL_S, house.planner.tick)
        with until_signal(self.stop):
            async with asyncio.TaskGroup() as group:
                fleet = group.create_task(house.fleet.run(), name="fleet")
                watchers = [
                    group.create_task(self._heartbeat(db, clock), name="heartbeat"),
                    group.create_task(self._screen.watch(), name="screen"),
                ]
                if house.asking is not None:
                    watchers.append(group.create_task(house.asking.run(), name="asking"))
                if db.dialect == "postgresql":
                    watchers.append(group.create_task(house.listener.run(), name="listener"))
                ticker.start()
                stopping = asyncio.create_task(self._stop.wait(), name="stop")
                await asyncio.wait({stopping, fleet, *watchers}, timeout=wall_s, return_when=asyncio.FIRST_COMPLETED)
                stopping.cancel()
                states = {account: state.value for account, state in house.fleet.states().items()}
                self._screen.closing()
                await ticker.stop()
                house.fleet.stop()
                await fleet
                for watcher in watchers:
                    watcher.cancel()
        await house.close()
        return states

    @contextmanager
    def _lock(self) -> Iterator[None]:
        sqlite = self._settings.database_url.startswith("sqlite")
        with sending_lock(self._data) if sqlite else nullcontext():
            yield

    @asynccontextmanager
    async def _database(self) -> AsyncIterator[Database]:
        db = open_database(
            self._settings.database_url, dead_after_ms=self.tenure.owner.timeout_ms, patience_s=PATIENCE_S
        )
        try:
            await upgrade_idle(db)
            yield db
        finally:
            await db.close()

    async def _clock(self, db: Database) -> Clock:
        if self._given_clock is not None:
            return self._given_clock
        if not self._settings.all_simulated:
            return RunningClock()
        async with db.read() as connection:
            last_ms = await _last_moment(connection)
        start_ms = world_start_ms(last_ms, self._settings.shop.time_zone, now_ms=self._wall_ms())
        return RunningClock(start_ms, self._settings.simulator.speed)

    async def _take_over(self, db: Database, clock: Clock) -> None:
        async with db.write() as tx:
            # On SQLite the lock on the folder has shown that whoever sent from here before is dead.
            alone = db.dialect == "sqlite"
            taken = await self.tenure.take_all(tx, now_ms=clock.now_ms(), alone=alone)
            await enrol(tx, self._settings, self._examination.book, self._ladder, now_ms=clock.now_ms())
        if taken.in_doubt:
            log.info("taken_over", in_doubt=taken.in_doubt)

    async def _give_up(self, db: Database) -> None:
        with unless_broken():
            await self.tenure.leave(db)

    async def _close_world(self, simulation: Simulation) -> None:
        try:
            await simulation.stop()
        except OSError as error:
            log.error("world_not_saved", problem=str(error))

    async def _heartbeat(self, db: Database, clock: Clock) -> None:
        """Say that this process lives. A database that fails is tried again."""
        troubled = False
        while True:
            try:
                async with self.tenure.heartbeat(db) as tx:
                    await put_setting(tx, "world_now_ms", str(clock.now_ms()), clock.now_ms())
                if troubled:
                    self._screen.well_again()
                troubled = False
            except Problem as problem:
                if not troubled:
                    log.error("heartbeat_failed", problem=str(problem))
                    self._screen.trouble(problem)
                troubled = True
            beat_ms = min(HEARTBEAT_WALL_MS, self.tenure.owner.timeout_ms // BEATS_A_TIMEOUT)
            await clock.sleep(clock.span_ms(beat_ms) / 1000)

    async def _remember(self, db: Database, clock: Clock) -> None:
        """A simulated shop's clock never runs backwards, not even over a restart."""
        with unless_broken():
            async with db.write() as tx:
                await put_setting(tx, "world_now_ms", str(clock.now_ms()), clock.now_ms())


def _first_push(settings: Settings) -> str:
    """The welfare push that the simulated staff will start; '' when there is none."""
    segments, _ = load_segments(settings.segments)
    known, _ = load_pushes(settings.pushes, segments=segments)
    return next(iter(sorted(known)), "")


def _first_campaign(settings: Settings) -> str:
    """The promotion that the simulated staff will start: one that counts from its start. '' when there is none."""
    segments, _ = load_segments(settings.segments)
    known, _ = load_campaigns(settings.campaigns, wall_ms(), settings.shop.time_zone, segments=segments)
    return next(
        (name for name, campaign in sorted(known.items())
         if campaign.kind is CampaignKind.PROMOTION and not campaign.from_.absolute), ""
    )  # fmt: skip


async def _last_moment(connection: AsyncConnection) -> int | None:
    moments = [
        await connection.scalar(select(Setting.value).where(Setting.key == "world_now_ms")),
        await connection.scalar(select(func.max(Delivery.created_ms))),
        await connection.scalar(select(func.max(Delivery.sent_ms))),
        await connection.scalar(select(func.max(Arrival.received_ms))),
    ]
    return max((int(moment) for moment in moments if moment is not None), default=None)
