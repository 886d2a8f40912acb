"""Coupon codes that are missing: among the repairs, with the command that mends it, until there are enough."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.campaign_tables import Campaign
from storage.fleet_tables import Repair
from storage.outbox import insert_ignoring
from texts.catalogue import say
from texts.problem import ExitCode, Problem

_REPAIR = "coupons:"


@dataclass(frozen=True, slots=True)
class Shortage:
    """So many codes that campaign wanted of the pool when it last asked, and so many were there."""

    pool: str
    campaign: int
    needed: int
    there: int

    @property
    def words(self) -> str:
        """With the numbers, and the command."""
        return say("scheduler.coupons.fault", **self.details)

    @property
    def details(self) -> dict[str, Any]:
        return {
            "pool": self.pool, "needed": self.needed, "there": self.there, "lacking": max(1, self.needed - self.there),
            "campaign": self.campaign,
        }  # fmt: skip


class CouponsShort(Problem):
    """A push whose words promise everybody a code of their own, and a pool that has not so many. Nothing was planned.

    `short`: the numbers.
    """

    exit_code = ExitCode.REFUSED_BY_POLICY

    def __init__(self, name: str, short: Shortage) -> None:
        self.short = short
        super().__init__(
            say("scheduler.coupons.refused", name=name, why=short.words),
            hint=say("scheduler.coupons.short.hint", **short.details),
        )


async def note_shortage(tx: AsyncConnection, short: Shortage, now_ms: int) -> None:
    """Staff see it in the status from now on. One line for each pool, with what was last found."""
    title = await tx.scalar(select(Campaign.title).where(Campaign.id == short.campaign)) or ""
    values = {**short.details, "title": title}
    row = {"key": _REPAIR + short.pool, "account": None, "message": "scheduler.coupons.short", "values": values}
    await tx.execute(insert_ignoring(tx, Repair).values({**row, "since_ms": now_ms}))
    await tx.execute(update(Repair).where(Repair.key == row["key"]).values(values=values))


async def shortages(tx: AsyncConnection) -> list[Shortage]:
    """All that are among the repairs. Writes nothing."""
    rows = await tx.scalars(select(Repair.values).where(Repair.key.startswith(_REPAIR, autoescape=True)))
    return [Shortage(row["pool"], row["campaign"], row["needed"], row["there"]) for row in rows.all()]


async def mended(tx: AsyncConnection, pool: str) -> None:
    """There are enough, or nobody wants them any more."""
    await tx.execute(delete(Repair).where(Repair.key == _REPAIR + pool))
