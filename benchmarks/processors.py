"""Who spent how much processor time, and how many statements a database was asked."""

import contextlib
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiosqlite
from sqlalchemy import event, text

from storage.engine import Database

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of processor time since some start. `database_s`: a server's; SQLite's are in `client_s`."""

    client_s: float
    gateways_s: float
    database_s: float


class Processors:
    """This process (all its threads), the gateways beside it, and a PostgreSQL server where there is one."""

    def __init__(self, postmaster: int | None = None) -> None:
        self._gateways = _children(os.getpid(), "simulator.load")
        self._postmaster = postmaster

    @classmethod
    async def beside(cls, db: Database) -> "Processors":
        if db.dialect != "postgresql":
            return cls()
        async with db.read() as connection:
            backend = int((await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one())
        return cls(_parent(backend))

    def spent(self) -> Spent:
        return Spent(time.process_time(), sum(map(_seconds, self._gateways)), self._database_s())

    def _database_s(self) -> float:
        """Of all its processes; those that ended are counted by the postmaster."""
        if self._postmaster is None:
            return 0.0
        server = [self._postmaster, *_children(self._postmaster)]
        return sum(map(_seconds, server)) + _seconds(self._postmaster, 13, 14)


class Statements:
    """Counts what the writer asks of the database; BEGIN and COMMIT are not counted."""

    def __init__(self) -> None:
        self.count = 0

    @contextlib.asynccontextmanager
    async def of(self, db: Database) -> AsyncIterator["Statements"]:
        """Counts in this block."""
        async with db.write() as tx:
            engine = tx.engine.sync_engine
            raw: Any = (await tx.get_raw_connection()).driver_connection
        if isinstance(raw, aiosqlite.Connection):
            await raw.set_trace_callback(self._traced)
            yield self
            await raw.set_trace_callback(None)  # type: ignore[arg-type]
        else:
            event.listen(engine, "before_cursor_execute", self._executed)
            yield self
            event.remove(engine, "before_cursor_execute", self._executed)

    def _traced(self, words: str) -> None:
        if not words.startswith(("BEGIN", "COMMIT")):
            self.count += 1

    def _executed(self, *_: Any) -> None:
        self.count += 1


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the command: state, parent, …; none when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _seconds(pid: int, *fields: int) -> float:
    stat = _stat(pid)
    return sum(int(stat[field]) for field in fields or (11, 12)) / _TICKS if stat else 0.0


def _parent(pid: int) -> int:
    return int(_stat(pid)[1])


def _children(parent: int, words: str = "") -> list[int]:
    """Processes that `parent` started, and whose command line has these words."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        stat = _stat(int(folder.name))
        if stat and int(stat[1]) == parent:
            with contextlib.suppress(OSError):
                if words in (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode():
                    found.append(int(folder.name))
    return found
