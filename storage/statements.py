"""The courier's statements, on the short way to the driver.

A tick is a handful of statements, and on SQLite each of them would visit the driver's thread three or four times by
way of a cursor; here it is once. What comes back in many rows is asked for as one JSON value there, because the
thread and the event loop would otherwise pass the interpreter to and fro for each row.
"""

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import aiosqlite
from sqlalchemy import AdaptedConnection, ClauseElement, Connection, CursorResult, Executable, TextClause, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.ahead import Ahead, AsksMore

Statement = Mapping[str, str]
"""The same statement by dialect, with :named parameters."""


async def rows_of(tx: AsyncConnection, statement: Statement, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
    """Run it and bring all rows. Raises sqlalchemy's DBAPIError."""
    if isinstance(tx, Ahead):
        return tx.rows(statement["sqlite"], parameters)
    words = statement[tx.dialect.name]
    if tx.dialect.name != "sqlite":
        return (await tx.execute(_compiled(words), parameters)).all()
    try:
        found = await _driver(tx).execute_fetchall(words, cast(Any, parameters))
    except sqlite3.Error as error:
        raise _translated(tx, words, error) from error
    return cast(Sequence[Sequence[Any]], found)


async def read_ahead(tx: AsyncConnection, ahead: Ahead, statement: Statement, parameters: Mapping[str, Any]) -> None:
    """Whoever runs it with `ahead` finds the rows of now. Raises sqlalchemy's DBAPIError."""
    ahead.tell(statement["sqlite"], parameters, await rows_of(tx, statement, parameters))


async def change(tx: AsyncConnection, statement: Statement, parameters: Mapping[str, Any]) -> int:
    """Run it and say how many rows it changed. Raises sqlalchemy's DBAPIError."""
    words = statement[tx.dialect.name]
    if tx.dialect.name != "sqlite":
        return int((await tx.execute(_compiled(words), parameters)).rowcount)
    try:
        cursor = await _driver(tx).execute(words, cast(Any, parameters))
    except sqlite3.Error as error:
        raise _translated(tx, words, error) from error
    return cursor.rowcount


@dataclass(frozen=True, slots=True)
class Ready:
    """A statement of SQLAlchemy's; on SQLite it takes the short way. `words`, `constants`: as it is there."""

    statement: Executable
    words: str
    constants: Mapping[str, Any]

    async def rows(self, tx: AsyncConnection, **parameters: Any) -> Sequence[Sequence[Any]]:
        """Run it and bring all rows, as the driver gives them: JSON is text on SQLite. Raises DBAPIError."""
        if isinstance(tx, Ahead):
            return tx.rows(self.words, parameters)
        if tx.dialect.name != "sqlite":
            return (await tx.execute(self.statement, parameters)).all()
        return await rows_of(tx, {"sqlite": self.words}, {**self.constants, **parameters})

    def tell(self, ahead: Ahead, rows: Sequence[Sequence[Any]], *, once: bool = False, **parameters: Any) -> None:
        """Whoever runs it with `ahead` finds `rows`; `once`: whoever is the first."""
        ahead.tell(self.words, parameters, rows, once=once)

    async def change(self, tx: AsyncConnection, **parameters: Any) -> int:
        """Run it and say how many rows it changed. Raises DBAPIError."""
        if tx.dialect.name != "sqlite":
            return int(cast(CursorResult[Any], await tx.execute(self.statement, parameters)).rowcount)
        return await change(tx, {"sqlite": self.words}, {**self.constants, **parameters})


def begin_at_driver(connection: Connection, words: str) -> None:
    """BEGIN in one visit to SQLite's thread; by way of a cursor it would be three. Raises sqlalchemy's DBAPIError."""
    adapted = cast(AdaptedConnection, connection.connection.dbapi_connection)
    try:
        adapted.run_async(lambda driver: driver.execute_fetchall(words))
    except sqlite3.Error as error:
        raise _translated(connection, words, error) from error
    except BaseException:  # stopped: the thread may yet begin it, for nobody
        connection.invalidate()
        raise


async def roll_back_surely(driver: aiosqlite.Connection) -> None:
    """End what is open on a connection that is given up, however often whoever waits here is stopped meanwhile.

    Somebody stopped twice in a statement would leave it without a thread, with the one writer's lock: aiosqlite 0.22
    forgets to close what is stopped and closed at once.
    """
    ending = asyncio.ensure_future(driver.rollback())
    while not ending.done():
        with suppress(asyncio.CancelledError):  # it is being raised as it is
            await asyncio.wait([ending])
    with suppress(sqlite3.Error, ValueError):  # it is closed, or of no use any more
        ending.result()


def ready(statement: Executable, *, on_sqlite: Executable | None = None) -> Ready:
    """For what every message asks. Its parameters are named with `bindparam`, and have None for their value where a
    list stands beside them.
    """
    there = cast(ClauseElement, statement if on_sqlite is None else on_sqlite)
    dialect = sqlite.dialect(paramstyle="named")
    compiled = there.compile(dialect=dialect)
    if "[POSTCOMPILE_" in str(compiled):
        compiled = there.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    constants = {name: value for name, value in compiled.params.items() if value is not None}
    return Ready(statement, str(compiled), constants)


def both(words: str) -> Statement:
    """A statement that both databases understand as it is."""
    return {"sqlite": words, "postgresql": words}


@lru_cache(maxsize=64)
def _compiled(words: str) -> TextClause:
    return text(words)


def _driver(tx: AsyncConnection) -> aiosqlite.Connection:
    if isinstance(tx, Ahead):
        raise AsksMore
    adapted = tx.sync_connection.connection  # type: ignore[union-attr]
    return cast(aiosqlite.Connection, adapted.driver_connection)


def _translated(tx: AsyncConnection | Connection, words: str, error: sqlite3.Error) -> Exception:
    """The driver's exception as sqlalchemy would have raised it."""
    found = DBAPIError.instance(words, None, error, sqlite3.Error, dialect=tx.dialect)
    return cast(Exception, found)
