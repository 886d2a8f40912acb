"""The courier: claims what is due, through the gates, commits the intent, lets exactly that go, and settles.

One transaction a tick serves every lane that is due: it settles what came back, reads stop words and pauses, looks at
the best row of each lane through the rules, reserves and claims. Only what that transaction returned is sent, by
`bots.under_way`.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from random import Random

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.errors import OwnershipLost
from bots.lane import Lane, LaneConfig, Sender
from bots.ownership import shard_of
from bots.tally import Tally
from bots.tenure import Ownership, Unshared
from bots.tick import HandOver, Picked, Tick
from bots.under_way import OnProblem, UnderWay
from rules.clock import Clock
from rules.pacing import DAY_MS, Pace
from storage import claiming
from storage.claiming import Standing
from storage.engine import EVERYBODY, Database
from storage.outbox import DeliveryState, Wording
from storage.settling import Settlement, put_back_unsent
from texts.problem import Problem

log = structlog.get_logger(__name__)

TICK_WALL_MS = 50
"""Between two ticks of a courier that has nothing in its backlog."""
LOOK_WALL_MS = 1_000
"""How often rows that another process planned, and its stop words, are looked for."""
SET_FORWARD_MS = 2_000
"""What a clock gains beyond the time that went by, it was set by; less is a clock that is being corrected."""
FULL_LOOK_WALL_MS = 10_000
"""How often everything else that another process changed is looked for."""


class Courier:
    """Owns the lanes of this process. `add` and `release` lanes, run `run`, `stop` it; `tick` is one step."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        *,
        wording: Wording,
        hand_over: HandOver,
        random: Random,
        ownership: Ownership | None = None,
        on_problem: OnProblem = lambda account, problem: None,
        on_lost: Callable[[frozenset[str]], None] = lambda accounts: None,
        tally: Tally | None = None,
    ) -> None:
        """`ownership` None: no other process is about. `on_lost` hears of accounts that somebody took over."""
        self.tally = tally or Tally()
        self._db = db
        self._clock = clock
        self._wording = wording
        self._hand_over = hand_over
        self._random = random
        self._ownership: Ownership = ownership or Unshared()
        self._on_lost = on_lost
        self._lanes: dict[str, Lane] = {}
        self._under_way = UnderWay(clock, self._ownership, on_problem=on_problem, on_back=self._hear_back)
        self._leaving: dict[str, Lane] = {}
        self._moment = 0
        self._trusted = True
        self._touched: set[str] = set()
        self._wake = asyncio.Event()
        self._full = asyncio.Event()
        self._hasty = 0
        self._last_tick_ms = 0
        self._last_passed_ms = 0
        self._next_look_ms = 0
        self._next_full_look_ms = 0
        self._newest = 0
        self._stop_all = False
        self._paused: frozenset[str] = frozenset()
        self._doubt_commit = False
        self._stopping = False
        self._ticking = asyncio.Lock()
        db.on_touched(self._hear, serves=self._lanes)

    def add(self, config: LaneConfig, sender: Sender) -> None:
        """Serve this account from now on."""
        self._lanes[config.account] = Lane(config, sender, Pace(config.limits))
        self._hear(frozenset({config.account}))

    def wake(self, account: str) -> None:
        """Something about the account changed (it came online): look at it."""
        self._hear(frozenset({account}))

    @property
    def in_flight(self) -> int:
        return len(self._under_way)

    def lanes_now(self) -> Counter[str]:
        """How many lanes are in which `Lane.condition`."""
        now_ms = self._clock.now_ms()
        return Counter(lane.condition(now_ms) for lane in self._lanes.values())

    async def run(self) -> None:
        """Tick until `stop`. A database that fails is tried again; nothing is sent meanwhile."""
        troubled = False
        while not self._stopping:
            try:
                backlog = await self.tick()
                if troubled:
                    log.info("courier.recovered")
                troubled = False
            except OwnershipLost:
                raise
            except Problem as problem:
                if not troubled:
                    log.error("courier.database", problem=str(problem))
                troubled, backlog = True, False
            await self._rest(backlog=backlog, troubled=troubled or not self._trusted)

    async def stop(self) -> None:
        """Release all accounts, and tick no more."""
        self._stopping = True
        self._wake.set()
        self._full.set()
        await self.release([*self._lanes, *self._leaving])

    async def release(self, accounts: Collection[str]) -> None:
        """Claim nothing more for these accounts, wait for what is under way, settle it; what does not come back
        within four seconds is in doubt. The others go on meanwhile.
        """
        async with self._ticking:  # what a tick under way claims is still sent, and waited for here
            lanes = {account: lane for account in accounts if (lane := self._lanes.pop(account, None)) is not None}
            self._leaving |= lanes
        try:
            await self._under_way.finish(frozenset(accounts))  # those that were lost are in flight without a lane
            async with self._ticking:
                await self._settle_last()
        finally:
            for account, lane in lanes.items():
                self._leaving.pop(account, None)
                lane.held = False

    async def _settle_last(self) -> None:
        """What can't be written now stays in 'sending', and is in doubt for the next owner."""
        results = self._under_way.results
        if not results and not self._doubt_commit:
            return
        try:
            async with self._db.write() as tx:
                await self._secure(tx)
                await self._under_way.settle(tx, results, self._clock.now_ms())
        except Problem as problem:
            log.error("courier.last_results_lost", problem=str(problem))
        else:
            self._forget(results)

    async def tick(self) -> bool:
        """One step. Returns whether there is more to do at once. Raises what `Database.write` raises."""
        async with self._ticking:
            return False if self._stopping else await self._step()

    async def _step(self) -> bool:
        now_ms = self._clock.now_ms()
        self._wake.clear()
        self._heed_clock(now_ms)
        self._hasty = 0
        self._moment = self._ownership.moment()
        self._trusted = self._ownership.may_send(self._moment)
        look = now_ms >= self._next_look_ms
        for account in self._touched & self._lanes.keys():
            self._lanes[account].stale = True
        self._touched.clear()  # what is planned from here on is heard anew
        if not look and not self._under_way.has_results and not self._due(now_ms):
            return False
        began_s = self.tally.seconds()
        try:
            async with self._db.write() as tx:
                self._heed(await self._secure(tx))
                await self._count(tx, now_ms)
                if look:
                    await self._look(tx, now_ms)
                # In one breath: an answer that comes from here on is settled, and its account due, in the next tick.
                results, due = self._under_way.results, self._due(now_ms)
                accepted = self._under_way.good_news(results)  # written with the intents
                await self._under_way.settle(tx, [result for result in results if result.id not in accepted], now_ms)
                epoch, paused = self._ownership.epoch, self._paused
                tick = Tick(tx, now_ms, self._wording, self._hand_over, epoch, self._stop_all, paused, accepted)
                picked = await tick.pick(due)
        except BaseException:
            # Perhaps it was committed, perhaps not; none of it was sent. The next tick finds out.
            self._doubt_commit = True
            self.tally.failed_ticks += 1
            for lane in self._lanes.values():
                lane.forget_page()
            raise
        self._forget(results)
        self.tally.ticked(began_s, len(picked), results)
        self._let_go(picked, now_ms)
        return tick.more

    def _due(self, now_ms: int) -> list[Lane]:
        """Lanes to look at. None for an owner that may have been replaced."""
        return [lane for lane in self._lanes.values() if lane.is_due(now_ms)] if self._trusted else []

    async def _secure(self, tx: AsyncConnection) -> Standing:
        """First in every transaction: what is still ours, and was the last one committed? Raises OwnershipLost."""
        await self._ownership.hold_off(tx)
        standing = await claiming.standing(tx, self._ownership.name)
        lost = await self._ownership.lost(tx, standing.shards, standing.epochs)
        if lost:
            self._drop(lost)
        if self._doubt_commit:
            await self._put_back(tx)
        return standing

    def _forget(self, results: Collection[Settlement]) -> None:
        """They are written."""
        self._doubt_commit = False
        self._under_way.forget(results)

    def _drop(self, shards: Collection[int]) -> None:
        """Somebody took these over: nothing of them is claimed, sent or put back from here any more."""
        lost = {a: lane for a, lane in (self._lanes | self._leaving).items() if shard_of(a) in shards}
        for account, lane in lost.items():
            lane.held = False
            self._lanes.pop(account, None)
            self._leaving.pop(account, None)
        self._on_lost(frozenset(lost))

    def _heed_clock(self, now_ms: int) -> None:
        """Was it set since the last tick?"""
        passed_ms = self._clock.passed_ms()
        ahead_ms = now_ms - self._last_tick_ms - (passed_ms - self._last_passed_ms)
        if now_ms < self._last_tick_ms:
            self._set_back(now_ms)
        elif self._last_tick_ms and ahead_ms >= SET_FORWARD_MS:
            self._set_forward(ahead_ms)
        self._last_tick_ms, self._last_passed_ms = now_ms, passed_ms

    def _set_forward(self, by_ms: int) -> None:
        """The clock was set forward: no pause is shorter for that, no window emptier."""
        for lane in self._lanes.values():
            lane.pace.set_forward(by_ms)
            lane.not_before_ms = 0

    def _set_back(self, now_ms: int) -> None:
        """The clock was set back: nothing waits for a time that came already."""
        self._next_look_ms = self._next_full_look_ms = now_ms
        for lane in self._lanes.values():
            lane.pace.set_back(now_ms)
            lane.forget_page()
            lane.not_before_ms = 0

    def _let_go(self, picked: Iterable[Picked], now_ms: int) -> None:
        """What the committed transaction returned goes, and counts."""
        for pick in picked:
            pick.lane.count(pick.row.kind, pick.row.to, now_ms, random=self._random)
            if pick.claimed is not None:
                self._under_way.launch(pick.lane, pick.claimed, self._moment)

    def _hear_back(self, lane: Lane, result: Settlement) -> None:
        self.tally.came_back(lane.config.account, result)
        if result.state is DeliveryState.PENDING:
            self._touched.add(lane.config.account)
        self._wake.set()
        if lane.config.limits.gap_max_s == 0 and lane.has_more:
            self._hasty += 1
            if self._hasty >= 3 * len(self._under_way):
                self._full.set()

    async def _put_back(self, tx: AsyncConnection) -> None:
        for row in await put_back_unsent(tx, [*self._lanes, *self._leaving], self._under_way.known):
            log.info("courier.put_back", delivery=row)

    def _heed(self, standing: Standing) -> None:
        stop_all, paused = standing.stop_all, standing.paused
        if (stop_all, paused) != (self._stop_all, self._paused):
            for account in self._lanes if stop_all != self._stop_all else paused ^ self._paused:
                if account in self._lanes:
                    self._lanes[account].forget_page()
        self._stop_all, self._paused = stop_all, paused

    async def _count(self, tx: AsyncConnection, now_ms: int) -> None:
        """Rebuild the pace of new lanes from what the outbox says of the last day."""
        new = [account for account, lane in self._lanes.items() if not lane.counted]
        if not new:
            return
        for account, sent_ms, kind, to in await claiming.sent_since(tx, new, now_ms - DAY_MS):
            self._lanes[account].recount(kind, to, sent_ms)
        for account in new:
            self._lanes[account].counted = True

    async def _look(self, tx: AsyncConnection, now_ms: int) -> None:
        """What did other processes do? New rows by their ids, everything else by a full look now and then."""
        newest = await claiming.newest(tx)
        if now_ms >= self._next_full_look_ms:
            self._next_full_look_ms = now_ms + self._clock.span_ms(FULL_LOOK_WALL_MS)
            changed: Iterable[str] = self._lanes
        else:
            changed = await claiming.planned_after(tx, self._newest) if newest > self._newest else ()
        for account in changed:
            if account in self._lanes:
                self._lanes[account].stale = True
        self._newest = newest
        self._next_look_ms = now_ms + self._clock.span_ms(LOOK_WALL_MS)

    def _hear(self, accounts: frozenset[str]) -> None:
        ours = self._lanes.keys() if EVERYBODY in accounts else self._lanes.keys() & accounts
        if ours:
            self._touched |= ours
            self._wake.set()

    async def _rest(self, *, backlog: bool, troubled: bool) -> None:
        """Until there is something to do; at most one tick in `TICK_WALL_MS`, unless lanes without a pace are full."""
        now_ms = self._clock.now_ms()
        if troubled:
            await self._clock.sleep_until(now_ms + self._clock.span_ms(LOOK_WALL_MS))
            return
        if backlog:
            await asyncio.sleep(0)
            return
        wakes = [wake for lane in self._lanes.values() if (wake := lane.wakes_at()) is not None]
        # Never longer than to the next look from now: the clock may be set back meanwhile.
        latest_ms = now_ms + self._clock.span_ms(LOOK_WALL_MS)
        await self._clock.wait(self._wake, min([latest_ms, self._next_look_ms, *wakes]))
        tick_ms = self._clock.span_ms(TICK_WALL_MS)
        await self._clock.wait(self._full, min(self._last_tick_ms, self._clock.now_ms()) + tick_ms)
        self._full.clear()
