"""Two at once on PostgreSQL: when the second has seen what it could see, and waits for the first."""

import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_LOOK_ANEW = text("SELECT pg_stat_clear_snapshot()")  # what is read of it within a transaction stays as it was
_WAITS = text("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' LIMIT 1")


async def until_it_waits(tx: AsyncConnection, second: asyncio.Task[object]) -> None:
    """Until `second` waits for what `tx` holds, or is done without. On SQLite it only begins when `tx` has ended."""
    if tx.dialect.name != "postgresql":
        return
    async with asyncio.timeout(10):
        while not second.done() and await tx.scalar(_WAITS) is None:
            await asyncio.sleep(0.005)
            await tx.execute(_LOOK_ANEW)
