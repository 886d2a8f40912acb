"""The courier: claims what is due, through the gates, commits the intent, sends exactly that, and settles.

One transaction a tick serves every lane that is due: it settles what came back, reads stop words and pauses, looks at
the best row of each lane through the rules, reserves and claims. Only what that transaction returned is sent. A row
whose outcome is unknown is in doubt and never sent again by itself.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from random import Random

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.errors import GatewayProblem, GatewayUnavailable, NotAFriend, NotLoggedIn, OwnershipLost
from bots.lane import Lane, LaneConfig, Sender
from bots.ownership import shard_of
from bots.tally import Tally
from bots.tenure import Ownership, Unshared
from bots.tick import HandOver, Picked, Tick
from rules.clock import Clock
from rules.kinds import Kind, Surface, gate_of
from rules.pacing import DAY_MS, Pace
from storage import claiming
from storage.claiming import Standing
from storage.engine import EVERYBODY, Database
from storage.farewells import DELETED_US
from storage.outbox import Claimed, DeliveryState, Wording
from storage.settling import Settlement, put_back_unsent, settle, settle_late
from texts.problem import Problem

log = structlog.get_logger(__name__)

TICK_WALL_MS = 50
"""Between two ticks of a courier that has nothing in its backlog."""
LOOK_WALL_MS = 1_000
"""How often rows that another process planned, and its stop words, are looked for."""
FULL_LOOK_WALL_MS = 10_000
"""How often everything else that another process changed is looked for."""
DRAIN_WALL_S = 4.0
"""How long a stop waits for what is under way; what is still out then is in doubt."""
RETRY_WALL_MS = 5_000
MAX_ATTEMPTS = 10

OnProblem = Callable[[str, GatewayProblem], None]


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
        self._on_problem = on_problem
        self._on_lost = on_lost
        self._lanes: dict[str, Lane] = {}
        self._results: list[Settlement] = []
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._unsettled: dict[int, Lane] = {}
        self._leaving: dict[str, Lane] = {}
        self._moment = 0
        self._trusted = True
        self._touched: set[str] = set()
        self._wake = asyncio.Event()
        self._full = asyncio.Event()
        self._hasty = 0
        self._last_tick_ms = 0
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
        of = frozenset(accounts)  # those that were lost are in flight still, without a lane
        try:
            await _finish([task for id, task in self._under_way.items() if self._unsettled[id].config.account in of])
            async with self._ticking:
                await self._settle_last()
        finally:
            for account, lane in lanes.items():
                self._leaving.pop(account, None)
                lane.held = False

    async def _settle_last(self) -> None:
        """What can't be written now stays in 'sending', and is in doubt for the next owner."""
        if not self._results and not self._doubt_commit:
            return
        results = list(self._results)
        try:
            async with self._db.write() as tx:
                await self._secure(tx)
                await self._settle(tx, results, self._clock.now_ms())
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
        if now_ms < self._last_tick_ms:
            self._set_back(now_ms)
        self._last_tick_ms = now_ms
        self._hasty = 0
        self._moment = self._ownership.moment()
        self._trusted = self._ownership.may_send(self._moment)
        look = now_ms >= self._next_look_ms
        for account in self._touched & self._lanes.keys():
            self._lanes[account].stale = True
        self._touched.clear()  # what is planned from here on is heard anew
        if not look and not self._results and not self._due(now_ms):
            return False
        began_s = self.tally.seconds()
        try:
            async with self._db.write() as tx:
                self._heed(await self._secure(tx))
                await self._count(tx, now_ms)
                if look:
                    await self._look(tx, now_ms)
                # In one breath: an answer that comes from here on is settled, and its account due, in the next tick.
                results, due = list(self._results), self._due(now_ms)
                accepted = self._accepted(results)  # written with the intents
                await self._settle(tx, [result for result in results if result.id not in accepted], now_ms)
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
        self._commit_paces(picked, now_ms)
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

    def _accepted(self, results: Collection[Settlement]) -> dict[int, str]:
        """{delivery: gateway id} of the good news about rows that are still ours."""
        good = DeliveryState.ACCEPTED
        return {r.id: r.gateway_id for r in results if r.state is good and self._unsettled[r.id].held}

    async def _settle(self, tx: AsyncConnection, results: Collection[Settlement], now_ms: int) -> None:
        ours = [result for result in results if self._unsettled[result.id].held]
        await settle(tx, ours, now_ms=now_ms)
        if len(ours) < len(results):
            theirs = [result for result in results if not self._unsettled[result.id].held]
            await settle_late(tx, theirs, now_ms=now_ms)

    def _forget(self, results: Collection[Settlement]) -> None:
        """They are written."""
        self._doubt_commit = False
        del self._results[: len(results)]
        for result in results:
            del self._unsettled[result.id]

    def _drop(self, shards: Collection[int]) -> None:
        """Somebody took these over: nothing of them is claimed, sent or put back from here any more."""
        lost = {a: lane for a, lane in (self._lanes | self._leaving).items() if shard_of(a) in shards}
        for account, lane in lost.items():
            lane.held = False
            self._lanes.pop(account, None)
            self._leaving.pop(account, None)
        self._on_lost(frozenset(lost))

    def _set_back(self, now_ms: int) -> None:
        """The clock was set back: nothing waits for a time that came already."""
        self._next_look_ms = self._next_full_look_ms = now_ms
        for lane in self._lanes.values():
            lane.pace.set_back(now_ms)
            lane.forget_page()
            lane.not_before_ms = 0

    def _commit_paces(self, picked: Iterable[Picked], now_ms: int) -> None:
        for pick in picked:
            gate = gate_of(pick.row.kind)
            pace = pick.lane.pace
            if gate.surface is Surface.ACCEPT:
                pace.sent_accept(now_ms, random=self._random)
            elif gate.surface is Surface.MOMENT:
                pace.sent_post(now_ms)
            else:
                pace.sent_message(pick.row.to, now_ms, push=gate.push_budget, random=self._random)
            if pick.claimed is not None:
                self._launch(pick.lane, pick.claimed)

    def _launch(self, lane: Lane, claimed: Claimed) -> None:
        lane.under_way = claimed.id
        self._unsettled[claimed.id] = lane
        sending = self._send(lane, claimed, self._moment)
        self._under_way[claimed.id] = asyncio.create_task(sending, name=f"send:{claimed.account}:{claimed.id}")

    async def _send(self, lane: Lane, claimed: Claimed, decided: int) -> None:
        result = Settlement(claimed.id, DeliveryState.IN_DOUBT, reason="outcome_unknown")
        try:
            if lane.held and self._ownership.may_send(decided):
                gateway_id = await lane.sender.deliver(claimed)
                result = Settlement(claimed.id, DeliveryState.ACCEPTED, gateway_id)
            else:  # this process was frozen since: others may own the account, or an opt-out may have come
                result = Settlement(claimed.id, DeliveryState.PENDING)
        except GatewayProblem as problem:
            result = self._judge(claimed, problem)
            self._on_problem(claimed.account, problem)
        except asyncio.CancelledError:
            result = Settlement(claimed.id, DeliveryState.IN_DOUBT, reason="stopped_under_way")
        except Exception:
            # Not foreseen: it may have arrived. One lane's surprise must not stop the others.
            log.exception("courier.send_failed", account=claimed.account, delivery=claimed.id)
        finally:
            self._results.append(result)
            self._under_way.pop(claimed.id, None)
            lane.under_way = None
            self._note_result(lane, result)

    def _note_result(self, lane: Lane, result: Settlement) -> None:
        self.tally.came_back(lane.config.account, result)
        if result.state is DeliveryState.PENDING:
            self._touched.add(lane.config.account)
        self._wake.set()
        if lane.config.limits.gap_max_s == 0:
            self._hasty += 1
            if self._hasty >= 3 * len(self._under_way):
                self._full.set()

    def _judge(self, claimed: Claimed, problem: GatewayProblem) -> Settlement:
        if problem.sent == "unknown":
            return Settlement(claimed.id, DeliveryState.IN_DOUBT, reason="outcome_unknown")
        if isinstance(problem, GatewayUnavailable | NotLoggedIn) and claimed.attempts < MAX_ATTEMPTS:
            again_ms = self._clock.now_ms() + self._clock.span_ms(RETRY_WALL_MS) * claimed.attempts
            return Settlement(claimed.id, DeliveryState.PENDING, reason="gateway_unavailable", retry_ms=again_ms)
        reason = DELETED_US if isinstance(problem, NotAFriend) else problem.message
        return Settlement(claimed.id, DeliveryState.FAILED, reason=reason)

    async def _put_back(self, tx: AsyncConnection) -> None:
        known = [*self._under_way, *(result.id for result in self._results)]
        for row in await put_back_unsent(tx, [*self._lanes, *self._leaving], known):
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
            _recount(self._lanes[account].pace, sent_ms, kind, to)
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


async def _finish(tasks: Collection[asyncio.Task[None]]) -> None:
    """Wait for sends under way; those that take too long are given up, and note that themselves."""
    if tasks:
        await asyncio.wait(tasks, timeout=DRAIN_WALL_S)
    late = [task for task in tasks if not task.done()]
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)


def _recount(pace: Pace, sent_ms: int, kind: Kind, to: str) -> None:
    """Count a row of the past; the next one waits the longest gap after it, the draw of the dice being lost."""
    gate = gate_of(kind)
    limits = pace.limits
    if gate.surface is Surface.ACCEPT:
        pace.accepts.add(sent_ms)
        pace.next_accept_ms = max(pace.next_accept_ms, sent_ms + round(limits.accept_gap_max_s * 1000))
    elif gate.surface is Surface.MOMENT:
        pace.sent_post(sent_ms)
    else:
        pace.count_message(to, sent_ms, push=gate.push_budget)
        pace.next_ms = max(pace.next_ms, sent_ms + round(limits.gap_max_s * 1000))
