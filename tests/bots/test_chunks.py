"""What is handled at once keeps the order of its conversation, knows what is late, and was handled by nobody before."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.chunks import LATE_MS, Chunks, Dealt, Waiting
from storage.ahead import Ahead
from storage.engine import Database
from storage.inbox import NewArrival, Received, mark_handled, record, still_open
from tests.lock_waits import until_it_waits
from tests.virtual_time import VirtualClock


class Counter:
    """Handles everything, simply or not; remembers whose words, and whether alone and late."""

    def __init__(self, db: Database, clock: VirtualClock) -> None:
        self.heard: list[tuple[str, str, bool]] = []
        self._db = db
        self._clock = clock
        self._chunks = Chunks(db, clock, self._handle, _all_are_simple)

    async def come(self, *talkers: str, waited_ms: int = 0) -> list[Waiting]:
        """One message of each; the first waited for so long already."""
        now_ms = self._clock.now_ms()
        new = [
            NewArrival("a", f"message:{talker}", "message", now_ms - (0 if place else waited_ms), _from(talker))
            for place, talker in enumerate(talkers)
        ]
        async with self._db.write() as tx:
            return [Waiting(row, now_ms) for row in await record(tx, new)]

    async def handle(self, chunk: list[Waiting], *blocked: Waiting) -> Dealt:
        conversations = {item.conversation for item in blocked}
        return await self._chunks.handle(chunk, guarded=False, blocked=conversations, released=())

    async def _handle(self, tx: AsyncConnection, received: Received, now_ms: int, late: bool = False) -> str:
        how = "at once" if isinstance(tx, Ahead) else "alone"
        self.heard.append((received.payload["talker"], how, late))
        return "heard"


def _from(talker: str) -> dict[str, Any]:
    return {"talker": talker, "listener": "me", "room": ""}


async def _all_are_simple(tx: AsyncConnection, arrivals: Sequence[Received], now_ms: int) -> tuple[Ahead, set[int]]:
    return Ahead(tx), {received.id for received in arrivals}


@pytest.fixture
def counter(database: Database, clock: VirtualClock) -> Counter:
    return Counter(database, clock)


async def test_who_is_not_answered_yet_is_not_overtaken_by_what_they_say_next(counter: Counter) -> None:
    """They are asked again shortly; what others say goes on."""
    chunk = await counter.come("x", "y", "z")
    dealt = await counter.handle(chunk, chunk[0])
    assert counter.heard == [("y", "at once", False), ("z", "at once", False)]
    assert dealt.again == chunk[:1]


async def test_what_is_late_is_handled_as_late_among_many_that_are_not(counter: Counter) -> None:
    await counter.handle(await counter.come("x", "y", "z", waited_ms=LATE_MS + 1))
    assert counter.heard == [("y", "at once", False), ("z", "at once", False), ("x", "alone", True)]


async def test_what_another_process_is_just_handling_is_not_handled_again(counter: Counter, database: Database) -> None:
    """Who lost the account is about still, with the same in memory."""
    chunk = await counter.come("x", "y", "z")
    ids = [item.received.id for item in chunk]
    async with database.write() as tx:
        assert await still_open(tx, ids) == {*ids}
        handling = asyncio.create_task(counter.handle(chunk), name="who lost the account")
        await until_it_waits(tx, handling)
        await mark_handled(tx, [(id, "answered") for id in ids], now_ms=1)
    await handling
    assert counter.heard == []
