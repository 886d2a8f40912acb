"""The last stage of the inbox: each arrival is given to whoever acts on it, once, in the order of its conversation."""

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Collection, Sequence

import structlog
from sqlalchemy.exc import DBAPIError

from bots.chunks import LONGEST, Chunks, Dealt, Failed, Handle, ReadAhead, Unwritable, Waiting, nothing_ahead
from bots.gathering import Gathers
from rules.clock import Clock
from storage.engine import Database
from storage.inbox import Received, mark_fetched, mark_lost
from texts.problem import Problem

log = structlog.get_logger(__name__)

_BATCH = 500
_WAITING_AT_MOST = 5000
_IN_A_ROUND = 5
"""So many of one conversation before it is the others' turn: a flood of one person costs the others little. Ours."""
_AGAIN_WALL_MS = 250
_BROKEN_WALL_MS = 1000

Urgent = Callable[[Received], bool]
"""Must this arrival not wait behind those of other conversations? Asked only where many wait."""


def never_urgent(received: Received) -> bool:
    """First come, first served."""
    return False


class Handling:
    """Gives arrivals to `handle`. One bad message costs only itself: after three tries it is a repair.

    Where many wait, what is `urgent` goes before them, with what its own conversation said earlier; and conversations
    take turns.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        handle: Handle,
        urgent: Urgent = never_urgent,
        read_ahead: ReadAhead = nothing_ahead,
    ) -> None:
        self._db = db
        self._clock = clock
        self._chunks = Chunks(db, clock, handle, read_ahead)
        self._urgent = urgent
        self._ready: list[Received] = []
        self._queue: list[Waiting] = []
        self._fetched: list[Received] = []
        self._gone: list[Received] = []
        self._waiting: list[Waiting] = []
        self._wake = asyncio.Event()
        self._space = asyncio.Event()
        self._chunk = asyncio.Lock()
        self._released: set[str] = set()
        self._stopping = False
        self._failing = False

    def add(self, received: Received) -> None:
        """An arrival whose payload is in the database."""
        self._ready.append(received)
        self._wake.set()

    async def add_fetched(self, found: Sequence[Received], gone: Sequence[Received]) -> None:
        """Payloads as they came, and arrivals that can't be fetched any more. Waits while too many are ahead."""
        while self._ahead >= _WAITING_AT_MOST and not self._stopping:
            self._space.clear()
            await self._space.wait()
        self._fetched += found
        self._gone += gone
        self._wake.set()

    async def release(self, accounts: Collection[str]) -> None:
        """Leave what is not handled of these accounts to whoever takes them up; a chunk under way is finished."""
        self._released |= set(accounts)
        async with self._chunk:
            """What begins from here on skips them."""

    def take_up(self, accounts: Collection[str]) -> None:
        """Handle what comes of these accounts, even if they were released before."""
        self._released.difference_update(accounts)

    @property
    def _ahead(self) -> int:
        return len(self._fetched) + len(self._ready) + len(self._queue)

    def busy(self) -> set[str]:
        """Accounts of which something is in memory."""
        ahead = {received.account for received in (*self._ready, *self._fetched, *self._gone)}
        return ahead | {item.received.account for item in (*self._queue, *self._waiting)}

    @property
    def waiting(self) -> int:
        """Arrivals in memory that are not handled yet."""
        return len(self._fetched) + len(self._ready) + len(self._waiting)

    def stop(self) -> None:
        """End after the chunk under way; what is left stays unhandled in the database."""
        self._stopping = True
        self._wake.set()
        self._space.set()

    async def run(self) -> None:
        gathers = Gathers()
        while True:
            await self._something_to_do()
            if not self._stopping:
                await gathers.some()
            try:
                await self._write_fetched()
                if self._stopping:
                    await self._write_payloads([item.received for item in self._waiting if not item.written], [])
                    return
                await self._handle_ready()
            except Exception as error:  # the database, or a mistake of ours: the other accounts must go on
                self._say_failing(error)
                if self._stopping:
                    return
                await self._clock.sleep(self._clock.span_ms(_BROKEN_WALL_MS) / 1000)
                self._wake.set()
            else:
                self._say_mended()

    async def _something_to_do(self) -> None:
        if self._waiting and not self._ready:
            # Never longer than any of them was told to wait: the clock may have been set back meanwhile.
            longest_ms = self._clock.now_ms() + self._clock.span_ms(_AGAIN_WALL_MS)
            soonest_ms = min(first.until_ms for first in self._firsts().values())
            await self._clock.wait(self._wake, min(longest_ms, soonest_ms))
        else:
            await self._wake.wait()
        self._wake.clear()

    @property
    def _few(self) -> bool:
        """Will one chunk do for all? Then it writes what they say itself, and nobody waits for two transactions."""
        return not self._gone and not self._stopping and self._ahead <= LONGEST

    async def _write_fetched(self) -> None:
        """One statement for the payloads of a batch, whatever accounts they are of.

        Only what is there now: where payloads never cease to come, what was written waits to be handled meanwhile.
        """
        if self._few:
            return
        rounds = math.ceil(max(len(self._fetched), len(self._gone)) / _BATCH)
        for _ in range(rounds):
            found, gone = self._fetched[:_BATCH], self._gone[:_BATCH]
            written = found
            try:
                await self._write_payloads(found, gone)
            except DBAPIError:  # one of them holds what the database can't
                log.exception("payloads_not_written", arrivals=len(found))
                written = [received for received in found if await self._is_written_alone(received)]
            else:
                del self._gone[: len(gone)]
            del self._fetched[: len(found)]
            self._ready += written
            self._space.set()

    async def _write_payloads(self, found: Sequence[Received], gone: Sequence[Received]) -> None:
        async with self._db.write() as tx:
            await mark_fetched(tx, found)
            now_ms = self._clock.now_ms()
            await mark_lost(tx, gone, outcome="lost", message="bots.payload_lost", now_ms=now_ms)
        for received in gone:
            log.warning("payload_lost", account=received.account, arrival=received.event)

    async def _is_written_alone(self, received: Received) -> bool:
        """Is it in the database now? What that can't hold is lost."""
        try:
            await self._write_payloads([received], [])
        except DBAPIError:
            await self._write_payloads([], [received])
            return False
        return True

    async def _handle_ready(self) -> None:
        self._queue = self._due()
        self._line_up()
        try:
            while self._queue and not self._stopping:
                chunk = self._queue[:LONGEST]
                self._queue[: len(chunk)] = await self._handle_chunk(chunk)
                self._space.set()
                await self._write_fetched()
                self._line_up()
        finally:
            self._waiting += self._queue  # left over by a stop or by a database that broke
            self._queue = []

    def _due(self) -> list[Waiting]:
        """Take what need not wait any longer, the oldest first.

        Of a conversation the first says when, for all: were each looked at in its own time, each would find another of
        them waiting, and give way to it for ever.
        """
        now_ms = self._clock.now_ms()
        set_back_ms = now_ms + self._clock.span_ms(_AGAIN_WALL_MS)
        firsts = self._firsts()
        rest = {name for name, first in firsts.items() if now_ms < first.until_ms <= set_back_ms}
        due = [waiting for waiting in self._waiting if waiting.conversation not in rest]
        self._waiting = [waiting for waiting in self._waiting if waiting.conversation in rest]
        return sorted(due, key=lambda waiting: waiting.received.id)

    def _firsts(self) -> dict[tuple[str, str], Waiting]:
        """Of each conversation that waits the oldest arrival."""
        firsts: dict[tuple[str, str], Waiting] = {}
        for waiting in self._waiting:
            first = firsts.setdefault(waiting.conversation, waiting)
            if waiting.received.id < first.received.id:
                firsts[waiting.conversation] = waiting
        return firsts

    def _line_up(self) -> None:
        """What came joins the end; what is urgent, with all that its conversation said before, the front.

        Of a conversation that goes on with urgent words only the first go there. None overtakes itself.
        """
        now_ms, few = self._clock.now_ms(), self._few
        came, self._ready = [Waiting(received, now_ms) for received in self._ready], []
        if few:
            came += [Waiting(received, now_ms, written=False) for received in self._fetched]
            self._fetched = []
        if not came:
            return
        self._queue += came
        if len(self._queue) <= LONGEST:
            return
        for item in came:
            item.urgent = self._urgent(item.received)
        self._queue = _in_turns(self._queue)

    async def _handle_chunk(self, chunk: list[Waiting]) -> list[Waiting]:
        """Handle `chunk` in one transaction. Returns those whose turn did not come.

        Without a savepoint each, which costs as much as handling; should one of them raise, again with savepoints.
        """
        async with self._chunk:
            try:
                dealt = await self._dealt(chunk)
            except Unwritable as error:
                log.error("payloads_not_written", arrivals=len(chunk), exc_info=error)
                dealt = await self._dealt([item for item in chunk if await self._is_written(item)])
        retry_ms = self._clock.now_ms() + self._clock.span_ms(_AGAIN_WALL_MS)
        for item in dealt.again:
            item.until_ms = retry_ms
        self._waiting += dealt.again
        return dealt.left

    async def _is_written(self, item: Waiting) -> bool:
        item.written = item.written or await self._is_written_alone(item.received)
        return item.written

    async def _dealt(self, chunk: list[Waiting]) -> Dealt:
        if any(item.failures for item in chunk):
            return await self._in_one_transaction(chunk, guarded=True)
        try:
            return await self._in_one_transaction(chunk, guarded=False)
        except Failed:
            return await self._in_one_transaction(chunk, guarded=True)

    async def _in_one_transaction(self, chunk: list[Waiting], *, guarded: bool) -> Dealt:
        blocked = {item.conversation for item in self._waiting}
        return await self._chunks.handle(chunk, guarded=guarded, blocked=blocked, released=self._released)

    def _say_failing(self, error: Exception) -> None:
        if not self._failing:
            self._failing = True
            unforeseen = None if isinstance(error, Problem) else error
            log.error("arrivals_not_handled", problem=str(error), exc_info=unforeseen)

    def _say_mended(self) -> None:
        if self._failing:
            self._failing = False
            log.info("arrivals_handled_again")


def _in_turns(queue: Sequence[Waiting]) -> list[Waiting]:
    """A few of each conversation, in the order in which they came, then the next few; what is urgent before all."""
    urgent = {item.conversation for item in queue if item.urgent}
    before: Counter[tuple[str, str]] = Counter()
    turns: list[tuple[int, Waiting]] = []
    for item in queue:
        if item.conversation in urgent:
            turns.append((-1, item))
            if item.urgent:
                urgent.remove(item.conversation)
        else:
            turns.append((before[item.conversation] // _IN_A_ROUND, item))
            before[item.conversation] += 1
    return [item for _, item in sorted(turns, key=lambda turn: turn[0])]
