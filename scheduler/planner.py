"""One look at everything that may be due. Idempotent: the tables say what was done, a second look finds it done."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, timedelta
from functools import partial

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.clock import Clock
from rules.quiet_hours import local
from scheduler.day_plan import plan_day
from scheduler.mirrors import follow, has_followers_waiting
from scheduler.moments import Calendar
from scheduler.push_progress import CampaignEvent, advance, due_campaigns
from storage.engine import Database
from storage.tables import Account
from texts.problem import Problem

log = structlog.get_logger(__name__)

Step = Callable[[AsyncConnection, int], Awaitable[object]]
"""Something another room wants looked at: (transaction, now in epoch ms)."""
Tell = Callable[[AsyncConnection, CampaignEvent, int], Awaitable[object]]
"""Lets staff hear of a campaign, within the transaction that made it so."""


class Planner:
    """Plans the days of Moments, lets mirrors follow, takes campaigns on, and runs what other rooms hand in.

    Each step has its own short transaction; one that fails is logged once and never stops the others.
    """

    def __init__(
        self, db: Database, clock: Clock, calendar: Calendar, *, tell: Tell, extra: Sequence[Step] = ()
    ) -> None:
        self._db = db
        self._clock = clock
        self._calendar = calendar
        self._tell = tell
        self._extra = tuple(extra)
        self._planned: set[tuple[str, date]] = set()
        self._failing: set[str] = set()

    async def tick(self) -> None:
        """Look once. Raises nothing but cancellation."""
        await self._guarded("moments", self._plan_days)
        await self._guarded("mirrors", self._follow)
        await self._guarded("campaigns", self._advance)
        for step in self._extra:
            await self._guarded(getattr(step, "__qualname__", repr(step)), partial(self._run, step))

    async def _guarded(self, name: str, step: Callable[[], Awaitable[object]]) -> None:
        try:
            await step()
        except Exception as problem:
            if name not in self._failing:
                foreseen = isinstance(problem, Problem)
                log.error("planner.step_failed", step=name, problem=str(problem), exc_info=not foreseen)
            self._failing.add(name)
        else:
            if name in self._failing:
                log.info("planner.step_recovered", step=name)
            self._failing.discard(name)

    async def _plan_days(self) -> None:
        """Today and tomorrow, in each zone's own days."""
        now_ms = self._clock.now_ms()
        async with self._db.read() as connection:
            query = select(Account.time_zone).where(Account.removed.is_(False)).distinct()
            zones = (await connection.execute(query)).scalars().all()
        for zone_name in zones:
            today = local(now_ms, zone_name).date()
            for day in (today, today + timedelta(days=1)):
                if (zone_name, day) in self._planned:
                    continue
                async with self._db.write() as tx:
                    plan = await plan_day(tx, self._calendar, day, now_ms, time_zone=zone_name)
                self._planned = {known for known in self._planned if known[1] >= today} | {(zone_name, day)}
                for account, advice in plan.warnings:
                    log.warning("moments.crowded", account=account, post=advice.name, reason=advice.reason)

    async def _follow(self) -> None:
        now_ms = self._clock.now_ms()
        async with self._db.read() as connection:
            if not await has_followers_waiting(connection, now_ms):
                return
        async with self._db.write() as tx:
            await follow(tx, now_ms)

    async def _advance(self) -> None:
        async with self._db.read() as connection:
            due = await due_campaigns(connection, self._clock.now_ms())
        for campaign in due:
            now_ms = self._clock.now_ms()
            async with self._db.write() as tx:
                for event in await advance(tx, campaign, now_ms):
                    await self._tell(tx, event, now_ms)

    async def _run(self, step: Step) -> None:
        async with self._db.write() as tx:
            await step(tx, self._clock.now_ms())
