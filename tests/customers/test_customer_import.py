"""Customers from an earlier tool or a sheet: known by what names one person only, and taken back exactly."""

import csv
import shutil
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update

from customers.consent import opt_out
from customers.errors import NotACustomerTable, UndoRefused
from customers.finding.people import find
from customers.imports import customer_import
from customers.imports.customer_files import CustomerOptions
from customers.imports.customer_import import import_customers
from customers.imports.import_result import ImportResult
from customers.imports.import_undo import undo_import
from customers.imports.orders import import_orders
from customers.profiles.profile import NewValue, set_profiles
from rules.kinds import Kind
from storage.customer_tables import Consent, PersonTag, PersonVersion
from storage.engine import Database, open_database
from storage.order_tables import Order
from storage.tables import Account, Delivery, Friendship, Person
from tests.customers.shop import export, friend, look, order, person
from texts.errors import TableUnreadable

TODAY = CustomerOptions(date(2026, 11, 22))


def sheet(path: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    headers = list(dict.fromkeys(header for row in rows for header in row))
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, headers)
        writer.writeheader()
        writer.writerows(rows)
    return path


async def bring(
    db: Database, path: Path, rows: Sequence[Mapping[str, str]], options: CustomerOptions = TODAY, **more: Any
) -> ImportResult:
    return await import_customers(db, [sheet(path, rows)], options, **{"now_ms": 100, **more})


async def everything(db: Database) -> list[Any]:
    """People, what is written of them, and whose orders are whose."""
    async with db.read() as connection:
        people = await connection.execute(select(Person.__table__).order_by(Person.id))
        friends = await connection.execute(select(Friendship.__table__).order_by(Friendship.id))
        tags = await connection.execute(
            select(PersonTag.person, PersonTag.tag).order_by(PersonTag.person, PersonTag.tag)
        )
        orders = await connection.execute(select(Order.number, Order.person).order_by(Order.number))
        return [people.all(), friends.all(), tags.all(), orders.all()]


async def test_a_sheet_fills_in_what_is_known_and_is_taken_back_exactly(database: Database, tmp_path: Path) -> None:
    hua = await person(database, name="花花🌸")
    await friend(database, "lin-1", "wxid_hua", hua, nickname="花花🌸")
    await import_orders(database, [export(tmp_path / "o.csv", [order("2202600000000000017", "xl_hua")])], now_ms=1)
    before = await everything(database)
    rows = [
        {"wxid": "wxid_hua", "备注": "会员:xl_hua 老花", "姓名": "花小花", "手机号": "138 0000 1234",
         "标签": "老客，大码", "生日": "农历8月15", "尺码": "m", "来源": "门店", "称呼": "花花", "退订": ""},
        {"wxid": "", "备注": "", "姓名": "小叶", "手机号": "13900001234", "标签": "", "生日": "1990-02-28", "尺码": "",
         "来源": "", "称呼": "", "退订": "是"},
    ]  # fmt: skip
    told = await bring(database, tmp_path / "a.csv", rows, dry_run=True)
    assert (told.rows, told.new, told.changed, told.refused, told.batch) == (2, 1, 1, 0, None)
    assert await everything(database) == before
    done = await bring(database, tmp_path / "a.csv", rows)
    assert (done.new, done.changed, done.unchanged, done.refused) == (1, 1, 0, 0)
    now = await look(database, hua)
    assert (now.name, now.member_name, now.phone, now.orders, now.call_me) == (
        "花小花",
        "xl_hua",
        "13800001234",
        1,
        "花花",
    )
    assert (now.birthday, now.birthday_lunar, now.birthday_mmdd, now.profile) == ("--08-15", True, 815, {"size": "M"})
    async with database.read() as connection:
        known = (await connection.execute(select(Friendship.alias, Friendship.channel))).one()
        assert tuple(known) == ("会员:xl_hua 老花", "门店")
        assert [one.id for one in await find(connection, "xiaoye")] == [hua + 1]
        wish = (await connection.execute(select(Consent.what, Consent.source, Consent.words))).one()
        assert tuple(wish) == ("opt_out", f"import:{done.batch}", "是")
    again = await bring(database, tmp_path / "a.csv", rows, now_ms=200)
    assert (again.unchanged, again.batch) == (2, None)
    assert await undo_import(database, done.batch or 0, by="cli", now_ms=300, dry_run=True) == 2
    assert await undo_import(database, done.batch or 0, by="cli", now_ms=300) == 2
    assert await everything(database) == before
    with pytest.raises(UndoRefused, match="已经撤销"):
        await undo_import(database, done.batch or 0, by="cli", now_ms=301)


CONFLICTS = [
    ({"昵称": "花花"}, "只有昵称不认人"),
    ({"wxid": "wxid_nobody", "昵称": "花花"}, "没有这个好友"),
    ({"wxid": "wxid_hua", "会员名": "xl_ye"}, "wxfleet customers merge"),
    ({"wxid": "wxid_ye", "会员名": "xl_other"}, "已经绑定了别的会员名"),
    ({"手机": "13900001111", "姓名": "别人"}, "名字却对不上"),
    ({"手机": "13900001111", "wxid": "wxid_hua"}, "merge"),
    ({"账号": "lin-1", "备注": "老客"}, "好几个人"),
    ({"账号": "lin-1", "备注": "不在"}, "没有备注正好是这样"),
    ({"账号": "lin-9", "备注": "老客"}, "没有叫“lin-9”的账号"),
    ({"会员名": "t***7"}, "打了星号"),
    ({"手机": "138****1234"}, "打了星号"),
    ({"手机": "0571-88881234"}, "11 位手机号"),
    ({"wxid": "wxid_boss", "姓名": "老板"}, "不是客户"),
    ({"wxid": "wxid_hua", "生日": "2月30日"}, "没有这一天"),
    ({"wxfleet编号": "#999"}, "没有编号为 #999"),
]


async def _small_world(db: Database) -> tuple[int, int]:
    async with db.write() as tx:
        account = {"id": "lin-1", "persona": "lin", "role": "sales", "time_zone": "Asia/Shanghai"}
        await tx.execute(insert(Account).values(account))
    hua, ye = await person(db, name="花花"), await person(db, name="小叶", member_name="xl_ye", phone="13900001111")
    await friend(db, "lin-1", "wxid_hua", hua, nickname="花花", alias="老客")
    await friend(db, "lin-1", "wxid_ye", ye, nickname="小叶", alias="老客")
    await friend(db, "lin-1", "wxid_boss", await person(db, name="老板", kind="staff"))
    return hua, ye


async def test_what_may_mean_several_or_nobody_is_reported_and_nothing_is_guessed(
    sqlite_database: Database, tmp_path: Path
) -> None:
    await _small_world(sqlite_database)
    before = await everything(sqlite_database)
    rows = [row for row, _ in CONFLICTS]
    done = await bring(sqlite_database, tmp_path / "a.csv", rows)
    assert (done.refused, done.batch) == (len(rows), None)
    assert [error.row for error in done.errors] == list(range(2, len(rows) + 2))
    for error, (row, reason) in zip(done.errors, CONFLICTS, strict=True):
        assert reason in error.reason, row
        assert error.column in {*row, "微信ID", "昵称", "备注"}
    assert await everything(sqlite_database) == before


@pytest.mark.parametrize(
    "row",
    [
        {"会员名": "xl_ye"},
        {"手机": "+86 139 0000 1111"},
        {"手机": "13900001111", "昵称": "小叶🌸"},
        {"微信号": "wxid_ye", "手机": "13900001111", "会员名": "xl_ye"},
        {"账号": "lin-1", "备注": "叶子"},
        {"wxfleet编号": "#2", "昵称": "谁"},
    ],
)
async def test_one_of_these_says_who_it_is(sqlite_database: Database, tmp_path: Path, row: dict[str, str]) -> None:
    _, ye = await _small_world(sqlite_database)
    async with sqlite_database.write() as tx:
        await tx.execute(update(Friendship).where(Friendship.person == ye).values(alias="叶子"))
    done = await bring(sqlite_database, tmp_path / "a.csv", [{**row, "标签": "认出来了"}])
    assert (done.changed, done.errors) == (1, [])
    async with sqlite_database.read() as connection:
        assert (await connection.scalars(select(PersonTag.person))).all() == [ye]


async def test_empty_cells_and_remarks_on_the_phone_stay(sqlite_database: Database, tmp_path: Path) -> None:
    hua, _ = await _small_world(sqlite_database)
    full = {"wxid": "wxid_hua", "姓名": "花小花", "手机": "13800001234", "标签": "老客", "尺码": "M", "备注": "旧备注"}
    await bring(sqlite_database, tmp_path / "a.csv", [full])
    before = await everything(sqlite_database)
    again = await bring(sqlite_database, tmp_path / "b.csv", [dict.fromkeys(full, "") | {"wxid": "wxid_hua"}])
    assert (again.unchanged, again.batch) == (1, None)
    assert await everything(sqlite_database) == before
    async with sqlite_database.read() as connection:
        assert await connection.scalar(select(Friendship.alias).where(Friendship.person == hua)) == "老客"


async def test_who_opted_out_elsewhere_is_opted_out_here_even_where_another_cell_is_wrong(
    database: Database, tmp_path: Path
) -> None:
    hua, ye = await _small_world(database)
    async with database.write() as tx:
        waiting = {"account": "lin-1", "kind": Kind.PUSH.value, "priority": 5, "key": "k", "to": "wxid_hua",
                   "person": hua, "content": {}, "due_ms": 1, "state": "pending", "created_ms": 1}  # fmt: skip
        await tx.execute(insert(Delivery).values(waiting))
    rows = [
        {"微信ID": "wxid_hua", "不再联系": "已退订", "生日": "不记得"},
        {"微信ID": "wxid_ye", "不再联系": "否", "生日": ""},
    ]
    done = await bring(database, tmp_path / "a.csv", rows)
    assert (done.changed, done.unchanged, done.refused) == (1, 1, 0)
    assert (await look(database, hua)).opted_out_ms == 100
    assert (await look(database, ye)).opted_out_ms is None
    async with database.read() as connection:
        assert await connection.scalar(select(Delivery.state)) == "skipped"
    # Their own word weighs more than the sheet's: taking the sheet back does not take that back.
    async with database.write() as tx:
        await opt_out(tx, hua, by="inbox:7", words="退订", now_ms=150)
    await undo_import(database, done.batch or 0, by="cli", now_ms=200)
    assert (await look(database, hua)).opted_out_by == "inbox:7: 退订"


async def test_every_mistake_of_a_row_is_told_and_the_row_is_refused_once(
    sqlite_database: Database, tmp_path: Path
) -> None:
    hua, _ = await _small_world(sqlite_database)
    wrong = {"手机": "0571-88881234", "生日": "2月30日", "标签": f"老客、{'长' * 21}", "尺码": "", "退订": ""}
    rows = [
        {"微信ID": "wxid_hua", **wrong},
        {"微信ID": "", **wrong},
        {"微信ID": "wxid_hua", **wrong, "退订": "是"},
    ]
    done = await bring(sqlite_database, tmp_path / "a.csv", rows)
    assert (done.rows, done.changed, done.refused) == (3, 1, 2)
    three = ["手机", "标签", "生日"]
    assert [(error.row, error.column) for error in done.errors] == [(row, name) for row in (2, 3) for name in three]
    # The wish counts, and what went lost beside it is told.
    assert [(cell.row, cell.column) for cell in done.passed_over] == [(4, name) for name in three]
    assert (await look(sqlite_database, hua)).opted_out_ms == 100


async def test_where_somebody_came_from_is_kept_though_no_friendship_can_hold_it(
    sqlite_database: Database, tmp_path: Path
) -> None:
    await _small_world(sqlite_database)
    rows = [
        {"手机": "13700000001", "姓名": "新人", "来源": "抖音直播间"},
        {"手机": "13900001111", "姓名": "小叶", "来源": "抖音直播间"},
    ]
    before = await everything(sqlite_database)
    done = await bring(sqlite_database, tmp_path / "a.csv", rows)
    assert (done.new, done.changed, done.homeless_channels) == (
        1,
        1,
        1,
    )  # 小叶 is a friend: it stands in the friendship
    async with sqlite_database.read() as connection:
        tags = (await connection.execute(select(PersonTag.person, PersonTag.tag))).all()
        channel = await connection.scalar(select(Friendship.channel).where(Friendship.contact == "wxid_ye"))
    assert ([tuple(row) for row in tags], channel) == ([(4, "来源·抖音直播间")], "抖音直播间")
    again = await bring(sqlite_database, tmp_path / "a.csv", rows)
    assert (again.unchanged, again.homeless_channels) == (2, 0)
    await undo_import(sqlite_database, done.batch or 0, by="cli", now_ms=200)
    assert await everything(sqlite_database) == before


async def test_taking_back_leaves_what_others_said_since(database: Database, tmp_path: Path) -> None:
    hua, _ = await _small_world(database)
    rows = [
        {"wxid": "wxid_hua", "姓名": "花小花", "手机": "13800001234", "尺码": "M", "标签": "老客"},
        {"wxid": "", "姓名": "小北", "手机": "13700001234", "尺码": "S", "标签": "新客"},
        {"wxid": "", "姓名": "小南", "手机": "13600001234", "尺码": "L", "标签": ""},
    ]
    done = await bring(database, tmp_path / "a.csv", rows)
    async with database.write() as tx:
        await set_profiles(tx, [NewValue(hua, "size", "L")], "staff:owner", 150)
        north = (await tx.scalars(select(Person.id).where(Person.name == "小北"))).one()
        await tx.execute(update(Person).where(Person.id == hua).values(phone="13811112222"))
    await friend(database, "lin-1", "wxid_bei", north, nickname="小北")
    assert await undo_import(database, done.batch or 0, by="cli", now_ms=200) == 3
    now = await look(database, hua)
    assert (now.name, now.phone, now.profile) == ("花花", "13811112222", {"size": "L"})
    async with database.read() as connection:
        names = (await connection.scalars(select(Person.name).order_by(Person.id))).all()
        assert (names, (await connection.scalars(select(PersonVersion.id))).all()) == (
            ["花花", "小叶", "老板", "小北"],
            [],
        )


async def test_a_later_import_of_the_same_people_is_undone_first(sqlite_database: Database, tmp_path: Path) -> None:
    await _small_world(sqlite_database)
    before = await everything(sqlite_database)
    for number, name in enumerate(("花小花", "花大花"), 1):
        await bring(sqlite_database, tmp_path / f"{number}.csv", [{"wxid": "wxid_hua", "姓名": name}], now_ms=number)
    with pytest.raises(UndoRefused) as refused:
        await undo_import(sqlite_database, 1, by="cli", now_ms=9)
    assert "wxfleet import undo 2" in refused.value.hint
    for batch in (2, 1):
        assert await undo_import(sqlite_database, batch, by="cli", now_ms=9) == 1
    assert await everything(sqlite_database) == before


async def test_whoever_was_erased_is_not_brought_back(sqlite_database: Database, tmp_path: Path) -> None:
    from customers.own_data.erasure import erase

    await _small_world(sqlite_database)
    await erase(sqlite_database, 2, now_ms=5)
    rows = [{"手机": "13900001111", "姓名": "小叶"}, {"会员名": "xl_ye"}, {"wxid": "wxid_ye", "会员名": "xl_new"}]
    rows = [{"手机": "", "姓名": "", "会员名": "", "wxid": "", **row} for row in rows]
    done = await bring(sqlite_database, tmp_path / "a.csv", rows)
    assert [error.reason for error in done.errors] == ["这个人要求删除过资料，不再导入"] * 3


async def test_who_is_said_to_be_a_friend_is_this_person_once_the_account_tells_so(
    database: Database, tmp_path: Path
) -> None:
    from bots.acquaintances import NewFriend, befriend

    await _small_world(database)
    before = await everything(database)
    rows = [
        {"wxid": "wxid_bei", "手机": "13700001234", "昵称": "小北", "标签": "老客", "退订": ""},
        {"wxid": "wxid_nan", "手机": "", "昵称": "小南", "标签": "", "退订": "是"},
        {"wxid": "wxid_dong", "手机": "", "昵称": "小东", "标签": "", "退订": ""},
    ]
    options = CustomerOptions(TODAY.today, account="lin-1")
    done = await bring(database, tmp_path / "a.csv", rows, options)
    assert (done.new, done.refused) == (2, 1)
    await undo_import(database, done.batch or 0, by="cli", now_ms=150)
    assert await everything(database) == before
    done = await bring(database, tmp_path / "a.csv", rows, options)
    async with database.write() as tx:
        listed = [NewFriend(f"wxid_{name}", name) for name in ("bei", "nan", "dong")]
        await befriend(tx, "lin-1", listed, origin="listed", since_ms=200, now_ms=200)
        friends = select(Friendship.contact, Person.phone, Person.opted_out_ms).join(Person)
        rows_now = (await tx.execute(friends.where(Friendship.since_ms == 200).order_by(Friendship.contact))).all()
    assert [tuple(row) for row in rows_now] == [
        ("wxid_bei", "13700001234", None), ("wxid_dong", None, None), ("wxid_nan", None, 100),
    ]  # fmt: skip


async def test_files_that_are_no_table_of_customers_say_so(sqlite_database: Database, tmp_path: Path) -> None:
    orders = export(tmp_path / "orders.csv", [order("2202600000000000017", "花花")])
    nobody = sheet(tmp_path / "nobody.csv", [{"昵称": "花花", "标签": "老客"}])
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    for file, kind, words in (
        (orders, NotACustomerTable, "wxfleet import orders"), (nobody, NotACustomerTable, "--account"),
        (empty, TableUnreadable, ""),
    ):  # fmt: skip
        with pytest.raises(kind) as refused:
            await import_customers(sqlite_database, [file], TODAY, now_ms=1)
        assert words in refused.value.hint


async def test_ten_thousand_broken_rows_are_counted_and_the_good_one_goes_in(
    sqlite_database: Database, tmp_path: Path
) -> None:
    rows = [{"手机": f"1{number}", "姓名": "花"} for number in range(10_050)] + [{"手机": "13800001234", "姓名": "花"}]
    done = await bring(sqlite_database, tmp_path / "a.csv", rows)
    assert (done.refused, done.new, len(done.errors)) == (10_050, 1, 10_000)


NO_SHRINK = (Phase.explicit, Phase.reuse, Phase.generate)
"""Each example is a database of its own: making one smaller takes minutes."""

_row = st.fixed_dictionaries(
    {
        "wxid": st.sampled_from(["", "wxid_hua", "wxid_ye", "wxid_x"]),
        "账号": st.sampled_from(["", "lin-1"]),
        "会员名": st.sampled_from(["", "xl_ye", "xl_a", "xl_b"]),
        "手机": st.sampled_from(["", "13900001111", "13800001234"]),
        "姓名": st.sampled_from(["", "花花", "小叶"]),
        "标签": st.sampled_from(["", "老客", "新客,大码"]),
        "尺码": st.sampled_from(["", "M", "L"]),
        "退订": st.sampled_from(["", "是"]),
    }
)


@settings(max_examples=15, deadline=None, phases=NO_SHRINK, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(_row, min_size=1, max_size=8))
async def test_whatever_a_sheet_says_a_dry_run_tells_the_truth_a_repeat_changes_nothing_and_an_undo_everything(
    sqlite_shape: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch,
    rows: list[dict[str, str]],
) -> None:  # fmt: skip
    monkeypatch.setattr(customer_import, "FIRST_ROWS", 3)
    folder = tmp_path_factory.mktemp("sheet")
    db = open_database(f"sqlite:///{shutil.copy(sqlite_shape, folder / 'wxfleet.db')}")
    try:
        await _small_world(db)
        before = await everything(db)
        told = await bring(db, folder / "a.csv", rows, dry_run=True)
        done = await bring(db, folder / "a.csv", rows)
        assert told.counts() == done.counts()
        assert done.rows == done.new + done.changed + done.unchanged + done.refused
        if not done.refused:
            assert (await bring(db, folder / "a.csv", rows)).batch is None
        if done.batch is not None:
            await undo_import(db, done.batch, by="cli", now_ms=300)
        assert await everything(db) == before
    finally:
        await db.close()
