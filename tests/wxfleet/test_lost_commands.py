"""A lost account at the terminal: its friends as a table, masked and harmless; set aside, in the status, and back."""

import csv
import json
from pathlib import Path
from zipfile import ZipFile

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import create_engine, insert

from rules.limits import Limits
from storage.tables import Account, Friendship, Person
from tests.wxfleet.small_shop import open_shop
from tests.wxfleet.test_plan_commands import Shop, quiet_logs
from texts.problem import ExitCode
from wxfleet.terminal.csv_sheet import write_csv, write_sheet

__all__ = ["quiet_logs"]  # the fixture is used by being here

CONFIG = "staff:\n  - {id: owner, name: 老板, role: owner}\n  - {id: mei, name: 小美, role: service}\n"
CONFIG += "  - {id: fan, name: 小范, role: operator, accounts: [lin-2]}\n"
LIN_2 = "  - {id: lin-2, persona: clerk, role: sales, wechat_id: xl_lin2, gateway: {kind: simulator}}\n"
PHONE, FORMULA = "13912345678", "=HYPERLINK(1)"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shop:
    made = Shop(tmp_path, monkeypatch, capsys)
    config = open_shop(tmp_path, CONFIG)
    config.write_text(config.read_text("utf-8").replace("staff:", f"{LIN_2}staff:", 1), encoding="utf-8")
    assert made.wxfleet("db", "upgrade")[0] == ExitCode.OK
    engine = create_engine(f"sqlite:///{tmp_path / 'data' / 'wxfleet.db'}")
    account = {"persona": "lin", "role": "sales", "time_zone": "Asia/Shanghai", "friends_listed": 1}
    with engine.begin() as tx:
        for one in ("lin-1", "lin-2"):
            tx.execute(insert(Account).values(id=one, limits=Limits().model_dump(mode="json"), **account))
        for id, name, tier in ((17, FORMULA, None), (18, "阿金", "gold")):
            tx.execute(insert(Person).values(id=id, name=name, tier=tier, phone=PHONE, created_ms=0))
            values = {"account": "lin-1", "contact": f"wx{id}", "person": id, "nickname": name, "since_ms": 0}
            tx.execute(insert(Friendship).values(values))
    engine.dispose()
    return made


def test_the_list_is_masked_unless_whoever_may_asks_and_no_name_becomes_a_formula(shop: Shop) -> None:
    for file in ("list.csv", "list.xlsx"):
        assert shop.wxfleet("accounts", "friends", "lin-1", "-o", file)[0] == ExitCode.OK
    with (shop.folder / "list.csv").open(encoding="utf-8-sig", newline="") as lines:
        head, first, second = csv.reader(lines)
    assert (first[2], second[2]) == ("阿金", f"'{FORMULA}")
    assert first[5] == "139****5678" and "xl_lin2" in first[-1] and len(head) == len(first)
    sheet = CalamineWorkbook.from_path(shop.folder / "list.xlsx").get_sheet_by_index(0).to_python()
    assert sheet[2][2] == FORMULA and PHONE not in repr(sheet)
    code, out, err = shop.wxfleet("accounts", "friends", "lin-1", "--reveal", "--as", "mei")
    assert (code, out) == (ExitCode.NOT_ALLOWED, "") and PHONE not in err
    for reveal in ((), ("--reveal",)):  # an operator of other accounts
        code, out, err = shop.wxfleet("accounts", "friends", "lin-1", "--as", "fan", *reveal)
        assert (code, out) == (ExitCode.NOT_ALLOWED, "") and "不在你负责的号里" in err
    for verb in ("lost", "found"):
        code, out, err = shop.wxfleet("accounts", verb, "lin-1", "--as", "fan")
        assert code == ExitCode.NOT_ALLOWED and "不在你负责的号里" in out + err
    assert shop.wxfleet("accounts", "friends", "lin-2", "--reveal", "--as", "fan")[0] == ExitCode.OK
    assert PHONE in shop.wxfleet("accounts", "friends", "lin-1", "--reveal")[1]
    for file in ("none/list.csv", "none/list.xlsx"):
        code, out, err = shop.wxfleet("accounts", "friends", "lin-1", "-o", file)
        assert code == ExitCode.FAILURE and file in err and "意料之外" not in err


def test_no_text_of_a_table_becomes_a_formula_where_it_is_opened(tmp_path: Path) -> None:
    formulas = [
        "=1",
        "+1",
        "-1",
        "@A",
        "＝1",
        "＋1",
        "－1",
        "＠A",
        " =1",
        "\u3000＝1",
        "\ufeff=1",
        "\t1",
        "\r1",
        "\n=1",
        "{=1}",
    ]
    plain = ["花花", "1-2", "a=b", "", " x"]
    write_csv(tmp_path / "list.csv", [formulas + plain])
    with (tmp_path / "list.csv").open(encoding="utf-8-sig", newline="") as lines:
        [cells] = csv.reader(lines)
    assert cells == [*(f"'{text}" for text in formulas[:-1]), "{=1}", *plain]
    write_sheet(tmp_path / "list.xlsx", [formulas], [9])
    with ZipFile(tmp_path / "list.xlsx") as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f" not in sheet and sheet.count('t="inlineStr"') == len(formulas)


def test_it_is_set_aside_stands_in_the_status_and_comes_back(shop: Shop) -> None:
    code, out, _ = shop.wxfleet("accounts", "lost", "lin-1")
    assert code == ExitCode.OK and "客户 2 人，其中黄金 1 人" in out and "139****5678" in out
    assert shop.wxfleet("accounts", "lost", "lin-1", "--yes")[0] == ExitCode.OK
    assert shop.wxfleet("accounts", "lost", "lin-1", "--yes")[0] == ExitCode.REFUSED_BY_POLICY
    status = json.loads(shop.wxfleet("status", "--json")[1])
    [line] = [line for line in status["repairs"] if line["key"] == "lost:lin-1"]
    assert "/账号 找回 lin-1" in line["commands"]
    assert {account["id"]: account["state"] for account in status["accounts"]}["lin-1"] == "lost"
    assert shop.wxfleet("accounts", "found", "lin-1")[0] == ExitCode.OK
    status = json.loads(shop.wxfleet("status", "--json")[1])
    assert not [line for line in status["repairs"] if line["key"] == "lost:lin-1"]
