"""`wxfleet doubt`: the same request as in the chat, by options."""

import asyncio
import json
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from operations.requests.pushes import ResolveDoubt
from storage.engine import open_database
from storage.tables import Account, Delivery
from tests.wxfleet.small_shop import open_shop
from tests.wxfleet.test_plan_commands import Shop, quiet_logs
from texts.problem import ExitCode
from wxfleet.terminal.acting import asked
from wxfleet.terminal.terminal import Terminal

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


async def test_two_terminals_at_once_end_each_doubt_once_and_void_nobodys_wish(
    tmp_path: Path, migrated_url: str
) -> None:
    staff = "staff: [{id: boss, name: 老板, role: owner}]"
    config = open_shop(tmp_path, f'database: "{migrated_url}"\n{staff}\n')
    db = open_database(migrated_url)
    row = {"account": "lin-1", "kind": "reply", "priority": 1, "to": "w1", "content": {"text": "在的"},
           "source": "", "due_ms": 1, "state": "in_doubt", "attempts": 1, "epoch": 0, "created_ms": 1}  # fmt: skip
    async with db.write() as tx:
        await tx.execute(insert(Account).values(id="lin-1", persona="lin", role="sales", time_zone="Asia/Shanghai"))
        await tx.execute(insert(Delivery), [{**row, "key": str(key)} for key in range(60)])
    terminal = Terminal(config, None, False)
    wishes = (ResolveDoubt(ending=ending, account="lin-1") for ending in ("arrived", "unknown", "release"))
    replies = await asyncio.gather(*(asked(terminal, wish, confirmed=True) for wish in wishes))
    assert {reply.exit_code for reply in replies if not reply.ok} <= {ExitCode.NOT_FOUND}, [r.text for r in replies]
    assert sum(reply.data.get("rows", 0) for reply in replies) == 60
    async with db.read() as connection:
        assert await connection.scalar(text("SELECT COUNT(*) FROM outbox WHERE state = 'in_doubt'")) == 0
    await db.close()
