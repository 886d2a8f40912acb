"""Handling goes on, whatever else is written meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.handling import Handling
from storage.engine import Database
from storage.inbox import NewArrival, Received, record
from storage.tables import Arrival
from tests.virtual_time import VirtualClock, until

MANY = 60


class BusyDatabase(Database):
    """While it commits one thing, the next payload arrives: a disk that is slower than the gateways."""

    def __init__(self, db: Database) -> None:
        super().__init__(db._writer, db._readers, db.url)
        self.to_come: list[Received] = []
        self.handling: Handling | None = None

    @asynccontextmanager
    async def write(self, *, short: bool = False) -> AsyncIterator[AsyncConnection]:
        async with super().write(short=short) as tx:
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


class Told:
    """Three arrivals whose payloads came, and a handling of them. The first is `not_yet` until it is told otherwise."""

    def __init__(self, db: Database, clock: VirtualClock, rows: list[Received], *texts: str) -> None:
        self.db = db
        self.rows = [
            replace(row, payload={"talker": f"c{row.id}", "listener": "me", "room": "", "text": text})
            for row, text in zip(rows, texts, strict=True)
        ]
        self.not_yet: set[str] = set()
        self.handled: list[str] = []
        self.handling = Handling(db, clock, self._handle)

    async def _handle(self, tx: AsyncConnection, received: Received, now_ms: int, late: bool = False) -> str | None:
        if received.payload["text"] in self.not_yet:
            return None
        self.handled.append(received.payload["text"])
        return "heard"

    async def stand(self) -> list[tuple[str, bool]]:
        """State of each, and whether what it says is in the database."""
        async with self.db.read() as connection:
            query = select(Arrival.state, Arrival.payload).order_by(Arrival.id)
            return [(state, bool(payload)) for state, payload in await connection.execute(query)]


@pytest.fixture
async def rows(database: Database) -> list[Received]:
    async with database.write() as tx:
        return await record(tx, [NewArrival("a", f"message:{n}", "message", 1) for n in range(3)])


async def test_few_payloads_are_written_by_the_chunk_that_handles_them_even_where_one_must_wait(
    database: Database, clock: VirtualClock, rows: list[Received]
) -> None:
    told = Told(database, clock, rows, "一", "二", "三")
    told.not_yet = {"一"}
    task = asyncio.create_task(told.handling.run(), name="handling")
    await told.handling.add_fetched(told.rows, [])
    await until(lambda: told.handled == ["二", "三"])
    told.handling.stop()
    await task
    assert await told.stand() == [("fetched", True), ("handled", True), ("handled", True)]


async def test_what_waits_behind_another_waits_no_longer_than_that(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    """They came a while after one another: whenever one of them was due, the others were still waiting."""
    async with sqlite_database.write() as tx:
        rows = await record(tx, [NewArrival("a", f"message:{n}", "message", clock.now_ms()) for n in range(3)])
    told = Told(sqlite_database, clock, rows, "first", "second", "third")
    told.rows = [replace(row, payload={**row.payload, "talker": "c"}) for row in told.rows]
    told.not_yet = {"first"}
    task = asyncio.create_task(told.handling.run(), name="handling")
    for number, row in enumerate(told.rows):
        await told.handling.add_fetched([row], [])
        while not (await told.stand())[number][1]:  # noqa: ASYNC110  # the chunk that looked at it is committed
            await asyncio.sleep(0.001)
        await clock.advance(0.06)
    told.not_yet = set()
    for _ in range(50):
        await clock.advance(0.02)
        await asyncio.sleep(0.002)
    await until(lambda: len(told.handled) == 3)
    told.handling.stop()
    await task
    assert told.handled == ["first", "second", "third"]


async def test_what_came_before_a_stop_is_written_though_nobody_handled_it(
    database: Database, clock: VirtualClock, rows: list[Received]
) -> None:
    told = Told(database, clock, rows, "一", "二", "三")
    await told.handling.add_fetched(told.rows, [])
    told.handling.stop()
    await told.handling.run()
    assert told.handled == []
    assert await told.stand() == [("fetched", True)] * 3


async def test_a_payload_that_the_database_cannot_hold_costs_only_itself(
    database: Database, clock: VirtualClock, rows: list[Received]
) -> None:
    """PostgreSQL has no place for a NUL in JSON; SQLite has."""
    told = Told(database, clock, rows, "一", "二\0", "三")
    held = ["一", "二\0", "三"] if database.dialect == "sqlite" else ["一", "三"]
    task = asyncio.create_task(told.handling.run(), name="handling")
    await told.handling.add_fetched(told.rows, [])
    await until(lambda: told.handled == held)
    told.handling.stop()
    await task
    lost = [] if database.dialect == "sqlite" else [rows[1].id]
    assert [row.id for row, (state, _) in zip(rows, await told.stand(), strict=True) if state == "lost"] == lost
