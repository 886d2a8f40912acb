"""Coupon pools and benefits from the terminal: filled, counted, masked; given, taken back, in the ledger."""

import json
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from sqlalchemy import create_engine, insert, select

from storage.campaign_tables import BenefitOffered, Campaign, CouponCode
from storage.staff_tables import Audit
from tests.wxfleet.test_plan_commands import Shop, quiet_logs
from tests.wxfleet.test_task_commands import shop
from texts.problem import ExitCode

__all__ = ["quiet_logs", "shop"]  # fixtures are used by being here
CODE = "XLCODE99887766"


def _json(shop: Shop, *words: str, code: int = ExitCode.OK) -> Any:
    found, out, err = shop.wxfleet(*words, "--json")
    assert found == code, err
    return json.loads(out)


@pytest.fixture
def campaign(shop: Shop) -> Shop:
    """A campaign that runs, with two benefits."""
    engine = create_engine(f"sqlite:///{shop.folder / 'data' / 'wxfleet.db'}")
    with engine.begin() as tx:
        row = {"name": "d11", "title": "双十一", "kind": "campaign", "state": "running", "spec": {}, "preview": {},
               "created_by": "cli", "created_ms": 0, "starts_ms": 0, "changed_ms": 0}  # fmt: skip
        tx.execute(insert(Campaign).values(id=5, **row))
        pin = {"campaign": 5, "name": "hairpin", "title": "缎面发夹", "units": 2, "per_person": 2, "value_fen": 1990}
        tx.execute(insert(BenefitOffered).values(pin))
        tx.execute(insert(BenefitOffered).values(campaign=5, name="ten", title="十元券", per_person=1, pool="双十一"))
    engine.dispose()
    return shop


def test_a_pool_is_filled_once_counted_and_shown_with_masked_codes(shop: Shop, tmp_path: Path) -> None:
    rows = (
        (CODE, "2099-12-31"),
        (CODE, "2099-12-31"),
        ("带 空格", "2099-12-31"),
        ("OLD1", "2020-01-01"),
        ("NEW12345678", ""),
    )
    lines = [f"{number},{code},{day}" for number, (code, day) in enumerate(rows, 1)]
    (tmp_path / "codes.csv").write_text("\n".join(["序号,券码,有效期至", *lines]), encoding="gb18030")
    tried = _json(shop, "coupons", "import", "codes.csv", "--pool", "双十一", "--dry-run", code=ExitCode.PARTLY_DONE)
    assert (tried["new"], tried["refused"]) == (2, 3)
    assert _json(shop, "coupons", "list") == []
    done = _json(shop, "coupons", "import", "codes.csv", "--pool", "双十一", code=ExitCode.PARTLY_DONE)
    assert (done["rows"], done["new"], done["known"], done["refused"]) == (5, 2, 0, 3)
    assert [error["row"] for error in done["errors"]] == [3, 4, 5]
    again = _json(shop, "coupons", "import", "codes.csv", "--pool", "双十一", code=ExitCode.PARTLY_DONE)
    assert (again["new"], again["known"]) == (0, 2)
    other = _json(shop, "coupons", "import", "codes.csv", "--pool", "别的", code=ExitCode.PARTLY_DONE)
    assert (other["new"], other["refused"]) == (0, 5)
    assert "码池“双十一”里" in other["errors"][-1]["reason"]
    (pool,) = _json(shop, "coupons", "list")
    assert (pool["pool"], pool["free"], pool["given"]) == ("双十一", 2, 0)
    code, out, _ = shop.wxfleet("coupons", "show", "双十一")
    assert code == ExitCode.OK and CODE not in out and "XL****66" in out
    assert CODE in shop.wxfleet("coupons", "show", "双十一", "--codes")[1]


def test_a_file_without_codes_and_a_pool_that_is_none_are_said_plainly(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "wrong.csv").write_text("订单编号,买家会员名\n1,a\n", encoding="utf-8")
    code, _, err = shop.wxfleet("coupons", "import", "wrong.csv", "--pool", "a")
    assert code != ExitCode.OK and "优惠码" in err
    code, _, err = shop.wxfleet("coupons", "show", "没有")
    assert code == ExitCode.NOT_FOUND and "coupons list" in err
    code, _, err = shop.wxfleet("coupons", "import", "wrong.csv", "--pool", "a", "--expires", "明天")
    assert code == ExitCode.USAGE and "2026-12-31" in err


def test_a_list_of_codes_and_a_workbook_are_read_too(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "codes.txt").write_text("AAA111\nBBB222\n\nAAA111\n", encoding="utf-8")
    done = _json(shop, "coupons", "import", "codes.txt", "--pool", "a", "--expires", "2099-12-31",
                 code=ExitCode.PARTLY_DONE)  # fmt: skip
    assert (done["new"], done["refused"]) == (2, 1)
    book = xlsxwriter.Workbook(tmp_path / "codes.xlsx")
    sheet = book.add_worksheet()
    for row, cells in enumerate([("兑换码",), ("CCC333",), (1234567890123456.0,), (12345678,)]):
        sheet.write_row(row, 0, cells)
    book.close()
    done = _json(shop, "coupons", "import", "codes.xlsx", "--pool", "a", code=ExitCode.PARTLY_DONE)
    assert (done["new"], done["refused"]) == (2, 1)
    assert "文本" in done["errors"][0]["reason"]


def test_a_benefit_is_given_within_its_stock_and_taken_back_by_a_line_of_its_own(campaign: Shop) -> None:
    given = _json(campaign, "benefits", "give", "双十一", "hairpin", "花花", "--units", "2", "--note", "补发")
    assert (given["units"], given["left"]) == (2, 0)
    code, _, err = campaign.wxfleet("benefits", "give", "d11", "hairpin", "小美")
    assert code == ExitCode.REFUSED_BY_POLICY and "一共 2 份，已经送了 2 份，还剩 0 份" in err
    assert campaign.wxfleet("benefits", "undo", str(given["line"]))[0] == ExitCode.OK
    code, _, err = campaign.wxfleet("benefits", "undo", str(given["line"]))
    assert code == ExitCode.REFUSED_BY_POLICY and "撤回过" in err
    assert _json(campaign, "benefits", "give", "5", "hairpin", "小美")["left"] == 1
    lines = _json(campaign, "benefits", "list", "--ledger")
    assert [(line["units"], line["reverses"], line["value_fen"]) for line in lines] == [
        (1, None, 1990), (-2, given["line"], -3980), (2, None, 3980),
    ]  # fmt: skip
    stock = {row["benefit"]: (row["units"], row["given"], row["left"]) for row in _json(campaign, "benefits", "list")}
    assert stock == {"hairpin": (2, 1, 1), "ten": (None, 0, None)}
    assert "缎面发夹" in campaign.wxfleet("benefits", "list")[1]
    assert campaign.wxfleet("benefits", "give", "d11", "nothing", "花花")[0] == ExitCode.REFUSED_BY_POLICY


def test_a_benefit_that_is_a_code_hands_one_out_and_the_log_does_not_show_it(campaign: Shop, tmp_path: Path) -> None:
    assert "没有能用的" in campaign.wxfleet("benefits", "give", "d11", "ten", "花花")[2]
    (tmp_path / "codes.txt").write_text(f"{CODE}\n", encoding="utf-8")
    assert campaign.wxfleet("coupons", "import", "codes.txt", "--pool", "双十一")[0] == ExitCode.OK
    assert _json(campaign, "benefits", "give", "d11", "ten", "花花")["code"] == CODE
    assert CODE not in campaign.wxfleet("benefits", "list", "--ledger")[1]
    assert CODE not in campaign.wxfleet("coupons", "show", "双十一")[1]
    engine = create_engine(f"sqlite:///{tmp_path / 'data' / 'wxfleet.db'}")
    with engine.connect() as connection:
        assert connection.execute(select(CouponCode.person)).scalar_one() == 17
        assert CODE not in repr(connection.execute(select(Audit.request, Audit.detail)).all())
    engine.dispose()
