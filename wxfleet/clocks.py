"""The clocks that the root hands down: the wall's, and the shop's own when every account is simulated."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

from rules.quiet_hours import local, zone

WORLD_STARTS_AT_HOUR = 10
"""A simulated shop opens at ten, shop time."""
_LONGEST_NAP_S = 3600.0


class RunningClock:
    """Implements `rules.clock.Clock`: shows `start_ms` when made and runs `speed` times as fast as the wall."""

    def __init__(self, start_ms: int | None = None, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError("a clock runs forward")
        self._speed = speed
        self._start_ms = round(time.time() * 1000) if start_ms is None else start_ms
        self._wall_start = time.monotonic()
        self._real = start_ms is None and speed == 1.0

    def now_ms(self) -> int:
        if self._real:  # follows the wall when somebody sets it
            return round(time.time() * 1000)
        return self._start_ms + round((time.monotonic() - self._wall_start) * self._speed * 1000)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.now_ms() / 1000, UTC)

    def passed_ms(self) -> int:
        return alive_ms() if self._real else self.now_ms()

    def span_ms(self, wall_ms: int) -> int:
        return round(wall_ms * self._speed)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds) / self._speed)

    async def sleep_until(self, when_ms: int) -> None:
        """In naps, so that a wall clock that was set, or a laptop that slept, is noticed."""
        while (left_ms := when_ms - self.now_ms()) > 0:  # noqa: ASYNC110  # it is time that is waited for
            await asyncio.sleep(min(left_ms / 1000 / self._speed, _LONGEST_NAP_S))

    async def wait(self, event: asyncio.Event, until_ms: int) -> bool:
        left_s = max(0.0, (until_ms - self.now_ms()) / 1000 / self._speed)
        if not event.is_set() and left_s > 0:
            try:
                async with asyncio.timeout(min(left_s, _LONGEST_NAP_S)):
                    await event.wait()
            except TimeoutError:
                """The time is up."""
        return event.is_set()


def wall_ms() -> int:
    """The wall clock, in epoch ms."""
    return round(time.time() * 1000)


def alive_ms() -> int:
    """Ms of a clock that nobody sets and that runs on while the process is frozen or the machine asleep."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)  # Linux; elsewhere a sleeping machine may stop the clock
    return round((time.monotonic() if boot is None else time.clock_gettime(boot)) * 1000)


def world_start_ms(last_ms: int | None, zone_name: str, *, now_ms: int) -> int:
    """When a simulated shop's clock starts: ten o'clock shop time today; later runs at the next ten o'clock after
    the last moment in the database, never backwards.
    """
    after_ms = now_ms if last_ms is None else last_ms
    day = local(after_ms, zone_name).replace(hour=WORLD_STARTS_AT_HOUR, minute=0, second=0, microsecond=0)
    if last_ms is not None:
        while day.timestamp() * 1000 <= last_ms:
            day = (day.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone(zone_name))
    return round(day.timestamp() * 1000)
