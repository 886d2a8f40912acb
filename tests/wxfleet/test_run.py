"""`wxfleet run`, as a person starts it: one day of a matrix, again, stopped, refused."""

import json
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.wxfleet.running import entries, kill, open_shop, run, start_run, times_pushed, wxfleet

PUSH_MARK = "一条手作发带"
"""Words of the committed push that stand in no other message."""


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object], dict[str, object]]:
    """A shop after two runs: its folder and what each run printed."""
    folder = open_shop(tmp_path_factory.mktemp("day"))
    return folder, run(folder, 45), run(folder, 10)


def test_an_empty_folder_shows_friends_posts_a_push_and_commands(day) -> None:  # type: ignore[no-untyped-def]
    _, first, _ = day
    assert first["friends"]["accepted"] > 5
    assert first["moments"]["published"] >= 4
    assert first["pushes"]["accepted"] > 20
    assert first["commands"]["answered"] >= 3
    assert first["conversations"]["answered"] > 0
    assert {account["state"] for account in first["accounts"]} <= {"online", "paused"}
    assert {account["id"] for account in first["accounts"]} >= {"lin-1", "lin-2", "lin-3", "xiaoyu-1", "qin-1"}


def test_planned_pushes_are_the_sum_of_what_became_of_them(day) -> None:  # type: ignore[no-untyped-def]
    for document in day[1:]:
        pushes = document["pushes"]
        others = ("pending", "accepted", "failed", "in_doubt", "unknown")
        assert pushes["planned"] == sum(pushes[name] for name in others) + sum(pushes["skipped"].values())


def test_mirrors_show_the_same_posts_as_their_source(day) -> None:  # type: ignore[no-untyped-def]
    posts: dict[str, list[str]] = {}
    for entry in entries(day[0], "post"):
        posts.setdefault(entry["account"], []).append(entry["text"])
    assert posts["lin-1"]
    assert posts["lin-2"] == posts["lin-1"][: len(posts["lin-2"])]
    assert posts["lin-3"] == posts["lin-1"][: len(posts["lin-3"])]
    assert posts["lin-2"] and posts["lin-3"]


def test_over_both_runs_nobody_got_the_push_twice(day) -> None:  # type: ignore[no-untyped-def]
    pushed = times_pushed(day[0], PUSH_MARK)
    assert len(pushed) > 20
    assert set(pushed.values()) == {1}


def test_the_second_run_goes_on_where_the_first_stopped(day) -> None:  # type: ignore[no-untyped-def]
    _, first, second = day
    before = {account["id"]: account["friends"] for account in first["accounts"]}
    for account in second["accounts"]:
        assert account["friends"] >= before[account["id"]] - 5  # some leave
    times = [entry["at"] for entry in entries(day[0], "message")]
    assert times == sorted(times)


def test_a_second_run_on_the_same_data_is_refused_in_a_sentence(tmp_path: Path) -> None:
    folder = open_shop(tmp_path)
    running = start_run(folder)
    try:
        for _ in range(200):
            if (folder / "data" / "wxfleet.lock").exists() and (folder / "data" / "wxfleet.lock").read_text():
                break
            time.sleep(0.05)
        refused = wxfleet(folder, "run", "--for", "1s")
        assert refused.returncode == 5
        assert str(running.pid) in refused.stderr
        assert "Traceback" not in refused.stderr
    finally:
        kill(running, signal.SIGTERM)


def test_a_polite_kill_ends_within_five_seconds_and_leaves_nothing_under_way(tmp_path: Path) -> None:
    folder = open_shop(tmp_path)
    running = start_run(folder)
    try:
        _wait_for(folder, 10)
    finally:
        kill(running, signal.SIGTERM)
    assert running.returncode == 0
    with closing(sqlite3.connect(folder / "data" / "wxfleet.db")) as db:
        assert db.execute("SELECT count(*) FROM outbox WHERE state = 'sending'").fetchone() == (0,)


def test_a_wrong_configuration_is_refused_with_every_mistake_and_nothing_starts(tmp_path: Path) -> None:
    folder = open_shop(tmp_path)
    config = folder / "config.yaml"
    text = config.read_text(encoding="utf-8").replace("role: training", "role: trainning").replace("speed:", "sped:")
    config.write_text(text, encoding="utf-8")
    refused = wxfleet(folder, "run", "--for", "1s", "--json")
    assert refused.returncode == 3
    assert refused.stdout == ""
    document = json.loads(refused.stderr.strip().splitlines()[-1])
    mistakes = [one for one in document["mistakes"] if "提醒：" not in one]  # what begins in quiet hours is the hour's
    assert len(mistakes) >= 2
    assert all("config.yaml:" in mistake for mistake in mistakes)
    assert not (folder / "data").exists()


def _wait_for(folder: Path, more: int) -> None:
    """Until the run has sent so many things more than were sent before."""
    before = _sent(folder)
    for _ in range(1200):
        if _sent(folder) >= before + more:
            return
        time.sleep(0.05)
    raise AssertionError("the run does not send")


def _sent(folder: Path) -> int:
    path = folder / "data" / "wxfleet.db"
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            return int(db.execute("SELECT count(*) FROM outbox WHERE sent_ms IS NOT NULL").fetchone()[0])
    except sqlite3.OperationalError:
        return 0  # its tables are not there yet
