"""Handling goes on, whatever else is written meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from bots.handling import Handling
from storage.engine import Database
from storage.inbox import NewArrival, Received, record
from tests.virtual_time import VirtualClock, until

MANY = 60


class BusyDatabase(Database):
    """While it commits one thing, the next payload arrives: a disk that is slower than the gateways."""

    def __init__(self, db: Database) -> None:
        super().__init__(db._writer, db._readers, db.url)
        self.to_come: list[Received] = []
        self.handling: Handling | None = None

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        async with super().write() as tx:
            yield tx
        if self.to_come and self.handling is not None:
            await self.handling.add_fetched([self.to_come.pop(0)], [])


async def test_what_is_written_is_handled_though_payloads_never_cease_to_come(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    db = BusyDatabase(sqlite_database)
    async with sqlite_database.write() as tx:
        rows = await record(tx, [NewArrival("a", f"message:{n}", "message", 1) for n in range(MANY)])
    db.to_come = [replace(row, payload={"talker": f"c{row.id}", "listener": "me", "room": ""}) for row in rows]
    waiting_at_first: list[int] = []
    handled: list[int] = []

    async def handle(tx: AsyncConnection, received: Received, now_ms: int, late: bool = False) -> str:
        if not handled:
            waiting_at_first.append(len(db.to_come))
        handled.append(received.id)
        return "heard"

    db.handling = Handling(db, clock, handle)
    await db.handling.add_fetched([db.to_come.pop(0)], [])
    task = asyncio.create_task(db.handling.run(), name="handling")
    await until(lambda: len(handled) == MANY)
    db.handling.stop()
    await task
    assert handled == [row.id for row in rows]
    assert waiting_at_first[0] > MANY // 2, "the first waited for the last"
