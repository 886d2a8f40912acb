"""What people and programs make of numbers, amounts and moments on their way into a sheet."""

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.imports.cells import RowRefused, fen_of, moment_of
from customers.imports.order_columns import COLUMNS
from customers.imports.order_files import OrderOptions, open_files
from customers.imports.order_rows import order_number, read_row
from customers.order import OrderRow
from tests.customers.shop import export, order

BEIJING = ZoneInfo("Asia/Shanghai")
NUMBER = "2202612345678901234"


@pytest.mark.parametrize(
    "written",
    ["2026-03-05 09:01:00", "2026/3/5 9:01", "2026-3-5 9:01:00", "2026.3.5 9:01", "2026年3月5日 9点01分",
     "2026-03-05T09:01:00", "2026/3/5 上午9:01", "２０２６-０３-０５ ０９：０１：００", "2026/3/5 9:01 AM",
     46086.375694444445, "46086.375694444445"],
)  # fmt: skip
def test_one_moment_in_many_hands(written: str | float) -> None:
    assert moment_of("x", written) == datetime(2026, 3, 5, 9, 1, tzinfo=BEIJING).timestamp() * 1000


@given(st.integers(min_value=0, max_value=90 * 365 * 86_400))
def test_every_second_comes_back_as_it_was_written(seconds: int) -> None:
    moment = datetime(2010, 1, 1, tzinfo=BEIJING) + timedelta(seconds=seconds)
    expected = round(moment.timestamp() * 1000)
    serial = (moment - datetime(1899, 12, 30, tzinfo=BEIJING)).total_seconds() / 86_400
    for written in (
        f"{moment:%Y-%m-%d %H:%M:%S}",
        f"{moment:%Y/%m/%d %H:%M:%S}",
        f"{moment:%Y年%m月%d日 %H时%M分%S秒}",
        serial,
    ):
        assert moment_of("x", written) == expected


@pytest.mark.parametrize(
    "wrong", ["2026-02-30 10:00:00", "2026-03-05 24:00:00", "1970-01-01", "昨天", "5", 1e12, "2026-13-01"]
)
def test_what_is_no_moment_is_refused(wrong: str | float) -> None:
    with pytest.raises(RowRefused):
        moment_of("订单创建时间", wrong)


@pytest.mark.parametrize(
    ("written", "fen"),
    [("￥1,259.00", 125900), ("¥ 12.5", 1250), ("１２．５", 1250), ("1，000", 100000), ("99元", 9900), ("'88.80", 8880),
     (59.900000000000006, 5990), (12.0, 1200), ("0", 0), ("无退款申请", 0), ("--", 0), (None, 0)],
)  # fmt: skip
def test_amounts_however_they_are_decorated(written: str | float | None, fen: int) -> None:
    assert fen_of("退款金额", written, absent=0) == fen


@pytest.mark.parametrize("wrong", ["-5", "一百", "99999999999", "nan", "1e400", ""])
def test_what_is_no_amount_is_refused(wrong: str) -> None:
    with pytest.raises(RowRefused):
        fen_of("买家实际支付金额", wrong)


@pytest.mark.parametrize(
    "written", [f'="{NUMBER}"', f"'{NUMBER}", f"{NUMBER}\t", "２２０２６１２３４５６７８９０１２３４", NUMBER]
)
def test_a_number_keeps_every_digit(written: str) -> None:
    assert order_number(written) == NUMBER


@pytest.mark.parametrize("rounded", ["2.20261E+18", 2.2026123456789012e18, "2.2e18"])
def test_a_rounded_number_is_refused_with_the_cure(rounded: str | float) -> None:
    with pytest.raises(RowRefused) as refused:
        order_number(rounded)
    assert "原始导出" in refused.value.reason


def test_a_short_number_that_a_spreadsheet_holds_exactly_is_believed() -> None:
    assert order_number(123456789012345.0) == "123456789012345"


def test_a_file_whose_numbers_all_end_in_zeros_went_through_a_spreadsheet(tmp_path: Path) -> None:
    """One such number may be honest; when all are, the digits are gone."""

    def read(numbers: list[str]) -> list[bool]:
        file = export(tmp_path / "a.csv", [order(number, "花花") for number in numbers])
        (opened,), _ = open_files([file], OrderOptions(), frozenset())
        return [isinstance(row, OrderRow) for block in opened.blocks(lambda: 10) for row in block]

    zeros = [f"22026123456{n:04d}0000" for n in range(5)]
    assert read(zeros) == [False] * 5
    assert read([*zeros[:4], NUMBER]) == [True] * 5
    assert read(zeros[:1]) == [True]


def test_titles_stand_apart_by_the_wide_comma_each_once() -> None:
    row = order(NUMBER, "花花", 宝贝标题="连衣裙，围巾，连衣裙", 宝贝种类="2")
    assert read_row(row).titles == '["\\u8fde\\u8863\\u88d9", "\\u56f4\\u5dfe"]'
    assert read_row({**row, "宝贝标题": "裙子，春款", "宝贝种类": "1"}).titles.count('"') == 2


def test_no_two_columns_share_a_name() -> None:
    names = [name for column, others in COLUMNS.items() for name in (column, *others)]
    assert len(names) == len(set(names))
