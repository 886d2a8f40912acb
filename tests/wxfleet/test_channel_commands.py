"""Channels, referrals and partners from the terminal: documents, exit codes, and the cure where something lacks."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from customers.finding.people import FoundPerson
from personas.model import Style
from tests.customers.test_cards import LatinFont
from tests.wxfleet.small_shop import open_shop
from tests.wxfleet.test_plan_commands import Shop, quiet_logs
from texts.problem import ExitCode
from wxfleet.terminal.card_printing import friend_on_card

__all__ = ["quiet_logs"]  # the fixture is used by being here

ACCOUNTS = """  - {id: lin-1, persona: lin, role: sales, wechat_id: lin_xl88, gateway: {kind: simulator}}
  - {id: clerk-1, persona: clerk, role: acquisition, gateway: {kind: simulator}, qr: "https://u.wechat.com/abc"}
"""
CHANNELS = """channels:
  - {code: live, name: 直播, accounts: [lin-1, clerk-1], benefit: 加我领 10 元券}
staff:
  - {id: owner, name: 老板, role: owner}
  - {id: mei, name: 小美, role: service}
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Shop]:
    made = Shop(tmp_path, monkeypatch, capsys)
    open_shop(tmp_path, CHANNELS, accounts=ACCOUNTS)
    yield made


def _refused(shop: Shop, *arguments: str) -> tuple[int, str]:
    code, out, err = shop.wxfleet(*arguments)
    assert out == ""
    return code, err


def test_a_card_needs_a_known_code_a_font_and_clean_words(shop: Shop) -> None:
    code, told = _refused(shop, "channels", "card", "live", "-o", "c.png", "--account", "lin-1")
    assert (code, "qr:" in told) == (ExitCode.REFUSED_BY_POLICY, True)
    code, told = _refused(shop, "channels", "card", "live", "-o", "c.jpg", "--account", "clerk-1")
    assert (code, ".pdf" in told) == (ExitCode.USAGE, True)
    best = ("channels", "card", "live", "-o", "c.pdf", "--account", "clerk-1", "--benefit", "全网最低价")
    code, told = _refused(shop, *best)
    assert (code, "最低价" in told) == (ExitCode.REFUSED_BY_POLICY, True)
    code, told = _refused(shop, *best[:-2], "--font", "config.yaml")
    assert (code, "config.yaml" in told) == (ExitCode.FAILURE, True)
    code, told = _refused(shop, "channels", "card", "lvie", "-o", "c.pdf")
    assert (code, "live" in told) == (ExitCode.NOT_FOUND, True)
    assert not list(shop.folder.glob("*.pdf*"))


def test_a_card_is_never_printed_with_empty_boxes(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a font that every machine has: it knows no Chinese."""
    monkeypatch.setattr("wxfleet.terminal.card_printing.chinese_font", lambda given: LatinFont())
    code, told = _refused(shop, "channels", "card", "live", "-o", "c.pdf", "--account", "clerk-1")
    assert (code, "没有“" in told, "--font" in told) == (ExitCode.REFUSED_BY_POLICY, True, True)
    assert not list(shop.folder.glob("*.pdf*"))


def test_a_channel_is_switched_by_hand_and_its_costs_add_up(shop: Shop) -> None:
    assert _refused(shop, "channels", "switch", "live", "nobody")[0] == ExitCode.NOT_FOUND
    code, out, _ = shop.wxfleet("channels", "switch", "直播", "lin-1", "--json")
    assert (code, json.loads(out)) == (0, {"code": "live", "shows": "lin-1", "why": "staff"})
    _, out, _ = shop.wxfleet("channels", "sms", "live", "--json")
    texts = json.loads(out)["texts"]
    assert all("lin_xl88" in text["text"] and text["problems"] == [] for text in texts)
    shop.wxfleet("channels", "cost", "live", "--day", "2026-01-02", "--shown", "500", "--yuan", "12.34")
    shop.wxfleet("channels", "cost", "live", "--day", "2026-01-02", "--yuan", "100", "--dry-run")
    _, out, _ = shop.wxfleet("channels", "cost", "live", "--day", "2026-01-03", "--shown", "5", "--json")
    costs = [(row["day"], row["shown"], row["yuan"]) for row in json.loads(out)["costs"]]
    assert costs == [("2026-01-02", 500, 12.34), ("2026-01-03", 5, 0)]
    _, out, _ = shop.wxfleet("channels", "cost", "live", "--day", "2026-01-02", "--yuan", "9", "--replace", "--json")
    assert [row["yuan"] for row in json.loads(out)["costs"]] == [9, 0]
    assert _refused(shop, "channels", "cost", "live", "--day", "9999-01-01", "--yuan", "1")[0] == ExitCode.USAGE


def test_a_referral_goes_from_the_terminal_to_the_partners_workbook(shop: Shop) -> None:
    assert shop.wxfleet("db", "upgrade")[0] == ExitCode.OK
    for id, name, level in ((1, "秦姐", "partner"), (2, "小美", "VIP1")):
        shop.set("INSERT INTO people (id, name, level, kind, orders, net_paid_fen, created_ms) VALUES (?, ?, ?, 'customer', 0, 0, 0)", id, name, level)  # fmt: skip  # noqa: E501
    paid_ms = 4_102_502_400_000  # 2100-01-02
    shop.set(
        "INSERT INTO orders (number, member_name, person, status, paid_fen, refund_fen, items, item_count, receiver,"
        " phone, created_ms, paid_ms, batch) VALUES ('1', 'm', 2, 'done', 12300, 0, '', 1, '', '', ?, ?, 1)",
        paid_ms, paid_ms,
    )  # fmt: skip
    code, out, _ = shop.wxfleet("referrals", "add", "#2", "#1", "--json")
    assert (code, json.loads(out)["state"]) == (0, "due")
    assert shop.wxfleet("referrals", "deliver", "#2", "--what", "20 元券")[0] == ExitCode.OK
    assert shop.wxfleet("referrals", "deliver", "#2")[0] == ExitCode.REFUSED_BY_POLICY
    _, out, _ = shop.wxfleet("referrals", "list", "--state", "delivered", "--json")
    assert [(row["name"], row["referrer_name"], row["benefit"]) for row in json.loads(out)] == [
        ("小美", "秦姐", "20 元券")
    ]
    _, out, _ = shop.wxfleet("partners", "statement", "2100-01", "--xlsx", "对账.xlsx", "--json")
    partner = json.loads(out)["partners"][0]
    assert (partner["name"], partner["orders"], partner["net"], partner["tiers"]) == (
        "秦姐",
        1,
        123,
        {"1": 123, "2": 0},
    )
    rows = CalamineWorkbook.from_path(str(shop.folder / "对账.xlsx")).get_sheet_by_index(0).to_python()
    assert rows[1] == ["秦姐", "一级", "小美", 1, 123]
    assert "店里决定" in str(rows[-1][0])
    assert _refused(shop, "partners", "statement", "2100")[0] == ExitCode.USAGE


def test_costs_and_switches_are_in_the_log_and_so_is_who_was_refused(shop: Shop) -> None:
    assert shop.wxfleet("channels", "switch", "live", "clerk-1")[0] == ExitCode.OK
    assert shop.wxfleet("channels", "cost", "live", "--shown", "500", "--yuan", "80")[0] == ExitCode.OK
    assert _refused(shop, "channels", "switch", "live", "lin-1", "--as", "mei")[0] == ExitCode.NOT_ALLOWED
    assert _refused(shop, "channels", "switch", "live", "lin-9")[0] == ExitCode.NOT_FOUND
    assert shop.wxfleet("channels", "cost", "live", "--yuan", "5", "--dry-run")[0] == ExitCode.OK
    with sqlite3.connect(shop.folder / "data" / "wxfleet.db") as db:
        log = db.execute("SELECT staff, door, verb, outcome FROM audit ORDER BY id").fetchall()
        [wanted] = db.execute("SELECT request FROM audit WHERE verb = 'channels cost'").fetchone()
    assert log == [
        ("owner", "cli", "channels switch", "done"), ("owner", "cli", "channels cost", "done"),
        ("mei", "cli", "channels switch", "refused"), ("owner", "cli", "channels switch", "failed"),
    ]  # fmt: skip
    assert (json.loads(wanted)["shown"], json.loads(wanted)["cost_fen"]) == (500, 8000)


@pytest.mark.parametrize(
    ("call_me", "nickname", "shown"),
    [
        ("花花", "A-代购小王🌸", "花花"), (None, "花花🌸", "花花"), (None, "A-代购小王🌸", "小王"), (None, "。", ""),
        (None, "13912345678", ""), ("全网最低价", "花花", ""), ("鱼塘王姐", "花花", ""),
    ],
)  # fmt: skip
def test_a_members_card_shows_a_clean_name_or_none(call_me: str | None, nickname: str, shown: str) -> None:
    member = FoundPerson(1, nickname, call_me, None, "VIP1", None, 1, 100, False, ())
    assert friend_on_card(member, Style()) == shown
