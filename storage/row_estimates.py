"""What PostgreSQL believes of its tables: it chooses its ways by that, and learns only after a minute what many rows
changed. Until then the preview of a push took 20 s at a million orders. SQLite plans without.
"""

from collections.abc import Collection

from sqlalchemy import text

from storage.engine import Database
from storage.row_copy import all_tables

LARGE_ROWS = 5_000
"""From so many changed rows on it is told at once; that costs a second or two. Ours."""


async def learn_anew(db: Database, tables: Collection[str] | None = None, *, changed: int | None = None) -> None:
    """Look at those tables, or at all of ours, anew; each in a transaction of its own, which blocks nobody.

    `changed`: so many rows did; if few, PostgreSQL finds out by itself. Raises what `Database.write` raises.
    """
    if db.dialect != "postgresql" or (changed is not None and changed < LARGE_ROWS):
        return
    for table in sorted(one.name for one in all_tables() if tables is None or one.name in tables):
        async with db.write() as tx:
            await tx.execute(text("SET LOCAL statement_timeout = 0"))
            await tx.execute(text(f'ANALYZE "{table}"'))
