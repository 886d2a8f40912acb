"""One transaction of the inbox's last stage: what is simple all at once, the rest one after another."""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.payloads import conversation_of
from rules.clock import Clock
from rules.pacing import MINUTE_MS
from storage.ahead import Ahead, AsksMore
from storage.driver_words import translate
from storage.engine import Database
from storage.inbox import Received, mark_fetched, mark_handled, mark_lost, still_open
from texts.problem import Problem

log = structlog.get_logger(__name__)

LATE_MS = 10 * MINUTE_MS
"""What waited longer goes to a person (ours): an answer out of nowhere is worse than none. Opt-outs always count.

Wall time: in a simulated shop that runs faster than the wall it is the machine that lags, not the customer.
"""
LONGEST = 50
"""Arrivals in one transaction."""

_TRIES = 3
_ENDS_S = 0.05  # seconds of the machine after which a chunk ends early: others want to write too
_FEW = 2
"""For so few reading ahead is no gain."""
_BREATH_S = 0.01  # seconds of the machine between two moments in which others have their turn


class Handle(Protocol):
    """Acts on one arrival. All its effects are written with `tx`, which it never commits.

    It may be called again for the same arrival with nothing written: it keeps nothing in memory about it. Returns
    what came of it, or None for *not yet* (asked again shortly; the conversation waits, others go on). `late`: the
    arrival waited for more than ten minutes.
    """

    async def __call__(
        self, tx: AsyncConnection, received: Received, now_ms: int, late: bool = False
    ) -> str | None: ...


class ReadAhead(Protocol):
    """Reads what `Handle` would ask for each of these, for all of them at once.

    Returns it, and the ids of those that are worth a try with it: of each conversation the first at most. `arrivals`
    are all that are handled together, in their order, even what is known to be handled alone.
    """

    async def __call__(
        self, tx: AsyncConnection, arrivals: Sequence[Received], now_ms: int
    ) -> tuple[Ahead, set[int]]: ...


async def nothing_ahead(tx: AsyncConnection, arrivals: Sequence[Received], now_ms: int) -> tuple[Ahead, set[int]]:
    """One after another."""
    return Ahead(tx), set()


@dataclass(slots=True)
class Waiting:
    """An arrival that is to be handled, not before `until_ms`. Order matters within its `conversation` only.

    `urgent`: it must not wait behind those of others. `written`: what it says is in the database; else the chunk that
    handles it writes it.
    """

    received: Received
    until_ms: int
    failures: int = 0
    urgent: bool = False
    written: bool = True
    conversation: tuple[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.conversation = self.received.account, conversation_of(self.received.kind, self.received.payload)


@dataclass(slots=True)
class Dealt:
    """What came of a chunk. `again`: not yet; `left`: time was up before it was their turn."""

    outcomes: list[tuple[int, str]] = field(default_factory=list)
    again: list[Waiting] = field(default_factory=list)
    lost: list[Received] = field(default_factory=list)
    left: list[Waiting] = field(default_factory=list)


class Failed(Exception):
    """Handling one arrival raised; the transaction of its chunk is void."""


class Unwritable(Exception):
    """What some arrival says is more than the database can hold; the transaction of its chunk is void."""


class Chunks:
    """Handles chunks of arrivals, each in one transaction."""

    def __init__(self, db: Database, clock: Clock, handle: Handle, read_ahead: ReadAhead) -> None:
        self._db = db
        self._clock = clock
        self._handle = handle
        self._read_ahead = read_ahead

    async def handle(
        self, chunk: Sequence[Waiting], *, guarded: bool, blocked: set[tuple[str, str]], released: Collection[str]
    ) -> Dealt:
        """Handle `chunk`, but what is of a `blocked` conversation or of a `released` account, or no longer open.

        `guarded`: with a savepoint each, so that one that raises costs only itself; else Failed is raised, and nothing
        is kept. Once all three tries of an arrival have failed it is lost. Raises Unwritable, too.
        """
        dealt = Dealt()
        async with self._db.write() as tx:
            # On PostgreSQL somebody who lost the account may be about, handling the very same.
            unhandled = await still_open(tx, [item.received.id for item in chunk])
            mine = [
                item
                for item in {item.received.id: item for item in chunk}.values()
                if item.received.id in unhandled and item.received.account not in released
            ]
            await self._write_payloads(tx, mine)
            alone = mine if guarded else await self._at_once(tx, mine, blocked, dealt)
            await self._one_by_one(tx, alone, blocked, released, dealt, guarded=guarded)
            now_ms = self._clock.now_ms()
            await mark_handled(tx, dealt.outcomes, now_ms=now_ms)
            await mark_lost(tx, dealt.lost, outcome="failed", message="bots.handling_failed", now_ms=now_ms)
        for item in mine:
            item.written = True
        return dealt

    async def _write_payloads(self, tx: AsyncConnection, chunk: Sequence[Waiting]) -> None:
        try:
            await mark_fetched(tx, [item.received for item in chunk if not item.written])
        except DBAPIError as error:
            if self._is_the_database(error):
                raise
            raise Unwritable from error

    async def _at_once(
        self, tx: AsyncConnection, chunk: list[Waiting], blocked: Collection[tuple[str, str]], dealt: Dealt
    ) -> list[Waiting]:
        """Handle those for whom nothing must be read but what was read for all. Returns the others."""
        now_ms = self._clock.now_ms()
        unblocked = [item.received for item in chunk if item.conversation not in blocked]
        able = [received for received in unblocked if not self._is_late(received, now_ms)]
        if len(able) < _FEW:
            return chunk
        try:
            ahead, worth = await self._read_ahead(tx, unblocked, now_ms)
            await self._try(ahead, [received for received in able if received.id in worth], now_ms, dealt)
            await ahead.write()
        except Exception as error:
            if self._is_the_database(error):
                raise
            raise Failed from error
        done = {id for id, _ in dealt.outcomes}
        return [item for item in chunk if item.received.id not in done]

    async def _try(self, ahead: Ahead, arrivals: Sequence[Received], now_ms: int, dealt: Dealt) -> None:
        loop = asyncio.get_running_loop()
        breathes = loop.time() + _BREATH_S
        for received in arrivals:
            with suppress(AsksMore):
                outcome = await ahead.attempt(partial(self._now_or_never, ahead, received, now_ms))
                dealt.outcomes.append((received.id, outcome))
            if loop.time() > breathes:  # nothing above waits for anything
                await asyncio.sleep(0)
                breathes = loop.time() + _BREATH_S

    async def _now_or_never(self, ahead: Ahead, received: Received, now_ms: int) -> str:
        outcome = await self._handle(ahead, received, now_ms, late=False)
        if outcome is None:
            raise AsksMore
        return outcome

    async def _one_by_one(
        self,
        tx: AsyncConnection,
        chunk: Sequence[Waiting],
        blocked: set[tuple[str, str]],
        released: Collection[str],
        dealt: Dealt,
        *,
        guarded: bool,
    ) -> None:
        loop = asyncio.get_running_loop()
        ends = loop.time() + _ENDS_S
        for number, item in enumerate(chunk):
            if number and loop.time() > ends:
                dealt.left += chunk[number:]
                return
            if item.received.account in released:
                continue
            if item.conversation in blocked:
                dealt.again.append(item)
                continue
            outcome = await self._handle_one(tx, item, guarded=guarded)
            if outcome is not None:
                dealt.outcomes.append((item.received.id, outcome))
            elif item.failures >= _TRIES:
                dealt.lost.append(item.received)
            else:
                dealt.again.append(item)
                blocked.add(item.conversation)

    async def _handle_one(self, tx: AsyncConnection, item: Waiting, *, guarded: bool) -> str | None:
        now_ms = self._clock.now_ms()
        late = self._is_late(item.received, now_ms)
        try:
            if not guarded:
                return await self._handle(tx, item.received, now_ms, late=late)
            async with tx.begin_nested():
                return await self._handle(tx, item.received, now_ms, late=late)
        except Exception as error:
            if self._is_the_database(error):
                raise
            if not guarded:
                raise Failed from error
            item.failures += 1
            log.exception(
                "arrival_not_handled",
                account=item.received.account,
                arrival=item.received.event,
                failures=item.failures,
            )
            return None

    def _is_late(self, received: Received, now_ms: int) -> bool:
        return now_ms - received.received_ms > self._clock.span_ms(LATE_MS)

    def _is_the_database(self, error: Exception) -> bool:
        """Does it say nothing about the message?"""
        return isinstance(error, DBAPIError) and isinstance(translate(error, self._db.url), Problem)
