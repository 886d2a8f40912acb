"""Work on the whole database needs a fleet that stands still, and one that does not start meanwhile."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.engine import Database
from storage.errors import FleetRunning
from storage.schema import upgrade
from storage.shape import shape_of
from texts.catalogue import say
from wxfleet.lock import sending_lock
from wxfleet.service import data_folder
from wxfleet.settings import Settings

_OLD_TIMEOUT_MS = 30_000
"""In the first shape of the tables the heartbeat was each shard's, and the time-out fixed."""


@contextmanager
def standstill(settings: Settings) -> Iterator[None]:
    """On SQLite no fleet runs, and none starts, as long as this is held. Raises FleetRunning.

    On PostgreSQL nothing is held: there `require_idle` asks, in a transaction that keeps the others out.
    """
    sqlite = settings.database_url.startswith("sqlite")
    with sending_lock(data_folder(settings)) if sqlite else nullcontext():
        yield


async def upgrade_alone(db: Database, settings: Settings) -> None:
    """`storage.schema.upgrade`, but tables of an older version are not changed under a fleet that runs on them.

    Raises FleetRunning and what `upgrade` raises.
    """
    shape = await shape_of(db)
    if shape.found is None or shape.newest:
        await upgrade(db)
        return
    with standstill(settings):
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
