"""Turns at the one writer of SQLite: the short ones go first."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """A lock with two lines before it: whoever stands in the short one goes before all of the long one.

    Whoever lets go hands it on at once. So somebody with many short turns, one after another, lets one of the long
    line in between any two of them.
    """

    def __init__(self) -> None:
        self._taken = False
        self._short: deque[asyncio.Future[None]] = deque()
        self._long: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def turn(self, *, short: bool) -> AsyncIterator[None]:
        """Wait for it, and hold it for the block."""
        await self._take(self._short if short else self._long)
        try:
            yield
        finally:
            self._hand_on()

    async def _take(self, line: deque[asyncio.Future[None]]) -> None:
        if not self._taken:
            self._taken = True
            return
        mine = asyncio.get_running_loop().create_future()
        line.append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.cancelled():
                line.remove(mine)
            else:  # it was handed to us at the same moment
                self._hand_on()
            raise

    def _hand_on(self) -> None:
        for line in (self._short, self._long):
            while line:
                turn = line.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._taken = False
