"""The accounts of this process: taken up and released while it runs, watched once a second, stopped within five."""

import asyncio
from collections.abc import Callable, Collection, Container, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Protocol

import structlog
from sqlalchemy import select

from bots.account_book import AccountBook
from bots.chunks import Handle, ReadAhead, nothing_ahead
from bots.errors import GatewayProblem
from bots.gateway import Gateway
from bots.handling import Urgent, never_urgent
from bots.inbox import InboxWriter
from bots.lane import LaneConfig
from bots.lane import Sender as Road
from bots.lifecycle import State
from bots.live_requests import answer_requests, somebody_asks
from bots.publisher import Publisher
from bots.runner import Runner, Surroundings
from bots.sender import Sender
from rules.clock import Clock
from storage.engine import Database
from storage.fleet_tables import Repair
from storage.statements import both, rows_of
from storage.tables import Account
from texts.problem import Problem

log = structlog.get_logger(__name__)

CONNECTING_AT_ONCE = 50
SWEEP_WALL_MS = 1000
"""How often pauses, requests, rests and silent gateways are looked at."""
_PAUSED = both("""
    SELECT id, paused_by IS NOT NULL, lost_ms IS NOT NULL FROM accounts
     WHERE paused_by IS NOT NULL OR lost_ms IS NOT NULL
""")
_LAST_WORDS_S = 0.8
"""What a stop or a release has left after the courier's drain of four seconds."""


class Dispatch(Protocol):
    """What the fleet needs of the courier."""

    def add(self, config: LaneConfig, sender: Road) -> None: ...
    def wake(self, account: str) -> None: ...
    async def release(self, accounts: Collection[str]) -> None: ...
    async def run(self) -> None: ...
    async def stop(self) -> None: ...


class Background(Protocol):
    """Work behind the logins: the friend synchronisation."""

    def logged_in(self, account: str, gateway: Gateway) -> None: ...
    def released(self, accounts: Collection[str]) -> None: ...
    async def run(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Member:
    """One account as the fleet takes it up."""

    lane: LaneConfig
    gateway: Callable[[], Gateway]
    publisher: Publisher | None = None

    @property
    def account(self) -> str:
        return self.lane.account


class Fleet:
    """`run` until `stop` is called; `take` and `release` accounts meanwhile. One's death never touches another."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        members: Sequence[Member],
        *,
        courier: Dispatch,
        handle: Handle,
        background: Background | None = None,
        on_scan: Callable[[str, str], None] = lambda account, code: None,
        random: Random,
        at_once: int = CONNECTING_AT_ONCE,
        urgent: Urgent = never_urgent,
        read_ahead: ReadAhead = nothing_ahead,
    ) -> None:
        """`members` are taken up at the start; there may be none. `on_scan(account, QR text)` shows a code to whoever
        can scan it; `at_once` accounts connect at a time.
        """
        self._db = db
        self._clock = clock
        self._members = members
        self._courier = courier
        self._background = background
        self._runners: dict[str, Runner] = {}
        self._keeping: dict[str, asyncio.Task[None]] = {}
        self._taking = asyncio.Lock()
        self._group: asyncio.TaskGroup | None = None
        self._started = asyncio.Event()
        self._stop_asked = asyncio.Event()
        self._book = AccountBook(db, clock)
        self._inbox = InboxWriter(db, clock, self._gateway_of, handle, urgent, read_ahead)
        self._around = Surroundings(
            clock=clock,
            random=random,
            inbox=self._inbox,
            book=self._book,
            window=asyncio.Semaphore(at_once),
            owners={},
            on_scan=on_scan,
            on_login=self._on_login,
        )
        self._troubled = False

    def states(self) -> dict[str, State]:
        """Where each account stands now."""
        return {account: runner.state for account, runner in self._runners.items()}

    @property
    def inbox(self) -> InboxWriter:
        """Where what the accounts hear goes; for whoever counts."""
        return self._inbox

    def codes(self) -> dict[str, str]:
        """QR texts that wait to be scanned, by account."""
        return {account: runner.qr for account, runner in self._runners.items() if runner.qr and not runner.set_aside}

    def hear_problem(self, account: str, problem: GatewayProblem) -> None:
        """A send met a problem: for the courier's `on_problem`."""
        runner = self._runners.get(account)
        if runner is not None:
            runner.hear_problem(problem)

    def hear_lost(self, accounts: frozenset[str]) -> None:
        """Somebody took these over: for the courier's `on_lost`. They are let go of shortly."""
        for account in accounts & self._runners.keys():
            self._runners[account].lost = True

    async def run(self) -> None:
        """Take all members up and keep them until `stop`. Raises what the database raises before the start."""
        await self._prepare(self._members)
        async with asyncio.TaskGroup() as group:
            self._group = group
            book = group.create_task(self._book.run(), name="fleet:book")
            inbox = group.create_task(self._inbox.run(), name="fleet:inbox")
            courier = group.create_task(self._courier.run(), name="fleet:courier")
            watching = [group.create_task(self._sweep_all(), name="fleet:sweep")]
            if self._background is not None:
                watching.append(group.create_task(self._background.run(), name="fleet:background"))
            self._keep(self._runners)
            self._started.set()
            await self._stop_asked.wait()
            await self._drain(book, inbox, courier, watching)

    async def take(self, members: Sequence[Member]) -> None:
        """Serve these accounts too, after what was under way in them was marked as in doubt (`Tenure.take`).

        Waits until `run` has begun; does nothing once the end is asked for. Raises what `Database.read` raises.
        """
        await self._started.wait()
        async with self._taking:
            await self._leave_lost()  # what comes back to us begins anew
            new = [member for member in members if member.account not in self._runners]
            if new and not self._stop_asked.is_set():
                await self._prepare(new)
                self._keep(member.account for member in new)

    async def release(self, accounts: Collection[str]) -> None:
        """Serve these accounts no more: no new claims, at most four seconds for sends in flight, then their runners
        end, their channels close, and what they told is written. Afterwards another process may take them.
        """
        leaving = [account for account in accounts if account in self._runners]
        if leaving:
            await self._courier.release(leaving)
            await self._let_go(leaving)

    def stop(self) -> None:
        """Ask `run` to end: no more claims, at most four seconds for sends in flight, then everything closes."""
        self._stop_asked.set()

    async def _prepare(self, members: Sequence[Member]) -> None:
        known, rests = await self._read_accounts()
        waiting = await self._inbox.take_up([member.account for member in members])
        for member in members:
            account = member.account
            contact, paused, set_aside = known.get(account, (None, False, False))
            runner = Runner(
                account,
                member.gateway(),
                self._around,
                contact=contact,
                paused=paused,
                set_aside=set_aside,
                rests_until_ms=rests.get(account, 0),
            )
            self._runners[account] = runner
            self._courier.add(member.lane, Sender(runner, self._db, member.publisher))
        if waiting:
            log.info("taken_up", unhandled=waiting)

    def _keep(self, accounts: Iterable[str]) -> None:
        assert self._group is not None  # noqa: S101  # `run` has begun
        for account in accounts:
            keeping = self._runners[account].run()
            self._keeping[account] = self._group.create_task(keeping, name=f"account:{account}")

    async def _leave_lost(self) -> None:
        """What fails here is tried again: a runner that stays would keep its gateway from the new owner."""
        await self.release([account for account, runner in self._runners.items() if runner.lost])

    async def _let_go(self, accounts: Collection[str]) -> None:
        """End their runners, and write what they said; what takes too long is left to end by itself."""
        ending = [task for account in accounts if (task := self._keeping.pop(account, None)) is not None]
        for task in ending:
            task.cancel()
        if self._background is not None:
            self._background.released(accounts)
        try:
            async with asyncio.timeout(_LAST_WORDS_S):
                await asyncio.gather(*ending, return_exceptions=True)
                await self._inbox.release(accounts)
                await self._book.written()
        except TimeoutError:
            log.warning("release_cut_short", accounts=len(accounts))
        for account in accounts:
            self._runners.pop(account, None)
        for contact, account in list(self._around.owners.items()):
            if account not in self._runners:
                del self._around.owners[contact]

    async def _read_accounts(self) -> tuple[dict[str, tuple[str | None, bool, bool]], dict[str, int]]:
        """By account its own WeChat id, is it paused, did staff lose it; and until when limited accounts rest."""
        async with self._db.read() as connection:
            rows = await connection.execute(
                select(Account.id, Account.self_contact, Account.paused_by, Account.lost_ms)
            )
            known = {id: (own, paused_by is not None, lost_ms is not None) for id, own, paused_by, lost_ms in rows}
            repairs = await connection.execute(
                select(Repair.account, Repair.values).where(Repair.key.startswith("restricted:"))
            )
            rests = {account: int(values.get("until_ms", 0)) for account, values in repairs if account}
        return known, rests

    async def _drain(
        self,
        book: asyncio.Task[None],
        inbox: asyncio.Task[None],
        courier: asyncio.Task[None],
        watching: Sequence[asyncio.Task[None]],
    ) -> None:
        await self._courier.stop()
        await courier
        tasks = [*watching, *self._keeping.values()]
        for task in tasks:
            task.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_S):
                await asyncio.gather(*tasks, return_exceptions=True)
                await self._inbox.stop()
                await inbox
                self._book.stop()
                await book
        for task in (inbox, book):
            task.cancel()

    def _gateway_of(self, account: str) -> Gateway | None:
        runner = self._runners.get(account)
        return runner.gateway if runner is not None and runner.logged_in else None

    def _on_login(self, account: str) -> None:
        self._inbox.logged_in(account)
        self._courier.wake(account)
        if self._background is not None:
            self._background.logged_in(account, self._runners[account].gateway)

    async def _sweep_all(self) -> None:
        while True:
            await self._clock.sleep(self._clock.span_ms(SWEEP_WALL_MS) / 1000)
            try:
                await self._sweep()
            except Problem as problem:
                if not self._troubled:
                    log.error("sweep_failed", problem=str(problem))
                self._troubled = True
            except Exception:
                if not self._troubled:
                    log.exception("sweep_failed")
                self._troubled = True
            else:
                self._troubled = False

    async def _sweep(self) -> None:
        async with self._taking:
            await self._leave_lost()
        now_ms = self._clock.now_ms()
        asking = [runner for runner in self._runners.values() if not runner.logged_in and runner.wants_session()]
        await asyncio.gather(*(runner.begin_session() for runner in asking))
        for runner in self._runners.values():
            if 0 < runner.rests_until_ms <= now_ms:
                runner.rest_is_over()
                self._courier.wake(runner.account)
        async with self._db.read() as connection:
            away = await rows_of(connection, _PAUSED, {})
            asked = await somebody_asks(connection)
        self._heed({id for id, paused, _ in away if paused}, {id for id, _, lost in away if lost})
        if asked:
            await answer_requests(self._db, self._clock, self._runners)

    def _heed(self, paused: Container[str], set_aside: Container[str]) -> None:
        for account, runner in self._runners.items():
            if runner.set_aside is not (account in set_aside):
                runner.put_aside(account in set_aside)
            if runner.paused is not (account in paused):
                runner.pause(account in paused)
                self._courier.wake(account)
