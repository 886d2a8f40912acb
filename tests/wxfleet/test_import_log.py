"""Whoever imports or takes an import back stands in the log, with what it came to; who may not, as well."""

import sqlite3
from pathlib import Path

import pytest

from tests.customers.shop import export, order
from tests.wxfleet.small_shop import open_shop
from tests.wxfleet.test_plan_commands import Shop, quiet_logs
from texts.problem import ExitCode

__all__ = ["quiet_logs"]  # the fixture is used by being here

STAFF = "staff:\n  - {id: owner, name: 老板, role: owner}\n  - {id: mei, name: 小美, role: service}\n"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shop:
    made = Shop(tmp_path, monkeypatch, capsys)
    export(tmp_path / "orders.csv", [order(f"22026{number:014d}", "t***7") for number in range(2)])
    return made


def _log(shop: Shop) -> list[tuple[str, str, str]]:
    with sqlite3.connect(shop.folder / "data" / "wxfleet.db") as db:
        return db.execute("SELECT staff, verb, outcome FROM audit ORDER BY id").fetchall()


def test_imports_and_their_undo_are_in_the_log_and_a_dry_run_is_not(shop: Shop) -> None:
    open_shop(shop.folder, STAFF)
    assert shop.wxfleet("import", "orders", "orders.csv", "--dry-run")[0] == ExitCode.OK
    assert shop.wxfleet("import", "orders", "orders.csv", "--as", "mei")[0] == ExitCode.NOT_ALLOWED
    code, out, _ = shop.wxfleet("import", "orders", "orders.csv")
    assert (code, "其中 2 行的会员名打了码" in out) == (ExitCode.OK, True)
    assert shop.wxfleet("import", "undo", "1", "--as", "mei")[0] == ExitCode.NOT_ALLOWED
    assert shop.wxfleet("import", "undo", "1")[0] == ExitCode.OK
    assert shop.wxfleet("import", "undo", "1")[0] == ExitCode.REFUSED_BY_POLICY
    assert _log(shop) == [
        ("mei", "import orders", "refused"), ("owner", "import orders", "done"),
        ("mei", "import undo", "refused"), ("owner", "import undo", "done"), ("owner", "import undo", "refused"),
    ]  # fmt: skip


def test_a_shop_without_staff_imports_too_and_the_log_says_where(shop: Shop) -> None:
    assert shop.wxfleet("import", "orders", "orders.csv")[0] == ExitCode.OK
    assert _log(shop) == [("cli", "import orders", "done")]
