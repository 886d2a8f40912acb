"""One account's keeper: connect, attach, log in, listen; and when something breaks, what its error says."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from random import Random

import structlog

from bots.account_book import AccountBook
from bots.backoff import Trouble
from bots.errors import AccountRestricted, GatewayProblem, NotLoggedIn
from bots.gateway import (
    Fault,
    FriendshipChanged,
    Gateway,
    GatewayEvent,
    Login,
    Logout,
    MessageArrived,
    Reset,
    RoomChanged,
    Scan,
)
from bots.inbox import InboxWriter
from bots.lifecycle import Event, State, next_state
from rules.clock import Clock
from rules.pacing import DAY_MS
from texts.catalogue import say

log = structlog.get_logger(__name__)

REST_MS = DAY_MS
"""How long a limited account rests, on the shop's clock. Ours; WeChat's own limits last a day or more."""
QUIET_SWEEPS = 2
"""Sweeps without a login after which the gateway is asked to begin a session."""


class _AttachAnew(Exception):
    """The gateway asks us to attach again."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all runners share. `on_scan(account, QR text)`; `on_login(account)` once it is logged in and written."""

    clock: Clock
    random: Random
    inbox: InboxWriter
    book: AccountBook
    window: asyncio.Semaphore
    owners: dict[str, str]
    """Which account a WeChat id belongs to."""
    on_scan: Callable[[str, str], None]
    on_login: Callable[[str], None]


class Runner:
    """Keeps one account online. Slim on purpose: a process holds thousands."""

    __slots__ = (
        "_around",
        "_asked",
        "_attached",
        "_contact",
        "_detail",
        "_quiet_sweeps",
        "_trouble",
        "account",
        "gateway",
        "logged_in",
        "lost",
        "paused",
        "qr",
        "rests_until_ms",
        "set_aside",
        "state",
    )

    def __init__(
        self,
        account: str,
        gateway: Gateway,
        around: Surroundings,
        *,
        contact: str | None = None,
        paused: bool = False,
        set_aside: bool = False,
        rests_until_ms: int = 0,
    ) -> None:
        """`contact`: the account's own WeChat id as far as it is known: another one never speaks for it."""
        self.account = account
        self.gateway = gateway
        self.state = State.STOPPED
        self.logged_in = False
        self.lost = False  # another process keeps the account by now: nothing more is written about it
        self.paused = paused
        self.set_aside = set_aside  # staff count the account as lost: nobody is asked to log it in
        self.qr = ""
        self.rests_until_ms = rests_until_ms
        self._around = around
        self._contact = contact
        self._detail: str | None = None
        self._trouble = Trouble(around.random)
        self._asked = False
        self._attached = False
        self._quiet_sweeps = 0
        if contact:
            around.owners[contact] = account

    async def run(self) -> None:
        """Until cancelled. Nothing that happens to this account leaves this method."""
        try:
            while True:
                wait_ms = await self._live()
                self.logged_in = self._attached = False
                await self._close()
                clock = self._around.clock
                await clock.sleep(clock.span_ms(wait_ms) / 1000)
        finally:
            self.logged_in = False
            self._move(Event.STOP, detail=None)
            await self._close()

    async def _live(self) -> int:
        """One connection, from open to its end. Returns after how many wall ms to try again."""
        self._asked = False
        self._quiet_sweeps = 0
        self._move(Event.START, detail=self._detail)
        try:
            async with self._around.window:
                await self.gateway.open()
            self._attached = True
            await self._listen()
        except _AttachAnew:
            return self._trouble.wait()
        except GatewayProblem as problem:
            return self._after(problem)
        except Exception as error:
            return self._after_surprise(error)
        return self._after_end()

    async def _listen(self) -> None:
        events = self.gateway.events()
        try:
            async for event in events:
                await self._hear(event)
        finally:
            if isinstance(events, AsyncGenerator):
                await events.aclose()

    async def _close(self) -> None:
        try:
            await self.gateway.close()
        except Exception:  # the port forbids it; should it happen, it is this account's affair alone
            log.exception("gateway_not_closed", account=self.account)

    async def _hear(self, event: GatewayEvent) -> None:
        if isinstance(event, MessageArrived | FriendshipChanged | RoomChanged):
            if self.logged_in:  # else it is not known whose it is
                await self._around.inbox.put(self.account, event)
        elif isinstance(event, Login):
            await self._on_login(event.contact)
        elif isinstance(event, Scan):
            self._on_scan(event)
        elif isinstance(event, Logout):
            self._on_logout(event.reason)
        elif isinstance(event, Reset):
            log.info("gateway_reset", account=self.account, reason=event.reason)
            raise _AttachAnew
        elif isinstance(event, Fault):
            log.warning("gateway_fault", account=self.account, fault=event.text)

    async def _on_login(self, contact: str) -> None:
        around = self._around
        self._asked = True  # it is in: a `Start` now would break some gateways
        if self._contact not in (None, contact) or around.owners.get(contact, self.account) != self.account:
            self._refuse(contact)
            return
        self._contact = contact
        around.owners[contact] = self.account
        around.book.note_contact(self.account, contact)
        for key in ("scan", "gateway", "wrong_account"):
            around.book.note_mended(f"{key}:{self.account}")
        await around.book.written()  # handlers read our own id from the table
        self.qr = ""
        self.logged_in = True
        if kinds := self._trouble.over():
            log.info("account_recovered", account=self.account, after=kinds)
        if self.rests_until_ms > around.clock.now_ms():
            self._move(Event.LOGGED_IN, Event.LIMITED, detail=say("bots.resting"))
        elif self.paused:
            self._move(Event.LOGGED_IN, Event.PAUSE, detail=None)
        else:
            self._move(Event.LOGGED_IN, detail=None)
        around.on_login(self.account)

    def _refuse(self, contact: str) -> None:
        """Somebody scanned the code with another WeChat: it must neither speak nor be heard as this account."""
        self.logged_in = False
        log.error("wrong_account_logged_in", account=self.account, expected=self._contact, found=contact)
        values = {"account": self.account, "expected": self._contact or "", "found": contact}
        self._around.book.note_repair(
            f"wrong_account:{self.account}", self.account, "bots.repair_wrong_account", values
        )
        self._move(Event.LOGGED_IN, Event.LIMITED, detail=say("bots.wrong_account", found=contact))

    def _on_scan(self, scan: Scan) -> None:
        self.logged_in = False
        self._asked = True
        if scan.status in ("scanned", "confirmed") or not scan.code:
            return
        first = self.state is not State.AWAITING_SCAN
        self._move(Event.SCAN_ASKED, detail=say("bots.awaiting_scan"))
        if first:
            self._ask_for_scan()
        if scan.code != self.qr:
            self.qr = scan.code
            if not self.set_aside:
                self._around.on_scan(self.account, scan.code)

    def _on_logout(self, reason: str) -> None:
        self.logged_in = False
        self._asked = False
        self._quiet_sweeps = 0
        self.qr = ""
        log.warning("account_logged_out", account=self.account, reason=reason)
        self._move(Event.LOGGED_OUT, detail=say("bots.logged_out", reason=reason or "-"))
        self._ask_for_scan()

    def _ask_for_scan(self) -> None:
        if self.set_aside:
            return
        self._around.book.note_repair(
            f"scan:{self.account}", self.account, "bots.repair_scan", {"account": self.account}
        )

    def wants_session(self) -> bool:
        """Has it been attached for some sweeps without a login, so that the gateway should be asked? Once a sweep."""
        waits = self.state in (State.CONNECTING, State.AWAITING_SCAN)
        if not self._attached or self._asked or self.logged_in or self.set_aside or not waits:
            return False
        self._quiet_sweeps += 1
        return self._quiet_sweeps > QUIET_SWEEPS

    async def begin_session(self) -> None:
        """Ask the gateway, once a connection, to log in; it answers with a QR code or a login."""
        self._asked = True
        try:
            await self.gateway.start_session()
        except GatewayProblem as problem:
            log.warning("session_not_started", account=self.account, problem=problem.message)
            self._asked = False
            self._quiet_sweeps = 0

    def pause(self, paused: bool) -> None:
        """Staff paused the account, or let it go on."""
        self.paused = paused
        if self.logged_in:
            self._move(Event.PAUSE if paused else Event.RESUME, detail=self._detail)

    def put_aside(self, lost: bool) -> None:
        """Staff lost the account, or have it again: then the code that waited is shown."""
        self.set_aside = lost
        if lost:
            self._around.book.note_mended(f"scan:{self.account}")
        elif self.state is State.AWAITING_SCAN:
            self._ask_for_scan()
            if self.qr:
                self._around.on_scan(self.account, self.qr)

    def rest_is_over(self) -> None:
        """The limit is thought to be gone: speak again."""
        self.rests_until_ms = 0
        self._around.book.note_mended(f"restricted:{self.account}")
        if self.logged_in:
            self._move(Event.RESTED, *([Event.PAUSE] if self.paused else []), detail=None)

    def hear_problem(self, problem: GatewayProblem) -> None:
        """What a send met says something about the account."""
        if isinstance(problem, AccountRestricted) and self.state is not State.RESTRICTED:
            self.rests_until_ms = self._around.clock.now_ms() + REST_MS
            log.error("account_restricted", account=self.account, problem=problem.message)
            values = {"account": self.account, **problem.kept(), "until_ms": self.rests_until_ms}
            self._around.book.note_repair(f"restricted:{self.account}", self.account, "bots.repair_restricted", values)
            self._move(Event.LIMITED, detail=problem.message)
        elif isinstance(problem, NotLoggedIn) and self.logged_in:
            self._on_logout(problem.message)

    def _after(self, problem: GatewayProblem) -> int:
        if self._trouble.needs_person(problem) and not self.set_aside:
            self._around.book.note_repair(
                f"gateway:{self.account}",
                self.account,
                "bots.repair_gateway",
                {"account": self.account, **problem.kept()},
            )
        if self._trouble.is_new(type(problem).__name__):
            log.warning("account_down", account=self.account, problem=problem.message, hint=problem.hint)
        self._move(Event.LOST, detail=problem.message)
        return self._trouble.wait_after(problem)

    def _after_surprise(self, error: Exception) -> int:
        kind = type(error).__name__
        if self._trouble.is_new(kind):
            log.exception("account_surprised", account=self.account)
        self._move(Event.LOST, detail=say("bots.surprise", kind=kind))
        return self._trouble.wait()

    def _after_end(self) -> int:
        if self._trouble.is_new("ended"):
            log.warning("stream_ended", account=self.account)
        self._move(Event.LOST, detail=say("bots.stream_ended"))
        return self._trouble.wait()

    def _move(self, *events: Event, detail: str | None) -> None:
        before, before_detail = self.state, self._detail
        for event in events:
            self.state = next_state(self.state, event)
        self._detail = detail
        if (self.state, detail) != (before, before_detail) and not self.lost:
            self._around.book.note_state(self.account, self.state, detail)
