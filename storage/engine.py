"""Connections. SQLite: one writer, many readers; PostgreSQL: a pool.

SQLAlchemy on aiosqlite begins transactions late and then loses updates silently; so the driver's own transaction
handling is off and a writer begins with BEGIN IMMEDIATE.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Container, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry, PoolProxiedConnection, StaticPool

from storage.driver_words import translate, unavailable
from storage.errors import DatabaseUnavailable
from storage.statements import begin_at_driver, roll_back_surely
from storage.turns import Turns
from texts.catalogue import say
from texts.os_words import os_reason

_TOUCHED = "wxfleet_touched_accounts"
CHANNEL = "wxfleet"
"""Where PostgreSQL passes on which accounts were touched."""
_NOTIFY = text(f"SELECT pg_notify('{CHANNEL}', :payload)")
_LONGEST_PAYLOAD = 7_900  # bytes; PostgreSQL refuses 8000
_READERS = 4
_RESTED_S = 1.0
"""A connection to PostgreSQL that rested so long is asked whether it still stands. Ours: what was in use a moment ago
and is cut now fails its transaction, as it would a moment later.
"""
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=5000",
    # A tick's commit touches some pages for each row. With the defaults (a log of 4 MB, a cache of 2 MB) the log would
    # be copied back after every second tick, and the pages read anew.
    "wal_autocheckpoint=16000",  # pages of 4 KiB: 64 MB
    "cache_size=-32768",  # KiB: 32 MiB a connection, used only as far as the database fills it
)

Touched = Callable[[frozenset[str]], None]

EVERYBODY = "*"
"""Among accounts that were touched: all of them."""
PATIENCE_S = 60.0
"""How long a process that serves accounts waits for the end of a transaction on PostgreSQL, wall time (ours)."""
DEAD_AFTER_MS = 30_000
"""After so long without a heartbeat other processes take ours for dead; see `bots.ownership`."""


class Database:
    """The one door to the tables. `async with db.write() as tx:` is a transaction; `db.read()` a snapshot."""

    def __init__(self, writer: AsyncEngine, readers: AsyncEngine, url: str, *, patience_s: float | None = None) -> None:
        self._writer = writer
        self._readers = readers
        self._one_writer = Turns() if writer.dialect.name == "sqlite" else None
        self._listeners: list[Touched] = []
        self._served: list[Container[str]] = []
        self._patience_s = patience_s
        self.url = url
        self.errors = 0
        """Transactions that the driver refused or lost, since the start."""

    @property
    def dialect(self) -> str:
        """'sqlite' or 'postgresql'."""
        return str(self._writer.dialect.name)

    @property
    def address(self) -> str:
        """The whole URL, with its password: for a connection of one's own, never for people."""
        return self._writer.url.set(drivername=self._writer.url.get_backend_name()).render_as_string(
            hide_password=False
        )

    def on_touched(self, listener: Touched, *, serves: Container[str] = ()) -> None:
        """Call `listener` after each commit that planned deliveries, with the accounts concerned.

        On PostgreSQL other processes are told of accounts that no listener here `serves`.
        """
        self._listeners.append(listener)
        self._served.append(serves)

    def hear(self, accounts: frozenset[str]) -> None:
        """Another process planned deliveries for these accounts; `EVERYBODY` stands for all."""
        for listener in self._listeners:
            listener(accounts)

    @asynccontextmanager
    async def write(self, *, short: bool = False) -> AsyncIterator[AsyncConnection]:
        """One transaction. Commits at the end of the block, rolls back when it raises.

        `short`: it is a statement or two that others wait for; where there is one writer it goes before what is not.
        Raises DiskFull, DatabaseUnreadable, DatabaseUnavailable; nothing of the block is kept then.
        """
        if self._one_writer is None:
            async with self._transaction() as tx:
                yield tx
        else:
            async with self._one_writer.turn(short=short), self._transaction() as tx:
                yield tx

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        touched: set[str] = set()
        async with self._patiently(), self._writer.connect() as tx:
            tx.sync_connection.info[_TOUCHED] = touched  # type: ignore[union-attr]
            async with tx.begin():
                yield tx
                if touched and self._one_writer is None:
                    await self._tell_others(tx, touched)
        if touched:
            self.hear(frozenset(touched))

    async def _tell_others(self, tx: AsyncConnection, touched: set[str]) -> None:
        """In the transaction, so that they hear of it when it is committed and not otherwise."""
        others = [account for account in touched if not any(account in served for served in self._served)]
        if others:
            await tx.execute(_NOTIFY, {"payload": payload_of(others)})

    @asynccontextmanager
    async def _patiently(self) -> AsyncIterator[None]:
        """Errors in our words; and no waiting for ever for an answer from a connection that is cut unnoticed."""
        limit = asyncio.timeout(self._patience_s)
        try:
            async with limit:
                yield
        except (DBAPIError, PoolExhausted) as error:
            self.errors += 1
            raise (translate(error, self.url) if isinstance(error, DBAPIError) else self._no_answer()) from error
        except TimeoutError as error:
            if not limit.expired():
                raise
            self.errors += 1
            raise self._no_answer() from error

    def _no_answer(self) -> DatabaseUnavailable:
        reason = say("storage.because.no_answer")
        return DatabaseUnavailable(
            say("storage.unavailable", error=reason), hint=say("storage.unavailable.hint"), where=self.url
        )

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A consistent look. Do not hold it across a network call."""
        async with self._patiently(), self._readers.connect() as connection, connection.begin():
            yield connection

    async def close(self) -> None:
        await self._writer.dispose()
        if self._readers is not self._writer:
            await self._readers.dispose()


def touch(tx: AsyncConnection, accounts: Iterable[str]) -> None:
    """Tell the courier about `accounts` when `tx` commits."""
    tx.info.setdefault(_TOUCHED, set()).update(accounts)


def payload_of(accounts: Iterable[str]) -> str:
    """What other processes are told about these accounts: their names, or that there are too many to name."""
    words = "\n".join(sorted(accounts))
    return words if len(words.encode()) <= _LONGEST_PAYLOAD else EVERYBODY


def open_database(
    url: str, *, home: Path | None = None, dead_after_ms: int = DEAD_AFTER_MS, patience_s: float | None = None
) -> Database:
    """`sqlite:///relative/or/absolute.db` (relative to `home`) or `postgresql://user@host/name`.

    On PostgreSQL a transaction of a process that is frozen or cut off ends well before others take that process for
    dead (`dead_after_ms`), and so does waiting for a lock; here a transaction is given up after `patience_s`.
    Raises DatabaseUnavailable when the folder or the file can't be made. Connects on first use; see `storage.schema`.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        path = Path(parsed.database or "")
        if not path.is_absolute():
            path = (home or Path.cwd()) / path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseUnavailable(
                say("storage.folder_unusable", path=path.parent, error=os_reason(error)),
                hint=say("storage.folder_unusable.hint"),
                where=str(path),
            ) from error
        _must_open(path)
        target = f"sqlite+aiosqlite:///{path}"
        ours: dict[str, Any] = {"connect_args": {"isolation_level": None}, "pool_reset_on_return": None}
        writer = create_async_engine(target, poolclass=StaticPool, **ours)
        readers = create_async_engine(
            target, poolclass=AsyncAdaptedQueuePool, pool_size=_READERS, max_overflow=0, **ours
        )
        _prepare_sqlite(writer, "BEGIN IMMEDIATE")
        _prepare_sqlite(readers, "BEGIN")
        return Database(writer, readers, str(path))
    target_url = parsed.set(drivername="postgresql+psycopg")
    engine = create_async_engine(
        target_url, pool_size=10, max_overflow=5, connect_args=_ends_by_itself(parsed, dead_after_ms)
    )
    _ask_the_idle(engine)
    return Database(engine, engine, parsed.render_as_string(hide_password=True), patience_s=patience_s)


def _ends_by_itself(url: URL, dead_after_ms: int) -> dict[str, Any]:
    """Settings of a connection by which neither side waits for ever for the other.

    A take-over waits for the claims of the owner before, and a claim for people whom another transaction holds: the
    server must end what a frozen process holds, and notice a line that is cut. Source: PostgreSQL, "Client Connection
    Defaults" and "TCP Settings"; libpq, "Parameter Key Words".
    """
    limit_ms = dead_after_ms // 2
    silence_s = max(1, dead_after_ms // 6000)
    ours = {
        "idle_in_transaction_session_timeout": limit_ms,
        "lock_timeout": limit_ms,
        "tcp_keepalives_idle": silence_s,
        "tcp_keepalives_interval": silence_s,
        "tcp_keepalives_count": 2,
        "tcp_user_timeout": limit_ms,
    }
    theirs = url.query.get("options", "")
    options = [theirs if isinstance(theirs, str) else " ".join(theirs)]
    options += [f"-c {name}={value}" for name, value in ours.items()]
    return {
        "options": " ".join(options).strip(), "connect_timeout": 5, "application_name": "wxfleet",
        "keepalives_idle": silence_s, "keepalives_interval": silence_s, "keepalives_count": 2,
        "tcp_user_timeout": limit_ms,
    }  # fmt: skip


def _ask_the_idle(engine: AsyncEngine) -> None:
    """Ask a connection that rested whether it still stands, instead of each before each transaction."""

    @event.listens_for(engine.sync_engine, "checkin")
    def rests(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info["rests_since_s"] = asyncio.get_running_loop().time()

    @event.listens_for(engine.sync_engine, "checkout")
    def stands(connection: Any, record: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s - record.info.get("rests_since_s", now_s) < _RESTED_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error  # the pool connects anew


def _must_open(path: Path) -> None:
    """Raises DatabaseUnavailable. Tried here, because a thread of aiosqlite's outlives its own failure to open."""
    try:
        sqlite3.connect(path).close()
    except sqlite3.Error as error:
        raise unavailable(str(error), str(path)) from error


def _prepare_sqlite(engine: AsyncEngine, begin: str) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def pragmas(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        begin_at_driver(connection, begin)

    @event.listens_for(engine.sync_engine, "invalidate")
    def end_what_was_begun(connection: Any, _record: Any, _error: Any) -> None:
        if connection is not None:
            connection.run_async(roll_back_surely)

    @event.listens_for(engine.sync_engine, "reset")
    def end_transaction(connection: Any, _record: Any, _state: Any) -> None:
        if connection.driver_connection.in_transaction:  # should one ever be left open; else no visit to the thread
            connection.rollback()
