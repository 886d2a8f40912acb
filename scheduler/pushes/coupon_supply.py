"""Has a push the codes that its words promise? Asked before it starts, and then they are set aside for it."""

from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.benefits import coupons
from scheduler.benefits.coupon_shortage import Shortage
from scheduler.pushes.head_count import Tally
from scheduler.pushes.push_file import PushFile


def codes_needed(seen: Tally, control: int) -> int:
    """How many new codes its people need; those who are held back need none."""
    return seen.coupons + (0 if control else seen.coupons_held)


async def lacking(
    tx: AsyncConnection, push: PushFile, campaign: int, needed: int, until_ms: int, *, root: int | None = None
) -> Shortage | None:
    """None when the pool has enough that are valid beyond `until_ms` (epoch ms). Writes nothing."""
    if push.coupons is None or not needed:
        return None
    ours = (campaign, root or campaign)
    there = await coupons.available(tx, push.coupons, until_ms, ours=ours, enough=needed)
    return Shortage(push.coupons, campaign, needed, there) if there < needed else None


async def set_aside(tx: AsyncConnection, push: PushFile, row: Row[Any], needed: int, now_ms: int) -> Shortage | None:
    """Its codes are nobody else's from now on; or None of them are, and that is said. `row`: of `campaigns`."""
    if push.coupons is None or not push.levels_with_coupon():
        return None
    there = await coupons.set_aside(
        tx, pool=push.coupons, campaign=row.id, root=row.parent or row.id, codes=needed, until_ms=row.valid_until_ms,
        now_ms=now_ms,
    )  # fmt: skip
    return Shortage(push.coupons, row.id, needed, there) if there < needed else None
