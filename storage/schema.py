"""Bringing a database to the shape this version knows, with Alembic. Nothing else creates tables."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.engine import Database
from storage.errors import DatabaseNewer, DatabaseUnfit, DatabaseUnreadable
from storage.every_table import METADATA
from storage.job_schema import upgrade_jobs
from texts.catalogue import say

_LOCK = 0x77786673
"""Held while a schema changes, so that several processes may start at once. Any number that nobody else uses."""
_PATIENCE_S = 120
OLDEST_SERVER = 140_000
"""What PostgreSQL's `server_version_num` must be at least: 14. Source: what procrastinate 3 and our statements need."""


def alembic_config() -> Config:
    """The migrations of this package, wherever it is installed."""
    config = Config()
    config.set_main_option("script_location", "storage:migrations")
    return config


async def upgrade(db: Database) -> None:
    """Bring `db` to the newest shape, procrastinate's tables on PostgreSQL too; what is there already is left alone.

    Raises DatabaseNewer when a later version wrote it, DatabaseUnreadable when another program did, DatabaseUnfit, and
    what `Database.write` raises.
    """
    async with db.write() as tx:
        await require_fit(tx, db.url)
        if db.dialect == "postgresql":
            await in_turn(tx, _LOCK)
        await tx.run_sync(_upgrade, db.url)
        if db.dialect == "postgresql":
            await tx.run_sync(upgrade_jobs)


async def require_fit(tx: AsyncConnection, url: str) -> None:
    """Raises DatabaseUnfit for a PostgreSQL that is too old, or a database that was made for other characters."""
    if tx.dialect.name != "postgresql":
        return
    number, version, encoding = [
        (await tx.execute(text(f"SHOW {name}"))).scalar_one()
        for name in ("server_version_num", "server_version", "server_encoding")
    ]
    if int(number) < OLDEST_SERVER:
        message = say("storage.old_server", version=version, oldest=OLDEST_SERVER // 10_000)
        raise DatabaseUnfit(message, hint=say("storage.old_server.hint"), where=url)
    if encoding != "UTF8":
        raise DatabaseUnfit(say("storage.encoding", encoding=encoding), hint=say("storage.encoding.hint"), where=url)


async def in_turn(tx: AsyncConnection, key: int) -> None:
    """On PostgreSQL: nobody else with this `key` until `tx` ends, for work at a start that may take its time."""
    for name in ("lock_timeout", "idle_in_transaction_session_timeout"):  # those of a connection are for sending
        await tx.execute(text(f"SET LOCAL {name} = '{_PATIENCE_S}s'"))
    await tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


def _upgrade(connection: Connection, url: str) -> None:
    config = alembic_config()
    scripts = ScriptDirectory.from_config(config)
    found = MigrationContext.configure(connection).get_current_revision()
    head = scripts.get_current_head()
    if found == head:
        return
    if found is not None and found not in {revision.revision for revision in scripts.walk_revisions()}:
        raise DatabaseNewer(say("storage.newer", found=found, known=head), hint=say("storage.newer.hint"), where=url)
    if found is None and set(inspect(connection).get_table_names()) & set(METADATA.tables):
        # Tables of our names that no migration of ours made: somebody else's database.
        raise DatabaseUnreadable(say("storage.foreign"), hint=say("storage.foreign.hint"), where=url)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
