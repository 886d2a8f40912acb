"""Writing, opening and closing the rows of pushes, in short transactions that leave room for the senders.

What was done up to where stands in `push_plans` and is written together with the rows: a process that dies goes on
where it was, and of two that work at once each slice is done by one.
"""

from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.benefits.coupon_shortage import CouponsShort, note_shortage
from scheduler.benefits.coupons import let_go
from scheduler.campaign_state import CampaignState, Move, move, read
from scheduler.errors import PushRefused, WordsIncomplete
from scheduler.look import SHOP_ZONE, Look
from scheduler.push_events import CampaignEvent, Tell
from scheduler.pushes.audience import of_segment
from scheduler.pushes.coupon_supply import set_aside
from scheduler.pushes.forecast import full_accounts
from scheduler.pushes.push_file import PushFile, from_spec
from scheduler.pushes.push_plan import Stage, line_of, plan_of, reached, set_plan
from scheduler.pushes.push_rows import Writing, close_slice, open_first_batch, open_slice, waiting
from scheduler.pushes.pushes import begin_planning, check
from scheduler.pushes.sending_hours import opens_ms
from storage.bulk import among_ids
from storage.engine import Database
from storage.strides import Breathe, Strides, no_need
from storage.tables import Account, Person
from texts.problem import Problem

FIRST_STRIDE, LONGEST_STRIDE = 2_000, 50_000
"""People, or rows, of the first transaction and of the largest. Ours."""
PEOPLE_A_BLOCK = 100_000
STRIDES_A_LOOK = 10
"""So many transactions before it is looked at anew what there is to do. Ours."""
Now = Callable[[], int]


@dataclass(frozen=True, slots=True)
class _Block:
    """People above `since` up to `to`; those of them who are of the segment, in order, where there is one."""

    campaign: int
    since: int
    to: int
    full: Collection[str]
    members: Sequence[int] | None

    def belongs(self, tx: AsyncConnection, above: int, to: int) -> ColumnElement[bool] | None:
        if self.members is None:
            return None
        ids = self.members[bisect_right(self.members, above) : bisect_right(self.members, to)]
        return among_ids(tx, Person.id, ids)


class PushPlanning:
    """Carries the long work of pushes on. `breathe`: see `storage.strides`; `now` is the shop's clock, epoch ms."""

    def __init__(
        self, db: Database, now: Now, *, tell: Tell, shop_zone: str = SHOP_ZONE, breathe: Breathe = no_need,
        always_ask: bool = False,
    ) -> None:  # fmt: skip
        """`always_ask`: nothing leaves before somebody says so at its hour, whatever its file says."""
        self._db = db
        self._now = now
        self._tell = tell
        self._shop_zone = shop_zone
        self._breathe = breathe
        self._always_ask = always_ask
        self._strides: Strides | None = None
        self._known: _Block | None = None

    async def carry_on(self, campaign: int, *, strides: int | None = None) -> None:
        """Until nothing is left to do for it just now, or for so many strides."""
        if self._strides is None:  # it reads the clock of the running loop
            self._strides = Strides(self._db, self._breathe, first=FIRST_STRIDE, most=LONGEST_STRIDE)
        for _ in range(strides) if strides is not None else count():
            if not await self._step(campaign, self._strides):
                return

    async def _step(self, campaign: int, strides: Strides) -> bool:
        """The next transaction; False when nothing is left."""
        async with self._db.read() as connection:
            row = await read(connection, campaign)
            plan = await line_of(connection, campaign)
        if plan is None or row.state in (CampaignState.DRAFT.value, CampaignState.FINISHED.value):
            return False
        match Stage(plan.stage):
            case Stage.CHECKING:
                return await self._check(row)
            case Stage.PLANNING:
                return await self._plan(row, plan, strides)
            case Stage.PLANNED:
                await self._ask(row)
                return False
            case Stage.OPENING:
                return await self._open(row, plan, strides)
            case Stage.CLOSING:
                return await self._close(row, plan, strides)
        return False

    async def _check(self, row: Row[Any]) -> bool:
        try:
            async with self._db.read() as connection:
                found = await check(connection, row.id, self._now(), shop_zone=self._shop_zone)
        except (PushRefused, WordsIncomplete, CouponsShort) as problem:
            await self._refuse(row, problem)
            return False
        async with self._db.write() as tx:
            plan = await plan_of(tx, row.id)
            if plan.stage != Stage.CHECKING.value:
                return True
            short = await set_aside(tx, from_spec(row.spec), row, found.coupons, self._now())
            if short is None:
                await begin_planning(tx, row.id, found, self._now())
        if short is not None:  # others took from the pool meanwhile
            await self._refuse(row, CouponsShort(row.name, short))
        return short is None

    async def _refuse(self, row: Row[Any], problem: Problem) -> None:
        now_ms, why = self._now(), problem.message
        async with self._db.write() as tx:
            if (await read(tx, row.id)).state != CampaignState.PLANNING.value:
                return
            if isinstance(problem, CouponsShort):
                await note_shortage(tx, problem.short, now_ms)
            await move(tx, row.id, Move.REFUSE, now_ms, why)
            await set_plan(tx, row.id, Stage.CLOSED, now_ms)
            await self._tell(tx, CampaignEvent(row.id, row.name, row.title, "refused", {"why": why}), now_ms)

    async def _plan(self, row: Row[Any], plan: Row[Any], strides: Strides) -> bool:
        push = from_spec(row.spec)
        block = await self._block(row, push, plan.done_to)
        if plan.done_to >= block.to or row.valid_until_ms <= self._now():
            return await self._planned(row, push)
        look = Look(self._now(), row.id, self._shop_zone, row.overrides_weekly, cut=plan.cut, full=block.full)
        writing = Writing(push, row, look, control=plan.control > 0)
        done_to = plan.done_to
        for _ in range(STRIDES_A_LOOK):
            to = min(block.to, done_to + strides.rows)
            async with strides.write() as tx:
                if not await reached(tx, plan, to, done_to):  # cancelled, or somebody else did it
                    return True
                await writing.write(tx, done_to, to, belongs=block.belongs(tx, done_to, to))
            done_to = to
            if done_to == block.to:
                break
        return True

    async def _block(self, row: Row[Any], push: PushFile, done_to: int) -> "_Block":
        """What is found out for many people at once, and without keeping others from writing."""
        known = self._known
        if known is not None and known.campaign == row.id and known.since <= done_to < known.to:
            return known
        async with self._db.read() as connection:
            last = int(await connection.scalar(select(func.max(Person.id))) or 0)
            to = min(last, done_to + PEOPLE_A_BLOCK)
            look = Look(self._now(), row.id, self._shop_zone, people=(done_to, to))
            full = known.full if known is not None and known.campaign == row.id else None
            if full is None:
                full = await full_accounts(connection, self._now())
            members = None
            if (belongs := of_segment(push, look)) is not None:
                ids = select(Person.id).where(look.covers(Person.id), belongs).order_by(Person.id)
                members = list((await connection.execute(ids)).scalars().all())
        self._known = _Block(row.id, done_to, to, full, members)
        return self._known

    async def _planned(self, row: Row[Any], push: PushFile) -> bool:
        """All rows are there: the first batch goes, or a person is asked when the hour has come."""
        now_ms = self._now()
        async with self._db.write() as tx:
            plan, state = await plan_of(tx, row.id), (await read(tx, row.id)).state
            if plan.stage != Stage.PLANNING.value:
                return True
            await let_go(tx, row.id, now_ms)
            if self._always_ask or push.confirm or state != CampaignState.PLANNING.value:
                zones = (await tx.execute(select(Account.time_zone).distinct())).scalars().all()
                hour_ms = min((opens_ms(push, now_ms, zone) for zone in zones), default=now_ms)
                await set_plan(tx, row.id, Stage.PLANNED, hour_ms)
                return hour_ms <= now_ms
            await open_first_batch(tx, push, row, now_ms)
            await set_plan(tx, row.id, Stage.READY, now_ms)
            await move(tx, row.id, Move.PLANNED, now_ms)
        return False

    async def _ask(self, row: Row[Any]) -> None:
        """A second time, at the hour: may it go?"""
        now_ms = self._now()
        async with self._db.write() as tx:
            if (await read(tx, row.id)).state != CampaignState.PLANNING.value:
                return
            people = await waiting(tx, row.id)
            await move(tx, row.id, Move.HOLD, now_ms, "confirm")
            await self._tell(tx, CampaignEvent(row.id, row.name, row.title, "confirm", {"people": people}), now_ms)

    async def _open(self, row: Row[Any], plan: Row[Any], strides: Strides) -> bool:
        async with strides.write() as tx:
            if await open_slice(tx, from_spec(row.spec), plan, self._now(), strides.rows):
                return True
            await set_plan(tx, row.id, Stage.OPEN, self._now())
        return False

    async def _close(self, row: Row[Any], plan: Row[Any], strides: Strides) -> bool:
        async with strides.write() as tx:
            if await close_slice(tx, plan, self._now(), strides.rows):
                return True
            await set_plan(tx, row.id, Stage.CLOSED, self._now())
        return False
