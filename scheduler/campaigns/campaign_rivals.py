"""Two messages that want the same people within seven days: said before the start, with how many and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.gates import WEEK_MS
from rules.quiet_hours import local
from scheduler.look import Look
from scheduler.pushes.audience import audience
from scheduler.pushes.push_file import PushFile
from texts.catalogue import say


@dataclass(frozen=True, slots=True)
class Asking:
    """A phase that writes to people unasked, at `due_ms` (epoch ms)."""

    phase: str
    push: PushFile
    due_ms: int


@dataclass(frozen=True, slots=True)
class Other:
    """Such a phase of another campaign."""

    title: str
    asking: Asking


async def rivals(tx: AsyncConnection, mine: Sequence[Asking], others: Sequence[Other], zone_name: str) -> list[str]:
    """A sentence for each two that are less than a week apart and want the same people."""
    found: list[str] = []
    for place, one in enumerate(mine):
        for before in mine[:place]:
            people = await _wanted_by_both(tx, before, one, zone_name)
            if people:
                found.append(say("scheduler.campaign.rivals_own", phase=one.phase, before=before.phase, people=people))
        for other in others:
            people = await _wanted_by_both(tx, other.asking, one, zone_name)
            if people:
                at = f"{local(other.asking.due_ms, zone_name):%m-%d %H:%M}"
                phase = other.asking.phase
                found.append(say("scheduler.campaign.rivals", title=other.title, phase=phase, at=at, people=people))
    return found


async def _wanted_by_both(tx: AsyncConnection, one: Asking, other: Asking, zone_name: str) -> int:
    if abs(one.due_ms - other.due_ms) >= WEEK_MS:
        return 0
    first = audience(one.push, Look(one.due_ms, shop_zone=zone_name)).alias("first")
    second = audience(other.push, Look(other.due_ms, shop_zone=zone_name)).alias("second")
    query = (
        select(func.count())
        .select_from(first)
        .join(second, second.c.person == first.c.person)
        .where(first.c.reason.is_(None), second.c.reason.is_(None))
    )
    return await tx.scalar(query) or 0
