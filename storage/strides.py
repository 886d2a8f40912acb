"""Long work in short transactions: as many rows at a time as others can wait for."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from storage.engine import Database

Breathe = Callable[[], Awaitable[None]]
"""Waits some 30 ms between two transactions, so that other processes get their turn to write on SQLite."""

ALONE_S, BESIDE_S = 1.0, 0.12
"""How long a transaction may take: where nobody else writes (a command beside us waits five seconds), and beside a
fleet, whose ticks should not wait longer than 0.3 s. Ours."""
_GROWTH, _SHRINKAGE = 1.25, 0.4
_ASKS_SELDOM = ((0.128, 1), (0.228, 2))
"""Who has waited so long (seconds) asks again within so many breaths; then within `_LATEST`. Source: SQLite, the delays
of `sqliteDefaultBusyCallback`: 25 ms, then 50, then 100."""
_LATEST = 4

Item = TypeVar("Item")


async def no_need() -> None:
    """Nobody else writes."""


class Strides:
    """How many rows the next transaction takes, by how long the ones before held the writer.

    `first`: to begin with; a tenth of it is the least. `seconds` is the loop's own clock where none is given.
    """

    def __init__(
        self,
        db: Database,
        breathe: Breathe = no_need,
        *,
        first: int,
        most: int,
        seconds: Callable[[], float] | None = None,
    ) -> None:
        self._db = db
        self._breathe = breathe
        self._least, self._most = max(1, first // 10), most
        self._limit_s = ALONE_S if breathe is no_need else BESIDE_S
        self._seconds = seconds or asyncio.get_running_loop().time
        self.rows = first

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction, about `rows` rows of the work; then whoever waits gets their turn."""
        async with self._db.write() as tx:
            began_s = self._seconds()
            yield tx
        held_s = self._seconds() - began_s
        self.rows = self._fitting(held_s)
        for _ in range(breaths(held_s)):
            await self._breathe()

    async def through(
        self, items: Sequence[Item], act: Callable[[AsyncConnection, Sequence[Item]], Awaitable[object]]
    ) -> None:
        """All of `items`, a stride to each transaction."""
        done = 0
        while some := items[done : done + self.rows]:
            async with self.write() as tx:
                await act(tx, some)
            done += len(some)

    def _fitting(self, held_s: float) -> int:
        factor = min(_GROWTH, max(_SHRINKAGE, self._limit_s / max(held_s, 1e-6)))
        return min(self._most, max(self._least, round(self.rows * factor)))


def breaths(held_s: float) -> int:
    """How often to breathe after holding the writer so long, so that nobody who waits for it sleeps through."""
    return next((times for until_s, times in _ASKS_SELDOM if held_s < until_s), _LATEST)
