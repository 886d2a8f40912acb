"""What is typed wrong gets one sentence in one language, the right exit code, and nothing on stdout."""

import errno
import io
import json
import logging
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wxfleet.small_shop import open_shop
from texts.problem import ExitCode
from wxfleet.cli import main
from wxfleet.plain_console import PlainConsole, harmless
from wxfleet.terminal.terminal import table


@pytest.fixture(autouse=True)
def quiet_logs() -> Iterator[None]:
    """A command may send all logging to a file of its test."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    for handler in root.handlers:
        if handler not in before:
            handler.close()
    root.handlers[:], root.level = before, level


def wxfleet(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str) -> int:
    """One call of the command line in `folder`; its exit code."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["wxfleet", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


WRONG = (
    ("bogus",), ("imprt",), ("status", "--nope"), ("status", "--config"), ("accounts", "new"), ("command",),
    ("run", "extra"), ("staff", "invite", "--role", "king"), ("moments", "preview", "--days", "x"),
    ("moments", "preview", "--days", "0"), ("moments", "preview", "--from", "garbage"),
    ("moments", "preview", "--from", "9999-12-31"), ("run", "--for", "banana"),
)  # fmt: skip


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_what_is_typed_wrong_is_told_in_chinese_and_nothing_is_printed(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    open_shop(tmp_path)
    assert wxfleet(monkeypatch, tmp_path, *arguments) == ExitCode.USAGE
    told = capsys.readouterr()
    assert told.out == ""
    sentence = told.err.splitlines()[0]
    assert not sentence.isascii()
    assert "→" in told.err
    assert "Traceback" not in told.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("doubt", "resolve", "--as"), "--as 后面要写一个值\n  → 看用法：wxfleet doubt resolve -h"),
        (("command", "/状态", "--as"), "--as 后面要写一个值\n  → 看用法：wxfleet command -h"),
        (("resume-all", "--yes=1"), "--yes 后面不用写值\n  → 看用法：wxfleet resume-all -h"),
    ],
    ids=[0, 1, 2],
)
def test_an_option_without_its_value_points_to_the_help_of_its_command(
    arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert wxfleet(monkeypatch, tmp_path, *arguments) == ExitCode.USAGE
    assert capsys.readouterr().err.strip() == said


def test_where_there_is_nothing_to_choose_from_it_says_so_instead_of_an_empty_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    open_shop(tmp_path, "staff: [{id: boss, name: 老板, role: owner}]\n")
    assert wxfleet(monkeypatch, tmp_path, "push", "preview", "x") == ExitCode.NOT_FOUND
    assert "可以选" not in (told := capsys.readouterr().err)
    assert "还没有推送" in told
    assert wxfleet(monkeypatch, tmp_path, "command", "/预览 x") == ExitCode.NOT_FOUND
    assert "可以选" not in (told := capsys.readouterr().err)
    assert "还没有推送" in told


def test_what_is_typed_wrong_is_told_in_english(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert wxfleet(monkeypatch, tmp_path, "staff", "invite", "--lang", "en", "--role", "king") == ExitCode.USAGE
    assert capsys.readouterr().err.splitlines()[0] == "--role: king is not one of owner, operator, service, viewer"


def test_with_json_a_wrong_command_line_is_a_document_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert wxfleet(monkeypatch, tmp_path, "imprt", "--json") == ExitCode.USAGE
    told = capsys.readouterr()
    assert told.out == ""
    assert json.loads(told.err) == {
        "code": 2, "message": "没有 imprt 这个命令（是不是想写 import？）", "hint": "看用法：wxfleet -h", "where": "",
    }  # fmt: skip


def test_halves_of_characters_from_a_terminal_find_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    open_shop(tmp_path)
    assert wxfleet(monkeypatch, tmp_path, "customers", "find", "\udcff\udcfe花") == ExitCode.NOT_FOUND
    assert "花" in capsys.readouterr().err


def test_a_database_address_that_is_none_is_a_mistake_of_the_file_and_shows_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    open_shop(tmp_path, 'database: "postgresql://u:sekret99@host:abc/db"\n')
    for command in ("check", "status", "run"):
        assert wxfleet(monkeypatch, tmp_path, command) == ExitCode.CONFIGURATION_INVALID
        told = capsys.readouterr()
        assert "config.yaml:4:11" in told.err
        assert "sekret99" not in told.out + told.err


def test_a_surprise_is_one_sentence_on_the_screen_and_whole_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    open_shop(tmp_path)
    assert wxfleet(monkeypatch, tmp_path, "status") == ExitCode.OK
    # A database that somebody's tool has emptied of one table, behind the back of the migrations.
    with sqlite3.connect(tmp_path / "data" / "wxfleet.db") as connection:
        connection.execute("DROP TABLE repairs")
    connection.close()
    capsys.readouterr()
    assert wxfleet(monkeypatch, tmp_path, "status") == ExitCode.FAILURE
    told = capsys.readouterr()
    log = tmp_path / "data" / "wxfleet.log"
    assert told.out == ""
    assert "Traceback" not in told.err
    assert str(log) in told.err
    assert "Traceback" in log.read_text(encoding="utf-8")


def test_a_log_that_can_not_be_opened_stops_a_run_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    open_shop(tmp_path)
    (tmp_path / "data" / "wxfleet.log").mkdir(parents=True)
    assert wxfleet(monkeypatch, tmp_path, "run", "--for", "1s") == ExitCode.GATEWAY_UNAVAILABLE
    told = capsys.readouterr()
    assert "数据文件夹" in told.err
    assert "Traceback" not in told.err


@given(st.text())
def test_nothing_a_stranger_is_called_steers_the_terminal(nickname: str) -> None:
    screen = io.StringIO()
    console = PlainConsole(file=screen, width=4000)
    shown = table("name")
    shown.add_row(f"[/b][red]:smile:{nickname}\x1b]0;x\x07")
    console.print(shown)
    console.print(f"[/b]{nickname}")
    assert "\x1b" not in screen.getvalue()
    assert "[/b][red]:smile:" in screen.getvalue()
    assert set(harmless(nickname)) <= set(nickname)


def test_what_staff_may_not_do_is_told_on_stderr_and_as_a_document_with_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    open_shop(tmp_path, "staff: [{id: boss, name: 老板, role: owner}]\n")
    assert wxfleet(monkeypatch, tmp_path, "command", "/没有这个命令") == ExitCode.USAGE
    told = capsys.readouterr()
    assert (told.out, "没有这个命令" in told.err) == ("", True)
    assert wxfleet(monkeypatch, tmp_path, "command", "/没有这个命令", "--json") == ExitCode.USAGE
    assert json.loads(capsys.readouterr().out)["ok"] is False


def test_a_folder_that_can_not_be_looked_into_is_a_mistake_and_not_an_empty_calendar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The system's refusal is imitated: an administrator, as tests may run, is never refused."""
    open_shop(tmp_path)
    (tmp_path / "moments").mkdir()
    scandir = os.scandir
    closed = tmp_path / "moments"

    def refusing(path: str | Path) -> object:
        if Path(path) == closed:
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(path)

    monkeypatch.setattr("os.scandir", refusing)
    assert wxfleet(monkeypatch, tmp_path, "check") == ExitCode.CONFIGURATION_INVALID
    assert "moments: 打不开这个文件夹：没有权限" in capsys.readouterr().err
