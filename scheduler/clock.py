"""What makes the planner tick. The only file that knows APScheduler.

Its job store is memory, and it knows one job: the tables are the truth about what is due, this only looks at them
now and then. Everything here is wall time.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

log = structlog.get_logger(__name__)


class Ticker:
    """Calls `tick` every `interval_wall_s` seconds, never twice at once; what was missed is made up for once."""

    def __init__(self, interval_wall_s: float, tick: Callable[[], Coroutine[Any, Any, object]]) -> None:
        self._tick = tick
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopping = False
        self._failing = False
        # It writes a line for each run and each skipped one: thousands a day that say nothing.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._scheduler = AsyncIOScheduler(timezone="UTC")
        self._scheduler.add_job(
            self._run,
            IntervalTrigger(seconds=interval_wall_s, timezone="UTC"),
            id="tick",
            max_instances=1,
            coalesce=True,
            # None: however late, it runs. APScheduler's own default drops what is a second late.
            misfire_grace_time=None,
        )

    def start(self) -> None:
        """Begin; the first tick comes after one interval. Needs the running loop."""
        self._scheduler.start()

    async def stop(self) -> None:
        """No further tick; waits for the one that is running."""
        self._stopping = True
        if self._scheduler.running:
            self._scheduler.remove_all_jobs()
        await self._idle.wait()  # its job too: APScheduler reports a job that is cancelled as a failure
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    async def _run(self) -> None:
        if self._stopping:  # its turn came between the stop and the shutdown
            return
        self._idle.clear()
        try:
            # Shielded: APScheduler cancels its jobs on shutdown, and a tick is to end its transaction.
            await asyncio.shield(asyncio.create_task(self._tick(), name="planner:tick"))
        except Exception:
            if not self._failing:
                log.exception("ticker.failed")
            self._failing = True
        else:
            if self._failing:
                log.info("ticker.recovered")
            self._failing = False
        finally:
            self._idle.set()
