"""Which shape a database has, and which this version wants."""

from dataclasses import dataclass

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from storage.engine import Database
from storage.errors import SchemaOlder
from storage.schema import alembic_config
from texts.catalogue import say


@dataclass(frozen=True, slots=True)
class Shape:
    """`found`: the newest migration the database has seen, None for none; `wanted`: the newest there is."""

    found: str | None
    wanted: str

    @property
    def newest(self) -> bool:
        return self.found == self.wanted


async def shape_of(db: Database) -> Shape:
    """Looks only. Raises what `Database.read` raises."""
    async with db.read() as connection:
        found = await connection.run_sync(_revision)
    return Shape(found, ScriptDirectory.from_config(alembic_config()).get_current_head() or "")


async def require_newest(db: Database) -> None:
    """Raises SchemaOlder when the database has not the shape of this version."""
    shape = await shape_of(db)
    if not shape.newest:
        raise _older(shape, db.url)


async def require_some(db: Database) -> None:
    """Raises SchemaOlder when there is nothing of ours in the database at all."""
    shape = await shape_of(db)
    if shape.found is None:
        raise _older(shape, db.url)


def _older(shape: Shape, url: str) -> SchemaOlder:
    message = say("database.older", found=shape.found or say("database.empty"), wanted=shape.wanted)
    return SchemaOlder(message, hint=say("database.older.hint"), where=url)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
