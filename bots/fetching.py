"""The second stage of the inbox: what an event only names is fetched from its gateway, in the order of each account."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol

import structlog

from bots.errors import GatewayProblem, PayloadGone
from bots.gateway import Contact, Gateway
from bots.payloads import friendship_payload, message_payload
from rules.clock import Clock
from storage.inbox import Received

log = structlog.get_logger(__name__)

_LINE_AT_MOST = 2000  # events of one account
_WINDOW = 16  # payloads of one account under way at once
_FETCHES_AT_ONCE = 256
_TRIES = 5
_RETRY_WALL_MS = 2000


class GatewayOf(Protocol):
    """Who can be asked for payloads now."""

    def __call__(self, account: str) -> Gateway | None:
        """The account's gateway while it is logged in, else None."""
        ...


HandOn = Callable[[Sequence[Received], Sequence[Received]], Awaitable[None]]
"""Takes what was fetched, and what can't be fetched any more; returns when there is room for more."""


class Fetching:
    """A line for each account with something to fetch, and a task for it as long as its gateway answers.

    `hand_on` takes the results; `on_space` is called whenever a line became shorter.
    """

    def __init__(self, clock: Clock, gateway_of: GatewayOf, hand_on: HandOn, on_space: Callable[[], None]) -> None:
        self._clock = clock
        self._gateway_of = gateway_of
        self._hand_on = hand_on
        self._on_space = on_space
        self._lines: dict[str, deque[Received]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._closed: set[str] = set()
        self._slots = asyncio.Semaphore(_FETCHES_AT_ONCE)
        self._stopping = False

    @property
    def waiting(self) -> int:
        """Events that are not fetched yet."""
        return sum(map(len, self._lines.values()))

    def busy(self) -> set[str]:
        """Accounts with something to fetch."""
        return self._lines.keys() | self._tasks.keys()

    def is_full(self, account: str) -> bool:
        """Does so much wait that its stream should?"""
        line = self._lines.get(account)
        return line is not None and len(line) >= _LINE_AT_MOST

    def add(self, received: Received) -> None:
        """Put it at the end of its account's line; `start` has it fetched."""
        line = self._lines.get(received.account)
        if line is None:
            line = self._lines[received.account] = deque()
        line.append(received)

    def start(self, account: str) -> None:
        """Fetch what waits, if the gateway can be asked."""
        if self._stopping or account in self._tasks or not self._lines.get(account) or account in self._closed:
            return
        if self._gateway_of(account) is None:
            return
        task = asyncio.create_task(self._fetch_line(account, self._lines[account]), name=f"inbox:{account}")
        self._tasks[account] = task
        task.add_done_callback(lambda _done: self._ended(account))

    async def close(self, accounts: Collection[str]) -> None:
        """Fetch nothing more for these accounts until `open`; what is under way is cancelled."""
        self._closed |= set(accounts)
        await _cancel([task for account, task in self._tasks.items() if account in accounts])

    def forget(self, accounts: Collection[str]) -> None:
        """What waits of these closed accounts is left to whoever takes them up."""
        for account in accounts:
            self._lines.pop(account, None)

    def open(self, accounts: Collection[str]) -> None:
        """These accounts are ours (again)."""
        self._closed.difference_update(accounts)

    async def stop(self) -> None:
        """Fetch nothing more."""
        self._stopping = True
        await _cancel(list(self._tasks.values()))

    def _ended(self, account: str) -> None:
        del self._tasks[account]
        self._on_space()
        if not self._lines.get(account):
            self._lines.pop(account, None)
        else:
            self.start(account)

    async def _fetch_line(self, account: str, line: deque[Received]) -> None:
        tries = 0
        while line and (gateway := self._gateway_of(account)) is not None:
            window = [line[index] for index in range(min(_WINDOW, len(line)))]
            answers = await asyncio.gather(*(self._fetch(gateway, received) for received in window))
            known: list[Received | None] = _until_first_problem(answers)
            if known:
                tries = 0
            else:
                tries += 1
                if tries >= _TRIES:  # it is logged in and still can't say what this was
                    known = [None]
            await self._hand_on(
                [found for found in known if found is not None],
                [received for received, found in zip(window, known, strict=False) if found is None],
            )
            for _ in known:
                line.popleft()
            self._on_space()
            if not known:
                await self._clock.sleep(self._clock.span_ms(_RETRY_WALL_MS) / 1000)

    async def _fetch(self, gateway: Gateway, received: Received) -> Received | GatewayProblem | None:
        """The row with its payload; None when it is gone; the problem when it may be had later."""
        try:
            async with self._slots:
                if received.kind == "message":
                    payload = message_payload(await gateway.message(received.subject))
                else:
                    friendship = await gateway.friendship(received.subject)
                    payload = friendship_payload(friendship, await _contact(gateway, friendship.contact))
        except PayloadGone:
            return None
        except GatewayProblem as problem:
            return problem
        except Exception:
            log.exception("payload_unreadable", account=received.account, arrival=received.event)
            return None
        return Received(received.id, received.account, received.event, received.kind, payload, received.received_ms)


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _contact(gateway: Gateway, id: str) -> Contact | None:
    """Who it is, where the gateway can say so: not worth losing a friendship for."""
    try:
        return await gateway.contact(id)
    except GatewayProblem:
        return None


def _until_first_problem(
    answers: Sequence[Received | GatewayProblem | None],
) -> list[Received | None]:
    """What may be handed on without breaking the order."""
    known: list[Received | None] = []
    for answer in answers:
        if isinstance(answer, GatewayProblem):
            break
        known.append(answer)
    return known
