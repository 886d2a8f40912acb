"""Time as the house sees it: handed in by the root, never read from the wall below it."""

import asyncio
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Now, and waiting for later. Implementations live in the composition root and in the tests."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...

    def now_ms(self) -> int:
        """The present moment in epoch milliseconds."""
        ...

    def passed_ms(self) -> int:
        """Ms of this clock that truly went by since some moment: whoever sets the clock does not move this."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds` of this clock."""
        ...

    async def sleep_until(self, when_ms: int) -> None:
        """Wait until this clock shows `when_ms`; returns at once when that has passed."""
        ...

    async def wait(self, event: asyncio.Event, until_ms: int) -> bool:
        """Wait until `event` is set or this clock shows `until_ms`. Was it set?"""
        ...

    def span_ms(self, wall_ms: int) -> int:
        """How much of this clock passes in `wall_ms` on the wall: for work that costs the machine, not the shop."""
        ...
