"""Work on the whole database needs a fleet that stands still, and one that does not start meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from storage.engine import Database
from storage.schema import upgrade
from storage.shape import shape_of
from wxfleet.reading.settings import Settings
from wxfleet.running.idleness import upgrade_idle
from wxfleet.running.lock import Purpose, sending_lock
from wxfleet.running.service import data_folder


@contextmanager
def standstill(settings: Settings) -> Iterator[None]:
    """On SQLite no fleet runs, and none starts, as long as this is held. Raises FleetRunning.

    On PostgreSQL nothing is held: there `require_idle` asks, in a transaction that keeps the others out.
    """
    sqlite = settings.database_url.startswith("sqlite")
    with sending_lock(data_folder(settings), Purpose.WORK) if sqlite else nullcontext():
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
        await upgrade_idle(db)
