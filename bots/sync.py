"""Learning who an account's friends are: in the background, slowly, resumable, a chunk at a time.

A gateway's list gives ids only and each name is a call of its own, so only unknown ids are asked for. Friends who
were there before us are 'listed' and never welcomed; who is new in a later list came by the phone, and is welcomed
only where their confirmation is heard.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.acquaintances import NewFriend, befriend, read_remarks, unread_remarks
from bots.errors import GatewayProblem, GatewayUnavailable, PayloadGone
from bots.friend_requests import close_requests
from bots.gateway import Contact, Gateway
from rules.clock import Clock
from rules.pacing import DAY_MS
from storage.engine import Database
from storage.tables import Account, FriendRequest, Friendship
from texts.catalogue import say
from texts.problem import Problem

log = structlog.get_logger(__name__)

CHUNK = 50
"""Names asked for and written together: what a sync holds in memory, and what a stop can lose."""
AGAIN_MS = 6 * 3_600_000
"""A login sooner than this after a finished sync (a short break of the line) starts no new one. Ours."""
BEFORE_US_MS = 90 * DAY_MS
"""For how long a friend who was there before us has been one, where the account's age is not known. Ours."""

_REST_WALL_MS = 30

_NOT_PEOPLE = ("gh_", "@@", "fake_")
_NEVER_PEOPLE = frozenset({"filehelper", "weixin", "fmessage", "medianote", "floatbottle", "newsapp", "qmessage"})


@dataclass(frozen=True, slots=True)
class Rates:
    """Calls a second on the wall: of one account, and of all together; `at_once` accounts at a time."""

    account: float = 5.0
    fleet: float = 50.0
    at_once: int = 16


REAL = Rates()
SIMULATED = Rates(account=100.0, fleet=250.0)
"""A simulated gateway has no WeChat behind it that could mind, only this machine."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """One account's sync: which ids it has, and from where to go on."""

    account: str
    started_ms: int
    first: bool
    since_ms: int
    simulated: bool
    cursor: str


class FriendSync:
    """Work behind the logins; see `bots.fleet.Background`. A fixed number of accounts at a time, the rest queue."""

    def __init__(self, db: Database, clock: Clock, rates: Rates = REAL, simulated: Rates = SIMULATED) -> None:
        self._db = db
        self._clock = clock
        self._rates = rates
        self._simulated = simulated
        self._queue: deque[str] = deque()
        self._gateways: dict[str, Gateway] = {}
        self._finished_ms: dict[str, int] = {}
        self._at_work: set[str] = set()
        self._again: set[str] = set()
        self._released: set[str] = set()
        self._wake = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._next_call_ms = {True: 0.0, False: 0.0}

    def logged_in(self, account: str, gateway: Gateway) -> None:
        """The account is in: look at its list, unless that was done lately."""
        self._gateways[account] = gateway
        self._released.discard(account)
        last_ms = self._finished_ms.get(account)
        recently = last_ms is not None and self._clock.now_ms() - last_ms < AGAIN_MS
        if account in self._at_work:
            self._again.add(account)  # the one at work will find its line broken
        elif account not in self._queue and not recently:
            self._queue.append(account)
            self._wake.set()

    def released(self, accounts: Collection[str]) -> None:
        """Another process keeps these accounts from now on: what is at work for them ends at its next call."""
        self._released |= set(accounts)
        for account in accounts:
            self._gateways.pop(account, None)
            self._finished_ms.pop(account, None)
            self._again.discard(account)
        self._queue = deque(account for account in self._queue if account in self._gateways)

    async def run(self) -> None:
        """Until cancelled. What an account's gateway says or refuses is that account's affair."""
        async with asyncio.TaskGroup() as group:
            for number in range(max(self._rates.at_once, self._simulated.at_once)):
                group.create_task(self._work(), name=f"sync:{number}")

    async def _work(self) -> None:
        while True:
            while not self._queue:
                self._wake.clear()
                await self._wake.wait()
            account = self._queue.popleft()
            self._at_work.add(account)
            try:
                await self.sync(account, self._gateways[account])
            except GatewayProblem as problem:  # it goes on after the next login
                log.info("sync_interrupted", account=account, problem=problem.message)
            except Problem as problem:
                log.warning("sync_failed", account=account, problem=str(problem))
            except Exception:
                log.exception("sync_failed", account=account)
            finally:
                self._at_work.discard(account)
                if account in self._again:
                    self._again.discard(account)
                    self.logged_in(account, self._gateways[account])

    async def sync(self, account: str, gateway: Gateway) -> int:
        """Bring the account's friendships to its gateway's list. Returns how many names were asked for.

        Raises bots.errors; what was learnt so far is kept, and the next call goes on from there.
        """
        plan = await self._begin(account)
        ids = sorted({id for id in await gateway.contact_ids() if may_be_person(id)})
        if plan.first:
            await self._count_ids(account, len(ids))
        await self._read_remarks(account)  # an interrupted sync may have left some
        unknown = [id for id in await self._unknown(account, ids) if id > plan.cursor]
        for start in range(0, len(unknown), CHUNK):
            await self._learn(plan, gateway, unknown[start : start + CHUNK])
        await self._finish(plan, ids)
        self._finished_ms[account] = self._clock.now_ms()
        return len(unknown)

    async def _begin(self, account: str) -> _Plan:
        now_ms = self._clock.now_ms()
        async with self._db.read() as connection:
            row = (
                await connection.execute(
                    select(Account.first_sync_done_ms, Account.opened_ms, Account.sync_cursor, Account.simulated).where(
                        Account.id == account
                    )
                )
            ).one()
        first = row.first_sync_done_ms is None
        since_ms = (row.opened_ms or now_ms - BEFORE_US_MS) if first else now_ms
        # A cursor is a place in the first list only: later lists are short of unknown ids anyway.
        return _Plan(account, now_ms, first, since_ms, row.simulated, (row.sync_cursor or "") if first else "")

    async def _count_ids(self, account: str, number: int) -> None:
        """Until each is known, everybody in the list counts as a friend: too many is safe, too few is not."""
        async with self._db.write() as tx:
            known = await _friends_of(tx, account)
            await tx.execute(update(Account).where(Account.id == account).values(friends_listed=max(number, known)))

    async def _unknown(self, account: str, ids: Sequence[str]) -> list[str]:
        async with self._db.read() as connection:
            rows = await connection.scalars(
                # Who deleted the account may still stand in its list: that alone makes nobody a friend again.
                select(Friendship.contact).where(
                    Friendship.account == account, Friendship.state.in_(("friend", "deleted"))
                )
            )
            known = set(rows)
        return [id for id in ids if id not in known]

    async def _learn(self, plan: _Plan, gateway: Gateway, ids: Sequence[str]) -> None:
        friends: list[NewFriend] = []
        for id in ids:
            await self._may_call(plan)
            if plan.account in self._released:
                raise GatewayUnavailable(say("bots.offline"), hint=say("bots.offline.hint"), where=plan.account)
            try:
                contact = await gateway.contact(id)
            except PayloadGone:
                continue
            if contact.friend:
                friends.append(_as_friend(contact))
        async with self._turn_to_write(), self._db.write() as tx:
            new = await befriend(
                tx,
                plan.account,
                friends,
                origin="listed" if plan.first else "phone",
                since_ms=plan.since_ms,
                now_ms=self._clock.now_ms(),
            )
            # In a first sync they are counted already, with everybody in the list.
            counted = 0 if plan.first else new
            await tx.execute(
                update(Account)
                .where(Account.id == plan.account)
                .values(sync_cursor=ids[-1], friends_listed=Account.friends_listed + counted)
            )

        if any(friend.alias for friend in friends):
            await self._read_remarks(plan.account)

    async def _read_remarks(self, account: str) -> None:
        """A chunk a transaction: merges may follow from it, and others want to write, too."""
        async with self._db.read() as connection:
            remarks = await unread_remarks(connection, account)
        for start in range(0, len(remarks), CHUNK):
            async with self._turn_to_write(), self._db.write() as tx:
                await read_remarks(tx, account, remarks[start : start + CHUNK], self._clock.now_ms())

    @asynccontextmanager
    async def _turn_to_write(self) -> AsyncIterator[None]:
        """One account at a time, with a rest after each: whoever waits for an answer writes in between."""
        async with self._one_at_a_time:
            yield
            await self._clock.sleep(self._clock.span_ms(_REST_WALL_MS) / 1000)

    async def _finish(self, plan: _Plan, ids: Sequence[str]) -> None:
        """Who left the list is gone, open requests of friends are confirmed, and the count is exact."""
        async with self._turn_to_write(), self._db.write() as tx:
            gone = await _left(tx, plan, set(ids))
            for start in range(0, len(gone), CHUNK):
                await tx.execute(
                    update(Friendship)
                    .where(Friendship.account == plan.account, Friendship.contact.in_(gone[start : start + CHUNK]))
                    .values(state="gone")
                )
            await _confirm_requests(tx, plan, self._clock.now_ms())
            friends = await _friends_of(tx, plan.account)
            done = {"first_sync_done_ms": self._clock.now_ms()} if plan.first else {}
            await tx.execute(
                update(Account)
                .where(Account.id == plan.account)
                .values(friends_listed=friends, sync_cursor=None, **done)
            )
        if plan.first or gone:
            log.debug("friends_synchronised", account=plan.account, friends=friends, gone=len(gone))

    async def _may_call(self, plan: _Plan) -> None:
        """Wait for this account's turn and for the fleet's."""
        rates = self._simulated if plan.simulated else self._rates
        span_ms = self._clock.span_ms(1000)
        now_ms = float(self._clock.now_ms())
        at_ms = max(now_ms, self._next_call_ms[plan.simulated])
        self._next_call_ms[plan.simulated] = at_ms + span_ms / rates.fleet
        wait_ms = max(at_ms - now_ms, span_ms / rates.account)
        await self._clock.sleep(wait_ms / 1000)


async def _friends_of(tx: AsyncConnection, account: str) -> int:
    number = await tx.scalar(
        select(func.count()).select_from(Friendship).where(Friendship.account == account, Friendship.state == "friend")
    )
    return number or 0


async def _left(tx: AsyncConnection, plan: _Plan, listed: set[str]) -> list[str]:
    """Friends who are no longer in the list. Whoever came while it was being read is not judged by it."""
    rows = await tx.scalars(
        select(Friendship.contact).where(
            Friendship.account == plan.account,
            Friendship.state == "friend",
            Friendship.since_ms < plan.started_ms,
        )
    )
    return [contact for contact in rows if contact not in listed]


async def _confirm_requests(tx: AsyncConnection, plan: _Plan, now_ms: int) -> None:
    """A confirmation that nobody heard: the list says that they are friends now."""
    contacts = await tx.scalars(
        select(FriendRequest.contact)
        .join(
            Friendship,
            (Friendship.account == FriendRequest.account) & (Friendship.contact == FriendRequest.contact),
        )
        .where(
            FriendRequest.account == plan.account,
            FriendRequest.state.in_(("waiting", "accepting")),
            Friendship.state == "friend",
        )
    )
    for contact in contacts.all():
        await close_requests(tx, plan.account, contact, now_ms)


def may_be_person(id: str) -> bool:
    """Official accounts, rooms and WeChat's own services are in the list, too."""
    return id not in _NEVER_PEOPLE and not id.startswith(_NOT_PEOPLE) and not id.endswith("@chatroom")


def _as_friend(contact: Contact) -> NewFriend:
    return NewFriend(contact.id, contact.name.replace("\x00", ""), contact.alias.replace("\x00", ""))
