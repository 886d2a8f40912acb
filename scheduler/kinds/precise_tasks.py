"""Precise tasks (精准任务): something small that the right few are asked to do, batch by batch, until enough did it.

A batch is a push like any other, with a phase of its own: the week, the roles and the hours bind it. Who did it stands
among the participants as kept; nobody is asked twice by one task.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, Select, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.overbooking import to_invite
from rules.pacing import MINUTE_MS
from scheduler.campaign_files.campaign_file import CampaignFile, campaign_of
from scheduler.campaign_files.campaign_parts import PreciseTask
from scheduler.campaign_files.campaign_phase_file import PhaseKind
from scheduler.campaign_files.campaign_pushes import push_of
from scheduler.campaign_files.campaign_timeline import LATEST_MS, Timeline, timeline
from scheduler.campaign_state import CampaignState, Move, next_state, read
from scheduler.errors import PushRefused
from scheduler.kinds.task_runs import RunState
from scheduler.look import SHOP_ZONE
from scheduler.participants.participants import Standing, counted
from scheduler.phase_state import PhaseState
from scheduler.push_events import CampaignEvent, Tell
from scheduler.pushes import pushes
from scheduler.pushes.push_file import PushFile
from storage.campaign_tables import Campaign, Phase
from storage.entry_tables import TaskRun
from storage.statements import both, rows_of

LEAST_RATE = Decimal("0.05")
"""Nobody is asked in the hope of fewer than one in twenty. Ours."""
LOOK_MS = 5 * MINUTE_MS
"""So often is counted what staff or an import said was done. Ours."""
_DUE = both("SELECT 1 FROM task_runs WHERE state = 'open' AND look_ms <= :now_ms LIMIT 1")


class PreciseTasks:
    """A step of the planner: `due` looks, `act` counts, and asks the next batch where too few did it."""

    def __init__(self, *, tell: Tell, shop_zone: str = SHOP_ZONE) -> None:
        self._tell = tell
        self._zone = shop_zone

    async def due(self, tx: AsyncConnection, now_ms: int) -> bool:
        """Writes nothing."""
        return bool(await rows_of(tx, _DUE, {"now_ms": now_ms}))

    async def act(self, tx: AsyncConnection, now_ms: int) -> None:
        """Look at every task whose moment has come. Doing it again changes nothing."""
        query = select(TaskRun.__table__).where(TaskRun.state == RunState.OPEN.value, TaskRun.look_ms <= now_ms)
        for run in (await tx.execute(query.order_by(TaskRun.campaign))).all():
            row = await read(tx, run.campaign)
            file = campaign_of(row.spec)
            if file.task is not None:
                await self._look(tx, run, row, file, file.task, now_ms)

    async def _look(
        self, tx: AsyncConnection, run: Row[Any], row: Row[Any], file: CampaignFile, task: PreciseTask, now_ms: int
    ) -> None:
        numbers = await counted(tx, row.id)
        done = numbers[Standing.KEPT.value]
        line = timeline(file, row.starts_ms, self._zone)
        if row.state == CampaignState.CANCELLED.value:
            await _set(tx, row.id, now_ms, state=RunState.OVER.value)
        elif done >= task.target:
            await self._stop_asking(tx, row.id, now_ms)
            await self._end(tx, row, RunState.REACHED, done, task, now_ms)
        elif now_ms >= line.until_ms or row.state == CampaignState.FINISHED.value:
            await self._end(tx, row, RunState.OVER, done, task, now_ms)
        elif row.state != CampaignState.RUNNING.value:
            await _set(tx, row.id, now_ms, look_ms=now_ms + MINUTE_MS)
        else:
            await self._next(tx, run, row, file, task, line, numbers, now_ms)

    async def _next(
        self, tx: AsyncConnection, run: Row[Any], row: Row[Any], file: CampaignFile, task: PreciseTask, line: Timeline,
        numbers: Mapping[str, int], now_ms: int,
    ) -> None:  # fmt: skip
        """Wait for the batch that was asked last, or ask one more."""
        newest = await _newest_batch(tx, row.id)
        if task.next is None or newest is None:
            await _set(tx, row.id, now_ms, look_ms=min(line.until_ms, now_ms + LOOK_MS))
            return
        if newest.state == PhaseState.SKIPPED.value and run.batches > 1:
            await self._end(tx, row, RunState.RAN_OUT, numbers[Standing.KEPT.value], task, now_ms)
            return
        ripe_ms = newest.due_ms + round(task.next.after.total_seconds() * 1000)
        if now_ms < ripe_ms:
            await _set(tx, row.id, now_ms, look_ms=min(ripe_ms, line.until_ms, now_ms + LOOK_MS))
        elif newest.state == PhaseState.WAITING.value or (newest.child is not None and not newest.invited):
            await _set(tx, row.id, now_ms, look_ms=now_ms + MINUTE_MS)
        elif run.batches > task.next.most:
            await self._end(tx, row, RunState.RAN_OUT, numbers[Standing.KEPT.value], task, now_ms)
        else:
            await self._ask(tx, run, row, file, task, line, numbers, now_ms)

    async def _ask(
        self, tx: AsyncConnection, run: Row[Any], row: Row[Any], file: CampaignFile, task: PreciseTask, line: Timeline,
        numbers: Mapping[str, int], now_ms: int,
    ) -> None:  # fmt: skip
        """One more batch: a phase of its own, with a push to people who were not asked before."""
        number, size = run.batches + 1, _size(file, task, numbers)
        until_ms = min(line.until_ms, now_ms + LATEST_MS)
        push = _batch(file, line, row, number, size, until_ms, self._zone)
        try:
            async with tx.begin_nested():
                child = await pushes.create(
                    tx, push, row.created_by, now_ms, shop_zone=self._zone, parent=row.id, phase=f"push-{number}",
                    overrides_weekly=row.overrides_weekly,
                )  # fmt: skip
                await pushes.start(tx, child, now_ms, shop_zone=self._zone)
        except PushRefused:
            await self._end(tx, row, RunState.RAN_OUT, numbers[Standing.KEPT.value], task, now_ms)
            return
        await tx.execute(
            insert(Phase).values(
                campaign=row.id, name=f"push-{number}", kind=PhaseKind.PUSH.value, due_ms=now_ms, until_ms=until_ms,
                state=PhaseState.RUNNING.value, child=child, invited_id=0, changed_ms=now_ms,
            )
        )  # fmt: skip
        await _set(tx, row.id, now_ms, batches=number, look_ms=now_ms + MINUTE_MS)
        values = {"done": numbers[Standing.KEPT.value], "target": task.target, "batch": number, "size": size}
        await self._tell(tx, CampaignEvent(row.id, row.name, row.title, "task_batch", values), now_ms)

    async def _stop_asking(self, tx: AsyncConnection, campaign: int, now_ms: int) -> None:
        """What has not left of its batches need not leave any more."""
        children = select(Campaign.id, Campaign.state, Campaign.phase).where(Campaign.parent == campaign)
        asking = {row.name for row in (await tx.execute(_batches(campaign))).all()}
        for child in (await tx.execute(children)).all():
            if child.phase in asking and next_state(CampaignState(child.state), Move.CANCEL) is not None:
                await pushes.cancel(tx, child.id, now_ms)

    async def _end(
        self, tx: AsyncConnection, row: Row[Any], state: RunState, done: int, task: PreciseTask, now_ms: int
    ) -> None:
        await _set(tx, row.id, now_ms, state=state.value)
        values = {"done": done, "target": task.target}
        await self._tell(tx, CampaignEvent(row.id, row.name, row.title, f"task_{state}", values), now_ms)


def _batch(
    file: CampaignFile, line: Timeline, row: Row[Any], number: int, size: int, until_ms: int, zone_name: str
) -> PushFile:
    """The push of the file, once more: to so many, none of whom the campaign has asked."""
    phase = next(phase for phase in file.phases if phase.kind is PhaseKind.PUSH)
    push = push_of(file, phase, line, until_ms, None, zone_name, row.id)
    who = push.who.model_copy(update={"at_most": size, "new_to": row.id})
    return push.model_copy(update={"who": who, "name": f"{push.name[:58]}-{number}", "hold": False})


def _size(file: CampaignFile, task: PreciseTask, numbers: Mapping[str, int]) -> int:
    """So many more as should do it, at the rate of those who were asked; never more than were asked at first."""
    if task.next is not None and task.next.size is not None:
        return task.next.size
    done, asked = numbers[Standing.KEPT.value], sum(numbers.values())
    rate = max(LEAST_RATE, Decimal(done) / Decimal(asked)) if asked else LEAST_RATE
    return min(to_invite(task.target - done, rate), file.who.at_most or asked or task.target)


def _batches(campaign: int) -> Select[Any]:
    return select(Phase.__table__).where(Phase.campaign == campaign, Phase.kind == PhaseKind.PUSH.value)


async def _newest_batch(tx: AsyncConnection, campaign: int) -> Row[Any] | None:
    newest = _batches(campaign).order_by(Phase.due_ms.desc(), Phase.id.desc()).limit(1)
    row: Row[Any] | None = (await tx.execute(newest)).first()
    return row


async def _set(tx: AsyncConnection, campaign: int, now_ms: int, **values: Any) -> None:
    await tx.execute(update(TaskRun).where(TaskRun.campaign == campaign).values(changed_ms=now_ms, **values))
