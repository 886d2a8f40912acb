"""Reads the numbers of a running fleet for whoever scrapes them; what the database must be asked for, now and then."""

import asyncio
import platform
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

import structlog

from bots.tally import Spread
from bots.tenure import Tenure
from reports.backlog import Backlog, backlog
from rules.clock import Clock
from storage.engine import Database
from texts.catalogue import say
from texts.os_words import os_reason
from texts.problem import Problem
from wxfleet.reading.observation import MetricsConfig
from wxfleet.running.loop_lag import LAG_BUCKETS_S, sample_lag
from wxfleet.running.metrics import CONTENT_TYPE, Metrics, Reading
from wxfleet.running.metrics_server import served
from wxfleet.wiring import House

log = structlog.get_logger(__name__)

ASKED_EVERY_S = 15.0
"""The database is asked at most so often, however many scrape."""
_PATIENCE_S = 5.0


class Watcher:
    """Implements `wxfleet.running.metrics.Source` for one process."""

    def __init__(
        self, house: House, db: Database, clock: Clock, tenure: Tenure, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._house = house
        self._db = db
        self._clock = clock
        self._tenure = tenure
        self._seconds = seconds
        self._asked_s = float("-inf")
        self._asking = asyncio.Lock()
        self._backlog: Backlog | None = None
        self._database_up = True
        self.loop_lag = Spread(LAG_BUCKETS_S)
        self._metrics = Metrics(self)

    async def scrape(self) -> bytes:
        """The text of one scrape, at most a few seconds after it was asked for."""
        await self._ask()
        return self._metrics.exposition()

    def reading(self) -> Reading:
        courier, fleet, tally = self._house.courier, self._house.fleet, self._house.courier.tally
        age_ms = self._tenure.heartbeat_age_ms
        states = [state.value for state in fleet.states().values()]
        return Reading(
            build={"version": version("wxfleet"), "python": platform.python_version(), "database": self._db.dialect},
            lanes=courier.lanes_now(),
            in_flight=courier.in_flight,
            claimed=tally.claimed,
            outcomes=tally.outcomes,
            ticks=tally.ticks,
            failed_ticks=tally.failed_ticks,
            inbox_waiting=fleet.inbox.waiting(),
            inbox_written=fleet.inbox.written,
            accounts={state: states.count(state) for state in set(states)},
            shards=len(self._tenure.shards),
            heartbeat_age_s=None if age_ms is None else age_ms / 1000,
            loop_lag=self.loop_lag,
            database_up=self._database_up,
            database_errors=self._db.errors,
            backlog=self._backlog,
        )

    async def _ask(self) -> None:
        """One look at the outbox for all who scrape meanwhile; an old answer is better than none."""
        async with self._asking:
            if self._seconds() - self._asked_s < ASKED_EVERY_S:
                return
            self._asked_s = self._seconds()
            try:
                async with asyncio.timeout(_PATIENCE_S), self._db.read() as connection:
                    self._backlog = await backlog(connection, self._clock.now_ms())
            except (Problem, TimeoutError):
                self._database_up = False
            else:
                self._database_up = True


@asynccontextmanager
async def watched(config: MetricsConfig | None, watcher: Watcher, warn: Callable[[str], None]) -> AsyncIterator[None]:
    """Serve the metrics of the configuration while the block runs; a port that can't be had costs only them."""
    if config is None:
        yield
        return
    sampling = asyncio.create_task(sample_lag(watcher.loop_lag), name="metrics:loop_lag")
    try:
        async with AsyncExitStack() as stack:
            try:
                host, port = await stack.enter_async_context(served(config.address, watcher.scrape, CONTENT_TYPE))
            except OSError as error:
                warn(say("metrics.no_port", listen=config.listen, next=config.next_listen, error=os_reason(error)))
                log.error("metrics_not_served", listen=config.listen, problem=os_reason(error))
            else:
                log.info("metrics_served", listen=f"{host}:{port}")
                if config.address[1] == 0:
                    warn(say("metrics.served", listen=f"{host}:{port}"))
            yield
    finally:
        sampling.cancel()
        await asyncio.gather(sampling, return_exceptions=True)
