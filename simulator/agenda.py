"""What is going to happen in the world, and when: one task that sleeps until the next thing is due."""

import asyncio
import heapq
import itertools
import logging
from collections.abc import Callable

from simulator.errors import Refusal
from simulator.world import Clock

Act = Callable[[], object]

_log = logging.getLogger("simulator")


class Agenda:
    """Acts by time. They run one after another, each at its moment; one that WeChat refuses is simply over."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.failed = 0
        """Acts that ended in an exception of their own: a fault of the simulator, also logged."""
        self._acts: list[tuple[int, int, Act]] = []
        self._order = itertools.count()
        self._alarm: asyncio.Task[None] | None = None
        self._alarm_ms = 0
        self._busy = False
        self._open = False
        self._ending: set[asyncio.Task[None]] = set()

    def at(self, when_ms: int, act: Act) -> None:
        """Let `act` happen at `when_ms`; what is late happens at once, in order."""
        heapq.heappush(self._acts, (when_ms, next(self._order), act))
        if self._open and not self._busy:
            self._set_alarm()

    def after(self, minutes: float, act: Act) -> None:
        """Let `act` happen in that many minutes of the world."""
        self.at(self.clock.now_ms() + round(minutes * 60_000), act)

    def open(self) -> None:
        """From now on things happen."""
        self._open = True
        self._set_alarm()

    async def close(self) -> None:
        """Nothing happens any more."""
        self._open = False
        self._drop_alarm()
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _set_alarm(self) -> None:
        if not self._acts:
            return
        next_ms = self._acts[0][0]
        if self._alarm is not None:
            if self._alarm_ms <= next_ms:
                return
            self._drop_alarm()
        self._alarm_ms = next_ms
        self._alarm = asyncio.create_task(self._run(), name="simulator:agenda")

    def _drop_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._ending.add(self._alarm)
            self._alarm.add_done_callback(self._ending.discard)
            self._alarm = None

    async def _run(self) -> None:
        while self._acts:
            self._alarm_ms = self._acts[0][0]
            await self.clock.sleep_until(self._alarm_ms)
            self._busy = True
            try:
                self._do_what_is_due()
            finally:
                self._busy = False
        self._alarm = None

    def _do_what_is_due(self) -> None:
        while self._acts and self._acts[0][0] <= self.clock.now_ms():
            _, _, act = heapq.heappop(self._acts)
            try:
                act()
            except Refusal:
                continue
            except Exception:  # one person's slip must not stop the world
                self.failed += 1
                _log.exception("an act of the simulated world failed")
