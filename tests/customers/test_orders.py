"""Order exports as the shop writes them: whole, twice, damaged, and when they are something else."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from customers.errors import NotAnOrderExport
from customers.imports.cells import RowRefused
from customers.imports.order_columns import COLUMNS
from customers.imports.order_rows import read_row
from customers.imports.orders import import_orders
from customers.order import OrderRow
from customers.standing.ladder import STANDARD, Ladder, Level, keep
from customers.standing.levels import adopt_ladder
from customers.standing.purchases import link_orders, recompute
from storage.engine import Database
from storage.order_tables import ImportBatch, Order
from tests.customers.shop import export, look, order, person
from texts.errors import TableUnreadable

NUMBERS = [f"22026{n:014d}" for n in range(100)]  # 19 digits


async def _orders(db: Database) -> dict[str, Any]:
    async with db.read() as connection:
        return {row.number: row for row in (await connection.execute(select(Order.__table__))).all()}


async def test_the_same_file_twice_changes_nothing(database: Database, tmp_path: Path) -> None:
    file = export(tmp_path / "orders.csv", [order(NUMBERS[0], "花花"), order(NUMBERS[1], "小叶", "59.5")])
    first = await import_orders(database, [file], now_ms=1)
    before = await _orders(database)
    again = await import_orders(database, [file], now_ms=2)
    assert (first.rows, first.new, first.changed, first.unchanged, first.refused) == (2, 2, 0, 0, 0)
    assert (again.rows, again.new, again.changed, again.unchanged, again.refused) == (2, 0, 0, 2, 0)
    assert again.batch is None
    assert await _orders(database) == before
    assert before[NUMBERS[1]].paid_fen == 5950


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8-sig", "utf-8", "utf-16"])
async def test_any_encoding_that_excel_writes_is_read(sqlite_database: Database, tmp_path: Path, encoding: str) -> None:
    file = export(tmp_path / "orders.csv", [order(NUMBERS[0], "花花")], encoding)
    await import_orders(sqlite_database, [file], now_ms=1)
    assert (await _orders(sqlite_database))[NUMBERS[0]].member_name == "花花"


async def test_a_dry_run_counts_the_same_and_writes_nothing(database: Database, tmp_path: Path) -> None:
    rows = [order(NUMBERS[0], "花花"), order(NUMBERS[0], "花花", "80"), order("12345", "谁"), order(NUMBERS[1], "叶")]
    file = export(tmp_path / "orders.csv", rows)
    dry = await import_orders(database, [file, file], dry_run=True, now_ms=1)
    assert await _orders(database) == {}
    real = await import_orders(database, [file, file], now_ms=1)
    assert {**dry.as_json(), "batch": 0} == {**real.as_json(), "batch": 0}
    assert dry.batch is None
    assert real.rows == real.new + real.changed + real.unchanged + real.refused


async def test_purchases_are_paid_orders_less_refunds_and_lead_up_the_ladder(
    database: Database, tmp_path: Path
) -> None:
    hua = await person(database, member_name="花花")
    rows = [
        order(NUMBERS[0], "花花", "200", "交易成功"),
        order(NUMBERS[1], "花花", "150", "卖家已发货，等待买家确认", 退款金额="40.00"),
        order(NUMBERS[2], "花花", "900", "等待买家付款"),
        order(NUMBERS[3], "花花", "900", "交易关闭"),
        order(NUMBERS[4], "花花", "70", "买家已付款，等待卖家发货", 退款金额="70"),
    ]
    await import_orders(database, [export(tmp_path / "a.csv", rows)], now_ms=1)
    row = await look(database, hua)
    assert (row.orders, row.net_paid_fen, row.level) == (2, 31_000, "VIP2")
    refunded = [order(NUMBERS[1], "花花", "150", "交易成功", 退款金额="140")]
    result = await import_orders(database, [export(tmp_path / "b.csv", refunded)], now_ms=2)
    row = await look(database, hua)
    assert (result.changed, row.orders, row.net_paid_fen, row.level) == (1, 2, 21_000, "VIP1")


async def test_who_returned_everything_is_a_friend_again(database: Database, tmp_path: Path) -> None:
    hua = await person(database, member_name="花花")
    await import_orders(database, [export(tmp_path / "a.csv", [order(NUMBERS[0], "花花")])], now_ms=1)
    assert (await look(database, hua)).level == "VIP1"
    closed = [order(NUMBERS[0], "花花", status="交易关闭")]
    await import_orders(database, [export(tmp_path / "b.csv", closed)], now_ms=2)
    row = await look(database, hua)
    assert (row.level, row.orders, row.net_paid_fen, row.last_order_ms) == ("friend", 0, 0, None)


async def test_an_order_whose_member_changed_leaves_its_former_owner(database: Database, tmp_path: Path) -> None:
    hua = await person(database, member_name="花花")
    ye = await person(database, member_name="小叶")
    await import_orders(database, [export(tmp_path / "a.csv", [order(NUMBERS[0], "花花")])], now_ms=1)
    await import_orders(database, [export(tmp_path / "b.csv", [order(NUMBERS[0], "小叶")])], now_ms=2)
    assert ((await look(database, hua)).orders, (await look(database, ye)).orders) == (0, 1)
    await import_orders(database, [export(tmp_path / "c.csv", [order(NUMBERS[0], "生人")])], now_ms=3)
    assert ((await look(database, ye)).orders, (await _orders(database))[NUMBERS[0]].person) == (0, None)


async def test_a_bad_row_is_refused_with_its_place_and_the_others_go_on(
    sqlite_database: Database, tmp_path: Path
) -> None:
    rows = [
        order("", "花花") | {"订单编号": "2.20260001E+18"},
        order(NUMBERS[0], ""),
        order(NUMBERS[1], "花花", status="奇怪的状态"),
        order(NUMBERS[2], "花花", "一百"),
        order(NUMBERS[3], "花花", 订单创建时间="昨天"),
        order(NUMBERS[5], "花花"),
    ]
    result = await import_orders(sqlite_database, [export(tmp_path / "orders.csv", rows)], now_ms=1)
    assert [(error.row, error.column) for error in result.errors] == [
        (2, "订单编号"), (3, "买家会员名"), (4, "订单状态"),
        (5, "买家实际支付金额"), (6, "订单创建时间"),
    ]  # fmt: skip
    assert "Excel" in result.errors[0].reason
    assert set(await _orders(sqlite_database)) == {NUMBERS[5]}
    assert result.as_json()["errors"][0]["column"] == "订单编号"


def test_a_number_that_a_spreadsheet_rounded_is_refused_with_the_cure() -> None:
    with pytest.raises(RowRefused) as refused:
        read_row({**order(NUMBERS[0], "花花"), "订单编号": 2.2026000000000001e18})
    assert "原始导出" in refused.value.reason


@pytest.mark.parametrize("written", [NUMBERS[0], f"'{NUMBERS[0]}", f'="{NUMBERS[0]}"', f"{NUMBERS[0]}\t"])
def test_order_numbers_keep_every_digit_however_they_are_quoted(written: str) -> None:
    assert read_row({**order(NUMBERS[0], "花花"), "订单编号": written}).number == NUMBERS[0]


def test_a_masked_phone_is_no_phone() -> None:
    assert read_row({**order(NUMBERS[0], "花花")}).phone == ""
    assert read_row({**order(NUMBERS[0], "花花"), "联系手机": "'+86 138-0000-1234"}).phone == "13800001234"


def test_times_of_the_export_are_beijing_time() -> None:
    row = read_row({**order(NUMBERS[0], "花花"), "订单付款时间": "2026/11/1 20:05"})
    assert (row.created_ms, row.paid_ms) == (1_793_534_400_000, 1_793_534_700_000)


_cell = st.one_of(st.none(), st.text(max_size=30), st.floats())


@given(st.dictionaries(st.sampled_from(sorted(COLUMNS)), _cell))
def test_whatever_stands_in_a_row_it_is_an_order_or_refused(cells: dict[str, Any]) -> None:
    try:
        row = read_row(cells)
    except RowRefused as refused:
        assert refused.reason and refused.column in COLUMNS
    else:
        assert isinstance(row, OrderRow) and row.number.isdigit() and row.paid_fen >= 0


async def test_a_table_of_something_else_is_named_with_what_it_lacks(sqlite_database: Database, tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    file.write_text("买家会员名,联系手机,订单状态\n花花,13800000000,好\n", encoding="utf-8")
    with pytest.raises(NotAnOrderExport, match="订单编号"):
        await import_orders(sqlite_database, [file], now_ms=1)


async def test_a_file_that_is_no_table_stops_the_import_before_anything_is_written(
    sqlite_database: Database, tmp_path: Path
) -> None:
    good = export(tmp_path / "orders.csv", [order(NUMBERS[0], "花花")])
    picture = tmp_path / "orders2.csv"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    with pytest.raises(TableUnreadable):
        await import_orders(sqlite_database, [good, picture], now_ms=1)
    assert await _orders(sqlite_database) == {}


async def test_a_batch_says_what_it_did(sqlite_database: Database, tmp_path: Path) -> None:
    file = export(tmp_path / "orders.csv", [order(number, "花花") for number in NUMBERS])
    result = await import_orders(sqlite_database, [file], now_ms=7)
    async with sqlite_database.read() as connection:
        batch = (await connection.execute(select(ImportBatch.__table__))).one()
    assert (batch.id, batch.kind, batch.counts["new"]) == (result.batch, "orders", 100)
    assert {row.batch for row in (await _orders(sqlite_database)).values()} == {result.batch}


@given(
    net_fen=st.integers(min_value=0, max_value=100_000),
    orders=st.integers(min_value=0, max_value=5),
)
def test_more_bought_never_means_a_lower_level(net_fen: int, orders: int) -> None:
    rungs = [level.id for level in STANDARD.levels]
    here = rungs.index(STANDARD.level_of(net_fen, orders))
    assert rungs.index(STANDARD.level_of(net_fen + 100, orders + 1)) >= here
    assert (here == 0) == (orders == 0)


async def test_a_changed_ladder_moves_everybody_at_once(database: Database, tmp_path: Path) -> None:
    hua = await person(database, member_name="花花")
    await import_orders(database, [export(tmp_path / "a.csv", [order(NUMBERS[0], "花花", "200")])], now_ms=1)
    assert (await look(database, hua)).level == "VIP1"
    easier = Ladder(levels=(Level(id="friend"), Level(id="silver", from_net_yuan=Decimal(150))))
    async with database.write() as tx:
        assert await adopt_ladder(tx, easier, 2)
        assert not await adopt_ladder(tx, easier, 3)
    assert (await look(database, hua)).level == "silver"


async def test_sql_and_python_agree_on_every_level(database: Database) -> None:
    async with database.write() as tx:
        await keep(tx, STANDARD, 1)
        for fen in (1, 29_999, 30_000, 30_001):
            name = f"m{fen}"
            await tx.execute(Order.__table__.insert().values(
                number=str(fen), member_name=name, status="done", paid_fen=fen, refund_fen=0, created_ms=1, batch=1,
                items="", item_count=1, receiver="", phone="",
            ))  # fmt: skip
    ids = {fen: await person(database, member_name=f"m{fen}") for fen in (1, 29_999, 30_000, 30_001)}
    async with database.write() as tx:
        assert await link_orders(tx) == 4
        await recompute(tx, now_ms=1)
    for fen, who in ids.items():
        assert (await look(database, who)).level == STANDARD.level_of(fen, 1)
