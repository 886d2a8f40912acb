"""Does a fleet live in this database? What must not happen under its feet asks first."""

import time

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.engine import Database
from storage.errors import FleetRunning
from storage.schema import upgrade
from storage.shape import shape_of
from texts.catalogue import say

_OLD_TIMEOUT_MS = 30_000
"""In the first shape of the tables the heartbeat was each shard's, and the time-out fixed."""


async def upgrade_idle(db: Database) -> None:
    """`storage.schema.upgrade`, but on PostgreSQL tables of an older version are not changed under a living fleet.

    On SQLite whoever calls holds the lock on the data. Raises FleetRunning and what `upgrade` raises.
    """
    shape = await shape_of(db)
    if shape.found is not None and not shape.newest:
        async with db.read() as connection:
            await require_idle(connection)
    await upgrade(db)


async def require_idle(tx: AsyncConnection) -> None:
    """Raises FleetRunning while some process gave a sign of life within its time-out. On SQLite the lock knows."""
    if tx.dialect.name != "postgresql":
        return
    alive = await tx.run_sync(_alive)
    if alive is not None:
        raise FleetRunning(say("database.running", owner=alive), hint=say("database.running.hint"))


def _alive(connection: Connection) -> str | None:
    """The id of a living process, in the tables of this version or of the first."""
    tables = inspect(connection)
    wall_ms = round(time.time() * 1000)
    found = None
    if tables.has_table("workers"):
        clock = "extract(epoch FROM clock_timestamp()) * 1000"
        found = connection.execute(text(f"SELECT id FROM workers WHERE heartbeat_ms > {clock} - timeout_ms LIMIT 1"))
    elif tables.has_table("shards"):
        found = connection.execute(
            text("SELECT owner FROM shards WHERE owner IS NOT NULL AND heartbeat_ms > :since LIMIT 1"),
            {"since": wall_ms - _OLD_TIMEOUT_MS},
        )
    return found.scalar() if found is not None else None
