"""Imports taken back, repeated after they were cut off, and never going back to what was before."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, update

from customers.errors import NoSuchBatch, OtherShop, UndoRefused
from customers.imports import orders
from customers.imports.import_batches import batches, counts_of
from customers.imports.import_undo import undo_import
from customers.imports.mappings import mapping_of, save_mapping, saved_mapping
from customers.imports.order_columns import COLUMNS
from customers.imports.order_files import OrderOptions
from customers.imports.orders import import_orders
from customers.merging.claims import claim
from customers.merging.merging import merge
from storage.customer_tables import OrderVersion
from storage.engine import Database
from storage.order_tables import Claim, ImportBatch, Order
from storage.tables import Person
from tests.customers.shop import export, look, order, person
from texts.problem import ExitCode

NUMBERS = [f"22026{n:013d}7" for n in range(40)]
STATUSES = ("等待买家付款", "买家已付款，等待卖家发货", "卖家已发货，等待买家确认", "交易成功", "交易关闭")


async def _everything(db: Database) -> tuple[Any, ...]:
    """All orders, and what people bought by them."""
    counted = (Person.id, Person.orders, Person.net_paid_fen, Person.first_order_ms, Person.last_order_ms, Person.level)
    async with db.read() as connection:
        rows = (await connection.execute(select(Order.__table__).order_by(Order.number))).all()
        people = (await connection.execute(select(*counted).order_by(Person.id))).all()
        return [row._asdict() | {"titles": json.dumps(row.titles)} for row in rows], people


async def test_an_import_is_taken_back_exactly_and_only_once(database: Database, tmp_path: Path) -> None:
    await person(database, member_name="花花")
    await person(database, member_name="小叶")
    first = export(tmp_path / "a.csv", [order(NUMBERS[0], "花花"), order(NUMBERS[1], "小叶", "400", 宝贝标题="裙，衫")])
    await import_orders(database, [first], now_ms=1)
    before = await _everything(database)
    changes = [order(NUMBERS[0], "小叶"), order(NUMBERS[1], "小叶", "400", 退款金额="390"), order(NUMBERS[2], "花花")]
    result = await import_orders(database, [export(tmp_path / "b.csv", changes)], now_ms=2)
    assert (result.new, result.changed) == (1, 2)
    assert await _everything(database) != before
    assert await undo_import(database, result.batch or 0, by="cli", now_ms=3, dry_run=True) == 3
    assert await undo_import(database, result.batch or 0, by="cli", now_ms=3) == 3
    assert await _everything(database) == before
    with pytest.raises(UndoRefused, match="已经撤销") as refused:
        await undo_import(database, result.batch or 0, by="cli", now_ms=4)
    assert refused.value.exit_code is ExitCode.REFUSED_BY_POLICY
    with pytest.raises(NoSuchBatch):
        await undo_import(database, 99, by="cli", now_ms=4)


async def test_what_a_later_import_changed_must_be_undone_first(sqlite_database: Database, tmp_path: Path) -> None:
    db = sqlite_database
    steps = ("等待买家付款", "买家已付款，等待卖家发货", "交易成功")
    for place, status in enumerate(steps, 1):
        await import_orders(
            db, [export(tmp_path / f"{place}.csv", [order(NUMBERS[0], "花花", status=status)])], now_ms=place
        )
    with pytest.raises(UndoRefused) as refused:
        await undo_import(db, 1, by="cli", now_ms=9)
    assert "wxfleet import undo 2" in refused.value.hint
    for batch in (3, 2, 1):
        assert await undo_import(db, batch, by="cli", now_ms=9) == 1
    assert (await _everything(db))[0] == []
    async with db.read() as connection:
        assert [row.undone_ms for row in await batches(connection)] == [9, 9, 9]


async def test_an_older_export_does_not_undo_what_is_known(database: Database, tmp_path: Path) -> None:
    new = export(
        tmp_path / "new.csv", [order(NUMBERS[0], "花花", "100", 退款金额="30", 订单付款时间="2026-11-02 10:00:00")]
    )
    old = export(tmp_path / "old.csv", [order(NUMBERS[0], "花花", "100", "卖家已发货，等待买家确认")])
    await import_orders(database, [new], now_ms=1)
    before = await _everything(database)
    result = await import_orders(database, [old], now_ms=2)
    assert (result.unchanged, result.older, result.batch) == (1, 1, None)
    assert await _everything(database) == before
    taken = await import_orders(database, [old], OrderOptions(overwrite=True), now_ms=3)
    assert taken.changed == 1
    # Both at once, in whatever order: the same as one after the other.
    for files in ([new, old], [old, new]):
        again = await import_orders(database, files, now_ms=4)
        assert (again.rows, again.new + again.changed + again.unchanged) == (2, 2)
    assert (await _everything(database))[0][0]["refund_fen"] == 3000


async def test_a_column_that_the_export_lacks_says_nothing(sqlite_database: Database, tmp_path: Path) -> None:
    await import_orders(
        sqlite_database,
        [
            export(
                tmp_path / "a.csv", [order(NUMBERS[0], "花花", 宝贝标题="裙", 联系手机="13800001234", 店铺名称="小林")]
            )
        ],
        now_ms=1,
    )
    short = tmp_path / "b.csv"
    said = "花花,交易成功,100,2026-11-01 20:00"
    lines = [
        "订单编号,买家会员名,订单状态,买家实际支付金额,订单创建时间",
        f"'{NUMBERS[0]},{said}",
        f"'{NUMBERS[1]},{said}",
    ]
    short.write_text("\n".join(lines), encoding="utf-8")
    result = await import_orders(sqlite_database, [short], now_ms=2)
    assert (result.new, result.unchanged) == (1, 1)


async def test_two_imports_of_one_file_at_once_bring_each_order_once(database: Database, tmp_path: Path) -> None:
    hua = await person(database, member_name="花花")
    file = export(tmp_path / "a.csv", [order(number, "花花") for number in NUMBERS])
    both = await asyncio.gather(*(import_orders(database, [file], now_ms=1) for _ in range(2)))
    assert sum(result.new for result in both) == len(NUMBERS) == sum(result.unchanged for result in both)
    assert (await look(database, hua)).orders == len(NUMBERS)


class _Cut(Exception):
    """The process dies here."""


@pytest.mark.parametrize("dies_after", [1, 2])
async def test_an_import_that_was_cut_off_is_repeated_or_undone_and_nothing_is_double(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_after: int
) -> None:
    await person(database, member_name="花花")
    old = [order(number, "花花", status="等待买家付款") for number in NUMBERS[:5]]
    await import_orders(database, [export(tmp_path / "a.csv", old)], now_ms=1)
    before = await _everything(database)
    monkeypatch.setattr(orders, "FIRST_ROWS", 4)
    monkeypatch.setattr(orders, "MOST_ROWS", 4)
    file = export(tmp_path / "b.csv", [order(number, "花花") for number in NUMBERS[:12]])
    with pytest.raises(_Cut):
        await import_orders(database, [file], now_ms=2, on_progress=_dying(dies_after))
    half = await _everything(database)
    assert len(half[0]) == max(5, 4 * dies_after)
    assert half[1][0].orders == 0
    await undo_import(database, 2, by="cli", now_ms=3)
    assert await _everything(database) == before
    with pytest.raises(_Cut):
        await import_orders(database, [file], now_ms=4, on_progress=_dying(dies_after))
    rest = await import_orders(database, [file], now_ms=5)
    assert rest.unchanged == 4 * dies_after
    rows, people = await _everything(database)
    assert (len(rows), people[0].orders) == (12, 12)


def _dying(after: int) -> orders.OnProgress:
    calls = iter(range(1, 99))

    def progress(file: str, done: float, rows: int) -> None:
        if next(calls) == after:
            raise _Cut

    return progress


async def test_an_undo_that_was_cut_off_is_repeated(sqlite_database: Database, tmp_path: Path) -> None:
    await person(sqlite_database, member_name="花花")
    await import_orders(sqlite_database, [export(tmp_path / "a.csv", [order(NUMBERS[0], "花花")])], now_ms=1)
    before = await _everything(sqlite_database)
    rows = [order(NUMBERS[0], "花花", status="交易关闭"), order(NUMBERS[1], "花花")]
    await import_orders(sqlite_database, [export(tmp_path / "b.csv", rows)], now_ms=2)
    pauses = 0

    async def die() -> None:
        nonlocal pauses
        pauses += 1
        if pauses == 3:  # the changed one is back, the new one is gone, nobody was counted yet
            raise _Cut

    with pytest.raises(_Cut):
        await undo_import(sqlite_database, 2, by="cli", now_ms=3, breathe=die)
    await undo_import(sqlite_database, 2, by="cli", now_ms=4)
    assert await _everything(sqlite_database) == before


async def test_orders_of_somebody_merged_meanwhile_go_back_to_who_they_are_now(
    sqlite_database: Database, tmp_path: Path
) -> None:
    hua, ye = await person(sqlite_database, member_name="花花"), await person(sqlite_database, member_name="小叶")
    await import_orders(sqlite_database, [export(tmp_path / "a.csv", [order(NUMBERS[0], "花花")])], now_ms=1)
    await import_orders(sqlite_database, [export(tmp_path / "b.csv", [order(NUMBERS[0], "生人")])], now_ms=2)
    async with sqlite_database.write() as tx:
        await tx.execute(update(Person).where(Person.id == hua).values(merged_into=ye))
    await undo_import(sqlite_database, 2, by="cli", now_ms=3)
    assert (await look(sqlite_database, ye)).orders == 1


async def test_another_shops_file_is_refused_until_somebody_says_it_is_theirs(
    sqlite_database: Database, tmp_path: Path
) -> None:
    ours = export(tmp_path / "a.csv", [order(NUMBERS[0], "花花", 店铺名称="小林的衣橱")])
    theirs = export(tmp_path / "b.csv", [order(NUMBERS[1], "花花", 店铺名称="隔壁的店")])
    strict, loose = OrderOptions(), OrderOptions(any_shop=True)
    with pytest.raises(OtherShop):
        await import_orders(sqlite_database, [ours, theirs], strict, now_ms=1)
    await import_orders(sqlite_database, [ours], strict, now_ms=1)
    with pytest.raises(OtherShop, match="隔壁的店") as refused:
        await import_orders(sqlite_database, [theirs], strict, now_ms=2)
    assert "--other-shop" in refused.value.hint
    assert (await import_orders(sqlite_database, [theirs], loose, now_ms=3)).new == 1
    assert (await import_orders(sqlite_database, [theirs], strict, now_ms=4)).unchanged == 1


async def test_a_mapping_is_said_once_and_kept(sqlite_database: Database, tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text(
        f"编码,谁,咋样了,给了多少,啥时候\n'{NUMBERS[0]},花花,交易成功,９９元,2026年3月5日 9点01分\n", encoding="utf-8"
    )
    said = mapping_of(
        ["编码=订单编号", "谁=买家会员名", "咋样了=订单状态", "给了多少=买家实际支付金额", "啥时候=订单创建时间"],
        COLUMNS,
    )
    async with sqlite_database.write() as tx:
        await save_mapping(tx, "orders", "小林", {}, 1)
        await save_mapping(tx, "orders", "小林", said, 2)
    async with sqlite_database.read() as connection:
        kept = await saved_mapping(connection, "orders", "小林")
    assert (await import_orders(sqlite_database, [file], OrderOptions(kept), now_ms=3)).new == 1
    assert (await _everything(sqlite_database))[0][0]["paid_fen"] == 9900


async def test_ten_thousand_broken_rows_are_counted_and_the_report_is_bounded(
    sqlite_database: Database, tmp_path: Path
) -> None:
    rows = [order(str(number), "花花") for number in range(10_050)] + [order(NUMBERS[0], "花花")]
    result = await import_orders(sqlite_database, [export(tmp_path / "a.csv", rows)], now_ms=1)
    assert (result.refused, result.new, len(result.errors)) == (10_050, 1, 10_000)
    assert len(result.as_json()["errors"]) == 1000


_row = st.tuples(
    st.integers(0, 3), st.sampled_from(["花花", "小叶"]), st.sampled_from(["10", "20"]),
    st.sampled_from(STATUSES), st.sampled_from(["0", "5"]),
)  # fmt: skip
_history = st.lists(st.one_of(st.lists(_row, min_size=1, max_size=5), st.just("undo")), max_size=6)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=_history)
async def test_whatever_is_imported_and_undone_a_plain_list_comes_to_the_same(
    sqlite_database: Database, tmp_path: Path, history: Sequence[Any]
) -> None:
    """The oracle keeps whole copies of the shop; undoing the newest import is throwing the last copy away."""
    async with sqlite_database.write() as tx:
        for table in (Order, OrderVersion, ImportBatch, Person):
            await tx.execute(delete(table))
    people = {name: await person(sqlite_database, member_name=name) for name in ("花花", "小叶")}
    copies: list[tuple[int, dict[int, tuple[Any, ...]]]] = [(0, {})]
    for now_ms, step in enumerate(history, 1):
        if step == "undo":
            batch, _ = copies.pop() if len(copies) > 1 else (None, None)
            if batch is not None:
                await undo_import(sqlite_database, batch, by="cli", now_ms=now_ms)
        else:
            rows = [order(NUMBERS[n], who, yuan, status, 退款金额=back) for n, who, yuan, status, back in step]
            result = await import_orders(sqlite_database, [export(tmp_path / "x.csv", rows)], now_ms=now_ms)
            after = _oracle(copies[-1][1], step)
            assert (result.batch is not None) == (after != copies[-1][1])
            if result.batch is not None:
                copies.append((result.batch, after))
        rows, _ = await _everything(sqlite_database)
        expected = copies[-1][1]
        assert {row["number"] for row in rows} == {NUMBERS[n] for n in expected}
        for who, id in people.items():
            own = [o for o in expected.values() if o[0] == who and o[2] in STATUSES[1:4] and int(o[1]) > int(o[3])]
            seen = await look(sqlite_database, id)
            assert (seen.orders, seen.net_paid_fen) == (len(own), sum(int(o[1]) - int(o[3]) for o in own) * 100)
    async with sqlite_database.read() as connection:
        kept = await connection.scalar(
            select(func.count()).select_from(OrderVersion).where(OrderVersion.before.is_(None))
        )
    assert kept == 0


def _oracle(shop: dict[int, tuple[Any, ...]], rows: Sequence[Any]) -> dict[int, tuple[Any, ...]]:
    """Of the rows of one file the furthest counts, of equal ones the first; and it only goes on from what is known."""

    def far(row: tuple[Any, ...]) -> tuple[int, int]:
        return STATUSES.index(row[2]), int(row[3])

    best: dict[int, tuple[Any, ...]] = {}
    for n, *row in rows:
        if n not in best or far(tuple(row)) > far(best[n]):
            best[n] = tuple(row)
    return {**shop, **{n: row for n, row in best.items() if n not in shop or far(row) >= far(shop[n])}}


async def test_two_imports_that_ran_beside_each_other_are_taken_back_whole(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "FIRST_ROWS", 1)
    monkeypatch.setattr(orders, "MOST_ROWS", 1)
    await person(database, member_name="花花")
    unpaid, paid, shipped, done, _ = STATUSES
    ours = [order(NUMBERS[0], "花花", status=unpaid)]
    ours += [order(number, "花花", status=done) for number in (NUMBERS[0], NUMBERS[1])]
    ours = [order(NUMBERS[2], "花花", status=unpaid), *ours, order(NUMBERS[2], "花花", status=shipped)]
    theirs = [order(number, "花花", status=paid) for number in NUMBERS[:4]]
    begun: list[int | None] = []

    async def meanwhile() -> None:
        if len(begun) < 2:
            begun.append(None)
        if len(begun) == 2:
            begun.append((await import_orders(database, [export(tmp_path / "b.csv", theirs)], now_ms=2)).batch)

    await import_orders(database, [export(tmp_path / "a.csv", ours)], now_ms=1, breathe=meanwhile)
    assert [batch for batch in begun if batch] == [2]
    async with database.read() as connection:
        rows = (await connection.execute(select(Order.number, Order.batch))).all()
    expected = {NUMBERS[0]: 1, NUMBERS[1]: 1, NUMBERS[2]: 1, NUMBERS[3]: 2}
    assert {row.number: row.batch for row in rows} == expected
    with pytest.raises(UndoRefused):
        await undo_import(database, 1, by="cli", now_ms=3)
    for batch in (2, 1):
        await undo_import(database, batch, by="cli", now_ms=4)
    assert (await _everything(database))[0] == []
    async with database.read() as connection:
        assert (await connection.scalars(select(OrderVersion.id))).all() == []


async def test_merges_that_only_its_orders_made_possible_go_with_the_import(database: Database, tmp_path: Path) -> None:
    """hua claimed before the export came, ye after it; mei's member is known by another order, too."""
    known = await person(database, name="老花", member_name="xl_hua", phone="13800001111")
    hua, ye, mei = [await person(database, name=name) for name in ("花花", "小叶", "小美")]
    numbers = [f"220260000000000000{number}" for number in range(4)]
    await import_orders(database, [export(tmp_path / "0.csv", [order(numbers[3], "xl_mei")])], now_ms=1)
    async with database.write() as tx:
        await claim(tx, hua, "lin-1", numbers[0], 2)
        await claim(tx, mei, "lin-1", numbers[2], 2)
    rows = [order(numbers[0], "xl_hua"), order(numbers[1], "xl_ye"), order(numbers[2], "xl_mei")]
    done = await import_orders(database, [export(tmp_path / "1.csv", rows)], now_ms=3)
    assert (await look(database, known)).merged_into == hua
    async with database.write() as tx:
        await claim(tx, ye, "lin-1", numbers[1], 4)
        await claim(tx, mei, "lin-1", numbers[3], 4)
    assert [(await look(database, who)).member_name for who in (hua, ye, mei)] == ["xl_hua", "xl_ye", "xl_mei"]
    await undo_import(database, done.batch or 0, by="cli", now_ms=5)
    parted = [await look(database, who) for who in (known, hua, ye, mei)]
    assert [(row.member_name, row.merged_into, row.orders) for row in parted] == [
        ("xl_hua", None, 0), (None, None, 0), (None, None, 0), ("xl_mei", None, 1),
    ]  # fmt: skip
    async with database.read() as connection:
        claims = (await connection.execute(select(Claim.order_number, Claim.person).order_by(Claim.order_number))).all()
        assert (await counts_of(connection, done.batch or 0))["parted"] == 2
    assert [tuple(row) for row in claims] == [
        (numbers[0], hua), (numbers[1], ye), (numbers[2], mei), (numbers[3], mei),
    ]  # fmt: skip
    # The right export comes again: everything is as it was.
    await import_orders(database, [export(tmp_path / "1.csv", rows)], now_ms=6)
    again = [await look(database, who) for who in (known, hua, ye, mei)]
    assert [(row.merged_into, row.orders) for row in again] == [(hua, 0), (None, 1), (None, 1), (None, 2)]


async def test_a_merge_on_which_a_later_one_stands_stays_and_is_named(database: Database, tmp_path: Path) -> None:
    known = await person(database, name="老花", member_name="xl_hua")
    hua, other = await person(database, name="花花"), await person(database, name="花儿")
    number = "2202600000000000017"
    done = await import_orders(database, [export(tmp_path / "1.csv", [order(number, "xl_hua")])], now_ms=1)
    async with database.write() as tx:
        await claim(tx, hua, "lin-1", number, 2)
        await merge(tx, other, hua, "staff:owner", "staff:owner", 3)
    await undo_import(database, done.batch or 0, by="cli", now_ms=4)
    assert (await look(database, known)).merged_into == other
    async with database.read() as connection:
        counts = await counts_of(connection, done.batch or 0)
    assert (counts["parted"], counts["still_one"]) == (0, [1])
