"""Telling staff that somebody needs a person: in the staff room, else whoever holds the phone."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from bots.staff_line import notice, road_to_staff
from storage.outbox import plan

VALID_MS = 24 * 3_600_000
"""After a day the list of who waits says it better than an old notice. Ours."""


async def tell_staff(
    tx: AsyncConnection, text: str, *, account: str, staff: Sequence[str | None], key: str, now_ms: int
) -> bool:
    """Plan one notice about `account` ('' for the whole fleet). `staff`: whom to tell, without a staff room.

    False when no account knows anybody on the staff; whoever waits is still on the list of /状态.
    """
    road = await road_to_staff(tx, account, next((member for member in staff if member), None))
    if not road.account:
        return False
    row = notice(road, text, key, now_ms=now_ms, valid_until_ms=now_ms + VALID_MS, source=f"notice:{account}")
    await plan(tx, [row], now_ms=now_ms)
    return True
