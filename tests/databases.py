"""PostgreSQL databases for tests: copied from one shape, lent out, emptied and lent again.

To copy a database costs several times what it costs to empty one, and most tests touch a handful of tables.
"""

import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

MEMORY = Path("/dev/shm")  # noqa: S108  # not a name to guess: folders of our own are made in it
_ROOM = 3 << 30  # bytes; a run leaves a few hundred megabytes at its fullest
_names = itertools.count()

ON_SQLITE = pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
"""For a table of cases that all ask the database for the same, which other tests of the file ask of PostgreSQL, too."""

_OTHERS_GO = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_OURS = "relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pg_toast'::regnamespace)"
_SHAPE = f"""
    SELECT (SELECT string_agg(version_num, ' ') FROM alembic_version),
           (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_attribute),
           (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_constraint),
           (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_proc),
           (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_trigger),
           (SELECT (count(*), max(oid))::text FROM pg_class WHERE {_OURS})
"""
_TOUCHED = f"""
    SELECT format('%I.%I', relnamespace::regnamespace, relname) FROM pg_class
    WHERE relkind = 'r' AND relname <> 'alembic_version' AND {_OURS} AND pg_relation_size(oid) > 0
"""
# The planner thinks better of a table that it never saw than of one that it saw empty.
_NEVER_COUNTED = """
    WITH touched AS (SELECT unnest(%s::text[])::regclass AS id), forgotten AS (
        DELETE FROM pg_statistic WHERE starelid IN (SELECT id FROM touched)
    )
    UPDATE pg_class SET relpages = 0, reltuples = -1, relallvisible = 0 WHERE oid IN (SELECT id FROM touched)
"""
_COUNT_FROM_ONE = """
    SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
    FROM pg_sequences WHERE last_value IS NOT NULL
"""


def temporary_folder() -> str | None:
    """Where temporary files had better be: in memory, if there is room. A disk answers an fsync in milliseconds."""
    try:
        roomy = shutil.disk_usage(MEMORY).free >= _ROOM and os.access(MEMORY, os.W_OK | os.X_OK)
    except OSError:  # not every system has it
        return None
    return str(MEMORY) if roomy else None


@contextmanager
def fresh(server: str, *, like: str = "template1") -> Iterator[str]:
    """URL of a database of its own, dropped afterwards."""
    name = _copy(server, like)
    yield named(server, name)
    _drop(server, name)


class Spares:
    """Databases that are all alike, each lent to one test at a time."""

    def __init__(self, server: str, like: str) -> None:
        self._server = server
        self._like = like
        self._ready: list[str] = []
        with psycopg.connect(named(server, like), autocommit=True) as connection:
            self._shape = _shape(connection)

    @contextmanager
    def lend(self) -> Iterator[str]:
        """URL of an empty database of the shape. One that has another shape afterwards is dropped."""
        name = self._ready.pop() if self._ready else _copy(self._server, self._like)
        yield named(self._server, name)
        if self._emptied(name):
            self._ready.append(name)
        else:
            _drop(self._server, name)

    def _emptied(self, name: str) -> bool:
        try:
            with psycopg.connect(named(self._server, name), autocommit=True) as connection:
                connection.execute(_OTHERS_GO)
                if _shape(connection) != self._shape:
                    return False
                _empty(connection)
        except psycopg.Error:
            return False
        return True


def _shape(connection: psycopg.Connection) -> tuple[object, ...] | None:
    return connection.execute(_SHAPE.encode()).fetchone()


def _empty(connection: psycopg.Connection) -> None:
    touched = [row[0] for row in connection.execute(_TOUCHED.encode())]
    if touched:  # by rows: TRUNCATE would make anew whatever refers to them, too
        connection.execute("SET session_replication_role = replica")
        connection.execute("; ".join(f"DELETE FROM {table}" for table in touched).encode())
        connection.execute(f"VACUUM (PROCESS_TOAST false) {', '.join(touched)}".encode())
        connection.execute(_NEVER_COUNTED, [touched])
    connection.execute(_COUNT_FROM_ONE)


def named(server: str, name: str) -> str:
    """URL of the database of this name on the server."""
    head, _, query = server.partition("?")
    return head.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")


def name_in(url: str) -> str:
    """The name of a URL's database."""
    return url.partition("?")[0].rsplit("/", 1)[1]


def _copy(server: str, like: str) -> str:
    name = f"t{os.getpid()}_{next(_names)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {like} STRATEGY file_copy".encode())
    return name


def _drop(server: str, name: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
