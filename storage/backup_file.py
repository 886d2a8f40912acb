"""Backup files: SQLite databases of their own, made aside and put in place whole; read by way of a private copy."""

import asyncio
import errno
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from storage.engine import Database, open_database
from storage.errors import DatabaseUnavailable, DatabaseUnreadable, DiskFull, NoBackup, TargetOccupied
from storage.half_done import maker, sweep
from storage.moving import TAKEN_MS, archive
from storage.row_copy import Progress
from storage.schema import upgrade
from storage.shape import Shape, require_newest, require_some, shape_of
from texts.catalogue import say
from texts.os_words import os_reason
from texts.problem import Problem

_PARTIAL = ".partial-"
_PRIVATE = ".restore-"


@dataclass(frozen=True, slots=True)
class Backup:
    """A file that holds everything; `size` in bytes."""

    path: Path
    size: int


async def back_up(db: Database, path: Path, *, now_ms: int, overwrite: bool, on_progress: Progress) -> Backup:
    """All of `db` as it is at one moment, in one file that only its owner can read; others may go on writing.

    Checked before it gets its name. Raises TargetOccupied when there is such a file and not `overwrite`, SchemaOlder,
    DatabaseUnavailable, DiskFull.
    """
    if not overwrite:
        _must_be_free(path)
    await require_some(db)
    with _aside(path) as partial:
        if db.dialect == "sqlite":
            await asyncio.to_thread(_copy_pages, Path(db.url), partial)
            await asyncio.to_thread(_note_time, partial, now_ms)
        else:
            await require_newest(db)
            copy = open_database(f"sqlite:///{partial}")
            try:
                await archive(db, copy, now_ms=now_ms, on_progress=on_progress)
            finally:
                await copy.close()
        await asyncio.to_thread(_seal, partial)
        size = partial.stat().st_size
        await asyncio.to_thread(os.replace, partial, path)
    return Backup(path, size)


@asynccontextmanager
async def opened(path: Path, folder: Path) -> AsyncIterator[tuple[Database, Shape]]:
    """A private copy of a backup in `folder`, checked and in today's shape; and the shape it had. The file itself
    is only read. Raises NoBackup, DatabaseUnreadable, DatabaseNewer, DatabaseUnavailable.
    """
    _must_be_there(path)
    sweep(folder, _PRIVATE)
    with TemporaryDirectory(dir=folder, prefix=f"{_PRIVATE}{maker()}") as private:
        copy = Path(private) / "copy.db"
        with _in_words(path, written=folder):
            await asyncio.to_thread(_copy_pages, path, copy)
            await asyncio.to_thread(_check, copy)
        db = open_database(f"sqlite:///{copy}")
        try:
            shape = await shape_of(db)
            if shape.found is None:
                raise DatabaseUnreadable(say("database.no_ours"), hint=say("database.no_backup.hint"), where=str(path))
            await upgrade(db)
            yield db, shape
        finally:
            await db.close()


def _must_be_free(path: Path) -> None:
    if path.exists():
        raise TargetOccupied(say("database.file_there"), hint=say("database.file_there.hint"), where=str(path))


def _must_be_there(path: Path) -> None:
    if not path.is_file():
        raise NoBackup(say("database.no_backup"), hint=say("database.no_backup.hint"), where=str(path))


@contextmanager
def _aside(path: Path) -> Iterator[Path]:
    """An empty file beside `path` that only its owner can read; gone at the end unless it was renamed."""
    partial = path.with_name(f"{path.name}{_PARTIAL}{maker()}")
    with _in_words(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent, path.name + _PARTIAL)
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            yield partial
        finally:
            for suffix in ("", "-wal", "-shm", "-journal"):
                with suppress(OSError):
                    partial.with_name(partial.name + suffix).unlink()


@contextmanager
def _in_words(path: Path, *, written: Path | None = None) -> Iterator[None]:
    """What the system and SQLite say of a file, for a person; `written`: what is written meanwhile, when not that."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise _problem(error, path, written or path) from error


def _problem(error: OSError | sqlite3.Error, path: Path, written: Path) -> Problem:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT) if isinstance(error, OSError) else "full" in str(error)
    words = "" if isinstance(error, OSError) else str(error).lower()  # an OSError's name the file
    if full:
        return DiskFull(say("storage.disk_full"), hint=say("database.backup_full.hint"), where=str(written))
    if "not a database" in words or "malformed" in words:
        return DatabaseUnreadable(say("storage.unreadable"), hint=say("database.no_backup.hint"), where=str(path))
    reason = os_reason(error) if isinstance(error, OSError) else str(error)
    return DatabaseUnavailable(
        say("database.file_unusable", error=reason), hint=say("database.file_unusable.hint"), where=str(path)
    )


def _copy_pages(source: Path, target: Path) -> None:
    """SQLite's online backup in one step: one moment, however much is written meanwhile."""
    here = sqlite3.connect(source)
    there = sqlite3.connect(target)
    try:
        here.execute("PRAGMA busy_timeout = 10000")
        here.backup(there, pages=-1)
    finally:
        there.close()
        here.close()


def _note_time(path: Path, now_ms: int) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'settings'").fetchone():
            connection.execute(
                "INSERT INTO settings (key, value, changed_ms) VALUES (?, ?, ?)"
                " ON CONFLICT (key) DO UPDATE SET value = excluded.value, changed_ms = excluded.changed_ms",
                (TAKEN_MS, str(now_ms), now_ms),
            )
    finally:
        connection.close()


def _seal(path: Path) -> None:
    """One file, whole, on the disk."""
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA journal_mode = DELETE")
    finally:
        connection.close()
    _check(path)
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _check(path: Path) -> None:
    """Raises sqlite3.DatabaseError when a page is damaged."""
    connection = sqlite3.connect(path)
    try:
        found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        broken = connection.execute("PRAGMA foreign_key_check").fetchone()
    finally:
        connection.close()
    if found != "ok" or broken:
        raise sqlite3.DatabaseError("database disk image is malformed")
