"""What is deleted stays in a database's file until it is overwritten. Here it is."""

import asyncio
import sqlite3
from contextlib import closing

from sqlalchemy.ext.asyncio import AsyncConnection

from storage.engine import Database

_SMALL_BYTES = 256 * 1024 * 1024
"""Up to here a file is written anew in a second or so. Ours."""


async def overwrite_deleted(tx: AsyncConnection) -> None:
    """From here on this connection fills what it deletes with zeros. PostgreSQL has no such thing."""
    if tx.dialect.name == "sqlite":
        await tx.exec_driver_sql("PRAGMA secure_delete = ON")


async def forget_leftovers(db: Database) -> bool:
    """Bring SQLite's log into the file, empty it, and write a small file anew; was all of it possible?

    On PostgreSQL and in a large file that somebody reads, leftovers go with the next VACUUM, which people start.
    """
    if db.dialect != "sqlite":
        return False
    return await asyncio.to_thread(_write_anew, db.url)


def _write_anew(path: str) -> bool:
    try:
        with closing(sqlite3.connect(path, timeout=2, isolation_level=None)) as connection:
            connection.execute("PRAGMA secure_delete = ON")
            pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
            small = pages * size <= _SMALL_BYTES
            if small:
                connection.execute("VACUUM")
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.OperationalError:  # somebody else writes or reads all the while
        return False
    return small and not busy
