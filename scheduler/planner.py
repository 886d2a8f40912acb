"""One look at everything that may be due. Idempotent: the tables say what was done, a second look finds it done."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.clock import Clock
from rules.quiet_hours import local
from scheduler.look import SHOP_ZONE
from scheduler.moments.day_plan import plan_day, who_posts
from scheduler.moments.live_calendar import LiveCalendar
from scheduler.moments.mirrors import follow, has_followers_waiting
from scheduler.moments.moments import Calendar
from scheduler.moments.passed_over import days_passed_over, who_posted_by
from scheduler.push_events import Tell
from scheduler.pushes.push_plan import under_way
from scheduler.pushes.push_planning import PushPlanning
from scheduler.pushes.push_progress import advance, due_campaigns
from storage.engine import Database
from storage.statements import both, rows_of
from storage.strides import Breathe, no_need
from texts.problem import Problem

log = structlog.get_logger(__name__)

_STRIDES_A_TICK = 3
"""So many tens of transactions of one push's long work, some seconds, before all else is looked at again. Ours."""
_ACCOUNTS_A_TRANSACTION = 100
"""A day of a thousand accounts is seconds of work: others must be able to write between."""
_CALENDAR_TICKS = 3
"""Between two looks at the files of the calendar."""
_ZONES = both("SELECT DISTINCT time_zone FROM accounts WHERE removed IS NOT TRUE")
Act = Callable[[AsyncConnection, int], Awaitable[object]]
Due = Callable[[AsyncConnection, int], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Step:
    """Something another room wants looked at. Both are given (transaction, now in epoch ms).

    `due` is a look that writes nothing: is there anything for `act` to do? It is asked at the first tick, after one
    that found something, and at every `every`-th, in turn with others: what nobody sits and waits for need not cost a
    statement a second.
    """

    due: Due
    act: Act
    every: int = 1


@dataclass(frozen=True, slots=True)
class _Step:
    name: str
    due: Due
    act: Callable[[], Awaitable[object]]
    every: int = 1


class Planner:
    """Plans the days of Moments, lets mirrors follow, takes campaigns on, and runs what other rooms hand in.

    All looks share one reading transaction; only what is due writes, each step in a short transaction of its own. One
    that fails is logged once and never stops the others.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        calendar: Calendar | LiveCalendar,
        *,
        tell: Tell,
        extra: Sequence[Step] = (),
        shop_zone: str = SHOP_ZONE,
        breathe: Breathe = no_need,
        always_ask: bool = False,
    ) -> None:
        """`breathe` is waited for between two transactions of long work; see `storage.strides`. `always_ask`: as in
        `PushPlanning`.
        """
        self._db = db
        self._clock = clock
        self._calendar = calendar if isinstance(calendar, LiveCalendar) else LiveCalendar.fixed(calendar)
        self._tell = tell
        self._steps = [
            _Step("moments", self._days_missing, self._plan_days),
            _Step("mirrors", has_followers_waiting, self._follow),
            _Step("campaigns", self._campaigns_due, self._advance),
            *(
                _Step(getattr(step.act, "__qualname__", repr(step.act)), step.due, partial(self._run, step.act),
                      step.every)
                for step in extra
            ),
            _Step("pushes", self._pushes_under_way, self._plan_pushes),
        ]  # fmt: skip
        self._ticks = 0
        self._found: list[_Step] = []
        self._days: list[tuple[str, date]] = []
        self._planning = PushPlanning(
            db, clock.now_ms, tell=tell, shop_zone=shop_zone, breathe=breathe, always_ask=always_ask
        )
        self._pushes: list[int] = []
        self._campaigns: list[int] = []
        self._resting: dict[int, int] = {}
        self._planned: set[tuple[str, date]] = set()
        self._failing: set[str] = set()

    async def tick(self) -> None:
        """Look once. Raises nothing but cancellation."""
        self._found = await self._due()
        self._ticks += 1
        for step in self._found:
            try:
                await step.act()
            except Exception as problem:
                self._say_failing(step.name, problem)
            else:
                self._say_recovered(step.name)

    def _whose_turn(self) -> list[_Step]:
        return [
            step
            for place, step in enumerate(self._steps)
            if self._ticks == 0 or (self._ticks + place) % step.every == 0 or step in self._found
        ]

    async def _due(self) -> list[_Step]:
        """Which steps have something to do. A look that fails ends the transaction: the next ones get a fresh one."""
        now_ms = self._clock.now_ms()
        found: list[_Step] = []
        waiting = self._whose_turn()
        while waiting:
            step = waiting[0]
            try:
                async with self._db.read() as connection:
                    while waiting:
                        step = waiting.pop(0)
                        if await step.due(connection, now_ms):
                            found.append(step)
                        else:
                            self._say_recovered(step.name)
            except Problem as problem:  # the database itself: no look would go better
                self._say_failing(step.name, problem)
                return found
            except Exception as problem:
                self._say_failing(step.name, problem)
        return found

    def _say_failing(self, name: str, problem: Exception) -> None:
        if name not in self._failing:
            foreseen = isinstance(problem, Problem)
            log.error("planner.step_failed", step=name, problem=str(problem), exc_info=None if foreseen else problem)
        self._failing.add(name)

    def _say_recovered(self, name: str) -> None:
        if name in self._failing:
            log.info("planner.step_recovered", step=name)
        self._failing.discard(name)

    async def _days_missing(self, connection: AsyncConnection, now_ms: int) -> bool:
        """Today and tomorrow, in each zone's own days; and those before that were passed over."""
        if self._ticks % _CALENDAR_TICKS == 0 and await self._calendar.changed():
            self._planned.clear()
        self._days = []
        for (zone_name,) in await rows_of(connection, _ZONES, {}):
            today = local(now_ms, zone_name).date()
            known = (zone_name, today) in self._planned  # it was the tomorrow of the look before
            before = [] if known else await days_passed_over(connection, zone_name, today)
            self._days += [(zone_name, day) for day in (*before, today, today + timedelta(days=1))]
        return self._calendar.untold or any(day not in self._planned for day in self._days)

    async def _plan_days(self) -> None:
        if self._calendar.untold:
            async with self._db.write() as tx:
                await self._calendar.tell(tx, self._clock.now_ms())
        for zone_name, day in self._days:
            if (zone_name, day) in self._planned:
                continue
            async with self._db.read() as connection:
                accounts = await who_posts(connection, zone_name)
                if day < local(self._clock.now_ms(), zone_name).date():
                    accounts = await who_posted_by(connection, accounts, day)
            for start in range(0, len(accounts), _ACCOUNTS_A_TRANSACTION):
                await self._plan_day(day, accounts[start : start + _ACCOUNTS_A_TRANSACTION])
            self._planned = {known for known in self._planned if known in self._days} | {(zone_name, day)}

    async def _plan_day(self, day: date, accounts: Sequence[str]) -> None:
        now_ms = self._clock.now_ms()
        async with self._db.write() as tx:
            plan = await plan_day(tx, self._calendar.current, day, now_ms, accounts=accounts)
        for account, advice in plan.warnings:
            log.warning("moments.crowded", account=account, post=advice.name, reason=advice.reason)

    async def _follow(self) -> None:
        async with self._db.write() as tx:
            await follow(tx, self._clock.now_ms())

    async def _pushes_under_way(self, connection: AsyncConnection, now_ms: int) -> bool:
        self._pushes = await under_way(connection, now_ms)
        return bool(self._pushes)

    async def _plan_pushes(self) -> None:
        for campaign in self._pushes:
            await self._planning.carry_on(campaign, strides=_STRIDES_A_TICK)

    async def _campaigns_due(self, connection: AsyncConnection, now_ms: int) -> bool:
        self._campaigns = await due_campaigns(connection, now_ms, resting=self._resting)
        return bool(self._campaigns)

    async def _advance(self) -> None:
        for campaign in self._campaigns:
            now_ms = self._clock.now_ms()
            async with self._db.write() as tx:
                for event in await advance(tx, campaign, now_ms):
                    await self._tell(tx, event, now_ms)

    async def _run(self, act: Act) -> None:
        async with self._db.write() as tx:
            await act(tx, self._clock.now_ms())
