"""All accounts of this process: started in windows, watched once a second, stopped within five."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Protocol

import structlog
from sqlalchemy import select

from bots.account_book import AccountBook
from bots.errors import GatewayProblem
from bots.gateway import Gateway
from bots.handling import Handle
from bots.inbox import InboxWriter
from bots.lane import LaneConfig
from bots.lane import Sender as Road
from bots.lifecycle import State
from bots.live_requests import answer_requests
from bots.publisher import Publisher
from bots.runner import Runner, Surroundings
from bots.sender import Sender
from rules.clock import Clock
from storage.engine import Database
from storage.tables import Account, Repair
from texts.problem import Problem

log = structlog.get_logger(__name__)

CONNECTING_AT_ONCE = 50
SWEEP_WALL_MS = 1000
"""How often pauses, requests, rests and silent gateways are looked at."""
_LAST_WORDS_S = 0.8
"""What a stop has left after the courier's drain of four seconds."""


class Dispatch(Protocol):
    """What the fleet needs of the courier."""

    def add(self, config: LaneConfig, sender: Road) -> None: ...
    def wake(self, account: str) -> None: ...
    async def recover(self) -> int: ...
    async def run(self) -> None: ...
    async def stop(self) -> None: ...


class Background(Protocol):
    """Work behind the logins: the friend synchronisation."""

    def logged_in(self, account: str, gateway: Gateway) -> None: ...
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
    """`run` until `stop` is called. One account's death never touches another."""

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
    ) -> None:
        """`on_scan(account, QR text)` shows a code to whoever can scan it; `at_once` accounts connect at a time."""
        self._db = db
        self._clock = clock
        self._members = members
        self._courier = courier
        self._background = background
        self._runners: dict[str, Runner] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._stop_asked = asyncio.Event()
        self._book = AccountBook(db, clock)
        self._inbox = InboxWriter(db, clock, self._gateway_of, handle)
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

    def codes(self) -> dict[str, str]:
        """QR texts that wait to be scanned, by account."""
        return {account: runner.qr for account, runner in self._runners.items() if runner.qr}

    def hear_problem(self, account: str, problem: GatewayProblem) -> None:
        """A send met a problem: for the courier's `on_problem`."""
        runner = self._runners.get(account)
        if runner is not None:
            runner.hear_problem(problem)

    async def run(self) -> None:
        """Take all accounts up and keep them until `stop`. Raises what the database raises before the start."""
        await self._prepare()
        async with asyncio.TaskGroup() as group:
            book = group.create_task(self._book.run(), name="fleet:book")
            inbox = group.create_task(self._inbox.run(), name="fleet:inbox")
            courier = group.create_task(self._courier.run(), name="fleet:courier")
            self._tasks = [group.create_task(self._sweep_all(), name="fleet:sweep")]
            if self._background is not None:
                self._tasks.append(group.create_task(self._background.run(), name="fleet:background"))
            self._tasks += [
                group.create_task(runner.run(), name=f"account:{account}") for account, runner in self._runners.items()
            ]
            await self._stop_asked.wait()
            await self._drain(book, inbox, courier)

    def stop(self) -> None:
        """Ask `run` to end: no more claims, at most four seconds for sends in flight, then everything closes."""
        self._stop_asked.set()

    async def _prepare(self) -> None:
        known, rests = await self._read_accounts()
        for member in self._members:
            account = member.account
            contact, paused = known.get(account, (None, False))
            runner = Runner(
                account,
                member.gateway(),
                self._around,
                contact=contact,
                paused=paused,
                rests_until_ms=rests.get(account, 0),
            )
            self._runners[account] = runner
            self._courier.add(member.lane, Sender(runner, self._db, member.publisher))
        doubtful = await self._courier.recover()
        waiting = await self._inbox.take_up(list(self._runners))
        if doubtful or waiting:
            log.info("taken_up", in_doubt=doubtful, unhandled=waiting)

    async def _read_accounts(self) -> tuple[dict[str, tuple[str | None, bool]], dict[str, int]]:
        """Own WeChat ids and pauses by account, and until when limited accounts rest."""
        async with self._db.read() as connection:
            rows = await connection.execute(select(Account.id, Account.self_contact, Account.paused_by))
            known = {id: (contact, paused_by is not None) for id, contact, paused_by in rows}
            repairs = await connection.execute(
                select(Repair.account, Repair.values).where(Repair.key.startswith("restricted:"))
            )
            rests = {account: int(values.get("until_ms", 0)) for account, values in repairs if account}
        return known, rests

    async def _drain(self, book: asyncio.Task[None], inbox: asyncio.Task[None], courier: asyncio.Task[None]) -> None:
        await self._courier.stop()
        await courier
        for task in self._tasks:
            task.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_S):
                await asyncio.gather(*self._tasks, return_exceptions=True)
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
        now_ms = self._clock.now_ms()
        asking = [runner for runner in self._runners.values() if runner.wants_session()]
        await asyncio.gather(*(runner.begin_session() for runner in asking))
        for runner in self._runners.values():
            if 0 < runner.rests_until_ms <= now_ms:
                runner.rest_is_over()
                self._courier.wake(runner.account)
        await self._read_pauses()
        await answer_requests(self._db, self._clock, self._runners)

    async def _read_pauses(self) -> None:
        async with self._db.read() as connection:
            paused = set((await connection.scalars(select(Account.id).where(Account.paused_by.is_not(None)))).all())
        for account, runner in self._runners.items():
            if runner.paused is not (account in paused):
                runner.pause(account in paused)
                self._courier.wake(account)
