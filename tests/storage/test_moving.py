"""A database elsewhere: every row arrives as it was, and a process that dies in the middle leaves all as it was."""

import asyncio
import itertools
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import delete, select, text

from storage import moving
from storage.backup_file import back_up, opened
from storage.engine import Database, open_database
from storage.errors import CopyDiffers, DatabaseNewer, DatabaseUnreadable, DataMoved, RowRefused, TargetOccupied
from storage.fleet_tables import Shard
from storage.half_done import maker
from storage.moving import MOVED_TO, TAKEN_MS
from storage.row_copy import PROCESSES, all_tables, clear_rows
from storage.schema import upgrade
from storage.tables import Person, Setting
from tests.storage.every_table import add_to_each, fill, stored

ROOT = Path(__file__).parents[2]
_names = itertools.count()
NOW_MS = 1_795_000_000_000


async def idle(_tx: object) -> None:
    """Nobody runs."""


def quiet(_table: str, _rows: int) -> None:
    """Nobody watches."""


async def nothing_more(_tx: object, _replaced: object) -> None:
    """Nothing to hold back."""


@pytest.fixture
def empty_url(postgres: str) -> str:
    """An empty PostgreSQL database."""
    name = f"moving{next(_names)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {name}".encode())
    head, _, query = postgres.partition("?")
    return head.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")


@pytest.fixture
async def server(empty_url: str) -> AsyncIterator[Database]:
    """A migrated PostgreSQL database without rows."""
    db = open_database(empty_url)
    await upgrade(db)
    yield db
    await db.close()


@pytest.fixture
async def elsewhere(tmp_path: Path) -> AsyncIterator[Database]:
    """A migrated SQLite database without rows."""
    db = open_database(f"sqlite:///{tmp_path / 'elsewhere.db'}")
    await upgrade(db)
    yield db
    await db.close()


async def everything(db: Database, *, but: tuple[str, ...] = ()) -> dict[str, object]:
    """All rows but those about processes; and of the settings all but `but`."""
    async with db.read() as connection:
        found: dict[str, object] = {
            table.name: await stored(connection, table) for table in all_tables() if table.name not in PROCESSES
        }
    found["settings"] = [row for row in found["settings"] if row[0] not in but]  # type: ignore[attr-defined]
    return found


async def move(source: Database, target: Database) -> None:
    await moving.move(source, target, idle=idle, now_ms=NOW_MS, on_progress=quiet)


async def test_a_move_brings_every_row_of_every_table_and_takes_the_right_to_send(
    sqlite_database: Database, server: Database, elsewhere: Database
) -> None:
    async with sqlite_database.write() as tx:
        await fill(tx)
    before = await everything(sqlite_database)
    await move(sqlite_database, server)
    assert await everything(server) == before
    async with server.read() as connection:  # PostgreSQL's planner knows of them
        unseen = text("SELECT relname FROM pg_class WHERE reltuples < 1 AND relname = ANY(:tables)")
        assert (await connection.scalars(unseen, {"tables": list(set(before) - PROCESSES)})).all() == []
    assert all(rows for rows in before.values())
    async with sqlite_database.read() as connection:
        with pytest.raises(DataMoved):
            await moving.require_not_moved(connection)
    async with server.write() as tx:
        await moving.require_not_moved(tx)
        assert (await tx.execute(select(Shard.owner).where(Shard.owner.is_not(None)))).all() == []
        assert len(await add_to_each(tx, number=50)) > 10
    with pytest.raises(TargetOccupied):
        await move(sqlite_database, server)
    async with server.write() as tx:
        await clear_rows(tx)
    with pytest.raises(DataMoved):  # a second place could send too
        await move(sqlite_database, elsewhere)
    await move(sqlite_database, server)


async def test_what_postgresql_cannot_keep_is_replaced_and_counted(sqlite_database: Database, server: Database) -> None:
    async with sqlite_database.write() as tx:
        await tx.execute(text("INSERT INTO people (id, name, kind, level, orders, net_paid_fen, created_ms)"
                              " VALUES (1, 'a' || char(0) || 'b', 'customer', 'friend', 0, 0, 0)"))  # fmt: skip
        await tx.execute(text("INSERT INTO repairs (key, message, details, since_ms) VALUES ('k', 'm', :json, 0)"),
                         {"json": r'{"x": "\ud83d\udc4d \ud83d \u0000 \\u0000"}'})  # fmt: skip
    copied = await moving.move(sqlite_database, server, idle=idle, now_ms=NOW_MS, on_progress=quiet)
    assert copied.mended == 2
    async with server.read() as connection:
        assert await connection.scalar(text("SELECT name FROM people")) == "a�b"
        assert await connection.scalar(text("SELECT details->>'x' FROM repairs")) == "👍 � � \\u0000"


async def test_a_row_that_is_refused_or_changed_on_the_way_takes_all_back(
    sqlite_database: Database, server: Database
) -> None:
    async with sqlite_database.write() as tx:
        await fill(tx, rows=1)
    async with server.write() as tx:  # a database that changes what it is told
        await tx.execute(text("CREATE FUNCTION louder() RETURNS trigger LANGUAGE plpgsql AS"
                              " $$ BEGIN NEW.name := upper(NEW.name); RETURN NEW; END $$"))  # fmt: skip
        await tx.execute(text("CREATE TRIGGER t BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION louder()"))
    with pytest.raises(CopyDiffers, match="people"):
        await move(sqlite_database, server)
    async with sqlite_database.write() as tx:
        await tx.execute(text("UPDATE outbox SET state = 'far too long for its column'"))
    with pytest.raises(RowRefused, match="outbox"):
        await move(sqlite_database, server)
    async with server.read() as connection, sqlite_database.read() as source:
        assert not (await moving.contents(connection)).occupied
        await moving.require_not_moved(source)


_DYING = """
import asyncio, os, signal, sys
from sqlalchemy import event
from storage import moving
from storage.engine import open_database

async def idle(tx): pass

async def main(source_url, target_url, when):
    source, target = open_database(source_url), open_database(target_url)
    die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    if when == "commit":
        event.listen(target._writer.sync_engine, "commit", die)
    progress = die if when == "page" else lambda *_: None
    await moving.move(source, target, idle=idle, now_ms=1, on_progress=progress)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("when", ["page", "commit"])
async def test_a_move_that_is_killed_leaves_the_target_empty_and_is_done_again(
    sqlite_database: Database, server: Database, empty_url: str, when: str
) -> None:
    """In the middle of the rows, or between the mark on the source and the commit of the target."""
    async with sqlite_database.write() as tx:
        await fill(tx, rows=1)
    before = await everything(sqlite_database)
    arguments = (f"sqlite:///{sqlite_database.url}", empty_url, when)
    dying = await asyncio.create_subprocess_exec(sys.executable, "-c", _DYING, *arguments, cwd=ROOT)
    assert await dying.wait() == -signal.SIGKILL
    async with server.read() as connection:
        assert not (await moving.contents(connection)).occupied
    assert await everything(sqlite_database, but=(MOVED_TO,)) == before
    await move(sqlite_database, server)
    assert await everything(server) == before


async def test_a_backup_of_either_restores_into_the_other(database: Database, tmp_path: Path, empty_url: str) -> None:
    async with database.write() as tx:
        await fill(tx)
    before = await everything(database)
    file = tmp_path / "backup" / "all.db"
    await back_up(database, file, now_ms=NOW_MS, overwrite=False, on_progress=quiet)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["all.db"]
    other = open_database(empty_url if database.dialect == "sqlite" else f"sqlite:///{tmp_path / 'other.db'}")
    await upgrade(other)
    for target in (other, database):
        async with opened(file, tmp_path) as (backup, _):
            async with backup.read() as connection:
                assert (await moving.contents(connection)).taken_ms == NOW_MS
            await moving.restore(
                backup, target, replace=target is database, idle=idle, on_progress=quiet, after=nothing_more
            )
        assert await everything(target, but=(TAKEN_MS,)) == before
    await other.close()


async def test_a_backup_is_one_moment_while_others_write(sqlite_database: Database, tmp_path: Path) -> None:
    async with sqlite_database.write() as tx:
        await fill(tx, rows=1)
        await tx.execute(delete(Setting))
        # Not committed yet: the backup does not wait for it, and does not hold it.
        file = tmp_path / "all.db"
        other = open_database(f"sqlite:///{sqlite_database.url}")
        await back_up(other, file, now_ms=NOW_MS, overwrite=False, on_progress=quiet)
        await other.close()
    with pytest.raises(TargetOccupied):
        await back_up(sqlite_database, file, now_ms=NOW_MS, overwrite=False, on_progress=quiet)
    async with opened(file, tmp_path) as (backup, _), backup.read() as connection:
        assert (await connection.execute(select(Person.id))).all() == []


async def test_what_a_killed_process_left_half_done_is_swept_away_and_nobody_elses(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """Backups hold customers' data: halves of them must not pile up."""
    dead = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await dead.wait()
    mine = maker()
    theirs = mine.replace(str(os.getpid()), str(dead.pid))
    halves = [f"all.db.partial-{theirs}", f"all.db.partial-{theirs}-wal"]
    others = [f"all.db.partial-{dead.pid}@elsewhere@", f"other.db.partial-{theirs}", "all.dbx"]
    for name in (*halves, *others):
        (tmp_path / name).write_text("half", encoding="utf-8")
    left = [tmp_path / f".restore-{theirs}7ab", tmp_path / f".restore-{mine}7ab"]
    for folder in left:
        folder.mkdir()
        (folder / "copy.db").write_text("half", encoding="utf-8")
    file = tmp_path / "all.db"
    await back_up(sqlite_database, file, now_ms=NOW_MS, overwrite=False, on_progress=quiet)
    async with opened(file, tmp_path):
        pass
    there = set(os.listdir(tmp_path))
    assert there.isdisjoint({*halves, left[0].name})
    assert there >= {*others, left[1].name, "all.db"}


async def test_a_backup_that_is_damaged_newer_or_no_backup_is_refused(
    sqlite_database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "all.db"
    await back_up(sqlite_database, file, now_ms=NOW_MS, overwrite=False, on_progress=quiet)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatabaseUnreadable):
        async with opened(file, tmp_path):
            pass
    file.write_bytes(b"")
    with pytest.raises(DatabaseUnreadable):
        async with opened(file, tmp_path):
            pass
    async with sqlite_database.write() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await back_up(sqlite_database, file, now_ms=NOW_MS, overwrite=True, on_progress=quiet)
    with pytest.raises(DatabaseNewer):
        async with opened(file, tmp_path):
            pass
