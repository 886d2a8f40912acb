"""The way in: events are written once, their payloads fetched, and each is handled in order.

Three stages over all accounts, so that an event costs little: the recorder writes batches, one line per account
with work fetches payloads (`bots.fetching`), the handler gives them to `conversations` with all effects and `handled`
in one transaction (`bots.handling`).
"""

import asyncio
from collections.abc import Collection, Sequence

import structlog

from bots.chunks import Handle, ReadAhead, nothing_ahead
from bots.fetching import Fetching, GatewayOf
from bots.gateway import FriendshipChanged, MessageArrived, RoomChanged
from bots.gathering import Gathers
from bots.handling import Handling, Urgent, never_urgent
from bots.payloads import room_payload
from rules.clock import Clock
from storage.engine import Database
from storage.inbox import NewArrival, Received, record, recorded, unhandled
from texts.problem import Problem

log = structlog.get_logger(__name__)

InboxEvent = MessageArrived | FriendshipChanged | RoomChanged

_BATCH = 500
_LEFTOVERS_WALL_MS = 10_000
"""Between two looks for rows of ours that nobody has in hand."""
_WAITING_AT_MOST = 4000  # events not yet written, over all accounts
_RETRY_WALL_MS = 2000
_PAGE = 1000


class InboxWriter:
    """Takes what runners hear. `put` waits when more comes in than can be written: that slows the gateways, not us.

    `handle` is called inside a transaction with its effects; see `bots.chunks`.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        gateway_of: GatewayOf,
        handle: Handle,
        urgent: Urgent = never_urgent,
        read_ahead: ReadAhead = nothing_ahead,
    ) -> None:
        self._db = db
        self._clock = clock
        self._handling = Handling(db, clock, handle, urgent, read_ahead)
        self._incoming: list[NewArrival] = []
        self._writing: list[NewArrival] = []
        self._released: set[str] = set()
        self._served: set[str] = set()
        self._wake = asyncio.Event()
        self._space = asyncio.Event()
        self._fetching = Fetching(clock, gateway_of, self._handling.add_fetched, self._space.set)
        self._stopping = False
        self._failing = False
        self.written = 0
        """Distinct events written since the start."""

    async def put(self, account: str, event: InboxEvent) -> None:
        """Hand over one event, in the order of the account's stream."""
        while len(self._incoming) >= _WAITING_AT_MOST or self._fetching.is_full(account):
            self._space.clear()
            await self._space.wait()
        self._incoming.append(_arrival(account, event, self._clock.now_ms()))
        self._wake.set()

    async def run(self) -> None:
        """Work until `stop`; what waits in memory then is written first. Never raises for what a message holds."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._handling.run(), name="inbox:handle")
                leftovers = group.create_task(self._look_for_leftovers(), name="inbox:leftovers")
                await self._record_all()
                leftovers.cancel()
        finally:
            await self._fetching.stop()

    async def stop(self) -> None:
        """Let go: everything put is written, the handling under way is finished, the rest waits for the next start."""
        self._stopping = True
        self._wake.set()
        self._space.set()
        await self._fetching.stop()
        self._handling.stop()

    async def take_up(self, accounts: Sequence[str] | None = None) -> int:
        """Go on with rows that an earlier run left unhandled; None means all accounts. Returns how many.

        Call it before events come in. Rows whose payload is still to be fetched wait for `logged_in`.
        """
        self._released.difference_update(accounts or ())
        self._served.update(accounts or ())
        self._fetching.open(accounts or ())
        self._handling.take_up(accounts or ())
        taken = after = 0
        while True:
            async with self._db.read() as connection:
                page = await unhandled(connection, accounts, after_id=after, limit=_PAGE)
            if not page:
                return taken
            self._go_on_with(page)
            taken += len(page)
            after = page[-1].id

    def _go_on_with(self, page: Sequence[Received]) -> None:
        for received in page:
            if received.payload:
                self._handling.add(received)
            else:
                self._fetching.add(received)

    async def _look_for_leftovers(self) -> None:
        """What an earlier owner wrote down after we took its accounts up, a frozen process that woke: while nothing of
        an account is in memory, every open row of it is such a one.
        """
        while True:
            await self._clock.sleep(self._clock.span_ms(_LEFTOVERS_WALL_MS) / 1000)
            quiet = self._served - self._busy()
            if not quiet:
                continue
            try:
                async with self._db.read() as connection:
                    page = await unhandled(connection, sorted(quiet), limit=_PAGE)
            except Problem:
                continue  # who writes says it
            quiet = (quiet & self._served) - self._busy()
            if page := [received for received in page if received.account in quiet]:
                log.info("leftovers_taken_up", arrivals=len(page))
                self._go_on_with(page)
                for account in {received.account for received in page}:
                    self._fetching.start(account)

    def _busy(self) -> set[str]:
        """Accounts of which something is in memory."""
        arriving = {arrival.account for arrival in (*self._incoming, *self._writing)}
        return arriving | self._fetching.busy() | self._handling.busy()

    def waiting(self) -> dict[str, int]:
        """Events in memory, by what they wait for."""
        fetch, handle = self._fetching.waiting, self._handling.waiting
        return {"write": len(self._incoming), "fetch": fetch, "handle": handle}

    def logged_in(self, account: str) -> None:
        """The account's gateway answers (again): fetch what waits."""
        self._fetching.start(account)

    async def release(self, accounts: Collection[str]) -> None:
        """These accounts tell nothing more: what they told is written, a handling under way is finished, and the rest
        waits in the database for whoever takes them up.
        """
        self._released |= set(accounts)
        self._served -= set(accounts)
        await self._fetching.close(accounts)
        while any(arrival.account in accounts for arrival in (*self._incoming, *self._writing)):
            self._space.clear()
            await self._space.wait()
        self._fetching.forget(accounts)
        await self._handling.release(accounts)

    async def _record_all(self) -> None:
        gathers = Gathers()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._incoming:
                if not self._stopping:
                    await gathers.some()
                batch = self._incoming[:_BATCH]
                del self._incoming[: len(batch)]
                self._writing = batch
                self._route(await self._record(batch))
                self._writing = []
                self._space.set()
            if self._stopping:
                return

    async def _record(self, batch: list[NewArrival]) -> list[Received]:
        """Write a batch; while the database can't, try again. What can't be written at all costs only itself."""
        failed = False
        while True:
            try:
                async with self._db.write(short=True) as tx:
                    new = await record(tx, batch)
                    if failed:  # perhaps it was committed all the same: then nothing of it is new
                        new = await recorded(tx, batch)
            except Problem as problem:
                failed = True
                self._say_failing(problem)
                if self._stopping:
                    return []
                await self._pause()
            except Exception:
                if len(batch) == 1:
                    log.exception("event_not_written", account=batch[0].account, arrival=ascii(batch[0].event))
                    return []
                return [received for arrival in batch for received in await self._record([arrival])]
            else:
                self._say_mended()
                self.written += len(new)
                return new

    def _route(self, new: Sequence[Received]) -> None:
        for received in new:
            if received.account in self._released:
                continue  # it waits for whoever takes the account up
            if received.kind == "room":
                self._handling.add(received)
                continue
            self._fetching.add(received)
            self._fetching.start(received.account)

    async def _pause(self) -> None:
        await self._clock.sleep(self._clock.span_ms(_RETRY_WALL_MS) / 1000)

    def _say_failing(self, problem: Problem) -> None:
        if not self._failing:
            self._failing = True
            log.error("inbox_not_written", problem=str(problem))

    def _say_mended(self) -> None:
        if self._failing:
            self._failing = False
            log.info("inbox_written_again")


def _arrival(account: str, event: InboxEvent, now_ms: int) -> NewArrival:
    """A message is the same row however often it is told.

    A friendship is not: some gateways use one id for the request and for its confirmation, and what becomes of it
    stands only in its payload. Handling a friendship twice is harmless, losing its confirmation is not.
    """
    if isinstance(event, MessageArrived):
        return NewArrival(account, f"message:{event.id}", "message", now_ms)
    if isinstance(event, FriendshipChanged):
        return NewArrival(account, f"friendship:{now_ms}:{event.id}", "friendship", now_ms)
    name = f"room:{event.what}:{event.room}:{event.at_ms}:{','.join(event.contacts)}"
    return NewArrival(account, name, "room", now_ms, room_payload(event))
