"""What is known of a customer, from the terminal: shown masked or whole, changed, tried without being kept."""

import json
from pathlib import Path

import pytest
from sqlalchemy import create_engine, insert

from storage.order_tables import Order
from storage.tables import Person
from tests.wxfleet.small_shop import open_shop
from tests.wxfleet.test_plan_commands import Shop, quiet_logs
from texts.problem import ExitCode

__all__ = ["quiet_logs"]  # the fixture is used by being here

STAFF = """staff:
  - {id: owner, name: 老板, role: owner}
  - {id: mei, name: 小美, role: service}
"""
PHONE = "13800001234"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shop:
    made = Shop(tmp_path, monkeypatch, capsys)
    open_shop(tmp_path, STAFF)
    assert made.wxfleet("db", "upgrade")[0] == ExitCode.OK
    engine = create_engine(f"sqlite:///{tmp_path / 'data' / 'wxfleet.db'}")
    with engine.begin() as tx:
        tx.execute(insert(Person).values(id=17, name="花花\x1b[31m\u202e坏", phone=PHONE, created_ms=0))
        order = {"number": "2202600000000000001", "member_name": "M1", "status": "done", "paid_fen": 9950}
        order |= {"person": 17, "receiver": "林小花", "phone": PHONE}
        tx.execute(insert(Order).values(order | {"created_ms": 0, "batch": 1}))
    engine.dispose()
    return made


def _count(shop: Shop, what: str) -> int:
    code, out, _ = shop.wxfleet("customers", "show", "17", "--json")
    assert code == ExitCode.OK
    return len(json.loads(out)[what])


def test_a_customer_is_shown_masked_and_whole_only_by_those_who_may_which_is_in_the_log(shop: Shop) -> None:
    code, out, _ = shop.wxfleet("customers", "show", "17")
    assert code == ExitCode.OK and "138****1234" in out and "林**" in out
    assert PHONE not in out and "林小花" not in out
    assert "\x1b" not in out and "\u202e" not in out
    code, out, err = shop.wxfleet("customers", "show", "17", "--reveal", "--as", "mei")
    assert (code, out) == (ExitCode.NOT_ALLOWED, "") and PHONE not in err
    code, out, _ = shop.wxfleet("customers", "show", "花花", "--reveal")
    assert code == ExitCode.OK and PHONE in out and "林小花" in out
    document = json.loads(shop.wxfleet("customers", "show", "17", "--reveal", "--json")[1])
    assert (document["phone"], document["last_order"]["receiver"]) == (PHONE, "林小花")
    exported = shop.wxfleet("customers", "export", "17", "--json")[1]
    revealed = [(row["staff"], row["outcome"]) for row in json.loads(exported)["audit"] if "reveal" in row["verb"]]
    assert revealed == [("mei", "refused"), ("owner", "done"), ("owner", "done")]


def test_fields_tags_and_notes_are_changed_by_the_number_of_the_entry(shop: Shop) -> None:
    assert shop.wxfleet("customers", "set", "17", "称呼=花花", "birthday=农历8月15", "尺码=M")[0] == ExitCode.OK
    assert shop.wxfleet("customers", "tag", "17", "老客", "大码")[0] == ExitCode.OK
    assert shop.wxfleet("customers", "tag", "17", "-r", "大码")[0] == ExitCode.OK
    assert shop.wxfleet("customers", "note", "17", "喜欢宽松的，尺码=M 也行")[0] == ExitCode.OK
    document = json.loads(shop.wxfleet("customers", "show", "17", "--json")[1])
    assert (document["call_me"], document["tags"], document["profile"]) == ("花花", ["老客"], {"size": "M"})
    assert document["birthday"] == {"date": "--08-15", "lunar": True}
    assert [note["text"] for note in document["notes"]] == ["喜欢宽松的，尺码=M 也行"]
    assert [past["by"] for past in document["history"]] == ["staff:owner"] * 6


def test_a_dry_run_answers_and_keeps_nothing(shop: Shop) -> None:
    for arguments in (("set", "17", "尺码=M"), ("tag", "17", "老客"), ("note", "17", "话")):
        code, out, err = shop.wxfleet("customers", *arguments, "--dry-run")
        assert code == ExitCode.OK and out and "没有写" in err
    assert (_count(shop, "history"), _count(shop, "tags"), _count(shop, "notes")) == (0, 0, 0)


def test_what_cannot_be_is_refused_with_the_way_out(shop: Shop) -> None:
    for arguments, code, words in (
        (("set", "17", "尺吗=M"), ExitCode.USAGE, "尺码"),
        (("set", "17", "M"), ExitCode.USAGE, "customers set"),
        (("set", "17", "生日=2月30"), ExitCode.USAGE, "没有这一天"),
        (("tag", "17"), ExitCode.USAGE, "/标签"),
        (("note", "17", " "), ExitCode.USAGE, "备注"),
        (("show", "99"), ExitCode.NOT_FOUND, "99"),
        (("tag", "99", "老客"), ExitCode.NOT_FOUND, "99"),
    ):
        ended, out, err = shop.wxfleet("customers", *arguments)
        assert (ended, out) == (code, "") and words in err, arguments
