"""One sender per data: a lock on the folder of the SQLite file. It guards sending, not the database."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import IO

from storage.errors import DatabaseUnavailable, FleetRunning
from texts.catalogue import say
from texts.os_words import os_reason

_LOOKERS_S = 0.5
"""For so long a lock that is held may be somebody's look whether it is (ours; a look takes a millisecond)."""


class Purpose(StrEnum):
    """Why somebody holds the lock."""

    FLEET = "run"
    """It sends."""
    WORK = "db"
    """Work on the whole database, during which nobody may send."""


@contextmanager
def sending_lock(folder: Path, purpose: Purpose = Purpose.FLEET) -> Iterator[None]:
    """Held as long as the fleet runs; the system lets go of it when the process dies, however it dies.

    Raises FleetRunning while another process holds it, DatabaseUnavailable when the folder can't be written.
    """
    with _opened(folder, "wxfleet.lock") as file:
        if not _take_for_certain(file):
            pid, theirs = _holder(file)
            raise FleetRunning(
                say(f"storage.running.{theirs}", pid=pid), hint=say(f"storage.running.{theirs}.hint"), where=str(folder)
            )
        file.truncate(0)
        file.write(f"{os.getpid()} {purpose}")
        file.flush()
        try:
            yield
        finally:
            with suppress(OSError):
                file.truncate(0)


@contextmanager
def place_of_its_own(folder: Path, name: str) -> Iterator[int]:
    """The smallest number that no other process in this folder has, from 1: for files that two must not share.

    Raises DatabaseUnavailable when the folder can't be written.
    """
    for number in count(1):
        with _opened(folder, f"{name}-{number}.lock") as file:
            if _take(file):
                yield number
                return


def is_held(folder: Path) -> bool:
    """Does a fleet send from this folder now?"""
    path = folder / "wxfleet.lock"
    if not path.exists():
        return False
    try:
        with path.open("a+", encoding="utf-8") as file:
            return not _take(file) and _holder(file)[1] is Purpose.FLEET
    except OSError:
        return False


def _holder(file: IO[str]) -> tuple[str, Purpose]:
    """The process that holds the lock, and what for."""
    file.seek(0)
    pid, _, purpose = file.read().strip().partition(" ")
    return pid or "?", Purpose.WORK if purpose == Purpose.WORK else Purpose.FLEET


def _take_for_certain(file: IO[str]) -> bool:
    """As `_take`, but not put off by somebody who only looks."""
    until_s = time.monotonic() + _LOOKERS_S
    while not _take(file):
        if time.monotonic() > until_s:
            return False
        time.sleep(0.02)
    return True


def _opened(folder: Path, name: str) -> IO[str]:
    path = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return path.open("a+", encoding="utf-8")
    except OSError as error:
        raise DatabaseUnavailable(
            say("storage.folder_unusable", path=folder, error=os_reason(error)),
            hint=say("storage.folder_unusable.hint"),
            where=str(path),
        ) from error


def _take(file: IO[str]) -> bool:
    if os.name == "nt":  # pragma: no cover  # the other half of the same thing
        import msvcrt

        try:
            file.seek(1 << 20)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
