"""The shards of one worker among several: taken as their jobs start, given back when others should have them.

Every worker could own all. Who lives counts: with W of them each wants at most the W-th part, rounded up, so that
together they want all and nobody wants what another may keep: it settles at once and stays.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import Protocol

import structlog
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.errors import OwnershipHeld
from bots.fleet import Member
from bots.ownership import SHARDS, is_alive, make_shards, owned, release_shards, say_stopping, wall_of
from bots.tenure import Tenure
from rules.clock import Clock
from storage.engine import Database
from storage.fleet_tables import Worker
from texts.catalogue import say
from texts.problem import Problem
from wxfleet.errors import JobsEnded
from wxfleet.running.shard_jobs import ShardJobs, nudge, queue_successors

log = structlog.get_logger(__name__)

BEATS_A_TIMEOUT = 10
_LONGEST_BEAT_S = 2.0
_GATHER_S = 0.05
"""Shards that arrive within this time are taken up together: one transaction instead of a hundred."""
_SETTLE_S = 0.01
"""Many notifications come together; they are one."""
_REST_S = 0.5
"""After a shard that could not be had, so that nobody asks for it in a circle."""


class Crew(Protocol):
    """What a share needs of the fleet."""

    async def take(self, members: Sequence[Member]) -> None: ...
    async def release(self, accounts: Collection[str]) -> None: ...


class Share:
    """`run` until cancelled, after `hand_over`. `members` are the accounts of each shard that has any.

    `look` is the coarse work, done by one worker at a time. `on_trouble(problem)` hears of a database that is away,
    and None when it is there again.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        tenure: Tenure,
        crew: Crew,
        members: Mapping[int, Sequence[Member]],
        *,
        url: str,
        look: Callable[[], Awaitable[None]],
        on_trouble: Callable[[Problem | None], None],
    ) -> None:
        self._db = db
        self._clock = clock
        self._tenure = tenure
        self._crew = crew
        self._members = members
        self._on_trouble = on_trouble
        self._timeout_ms = tenure.owner.timeout_ms
        self._beat_s = min(_LONGEST_BEAT_S, self._timeout_ms / 1000 / BEATS_A_TIMEOUT)
        self._over: dict[int, asyncio.Event] = {}  # of each shard whose job runs here: set when it is to end
        self._arrived: set[int] = set()
        self._taking: frozenset[int] = frozenset()
        self._moving = asyncio.Lock()  # shards are taken or given back, never both at once
        self._came = asyncio.Event()
        self._moved = asyncio.Event()
        self._wanted = 0
        self._stopping = False
        self._rests_until_s = 0.0
        self._beaten_ms: int | None = None
        self._patient_until_ms = 0
        self._strays: frozenset[int] = frozenset()
        self._giving: asyncio.Task[None] | None = None
        self._troubled = False
        self.jobs = ShardJobs(
            url, room=self._room, own=self._own, look=look, moved=self._moved.set, timeout_ms=self._timeout_ms
        )

    @property
    def held(self) -> int:
        """How many shards are this worker's now."""
        return len(self._over)

    async def begin(self) -> None:
        """Be counted. Raises OwnershipHeld while `wxfleet run` owns everything."""
        async with self._tenure.heartbeat(self._db) as tx:
            await make_shards(tx)
            await self._fair_share(tx)
            await queue_successors(tx)
            await nudge(tx)

    async def run(self) -> None:
        """Own what is due to this worker until cancelled. Raises OwnershipHeld, JobsEnded."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_beating(), name="share:heartbeat")
            group.create_task(self._take_up(), name="share:arrivals")
            group.create_task(self._run_jobs(), name="share:jobs")

    async def hand_over(self) -> None:
        """Give everything back to whoever lives, and take nothing more."""
        self._stopping = True
        with suppress(Problem):  # whoever comes next sees the silence instead
            async with self._db.write() as tx:
                await say_stopping(tx, self._tenure.owner.id)
                await nudge(tx)
        if self._giving is not None:
            await asyncio.gather(self._giving, return_exceptions=True)
        async with self._moving:  # what arrived is taken or declined
            held = frozenset(self._over)
        try:
            await self._give_back(held)
        except Problem as problem:
            log.error("share.not_handed_over", shards=len(self._over), problem=str(problem))

    async def _run_jobs(self) -> None:
        await self.jobs.run()
        raise JobsEnded

    def _room(self) -> int:
        if self._stopping or asyncio.get_running_loop().time() < self._rests_until_s:
            return 0
        if not self._tenure.may_send(self._tenure.moment()):  # out of touch: it could keep nothing
            return 0
        return max(0, self._wanted - len(self._over))

    async def _own(self, number: int) -> None:
        """The body of a shard's job."""
        over = self._over[number] = asyncio.Event()
        self._arrived.add(number)
        self._came.set()
        await over.wait()

    async def _take_up(self) -> None:
        while True:
            await self._came.wait()
            await asyncio.sleep(_GATHER_S)
            async with self._moving:
                self._came.clear()
                self._taking, self._arrived = frozenset(self._arrived & self._over.keys()), set()
                got = frozenset[int]() if self._stopping else await self._take(self._taking)
                await self._decline(self._taking - got)
                self._taking = frozenset()

    async def _take(self, numbers: frozenset[int]) -> frozenset[int]:
        """Own these shards and serve their accounts. Returns those of which both is true."""
        try:
            async with self._db.write() as tx:
                await queue_successors(tx, numbers)
            taken = await self._tenure.take(self._db, numbers, now_ms=self._clock.now_ms())
            got = frozenset(taken.epochs)
            await self._crew.take(self._members_of(got))
        except Problem as problem:
            log.error("share.not_taken", shards=len(numbers), problem=str(problem))
            with suppress(Problem):  # the next look finds what is ours and nobody serves
                await self._leave(numbers)
            return frozenset()
        log.info("share.took", shards=len(got), held=self.held, in_doubt=taken.in_doubt)
        return got

    async def _decline(self, numbers: frozenset[int]) -> None:
        """These could not be had: somebody who lives still holds them, or the database is away."""
        if not numbers:
            return
        self._rests_until_s = asyncio.get_running_loop().time() + _REST_S
        self._end(numbers)
        with suppress(Problem):  # the next look finds jobs without a shard
            async with self._db.write() as tx:
                await self.jobs.hand_back(tx, numbers)

    async def _keep_beating(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._timeout_ms / 2000):
                    await self._look()
            except OwnershipHeld:
                raise
            except (Problem, TimeoutError) as problem:
                self._say_trouble(problem)
            else:
                self._say_well()
            if await self._clock.wait(self._moved, self._clock.now_ms() + round(self._beat_s * 1000)):
                await asyncio.sleep(_SETTLE_S)
                self._moved.clear()

    async def _look(self) -> None:
        """Say that we live, see who else does, and mend what any crash left behind."""
        settled = self._over.keys() - self._arrived - self._taking
        async with self._tenure.heartbeat(self._db) as tx:
            await self.jobs.beat(tx)
            self._note_beat()
            wanted = await self._fair_share(tx)
            ours = (await owned(tx, self._tenure.owner.id)).keys()
            forgotten = ours - self._tenure.shards - self._taking  # a take-over whose commit had no answer
            if forgotten:
                await release_shards(tx, forgotten, self._tenure.owner.id)
            running = await self.jobs.running(tx)
            await queue_successors(tx)
            if self._tenure.moment() >= self._patient_until_ms:
                failed = await self.jobs.sweep(tx)
                if failed:
                    log.warning("share.swept", jobs=failed)
            strays = running - self._over.keys()
            if strays & self._strays:
                await self.jobs.hand_back(tx, strays & self._strays)
            self._strays = strays
        if wanted != self._wanted:
            log.info("share.changed", wanted=wanted, held=self.held)
        self._wanted = 0 if self._stopping else wanted
        self._rebalance(settled & self._over.keys(), ours & self._tenure.shards & running)

    def _rebalance(self, settled: AbstractSet[int], ours: AbstractSet[int]) -> None:
        """Let go of what was taken from us, give back what is too much, ask for more where there is room."""
        gone = settled - ours
        excess = _spread(sorted(settled - gone, key=self._weight, reverse=True), len(settled - gone) - self._wanted)
        if (gone or excess) and not self._stopping and (self._giving is None or self._giving.done()):
            self._giving = asyncio.create_task(self._give_back_calmly(frozenset(gone) | excess), name="share:giving")
        if self._room() > 0:
            self.jobs.wake()

    def _weight(self, number: int) -> int:
        return len(self._members.get(number, ()))

    async def _give_back_calmly(self, numbers: frozenset[int]) -> None:
        try:
            await self._give_back(numbers)
        except Problem as problem:  # the next look sees the same and tries again
            log.error("share.not_given_back", shards=len(numbers), problem=str(problem))

    async def _give_back(self, numbers: frozenset[int]) -> None:
        """Stop serving these shards, let go of them, and let their successors start, in this order."""
        async with self._moving:
            await self._leave(numbers)
            # Before their successors may start, which may be here again: those have an end of their own.
            ended = {number: self._over.pop(number) for number in numbers & self._over.keys()}
            try:
                async with self._db.write() as tx:
                    await self.jobs.hand_back(tx, numbers)
            except BaseException:
                self._over = ended | self._over
                raise
            for over in ended.values():
                over.set()
        log.info("share.gave_back", shards=len(numbers), held=self.held)

    async def _leave(self, numbers: frozenset[int]) -> None:
        """Their accounts are served no more, then they are anybody's."""
        await self._crew.release([member.account for member in self._members_of(numbers)])
        await self._tenure.release(self._db, numbers)

    def _members_of(self, numbers: Collection[int]) -> list[Member]:
        return [member for number in numbers for member in self._members.get(number, ())]

    def _end(self, numbers: Collection[int]) -> None:
        for number in numbers:
            over = self._over.pop(number, None)
            if over is not None:
                over.set()

    async def _fair_share(self, tx: AsyncConnection) -> int:
        """How many shards this worker should have. Raises OwnershipHeld where `wxfleet run` owns everything."""
        wall_ms = await wall_of(tx, self._clock.now_ms())
        query = select(Worker.id, Worker.kind, Worker.stopping, Worker.share).where(is_alive(wall_ms))
        living = {row.id: row for row in await tx.execute(query)}
        alone = next((row.id for row in living.values() if row.kind == "run"), None)
        if alone is not None:
            raise OwnershipHeld(say("worker.run_is_there", owner=alone), hint=say("worker.run_is_there.hint"))
        me = self._tenure.owner.id
        wanted = -(-SHARDS // max(1, sum(not row.stopping for row in living.values())))
        if me in living and living[me].share != wanted:
            await tx.execute(update(Worker).where(Worker.id == me).values(share=wanted))
        return wanted

    def _note_beat(self) -> None:
        """Who was out of touch itself gives the others time to be heard, before it takes them for dead."""
        now_ms = self._tenure.moment()
        if self._beaten_ms is not None and now_ms - self._beaten_ms > self._timeout_ms / 2:
            self._patient_until_ms = now_ms + self._timeout_ms // 2
        self._beaten_ms = now_ms

    def _say_trouble(self, problem: Problem | TimeoutError) -> None:
        if not self._troubled:
            log.error("share.heartbeat_failed", problem=str(problem) or repr(problem))
            if isinstance(problem, Problem):
                self._on_trouble(problem)
        self._troubled = True

    def _say_well(self) -> None:
        if self._troubled:
            log.info("share.heartbeat_again")
            self._on_trouble(None)
        self._troubled = False


def _spread(numbers: Sequence[int], count: int) -> frozenset[int]:
    """`count` of these, taken evenly from the whole sequence: from busy shards as from empty ones."""
    return frozenset(numbers[(2 * n + 1) * len(numbers) // (2 * count)] for n in range(count))
