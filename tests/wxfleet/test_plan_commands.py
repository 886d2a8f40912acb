"""Looking at plans and steering pushes from the terminal: what stands in the answer, and what is refused and why."""

import json
import logging
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scheduler.campaign_state import CampaignState
from tests.wxfleet.small_shop import open_shop
from texts.problem import ExitCode
from wxfleet.cli import main

PUSH = "name: fuli\ntitle: 老客福利\nwho: {levels: [VIP1]}\nwords: {default: '{{ call_me }}，今晚有福利'}\n"
CALENDAR = """persona: lin
posts:
  - {name: coffee, kind: life, days: [fri], window: '10:00-10:20', text: 周五的咖啡}
  - {name: tea, kind: life, days: [thu], window: '10:00-10:20', text: 周四的茶}
"""


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


class Shop:
    """A small shop with one push, and its terminal."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        self.folder = folder
        open_shop(folder)
        (folder / "pushes").mkdir()
        (folder / "pushes" / "fuli.yaml").write_text(PUSH, encoding="utf-8")
        (folder / "moments").mkdir()
        (folder / "moments" / "lin.yaml").write_text(CALENDAR, encoding="utf-8")
        monkeypatch.chdir(folder)

    def wxfleet(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, stdout, stderr of one call."""
        self._monkeypatch.setattr("sys.argv", ["wxfleet", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        told = self._capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    def set(self, statement: str, *values: object) -> None:
        connection = sqlite3.connect(self.folder / "data" / "wxfleet.db")
        with connection:
            connection.execute(statement, values)
        connection.close()

    def all(self, query: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.folder / "data" / "wxfleet.db")
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shop:
    return Shop(tmp_path, monkeypatch, capsys)


def test_each_persona_is_listed_with_the_roles_it_can_play(shop: Shop) -> None:
    _, out, _ = shop.wxfleet("personas", "list", "--json")
    roles = {row["id"]: row["roles"] for row in json.loads(out)}
    assert roles == {
        "clerk": ["acquisition", "sales"], "lin": ["sales"], "lin-mirror-1": ["sales"], "mentor": ["training"],
    }  # fmt: skip


def test_today_is_the_day_of_the_shops_clock(shop: Shop) -> None:
    assert shop.wxfleet("db", "upgrade")[0] == ExitCode.OK
    first_of_may_0100_ms = 1_777_568_400_000
    shop.set("INSERT INTO settings (key, value, changed_ms) VALUES ('world_now_ms', ?, 0)", str(first_of_may_0100_ms))
    _, out, err = shop.wxfleet("moments", "preview", "--json")
    assert [(row["at"][:10], row["text"]) for row in json.loads(out)["posts"]] == [("2026-05-01", "周五的咖啡")], err


WRONG = [
    ("pause", CampaignState.DRAFT, "现在是草稿，不能暂停"),
    ("resume", CampaignState.DRAFT, "现在是草稿，不能继续"),
    ("start", CampaignState.RUNNING, "现在是进行中，不能开始"),
    ("start", CampaignState.PAUSED, "现在是已暂停，不能开始"),
    ("resume", CampaignState.RUNNING, "现在是进行中，不能继续"),
    *((move, CampaignState.FINISHED, "已经发完了") for move in ("start", "pause", "resume", "cancel")),
    *((move, CampaignState.CANCELLED, "已经取消了") for move in ("start", "pause", "resume", "cancel")),
]  # fmt: skip


@pytest.mark.parametrize(("move", "state", "sentence"), WRONG)
def test_a_push_that_can_not_go_there_says_so(shop: Shop, move: str, state: CampaignState, sentence: str) -> None:
    assert shop.wxfleet("push", "create", "fuli")[0] == ExitCode.OK
    shop.set("UPDATE campaigns SET state = ?", state.value)
    code, out, err = shop.wxfleet("push", move, "1")
    assert (code, out) == (ExitCode.REFUSED_BY_POLICY, "")
    assert sentence in err.splitlines()[0]
    assert "→" in err


def test_what_moved_a_push_is_in_the_log(shop: Shop) -> None:
    shop.wxfleet("push", "create", "fuli")
    assert shop.wxfleet("push", "cancel", "fuli")[0] == ExitCode.OK
    connection = sqlite3.connect(shop.folder / "data" / "wxfleet.db")
    rows = connection.execute("SELECT verb, outcome, detail FROM audit").fetchall()
    connection.close()
    assert rows == [("push", "asked", "#1"), ("cancel", "done", "#1")]


def test_the_way_to_confirm_is_a_command_of_the_terminal(shop: Shop) -> None:
    text = (shop.folder / "config.yaml").read_text(encoding="utf-8")
    staff = "staff:\n  - {id: owner, name: 老板, role: owner}\n  - {id: mei, name: 小美, role: operator}\n"
    (shop.folder / "config.yaml").write_text(text + staff, encoding="utf-8")
    _, out, _ = shop.wxfleet("command", "/全部恢复")
    assert re.search(r'wxfleet command "/确认 \d{5}" --as owner', out)
    _, out, _ = shop.wxfleet("command", "/全部恢复", "--as", "mei")
    assert re.search(r'wxfleet command "/确认 \d{5}" --as mei', out)  # copied as it stands, it is hers


@pytest.mark.parametrize(("word", "staff"), [("owner", "owner"), ("老板", "owner"), ("小新", None)])
def test_an_invitation_by_the_terminal_names_whom_it_is_for(shop: Shop, word: str, staff: str | None) -> None:
    text = (shop.folder / "config.yaml").read_text(encoding="utf-8")
    (shop.folder / "config.yaml").write_text(f"{text}staff: [{{id: owner, name: 老板, role: owner}}]\n", "utf-8")
    code, out, err = shop.wxfleet("staff", "invite", word, "--json")
    assert code == ExitCode.OK, err
    assert json.loads(out)["staff"] == staff


def test_a_stage_of_init_is_the_one_that_was_named(shop: Shop) -> None:
    assert shop.wxfleet("init", "single", "--stage", "single")[0] == ExitCode.OK
    assert [path.name for path in (shop.folder / "single" / "personas").iterdir()] == ["influencer-lin.yaml"]


def test_a_stop_is_shown_with_name_and_time(shop: Shop) -> None:
    text = (shop.folder / "config.yaml").read_text(encoding="utf-8")
    (shop.folder / "config.yaml").write_text(f"{text}staff: [{{id: owner, name: 老板, role: owner}}]\n", "utf-8")
    shop.wxfleet("stop-all")
    shop.set("UPDATE settings SET changed_ms = 1777568400000 WHERE key = 'stop_all'")
    assert "全停中：老板 在 05-01 01:00 停的" in shop.wxfleet("status")[1]
    stopped = json.loads(shop.wxfleet("status", "--json")[1])["stop_all"]
    assert stopped == {"staff": "owner", "name": "老板", "at_ms": 1777568400000}


def test_a_push_is_moved_at_the_terminal_with_the_right_that_the_chat_asks_for_and_by_name(shop: Shop) -> None:
    people = (
        "staff:\n  - {id: owner, name: 老板, role: owner}\n  - {id: yun, name: 小云, role: operator}\n"
        "  - {id: mei, name: 小美, role: service}\n"
    )
    open_shop(shop.folder, people)
    for command in ("create", "pause", "resume", "cancel"):
        code, out, _ = shop.wxfleet("push", command, "fuli", "--as", "mei")
        expected = ExitCode.NOT_ALLOWED if command == "create" else ExitCode.NOT_FOUND
        assert (code, out) == (expected, "")
    assert shop.wxfleet("push", "create", "fuli")[0] == ExitCode.OK
    assert shop.wxfleet("push", "cancel", "fuli", "--as", "mei")[0] == ExitCode.NOT_ALLOWED
    assert shop.all("SELECT state FROM campaigns") == [("draft",)]
    assert shop.wxfleet("push", "cancel", "fuli", "--as", "yun")[0] == ExitCode.OK
    assert shop.all("SELECT state FROM campaigns") == [("cancelled",)]
    assert shop.all("SELECT staff, verb, outcome, detail FROM audit WHERE outcome <> 'refused' ORDER BY id") == [
        ("owner", "push", "asked", "#1"), ("yun", "cancel", "done", "#1"),
    ]  # fmt: skip
    assert shop.all("SELECT staff, verb FROM audit WHERE outcome = 'refused' ORDER BY id") == [
        ("mei", "push"), ("mei", "cancel"),
    ]  # fmt: skip


def test_a_campaign_stands_with_the_sums_of_its_phases(shop: Shop) -> None:
    shop.wxfleet("status")
    common = "'{}', '{}', 0, 'cli', 1, 1, 1"
    for id, name, kind, parent in ((1, "eleven", "campaign", "NULL"), (2, "eleven-push", "campaign_push", 1),
                                   (3, "eleven-thanks", "thanks", 1), (4, "fuli", "push", "NULL")):  # fmt: skip
        shop.set(
            "INSERT INTO campaigns (id, name, title, kind, parent, phase, state, spec, preview, overrides_weekly,"
            f" created_by, created_ms, starts_ms, changed_ms) VALUES ({id}, '{name}', '{name}', '{kind}', {parent},"
            f" '{name}', 'running', {common})"
        )
    for number, (campaign, state) in enumerate([(2, "accepted"), (2, "skipped"), (3, "accepted"), (4, "pending")]):
        shop.set(
            "INSERT INTO outbox (account, kind, priority, key, recipient, campaign, content, source, due_ms, state,"
            f" reason, attempts, epoch, created_ms) VALUES ('lin', 'push', 5, 'k{number}', 'w', {campaign}, '{{}}', '',"
            f" 1, '{state}', 'opted_out', 0, 0, 1)"
        )
    rows = json.loads(shop.wxfleet("push", "list", "--json")[1])
    assert [(row["id"], row["counts"]["planned"], row["counts"]["accepted"]) for row in rows] == [
        (4, 1, 0), (1, 3, 2), (2, 2, 1), (3, 1, 1),
    ]  # fmt: skip
    assert (rows[1]["phases"], rows[1]["skipped"], rows[0]["phases"]) == ([2, 3], {"opted_out": 1}, None)
    assert "└ eleven-push" in shop.wxfleet("push", "list")[1]


def test_a_push_shows_why_rows_failed_counted_by_reason_and_with_nobodys_id(shop: Shop) -> None:
    shop.wxfleet("status")
    shop.set(
        "INSERT INTO campaigns (id, name, title, kind, state, spec, preview, overrides_weekly, created_by, created_ms,"
        " starts_ms, changed_ms) VALUES (4, 'fuli', '福利', 'push', 'running', '{}', '{}', 0, 'cli', 1, 1, 1)"
    )
    for number, reason in enumerate(["deleted_us", "deleted_us", "回绝：wxid_c1 太长", "回绝：wxid_c2 太长", None]):
        shop.set(
            "INSERT INTO outbox (account, kind, priority, key, recipient, campaign, content, source, due_ms, state,"
            f" reason, attempts, epoch, created_ms) VALUES ('lin', 'push', 5, 'k{number}', 'w', 4, '{{}}', '', 1,"
            " 'failed', ?, 0, 0, 1)",
            reason,
        )
    shown = shop.wxfleet("push", "show", "4")[1]
    for line in ("失败 2：对方已经不是好友（删了这个号），不再发", "失败 2：回绝：*** 太长", "失败 1：没有记下原因"):
        assert line in shown
    assert "wxid_" not in shown
