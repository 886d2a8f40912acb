"""How far a precise task is: begun with its campaign, looked at when somebody did it, and shown."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.campaign_files.campaign_parts import PreciseTask
from scheduler.participants.participants import Standing, counted
from storage.campaign_tables import Participant
from storage.entry_tables import TaskRun
from storage.outbox import insert_ignoring


class RunState(StrEnum):
    OPEN = "open"
    REACHED = "reached"
    RAN_OUT = "ran_out"
    """Nobody is left to ask, or as many batches went as may."""
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a task is. `asked`: people; `proofs`: who sent something that nobody has looked at yet."""

    target: int
    done: int
    asked: int
    said_yes: int
    proofs: int
    batches: int
    state: RunState


async def begin(tx: AsyncConnection, campaign: int, now_ms: int) -> None:
    """It starts; the first batch is its push. Doing it again changes nothing."""
    row = {"campaign": campaign, "state": RunState.OPEN.value, "look_ms": now_ms, "batches": 1, "changed_ms": now_ms}
    await tx.execute(insert_ignoring(tx, TaskRun).values(row))


async def look_soon(tx: AsyncConnection, campaign: int, now_ms: int) -> None:
    """Somebody did it: is that enough?"""
    await tx.execute(
        update(TaskRun)
        .where(TaskRun.campaign == campaign, TaskRun.state == RunState.OPEN.value, TaskRun.look_ms > now_ms)
        .values(look_ms=now_ms)
    )


async def progress(tx: AsyncConnection, campaign: int, task: PreciseTask) -> Progress | None:
    """None before it started."""
    run = (await tx.execute(select(TaskRun.__table__).where(TaskRun.campaign == campaign))).first()
    if run is None:
        return None
    numbers = await counted(tx, campaign)
    waiting = select(func.count()).where(
        Participant.campaign == campaign, Participant.state == Standing.YES.value, Participant.material.is_not(None)
    )
    proofs = int(await tx.scalar(waiting) or 0) if task.checked else 0
    return Progress(
        task.target, numbers[Standing.KEPT.value], sum(numbers.values()), numbers[Standing.YES.value], proofs,
        run.batches, RunState(run.state),
    )  # fmt: skip
