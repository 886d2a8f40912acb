"""kill -9 in the middle of a merge or an erasure leaves the whole of it or nothing."""

import asyncio
import json
import subprocess
import sys
from functools import partial
from pathlib import Path

from storage.engine import Database

ROOT = Path(__file__).parents[2]


async def test_a_process_that_is_killed_in_a_merge_or_an_erasure_leaves_the_whole_or_nothing(
    sqlite_database: Database,
) -> None:
    """Killed before four of the statements of each, the first and the last of them among these."""
    await sqlite_database.close()
    command = [sys.executable, "-m", "tests.customers.killed", sqlite_database.url.removeprefix("sqlite:///")]
    run = partial(subprocess.run, command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    done = await asyncio.to_thread(run)
    assert done.returncode == 0, done.stderr
    for act, told in json.loads(done.stdout).items():
        assert (told["points"] > 10, told["changed"]) == (True, True), act
        assert set(told["left"]) <= {"before", "after"}, (act, told)
        assert (told["left"][0], told["left"].count("before") > 1) == ("before", True), (act, told)
