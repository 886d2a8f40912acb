"""Customers from the terminal: an earlier tool's table comes in and goes out, names are worked off by a sheet."""

import csv
import json
from pathlib import Path

import pytest

from tests.customers.shop import export, order
from tests.wxfleet.small_shop import open_shop
from tests.wxfleet.test_plan_commands import Shop, quiet_logs
from texts.problem import ExitCode

__all__ = ["quiet_logs"]  # the fixture is used by being here

STAFF = "staff:\n  - {id: owner, name: 老板, role: owner}\n  - {id: guest, name: 看客, role: viewer}\n"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shop:
    made = Shop(tmp_path, monkeypatch, capsys)
    open_shop(tmp_path, STAFF)
    return made


def test_a_table_of_customers_comes_in_by_its_own_headers_and_goes_out_again(shop: Shop) -> None:
    (shop.folder / "old.csv").write_bytes("谁,电话号,标签\n花花,13800001234,老客\n小叶,138,\n".encode("gb18030"))
    code, _, err = shop.wxfleet("import", "customers", "old.csv")
    assert (code, "--map" in err) == (ExitCode.FAILURE, True)
    mapped = ("--map", "谁=姓名", "--map", "电话号=手机", "--save-mapping")
    told = ("rows", "new", "refused", "batch")
    code, out, _ = shop.wxfleet("import", "customers", "old.csv", *mapped, "--dry-run", "--json")
    assert (code, [json.loads(out)[key] for key in told]) == (ExitCode.PARTLY_DONE, [2, 1, 1, None])
    code, out, _ = shop.wxfleet("import", "customers", "old.csv", *mapped, "--json")
    done = json.loads(out)
    assert (code, [done[key] for key in told]) == (ExitCode.PARTLY_DONE, [2, 1, 1, 1])
    assert [(error["row"], error["column"]) for error in done["errors"]] == [(3, "电话号")]
    assert "11 位手机号" in (shop.folder / "old.没导入的行.csv").read_text(encoding="utf-8-sig")
    _, out, _ = shop.wxfleet("import", "customers", "old.csv", "--json")
    assert [json.loads(out)[key] for key in (*told, "unchanged")] == [2, 0, 1, None, 1]
    assert shop.wxfleet("import", "customers", "old.csv", "--as", "guest")[0] == ExitCode.NOT_ALLOWED
    assert shop.wxfleet("import", "customers", "old.csv", "--account", "lin-2")[0] == ExitCode.NOT_FOUND
    _, out, _ = shop.wxfleet("import", "undo", "1", "--json")
    assert json.loads(out)["restored"] == 1
    assert json.loads(shop.wxfleet("customers", "find", "花花", "--json")[1]) == []


def test_people_without_a_name_are_listed_by_worth_and_named_by_the_sheet_they_came_in(shop: Shop) -> None:
    shop.wxfleet("db", "upgrade")
    nicknames = ("花花🌸", "AAA建材", "13800001234", "=老公")
    for number, nickname in enumerate(nicknames, 1):
        shop.set(
            "INSERT INTO people (id, name, level, kind, orders, net_paid_fen, created_ms)"
            " VALUES (?, ?, 'VIP1', 'customer', ?, ?, 0)",
            number, nickname, number, number * 1000,
        )  # fmt: skip
        shop.set(
            "INSERT INTO friendships (account, contact, person, nickname, alias, state, origin, since_ms, photos)"
            " VALUES ('lin-1', ?, ?, ?, '', 'friend', 'listed', 0, 0)",
            f"wxid_{number}", number, nickname,
        )  # fmt: skip
    _, out, _ = shop.wxfleet("customers", "names", "--json")
    assert [(one["id"], one["orders"], one["net_paid"]) for one in json.loads(out)] == [
        (4, 4, 40),
        (3, 3, 30),
        (2, 2, 20),
    ]
    _, out, err = shop.wxfleet("customers", "names", "--limit", "1")
    assert ("#4" in out, "#3" in out, "/客户 #4 称呼=" in err) == (True, False, True)
    assert shop.wxfleet("customers", "names", "-o", "names.txt")[0] == ExitCode.USAGE
    assert shop.wxfleet("customers", "names", "-o", "names.csv")[0] == ExitCode.OK
    place = shop.folder / "names.csv"
    with place.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["昵称"] for row in rows] == ["'=老公", "138****1234", "AAA建材"]
    rows[0]["称呼"], rows[2]["称呼"] = "阿成", "建哥"
    with place.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    _, out, _ = shop.wxfleet("import", "customers", "names.csv", "--json")
    done = json.loads(out)
    assert (done["changed"], done["unchanged"], done["errors"]) == (2, 1, [])
    assert [one["id"] for one in json.loads(shop.wxfleet("customers", "names", "--json")[1])] == [3]
    assert json.loads(shop.wxfleet("customers", "find", "阿成", "--json")[1])[0]["call_me"] == "阿成"


def test_the_report_lies_beside_the_file_whose_rows_were_refused(shop: Shop) -> None:
    (shop.folder / "a.csv").write_text("姓名,手机\n花花,13800001234\n", encoding="utf-8")
    (shop.folder / "b.csv").write_text("姓名,手机\n小叶,138\n", encoding="utf-8")
    assert shop.wxfleet("import", "customers", "a.csv", "b.csv")[0] == ExitCode.PARTLY_DONE
    assert (shop.folder / "b.没导入的行.csv").exists() and not (shop.folder / "a.没导入的行.csv").exists()
    code, out, _ = shop.wxfleet("import", "customers", "b.csv")
    assert (code, "一行都没导入" in out, "没有新内容" in out) == (ExitCode.PARTLY_DONE, True, False)


def test_what_lies_in_a_folder_and_is_no_export_is_named_and_the_rest_goes_in(shop: Shop) -> None:
    folder = shop.folder / "exports"
    folder.mkdir()
    export(folder / "orders.csv", [order("2202600000000000017", "xl_hua"), order("2202600000000000018", "xl_ye")])
    (folder / "说明.txt").write_text("十一月的订单都在这里\n", encoding="utf-8")
    (folder / "~$orders.xlsx").write_bytes(b"x")
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / "截图.png").write_bytes(b"\x89PNG")
    code, out, _ = shop.wxfleet("import", "orders", "exports")
    assert code == ExitCode.OK
    assert all(name in out for name in ("说明.txt", "~$orders.xlsx", ".DS_Store", "截图.png"))
    assert ("新增 2" in out, "2 单还不知道是谁的" in out, "/绑定" in out) == (True, True, True)
    # A table that is none of ours may have been meant: the rest goes in, and scripts hear of it.
    (folder / "库存.csv").write_text("货号,数量\n1,2\n", encoding="utf-8")
    code, out, _ = shop.wxfleet("import", "orders", "exports", "--json")
    told = json.loads(out)
    assert (code, told["unchanged"]) == (ExitCode.PARTLY_DONE, 2)
    assert [Path(one["file"]).name for one in told["left_out"] if one["doubtful"]] == ["库存.csv"]
    # Named by itself it is refused as ever, and so is a folder with nothing else.
    assert shop.wxfleet("import", "orders", "exports/库存.csv")[0] == ExitCode.FAILURE
    (folder / "orders.csv").unlink()
    assert shop.wxfleet("import", "orders", "exports")[0] == ExitCode.FAILURE


def test_an_import_says_how_many_orders_found_their_person(shop: Shop) -> None:
    shop.wxfleet("db", "upgrade")
    shop.set(
        "INSERT INTO people (id, name, member_name, level, kind, orders, net_paid_fen, created_ms)"
        " VALUES (1, '花花', 'xl_hua', 'friend', 'customer', 0, 0, 0)"
    )
    export(shop.folder / "o.csv", [order("2202600000000000017", "xl_hua"), order("2202600000000000018", "xl_ye")])
    for options in (("--dry-run",), ()):
        _, out, _ = shop.wxfleet("import", "orders", "o.csv", *options)
        assert "1 单认出了是谁的，1 单还不知道是谁的" in out
    export(shop.folder / "o.csv", [order("2202600000000000019", "xl_hua")])
    assert "1 单都认出了是谁的" in shop.wxfleet("import", "orders", "o.csv")[1]


def test_another_ladder_holds_for_everybody_with_the_next_import(shop: Shop) -> None:
    shop.wxfleet("db", "upgrade")
    for first in range(1, 3_002, 500):
        rows = ", ".join(f"({id}, '', 'friend', 'customer', 0, 1, 10000)" for id in range(first, first + 500))
        shop.set(f"INSERT INTO people (id, name, level, kind, created_ms, orders, net_paid_fen) VALUES {rows}")
    export(shop.folder / "o.csv", [order("2202600000000000017", "xl_hua")])
    assert "试算" in shop.wxfleet("import", "orders", "o.csv", "--dry-run")[1]
    assert shop.all("SELECT DISTINCT level FROM people") == [("friend",)]  # only tried
    _, _, err = shop.wxfleet("import", "orders", "o.csv")
    assert "所有人的等级" in err
    assert shop.all("SELECT DISTINCT level FROM people") == [("VIP1",)]
    easier = (shop.folder / "ladder.yaml").read_text(
        encoding="utf-8"
    ) + "  - {id: VIP2, name: 常客, from_net_yuan: 50}\n"
    (shop.folder / "ladder.yaml").write_text(easier, encoding="utf-8")
    _, _, err = shop.wxfleet("import", "orders", "o.csv")
    assert "所有人的等级" in err
    assert shop.all("SELECT DISTINCT level FROM people") == [("VIP2",)]
    assert "所有人的等级" not in shop.wxfleet("import", "orders", "o.csv")[2]


def test_of_many_who_may_be_meant_the_first_are_listed_and_the_way_on(shop: Shop) -> None:
    shop.wxfleet("db", "upgrade")
    for number in range(1, 23):
        shop.set(
            "INSERT INTO people (id, name, level, kind, orders, net_paid_fen, created_ms)"
            " VALUES (?, ?, 'friend', 'customer', 0, 0, 0)",
            number, f"花{number:02d}",
        )  # fmt: skip
    code, out, err = shop.wxfleet("customers", "show", "花")
    assert (code, out) == (ExitCode.USAGE, "")
    assert ("共 22 位，先列 5 位" in err, "wxfleet customers find 花" in err) == (True, True)
    assert err.count("\n#") == 5


def test_a_trial_of_taking_back_an_erased_merge_says_no_and_why(shop: Shop) -> None:
    export(shop.folder / "o.csv", [order("2202600000000000017", "xl_hua")])
    shop.wxfleet("import", "orders", "o.csv")
    (shop.folder / "c.csv").write_text("会员名,手机\nxl_hua,13800001234\n小叶,13900001111\n", encoding="utf-8")
    shop.wxfleet("import", "customers", "c.csv")
    assert shop.wxfleet("customers", "merge", "1", "2")[0] == ExitCode.OK
    code, out, _ = shop.wxfleet("customers", "unmerge", "1", "--dry-run", "--json")
    assert (code, [one["undone_by"] for one in json.loads(out)]) == (ExitCode.OK, [None])
    shop.wxfleet("customers", "erase", "1", "--yes")
    tried, done = (shop.wxfleet("customers", "unmerge", "1", *options) for options in (("--dry-run",), ()))
    assert tried == done
    assert (tried[0], "拆不回去" in tried[2]) == (ExitCode.REFUSED_BY_POLICY, True)
