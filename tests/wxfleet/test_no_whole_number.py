"""Nothing that people read shows a customer's phone or address whole: every command over a shop full of them."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import insert
from typer.main import get_command

from commands.catalogue import COMMANDS
from commands.chat import Chat
from customers.referrals.referrals import register
from operations.requests.request import Door
from storage.campaign_tables import BenefitGiven, BenefitOffered, CouponCode, CouponPool, Material
from storage.customer_tables import Consent, PersonNote, PersonTag, ProfileChange
from storage.engine import open_database
from storage.fleet_tables import Repair
from storage.order_tables import Claim, Merge, Order
from storage.schema import upgrade
from storage.tables import Delivery, FriendRequest, Friendship, Person
from storage.task_tables import Task
from tests.customers.shop import export, order
from tests.wxfleet.small_shop import open_shop
from tests.wxfleet.test_plan_commands import Shop, quiet_logs
from texts.problem import ExitCode
from wxfleet.cli import build
from wxfleet.reading.settings import load
from wxfleet.terminal.acting import keep_staff
from wxfleet.wiring import desk_of

__all__ = ["quiet_logs"]  # the fixture is used by being here

PHONE, HOUSE = "13912345678", "88号6幢502室"
MARK = f"花花{PHONE} 住文三路{HOUSE}"
STAFF = "staff:\n  - {id: owner, name: 老板, role: owner}\n  - {id: mei, name: 小美, role: service}\n"
CHANNELS = "channels:\n  - {code: live, name: 直播, accounts: [lin-1]}\n"

WALKED = {
    "status": (), "accounts": (), "accounts friends": ("lin-1",), "accounts lost": ("lin-1",),
    "accounts found": (PHONE,), "staff list": (), "staff log": (), "doctor": (), "why": ("#1",), "doubt list": (),
    "doubt resolve": ("arrived", "--account", "lin-1"), "import list": (), "import undo": ("99",),
    "import orders": ("broken.csv",), "import customers": ("people.csv",),
    "customers find": (PHONE,), "customers names": (), "customers show": ("#1",), "customers wishes": ("1",),
    "customers set": ("#1", "尺码=M"), "customers tag": ("#1", "老客"), "customers note": ("#1", MARK),
    "customers merge": ("#1", "#2"), "customers unmerge": ("1", "--dry-run"), "customers merges": (),
    "customers erase": ("1",), "referrals list": (), "referrals add": ("#1", "#2"), "referrals deliver": ("#1",),
    "partners statement": ("2026-10",), "segments list": (), "segments preview": (MARK,),
    "channels list": (), "channels cost": ("live", "--yuan", "5", "--note", MARK), "channels switch": ("live", PHONE),
    "push list": (), "push preview": ("fuli",), "push show": (PHONE,), "push create": (PHONE,), "push start": (PHONE,),
    "push pause": (PHONE,), "push resume": (PHONE,), "push cancel": (PHONE,),
    "campaigns list": (), "campaigns show": (PHONE,), "campaigns draw": (PHONE,), "campaigns came": (PHONE, "#1"),
    "campaigns override": (PHONE, MARK), "campaigns start": (PHONE,), "campaigns stop": (PHONE,),
    "materials list": (), "materials show": ("1",), "materials add": ("#1",),
    "materials ask": ("1",), "materials agreed": ("1",), "materials refused": ("1",), "materials remove": ("1",),
    "moments post": (MARK,), "push test": (PHONE,),
    "tasks list": (), "tasks done": ("1",), "gifts list": (), "gifts add": ("#1", "8.8", MARK),
    "lessons list": (), "lessons start": (PHONE,), "lessons pause": (PHONE,), "lessons resume": (PHONE,),
    "coupons import": ("people.csv", "--pool", MARK), "coupons list": (), "coupons show": (MARK,),
    "benefits list": ("--ledger",), "benefits give": (PHONE, "pin", "#1", "--note", MARK), "benefits undo": ("9",),
    "report": ("referrals",), "command": ("/客户 #1",),
}  # fmt: skip
"""Each command with words that make it speak of the customer, or of what was typed."""
AS_JSON = {"customers find", "customers show", "referrals list", "why", "import orders", "doubt list"}
ON_PURPOSE = {"customers export"}
"""Hands out everything, to those with the right to it."""
NO_CUSTOMERS = {
    "init", "check", "campaigns new", "schema", "run", "worker", "stop-all", "resume-all", "accounts new",
    "staff invite", "ponds list", "ponds show", "ponds texts", "ponds bind", "ponds post", "personas list",
    "personas try", "moments list", "moments preview", "channels sms", "channels card", "referrals card",
    "gifts budget", "db upgrade", "db backup", "db restore", "db copy",
}  # fmt: skip
"""Speak of the installation, or show the shop's own words as they will be read."""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Shop]:
    made = Shop(tmp_path, monkeypatch, capsys)
    open_shop(tmp_path, STAFF + CHANNELS)
    export(tmp_path / "broken.csv", [order("1", MARK, MARK, MARK, 联系手机=PHONE), order("2" * 18, "m", PHONE)])
    people = f"昵称,会员名,手机,生日,备注\n{MARK},t1,{PHONE},{MARK},{MARK}\n{MARK},t2,{PHONE}x,{PHONE},{MARK}\n"
    (tmp_path / "people.csv").write_text(people, encoding="utf-8")
    assert made.wxfleet("status")[0] == ExitCode.OK
    asyncio.run(_fill(tmp_path))
    yield made


async def _fill(folder: Path) -> None:
    db = open_database(f"sqlite:///{folder}/data/wxfleet.db")
    async with db.write() as tx:
        for number in (1, 2):
            await tx.execute(insert(Person).values(_person(number)))
            friend = {"contact": f"w{number}x{PHONE}", "nickname": MARK, "alias": MARK, "person": number}
            await tx.execute(insert(Friendship).values(account="lin-1", since_ms=1, **friend))
        for model, row in _ROWS:
            await tx.execute(insert(model).values(row))
        await register(tx, 1, 2, evidence=MARK, by="staff:owner", now_ms=2, benefit=MARK)
    await db.close()


def _person(number: int) -> dict[str, Any]:
    return {
        "id": number, "name": f"{MARK}{number}", "call_me": MARK, "member_name": f"{MARK}-{number}", "phone": PHONE,
        "level": "VIP1", "orders": 1, "net_paid_fen": 100, "created_ms": 1, "profile": {"size": MARK},
    }  # fmt: skip


_SENT = {
    "account": "lin-1", "kind": "push", "priority": 4, "to": "w", "person": 1, "content": {"text": MARK}, "text": MARK,
    "due_ms": 1, "created_ms": 1, "sent_ms": 1, "reason": "outcome_unknown",
}  # fmt: skip
_REPAIR = {"person": 1, "other": 2, "evidence": MARK, "member": MARK, "known": MARK}
_ROWS: list[tuple[Any, dict[str, Any]]] = [
    (Order, {
        "number": "2" * 18, "member_name": MARK, "person": 1, "status": "done", "paid_fen": 100, "refund_fen": 0,
        "items": MARK, "titles": [MARK], "receiver": MARK, "phone": PHONE, "created_ms": 1, "paid_ms": 1, "batch": 1,
    }),
    (Claim, {"order_number": "3" * 18, "person": 1, "account": "lin-1", "evidence": MARK, "claimed_ms": 1}),
    (Merge, {"kept": 1, "gone": 1, "evidence": MARK, "before": {"member": MARK}, "by": "staff:owner", "merged_ms": 1}),
    (Consent, {"person": 1, "what": "opt_out", "source": "inbox:1", "words": MARK, "at_ms": 1}),
    (CouponPool, {"name": MARK, "added_by": "owner", "added_ms": 1}),
    (CouponCode, {"pool": MARK, "code": PHONE, "expires_ms": 2, "added_ms": 1, "person": 1, "campaign": 1}),
    (BenefitOffered, {"campaign": 1, "name": "pin", "title": MARK, "per_person": 1}),
    (BenefitGiven, {"benefit": 1, "campaign": 1, "person": 1, "units": 1, "by": "owner", "at_ms": 1, "note": MARK}),
    (PersonNote, {"person": 1, "text": MARK, "by": "owner", "at_ms": 1}),
    (PersonTag, {"person": 1, "tag": MARK, "by": "owner", "since_ms": 1}),
    (ProfileChange, {"person": 1, "field": "phone", "before": MARK, "after": PHONE, "by": "owner", "at_ms": 1}),
    (FriendRequest, {"account": "lin-1", "request": "r", "contact": "w", "hello": MARK, "state": "waiting",
                     "received_ms": 1}),
    (Delivery, {**_SENT, "key": "doubt", "state": "in_doubt"}),
    (Delivery, {**_SENT, "key": "skipped", "state": "skipped", "reason": "opted_out"}),
    (Task, {"package": "p", "kind": "gift", "account": "lin-1", "holder": "owner", "title": MARK, "detail": {},
            "state": "open", "created_ms": 1}),
    (Material, {"source": "chat", "account": "lin-1", "message": "m", "person": 1, "masked_name": MARK, "words": MARK,
                "consent": "unasked", "added_by": "inbox:1", "received_ms": 1}),
    (Repair, {"key": "merge:1:2", "message": "customers.repair.two_members", "values": _REPAIR, "since_ms": 1}),
]  # fmt: skip


def _leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[str]:
    groups = getattr(command, "commands", {})
    if not groups or getattr(command, "invoke_without_command", False):
        yield " ".join(path)
    for name, inner in groups.items():
        yield from _leaves(inner, (*path, name))


def _hidden(told: str, what: str) -> None:
    assert PHONE not in told and HOUSE not in told, f"{what}: {told}"


def test_every_command_is_walked_or_has_a_reason() -> None:
    assert set(_leaves(get_command(build()))) - {""} == {*WALKED, *ON_PURPOSE, *NO_CUSTOMERS}


def test_no_command_of_the_terminal_shows_a_whole_number_or_address(shop: Shop) -> None:
    masked = 0
    for name, words in WALKED.items():
        as_json = ("--json",) if name in AS_JSON else ()
        code, out, err = shop.wxfleet(*name.split(), *words, *as_json)
        assert code != ExitCode.FAILURE, (name, out, err)
        _hidden(out + err, name)
        masked += "139****5678" in out + err
    assert masked >= len(WALKED) / 3  # they did speak of it; others have only names and numbers of entries
    for report in shop.folder.glob("*.csv"):
        if report.name not in ("broken.csv", "people.csv"):
            _hidden(report.read_text("utf-8-sig"), report.name)


def test_no_report_shows_a_whole_number_nor_does_its_workbook(shop: Shop) -> None:
    for name in [report["name"] for report in json.loads(shop.wxfleet("report", "list", "--json")[1])]:
        code, out, err = shop.wxfleet("report", name, "--from", "1970-01-01", "--xlsx", f"{name}.xlsx")
        assert code == ExitCode.OK, err
        book = CalamineWorkbook.from_path(shop.folder / f"{name}.xlsx")
        _hidden(out + err + repr([book.get_sheet_by_name(sheet).to_python() for sheet in book.sheet_names]), name)


async def test_no_answer_in_the_chat_shows_one_either(tmp_path: Path) -> None:
    settings = load(open_shop(tmp_path, STAFF), None)
    db = open_database(settings.database_url)
    await upgrade(db)
    await keep_staff(db, settings)
    await _fill(tmp_path)
    chat, masked = Chat(desk_of(settings), settings.shop.time_zone), 0
    async with db.write() as tx:
        for command in COMMANDS:
            for words in ("#1", f"#1 {PHONE}", f"#1 +{MARK}", PHONE, "referrals", ""):
                reply = await chat.run_line(tx, "owner", f"/{command.names[0]} {words}".strip(), Door.CHAT, 10)
                _hidden(reply.text + repr(reply.data), command.verb)
                masked += "139****5678" in reply.text
    await db.close()
    assert masked > len(COMMANDS)  # they did speak of it


def test_who_may_sees_it_whole_on_request_and_that_is_written_down(shop: Shop) -> None:
    code, out, err = shop.wxfleet("customers", "show", "#1", "--reveal", "--as", "mei")
    assert (code, out) == (ExitCode.NOT_ALLOWED, "")
    _hidden(err, "refused")
    code, out, _ = shop.wxfleet("customers", "show", "#1", "--reveal")
    assert (code, PHONE in out, HOUSE in out) == (ExitCode.OK, True, True)
    with sqlite3.connect(shop.folder / "data" / "wxfleet.db") as db:
        log = db.execute("SELECT staff, verb, outcome FROM audit ORDER BY id").fetchall()
    assert log == [("mei", "customers reveal", "refused"), ("owner", "customers reveal", "done")]
