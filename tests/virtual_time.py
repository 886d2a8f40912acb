"""A clock for tests: it moves only when told, or when everybody waits for it."""

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)  # a Saturday, 10:00 in Shanghai


class VirtualClock:
    """Implements `rules.clock.Clock`. `advance` wakes sleepers in the order of their times."""

    def __init__(self, start: datetime = START) -> None:
        self._now_ms = round(start.timestamp() * 1000)
        self._set_by_ms = 0
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._ids = itertools.count()

    def now(self) -> datetime:
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=self._now_ms)

    def now_ms(self) -> int:
        return self._now_ms

    def passed_ms(self) -> int:
        return self._now_ms - self._set_by_ms

    def set_by(self, seconds: float) -> None:
        """Somebody sets it: it shows another time, though none went by."""
        self._now_ms += round(seconds * 1000)
        self._set_by_ms += round(seconds * 1000)

    def span_ms(self, wall_ms: int) -> int:
        return wall_ms

    async def sleep(self, seconds: float) -> None:
        await self.sleep_until(self._now_ms + round(seconds * 1000))

    async def sleep_until(self, when_ms: int) -> None:
        if when_ms <= self._now_ms:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (when_ms, next(self._ids), woken))
        await woken

    async def wait(self, event: asyncio.Event, until_ms: int) -> bool:
        sleeper = asyncio.ensure_future(self.sleep_until(until_ms))
        waiter = asyncio.ensure_future(event.wait())
        try:
            await asyncio.wait({sleeper, waiter}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sleeper, waiter):
                task.cancel()
            await asyncio.gather(sleeper, waiter, return_exceptions=True)
        return event.is_set()

    async def advance(self, seconds: float) -> None:
        """Move on, waking whoever's time has come, each at their own moment."""
        target = self._now_ms + round(seconds * 1000)
        await settle()
        while self._sleepers and self._sleepers[0][0] <= target:
            when_ms, _, woken = heapq.heappop(self._sleepers)
            self._now_ms = max(self._now_ms, when_ms)
            if not woken.done():
                woken.set_result(None)
            await settle()
        self._now_ms = target
        await settle()


async def settle(rounds: int = 5) -> None:
    """Let every task that can run run. Work in threads and sockets needs `until`."""
    for _ in range(rounds):
        await asyncio.sleep(0)


async def until(condition: object, *, wall_s: float = 10.0) -> None:
    """Yield until `condition()` is true, for threads and sockets. Raises TimeoutError when it never is."""
    assert callable(condition)
    async with asyncio.timeout(wall_s):
        while not condition():  # noqa: ASYNC110  # any condition, of any object
            await asyncio.sleep(0.005)
