"""`wxfleet doubt`: the same request as in the chat, by options."""

import json
from pathlib import Path

import pytest

from tests.wxfleet.test_plan_commands import Shop, quiet_logs
from texts.problem import ExitCode

__all__ = ["quiet_logs"]

ROW = """INSERT INTO outbox (account, kind, priority, key, recipient, content, text, source, due_ms, state, reason,
    attempts, epoch, created_ms, sent_ms, settled_ms)
    VALUES (?, 'reply', 1, ?, 'w1', '{"text": "在的"}', '在的', '', 1, 'in_doubt', 'outcome_unknown', 1, 0, 1, 1, 1)"""


def test_doubts_are_listed_shown_and_ended_from_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = Shop(tmp_path, monkeypatch, capsys)
    shop.wxfleet("db", "upgrade")
    shop.set("INSERT INTO staff (id, name, role, accounts, invited, removed) VALUES ('boss','老板','owner','[]',0,0)")
    (tmp_path / "config.yaml").write_text(
        (tmp_path / "config.yaml").read_text(encoding="utf-8") + "staff: [{id: boss, name: 老板, role: owner}]\n",
        encoding="utf-8",
    )
    for key, account in (("a", "lin-1"), ("b", "lin-1"), ("c", "gone")):
        shop.set(ROW, account, key)
    assert json.loads(shop.wxfleet("doubt", "list", "--json")[1])["in_doubt"] == 3
    assert "wxfleet doubt list" in shop.wxfleet("status")[1]
    code, out, _ = shop.wxfleet("doubt", "resolve", "--as", "arrived", "--account", "nobody", "--yes")
    assert (code, out) == (ExitCode.NOT_FOUND, "")
    code, out, _ = shop.wxfleet("doubt", "resolve", "--as", "release", "--id", "1", "--lang", "en")
    assert code == 0 and "they get it twice (1 of them)" in out
    assert json.loads(shop.wxfleet("doubt", "list", "--json")[1])["in_doubt"] == 3
    code, out, _ = shop.wxfleet("doubt", "resolve", "--as", "unknown", "--id", "1", "--id", "2", "--yes", "--json")
    assert code == 0 and json.loads(out)["rows"] == 2
    assert [row["account"] for row in json.loads(shop.wxfleet("doubt", "list", "--json")[1])["rows"]] == ["gone"]
