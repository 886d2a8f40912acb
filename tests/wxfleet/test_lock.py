"""The lock on the data: who holds it and what for; a look at it is in nobody's way."""

import multiprocessing
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.errors import FleetRunning
from wxfleet.running.lock import Purpose, is_held, sending_lock


def _hold(folder: Path, purpose: Purpose, held: "multiprocessing.synchronize.Event") -> None:
    with sending_lock(folder, purpose):
        held.set()
        time.sleep(60)


@contextmanager
def somebody(folder: Path, purpose: Purpose) -> Iterator[int]:
    """Another process holds the lock; its pid."""
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    process = context.Process(target=_hold, args=(folder, purpose, held))
    process.start()
    try:
        assert held.wait(60)
        assert process.pid is not None
        yield process.pid
    finally:
        process.kill()
        process.join()


def test_work_on_the_database_keeps_a_fleet_out_and_is_not_taken_for_one(tmp_path: Path) -> None:
    with somebody(tmp_path, Purpose.WORK) as pid:
        with (
            pytest.raises(FleetRunning, match=f"wxfleet db 命令正在处理这份数据（进程 {pid}）"),
            sending_lock(tmp_path),
        ):
            pass
        assert not is_held(tmp_path)
    with sending_lock(tmp_path):  # killed: the system let go of it
        assert is_held(tmp_path)


def test_whoever_looks_at_the_lock_all_the_time_keeps_no_fleet_from_starting(tmp_path: Path) -> None:
    (tmp_path / "wxfleet.lock").touch()
    enough = threading.Event()

    def look() -> None:
        while not enough.is_set():
            is_held(tmp_path)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(50):
            with sending_lock(tmp_path):
                pass
    finally:
        enough.set()
        looking.join()
