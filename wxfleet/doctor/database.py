"""The doctor's look at the database: there, whole, of the right shape, and of one mind with us about the time."""

import asyncio
import sqlite3
import time
from pathlib import Path
from urllib.parse import quote

from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from storage.engine import Database, open_database
from storage.schema import OLDEST_SERVER, alembic_config
from storage.shape import shape_of
from texts.problem import Problem
from wxfleet.clocks import wall_ms
from wxfleet.doctor.findings import Finding, Level
from wxfleet.doctor.fleet import fleet_findings
from wxfleet.reading.settings import Settings

_PATIENCE_S = 10.0
_CHECK_PATIENCE_S = 20.0
_LONG_WAL_BYTES = 512_000_000
_SKEW_MS = 2_000
_SQLITE = "sqlite:///"
_MAY_CREATE = text("SELECT COALESCE(has_schema_privilege(current_schema(), 'CREATE'), FALSE)")


async def database_findings(settings: Settings) -> list[Finding]:
    """Of the database and, where it has our shape, of the fleet that it tells of."""
    found: list[Finding] = []
    url = settings.database_url
    if url.startswith(_SQLITE):
        path = Path(url.removeprefix(_SQLITE))
        if not await asyncio.to_thread(path.exists):  # opening it would make it
            return [Finding.of(Level.OK, "database", "new", file=path)]
        found = await asyncio.to_thread(_sqlite_file, path)
        if any(finding.level is Level.PROBLEM for finding in found):
            return found
    db: Database | None = None
    try:
        async with asyncio.timeout(_PATIENCE_S):
            db = open_database(url)
            found += await _server(db) if db.dialect == "postgresql" else []
            shape = await _shape(db)
        found.append(shape)
        if shape.level is not Level.OK and db.dialect == "postgresql":
            found += await _rights(db)
        if shape.level is Level.OK:
            async with asyncio.timeout(_CHECK_PATIENCE_S):
                found += await fleet_findings(db, settings)
    except Problem as problem:
        found.append(Finding.from_problem("database", problem))
    except DBAPIError as error:  # nothing that a room foresaw: say what the driver says
        found.append(Finding.of(Level.PROBLEM, "database", "closed", file=db.url if db else "", error=error.orig))
    except TimeoutError:
        found.append(Finding.of(Level.PROBLEM, "database", "silent", seconds=f"{_PATIENCE_S:.0f}"))
    finally:
        if db is not None:
            await db.close()
    return found


def _sqlite_file(path: Path) -> list[Finding]:
    """Read without writing: journal, integrity (given up after a while), the length of the write-ahead log."""
    until_s = time.monotonic() + _CHECK_PATIENCE_S
    try:
        connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=5)
    except sqlite3.Error as error:
        return [Finding.of(Level.PROBLEM, "database", "closed", file=path, error=error)]
    try:
        connection.set_progress_handler(lambda: time.monotonic() > until_s, 100_000)
        journal = connection.execute("PRAGMA journal_mode").fetchone()[0]
        flaw = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError as error:
        if "interrupted" not in str(error):
            return [Finding.of(Level.PROBLEM, "database", "closed", file=path, error=error)]
        return [Finding.of(Level.WARNING, "database", "large", file=path, seconds=f"{_CHECK_PATIENCE_S:.0f}")]
    except sqlite3.DatabaseError as error:
        return [Finding.of(Level.PROBLEM, "database", "damaged", file=path, error=error)]
    finally:
        connection.close()
    if flaw != "ok":
        return [Finding.of(Level.PROBLEM, "database", "damaged", file=path, error=flaw)]
    wal = path.with_name(path.name + "-wal")
    wal_bytes = wal.stat().st_size if wal.exists() else 0
    if wal_bytes > _LONG_WAL_BYTES:
        return [Finding.of(Level.WARNING, "database", "long_wal", file=wal, megabytes=wal_bytes // 1_000_000)]
    megabytes = f"{path.stat().st_size / 1e6:,.1f}"
    return [Finding.ok("database", where=path, what=f"{journal}, {megabytes} MB")]


async def _server(db: Database) -> list[Finding]:
    async with db.read() as connection:
        before_ms = wall_ms()
        question = text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)")
        server_ms = int((await connection.execute(question)).scalar_one())
        after_ms = wall_ms()
        number = int((await connection.execute(text("SHOW server_version_num"))).scalar_one())
        name = (await connection.execute(text("SHOW server_version"))).scalar_one()
        encoding = (await connection.execute(text("SHOW server_encoding"))).scalar_one()
    found = []
    if number < OLDEST_SERVER:
        found.append(Finding.of(Level.PROBLEM, "database", "old_server", version=name))
    if encoding != "UTF8":
        found.append(Finding.of(Level.PROBLEM, "database", "encoding", encoding=encoding))
    skew_ms = max(before_ms - server_ms, server_ms - after_ms, 0)
    if skew_ms > _SKEW_MS:
        found.append(Finding.of(Level.WARNING, "clock", "skew", seconds=f"{skew_ms / 1000:.1f}"))
    else:
        found.append(Finding.ok("clock"))
    return [*found, Finding.ok("database", where=db.url, what=f"PostgreSQL {name}")]


async def _rights(db: Database) -> list[Finding]:
    """May this user bring the tables to our shape?"""
    async with db.read() as connection:
        may_create = (await connection.execute(_MAY_CREATE)).scalar_one()
    return [] if may_create else [Finding.of(Level.PROBLEM, "database", "no_rights")]


async def _shape(db: Database) -> Finding:
    shape = await shape_of(db)
    known = {revision.revision for revision in ScriptDirectory.from_config(alembic_config()).walk_revisions()}
    if shape.newest:
        return Finding.ok("shape", revision=shape.wanted)
    if shape.found is None:
        return Finding.of(Level.WARNING, "shape", "empty")
    case = "older" if shape.found in known else "newer"
    level = Level.WARNING if case == "older" else Level.PROBLEM
    return Finding.of(level, "shape", case, found=shape.found, wanted=shape.wanted)
