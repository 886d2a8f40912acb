"""Now in the shop, and whether a process serves its accounts: what the database and the lock say."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.ownership import wall_of
from reports.workers import Crew, crew_now
from storage.engine import Database
from storage.tables import Setting
from wxfleet.clocks import wall_ms
from wxfleet.reading.settings import Settings
from wxfleet.running.lock import is_held
from wxfleet.running.service import data_folder


async def shop_now_ms(connection: AsyncConnection, settings: Settings) -> int:
    """Now in the shop: the wall's time, or what the simulated world's clock showed last."""
    if settings.all_simulated:
        shown = await connection.scalar(select(Setting.value).where(Setting.key == "world_now_ms"))
        if shown is not None:
            return int(shown)
    return wall_ms()


async def fleet_runs(db: Database, settings: Settings) -> bool:
    """Does a process serve the accounts of this database now?"""
    async with db.read() as connection:
        return is_running(await crew_now(connection, wall_ms=await wall_of(connection, wall_ms())), settings)


def is_running(crew: Crew, settings: Settings) -> bool:
    """On SQLite the lock says it at once; on PostgreSQL the heartbeats do."""
    if settings.database_url.startswith("sqlite"):
        return is_held(data_folder(settings))
    return any(worker.alive for worker in crew.workers)
