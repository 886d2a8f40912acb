"""Tasks and gifts from the terminal: given within the budget, listed, ticked off, in the ledger."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, insert

from rules.limits import Limits
from storage.tables import Account, Friendship, Person
from tests.wxfleet.small_shop import open_shop
from tests.wxfleet.test_plan_commands import Shop, quiet_logs
from texts.problem import ExitCode

__all__ = ["quiet_logs"]  # the fixture is used by being here

CONFIG = """staff:
  - {id: owner, name: 老板, role: owner}
gifts: {per_day_yuan: 20, per_person_yuan: 15}
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shop:
    made = Shop(tmp_path, monkeypatch, capsys)
    open_shop(tmp_path, CONFIG)
    assert made.wxfleet("db", "upgrade")[0] == ExitCode.OK
    engine = create_engine(f"sqlite:///{tmp_path / 'data' / 'wxfleet.db'}")
    limits = Limits().model_dump(mode="json")
    with engine.begin() as tx:
        tx.execute(
            insert(Account).values(
                id="lin-1", persona="lin", role="sales", time_zone="Asia/Shanghai", limits=limits, holder="owner"
            )
        )
        for id, name in ((17, "花花"), (18, "小美")):
            tx.execute(insert(Person).values(id=id, name=name, created_ms=0))
            values = {"account": "lin-1", "contact": f"wx{id}", "person": id, "nickname": name, "since_ms": 0}
            tx.execute(insert(Friendship).values(values))
    engine.dispose()
    return made


def _json(shop: Shop, *words: str) -> Any:
    code, out, err = shop.wxfleet(*words, "--json")
    assert code == ExitCode.OK, err
    return json.loads(out)


def test_a_gift_is_given_listed_and_ticked_off_and_the_budget_shrinks(shop: Shop) -> None:
    assert "还没送过" in shop.wxfleet("gifts", "list")[1]
    assert "没有要做的事" in shop.wxfleet("tasks", "list")[1]
    given = _json(shop, "gifts", "add", "花花", "8.8", "生日")
    assert (given["account"], given["left_today_fen"]) == ("lin-1", 1120)
    [task] = _json(shop, "tasks", "list")
    assert (task["id"], task["kind"], task["holder"], task["state"]) == (given["task"], "red_packet", "owner", "open")
    code, out, _ = shop.wxfleet("tasks", "list")
    assert code == ExitCode.OK and "给 花花 发 8.8 元红包" in out.replace("\n", "")
    assert shop.wxfleet("tasks", "done", str(given["task"]))[0] == ExitCode.OK
    [line] = _json(shop, "gifts", "list")
    assert (line["person"], line["amount_fen"], line["state"], line["done_by"]) == (17, 880, "given", "owner")
    assert _json(shop, "tasks", "list") == []
    assert [row["state"] for row in _json(shop, "tasks", "list", "--all")] == ["done"]
    report = _json(shop, "report", "gifts", "--period", "all")
    assert [(row["gift_who"], row["gift_fen"], row["gift_state"]) for row in report["rows"]] == [
        ("花花 #17", 880, "送出了")
    ]
    assert (report["totals"]["gifts_given"], report["totals"]["gifts_given_fen"]) == (1, 880)
    budget = _json(shop, "gifts", "budget")
    assert (budget["per_day_fen"], budget["used_today_fen"], budget["left_today_fen"]) == (2000, 880, 1120)
    assert "还剩 11.2 元" in shop.wxfleet("gifts", "budget")[1]


def test_a_budget_says_no_on_stderr_with_the_cure(shop: Shop) -> None:
    code, out, err = shop.wxfleet("gifts", "add", "小美", "16", "生日")
    assert code == ExitCode.REFUSED_BY_POLICY
    assert "90 天里的预算还剩 15 元" in out + err and "gifts.per_person_yuan" in out + err
    assert _json(shop, "gifts", "list") == []
