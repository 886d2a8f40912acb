"""A database file that this version can't read makes room for another, and is kept."""

import time
from pathlib import Path

from storage.errors import DatabaseUnavailable
from texts.catalogue import say
from texts.os_words import os_reason


def set_aside(path: Path) -> Path:
    """Rename an SQLite database with what belongs to it. Returns its new name. Raises DatabaseUnavailable."""
    kept = path.with_name(f"{path.name}.aside-{time.strftime('%Y%m%d-%H%M%S')}")
    try:
        # The log first: a database must never meet the log of another.
        for suffix in ("-wal", "-shm", ""):
            file = path.with_name(path.name + suffix)
            if file.exists():
                file.rename(kept.with_name(kept.name + suffix))
    except OSError as error:
        raise DatabaseUnavailable(
            say("database.file_unusable", error=os_reason(error)), hint=say("database.file_unusable.hint"),
            where=str(path),
        ) from error  # fmt: skip
    return kept
