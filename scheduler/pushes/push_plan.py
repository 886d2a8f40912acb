"""The long work on a push's rows, one row of the table per push: how far it is."""

from enum import StrEnum
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.campaign_tables import PushPlan
from storage.outbox import insert_ignoring
from storage.statements import both, rows_of


class Stage(StrEnum):
    CHECKING = "checking"
    """Started; whom it reaches is to be counted, and their words to be looked at."""
    PLANNING = "planning"
    """Rows are being written."""
    PLANNED = "planned"
    """All rows are there; the first batch is not open."""
    READY = "ready"
    """The first batch is open."""
    OPENING = "opening"
    """What waits behind the first batch is being let go."""
    OPEN = "open"
    CLOSING = "closing"
    """Cancelled or over: what waits is being skipped."""
    CLOSED = "closed"


WORKING = (Stage.CHECKING, Stage.PLANNING, Stage.OPENING, Stage.CLOSING)
"""Stages in which rows are under the planner's hands: nothing else is decided about them meanwhile."""
_WORDS = ", ".join(f"'{stage.value}'" for stage in WORKING)
_UNDER_WAY = both(f"""
    SELECT campaign FROM push_plans
     WHERE stage IN ({_WORDS}) OR (stage = 'planned' AND changed_ms <= :now_ms AND campaign IN
           (SELECT id FROM campaigns WHERE state = 'planning')) ORDER BY campaign""")


async def under_way(tx: AsyncConnection, now_ms: int) -> list[int]:
    """Pushes with work left, and those that are to ask for a word now. A look that writes nothing."""
    return [row[0] for row in await rows_of(tx, _UNDER_WAY, {"now_ms": now_ms})]


async def line_of(tx: AsyncConnection, campaign: int) -> Row[Any] | None:
    """Its line of the table, where there is one. Writes nothing."""
    return (await tx.execute(select(PushPlan.__table__).where(PushPlan.campaign == campaign))).first()


async def plan_of(tx: AsyncConnection, campaign: int) -> Row[Any]:
    """How far the push is; one without a line, started before there were any, counts as open to its first batch."""
    row = await line_of(tx, campaign)
    if row is not None:
        return row
    await tx.execute(
        insert_ignoring(tx, PushPlan).values(
            campaign=campaign, stage=Stage.READY.value, done_to=0, control=0, reached=0, changed_ms=0
        )
    )
    return (await tx.execute(select(PushPlan.__table__).where(PushPlan.campaign == campaign))).one()


async def stage_of(tx: AsyncConnection, campaign: int) -> Stage:
    """Writes nothing."""
    stage = await tx.scalar(select(PushPlan.stage).where(PushPlan.campaign == campaign))
    return Stage(stage) if stage is not None else Stage.READY


async def set_plan(tx: AsyncConnection, campaign: int, stage: Stage, now_ms: int, **values: Any) -> None:
    """Go on to that stage; `values` are columns of the line."""
    line = {"stage": stage.value, "changed_ms": now_ms, **values}
    await plan_of(tx, campaign)
    await tx.execute(update(PushPlan).where(PushPlan.campaign == campaign).values(line))


async def reached(tx: AsyncConnection, row: Row[Any], to: int, done_to: int | None = None) -> bool:
    """The work of this stage is done up to `to`; False when somebody else did it meanwhile, or it is at an end.

    `done_to`: how far it was, where that is further than the row says.
    """
    before = row.done_to if done_to is None else done_to
    moved = await tx.execute(
        update(PushPlan)
        .where(PushPlan.campaign == row.campaign, PushPlan.stage == row.stage, PushPlan.done_to == before)
        .values(done_to=to)
    )
    return moved.rowcount == 1
