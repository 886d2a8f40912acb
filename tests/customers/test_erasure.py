"""Erasing somebody: nothing that leads to them is left anywhere, and what must hold for them still holds."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, BigInteger, Boolean, Column, Integer, Table, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.consent import hold_back
from customers.do_not_contact import is_pseudonym
from customers.errors import EraseRefused
from customers.imports.orders import import_orders
from customers.merging.claims import ClaimOutcome, claim
from customers.own_data.dossier import write_dossier
from customers.own_data.dossier_words import readable
from customers.own_data.erasure import erase
from customers.own_data.holdings import HOLDINGS, OF_PEOPLE
from operations.errors import NotAllowed
from operations.personal_data import erase_person, export_person, preview_erasure, reveal_person
from operations.requests.request import Door
from storage.engine import Database
from storage.order_tables import Order
from storage.row_copy import all_tables
from storage.staff_tables import Audit, StaffContact, StaffMember
from storage.tables import Arrival, Delivery, Friendship, Person
from tests.customers.shop import export, friend, look, order, person
from tests.storage.every_table import stored

MARK = "kittenmark8731"
OTHER = "otherperson55"
HERS, HIS = 1, 2
NUMBER = "2202600000000000001"


def test_each_column_of_each_table_is_classified() -> None:
    """A new column must say whether it tells something about a customer; and nothing that is kept is personal."""
    for table in all_tables():
        [holding] = [holding for model, holding in HOLDINGS.items() if model.__table__ is table]
        kept = holding.kept.split()
        assert sorted({*kept, *holding.personal}) == sorted(column.key for column in table.columns), table.name
        assert len(set(kept)) == len(kept), table.name
        assert not set(kept) & holding.personal, table.name


async def test_nothing_of_somebody_erased_is_left_in_any_table_or_in_the_file(database: Database) -> None:
    """Every text and document that may tell of a customer tells of her; of him everything stays."""
    async with database.write() as tx:
        await tx.execute(insert(StaffContact).values(contact="wxid_boss", staff="owner"))
        await _fill(tx, HERS, MARK)
        await _fill(tx, HIS, OTHER)
        his = await _rows_with(tx, OTHER)
        assert await _rows_with(tx, MARK) == his
    erased = await erase(database, HERS, now_ms=50)
    async with database.read() as connection:
        assert await _rows_with(connection, MARK) == {}
        assert await _rows_with(connection, OTHER) == his
    assert erased.rows["outbox"] == 1
    if database.dialect == "sqlite":
        assert erased.overwritten
        await database.close()
        for file in Path(database.url).parent.glob("wxfleet.db*"):
            assert MARK.encode() not in file.read_bytes(), file
    assert MARK not in repr(erased.rows)


async def test_who_was_erased_is_not_written_to_and_comes_back_as_a_stranger_to_whom_the_caps_hold(
    database: Database, tmp_path: Path
) -> None:
    """The sums stay; the same export again brings no name back; planned rows are skipped; a new friendship is muted."""
    file = export(tmp_path / "orders.csv", [order(NUMBER, "XL_Hua", 收货人姓名="林小花", 联系手机="'13800001234")])
    hua = await person(database, name="花花", member_name="XL_Hua", last_push_ms=33)
    await friend(database, "lin-1", "wxid_hua", hua)
    await import_orders(database, [file], now_ms=1)
    async with database.write() as tx:
        await tx.execute(insert(Delivery).values(_delivery(hua, "pending")))
    await erase(database, hua, now_ms=50)

    again = await import_orders(database, [file], now_ms=60)
    assert (again.new, again.changed, again.unchanged) == (0, 0, 1)
    async with database.write() as tx:
        kept = (await tx.execute(select(Order.__table__))).one()
        assert (kept.person, kept.paid_fen, kept.receiver, kept.phone) == (hua, 10_000, "", "")
        assert is_pseudonym(kept.member_name)
        row = (await tx.execute(select(Delivery.state, Delivery.reason, Delivery.text))).one()
        assert tuple(row) == ("skipped", "erased", None)
        back = await _someone(tx)
        await tx.execute(insert(Friendship).values(account="lin-1", contact="wxid_hua", person=back, since_ms=70))
        assert set(await hold_back(tx, [back], 71)) == {back}
    erased, returned = await look(database, hua), await look(database, back)
    assert (erased.name, erased.orders, erased.net_paid_fen, erased.erased_ms) == ("", 1, 10_000, 50)
    assert (returned.opted_out_ms, returned.last_push_ms) == (71, 33)
    for who in (hua, await person(database, kind="staff")):
        with pytest.raises(EraseRefused):
            await erase(database, who, now_ms=80)


async def _someone(tx: AsyncConnection) -> int:
    made = await tx.execute(insert(Person).values(created_ms=0).returning(Person.id))
    return int(made.scalar_one())


def _delivery(who: int, state: str) -> dict[str, Any]:
    return {
        "account": "lin-1", "kind": "push", "priority": 4, "key": "push:1:person:1", "to": "wxid_hua", "person": who,
        "content": {"text": "花花，上新了"}, "text": "花花，上新了", "due_ms": 1, "state": state, "created_ms": 1,
    }  # fmt: skip


async def _rows_with(tx: AsyncConnection, word: str) -> dict[str, int]:
    """In how many rows of which tables it stands."""
    rows = {table.name: [row for row in await stored(tx, table) if word in repr(row)] for table in all_tables()}
    return {name: len(found) for name, found in rows.items() if found}


async def _fill(tx: AsyncConnection, who: int, word: str) -> None:
    """A row about this person in each table, the word in every column that may tell something of a customer."""
    for model, holding in HOLDINGS.items():
        table = model.__table__
        assert isinstance(table, Table)
        if not holding.personal:
            continue
        row = {column.key: _value(column, who, word, holding.personal) for column in table.columns}
        row |= _SPECIAL.get(table.name, {})
        if table.name == Person.__tablename__:
            row["call_me"] = word
        if table.name == Arrival.__tablename__:
            row["payload"] = {"talker": f"contact {word}", "text": f"我住 {word} 路"}
        await tx.execute(insert(table).values(row))
    said = {"talker": "wxid_boss", "text": f"/客户 {word}的尾号"}
    await tx.execute(insert(Arrival).values(_arrival(who, said)))
    alert = {"person": None, "to": "wxid_boss", "kind": "alert", "state": "accepted", "text": f"请接待 name {word}"}
    await tx.execute(insert(Delivery).values({**_delivery(who, ""), **alert, "key": f"waiting:{who}", "id": 10 + who}))


_SPECIAL = {
    "people": {"kind": "customer", "merged_into": None, "erased_ms": None},
    "tasks": {"kind": "gift"},
    "outbox": {"state": "accepted"},
}


def _arrival(who: int, payload: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": 10 + who, "account": "lin-1", "event": f"message:{who}", "kind": "message", "state": "handled",
        "payload": payload, "received_ms": 1,
    }  # fmt: skip


def _value(column: Column[Any], who: int, word: str, personal: set[str]) -> Any:
    if isinstance(column.type, Boolean):
        return False
    if isinstance(column.type, Integer | BigInteger):
        return who
    if isinstance(column.type, JSON):
        return {"verb": "why", "who": [f"name {word}", {"at": f"路 {word}"}]} if column.key in personal else {}
    if column.key not in personal:
        return str(who)
    return f"contact {word}" if column.key in ("contact", "to") else f"{column.key[:4]} {word}"


async def test_a_claim_of_an_erased_persons_order_is_refused_without_a_crash(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """Nobody is merged with somebody erased: whoever claims their order is told as if it were somebody else's."""
    file = export(tmp_path / "orders.csv", [order(NUMBER, "XL_Hua")])
    hua = await person(sqlite_database, member_name="XL_Hua")
    await import_orders(sqlite_database, [file], now_ms=1)
    await erase(sqlite_database, hua, now_ms=50)
    back = await person(sqlite_database)
    async with sqlite_database.write() as tx:
        outcome = await claim(tx, back, "lin-1", NUMBER, 60)
    assert outcome in (ClaimOutcome.TAKEN, ClaimOutcome.UNKNOWN_YET)
    assert (await look(sqlite_database, back)).orders == 0


async def test_everything_about_somebody_is_handed_out_in_full_by_those_who_may(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """All of hers and nothing of his; customer service may neither export nor erase; the log says who did."""
    async with sqlite_database.write() as tx:
        await _fill(tx, HERS, MARK)
        await _fill(tx, HIS, OTHER)
        for role in ("owner", "service"):
            await tx.execute(insert(StaffMember).values(id=role, name=role, role=role, accounts=[]))
    for act in (export_person, erase_person):
        with pytest.raises(NotAllowed):
            await act(sqlite_database, "service", HERS, Door.CLI, 5)
    dossier = await export_person(sqlite_database, "owner", HERS, Door.CLI, 6)
    holding = {model.__tablename__ for model, held in OF_PEOPLE.items() if held.personal}
    assert {name for name, rows in dossier.items() if MARK in repr(rows)} >= holding - {
        "search_terms"
    }  # pieces of the rest
    assert OTHER not in repr(dossier)
    for ending in (".json", ".txt", ".xlsx"):
        write_dossier(tmp_path / f"hua{ending}", dossier, "Asia/Shanghai")
        assert (tmp_path / f"hua{ending}").stat().st_size > 1_000
    document = json.loads((tmp_path / "hua.json").read_text(encoding="utf-8"))
    assert document["people"][0]["id"] == HERS  # machines get everything
    letter = (tmp_path / "hua.txt").read_text(encoding="utf-8")
    assert letter.startswith("关于您的个人信息") and MARK in letter
    names = {line.partition("：")[0] for line in letter.splitlines() if "：" in line}
    assert {"店铺会员名", "实付", "下单时间", "微信昵称"} <= names
    assert [name for name in names if name.isascii()] == []
    await erase_person(sqlite_database, "owner", HERS, Door.CLI, 7)
    async with sqlite_database.read() as connection:
        log = (await connection.execute(select(Audit.staff, Audit.verb, Audit.outcome).order_by(Audit.id))).all()
    assert [tuple(row) for row in log[-4:]] == [
        ("service", "export", "refused"), ("service", "erase", "refused"),
        ("owner", "export", "done"), ("owner", "erase", "done"),
    ]  # fmt: skip


async def test_who_looks_after_some_accounts_gets_the_data_of_their_friends_only(sqlite_database: Database) -> None:
    async with sqlite_database.write() as tx:
        await _fill(tx, HERS, MARK)
        account = await tx.scalar(select(Friendship.account).where(Friendship.person == HERS).limit(1))
        for staff, accounts in (("near", [account]), ("far", ["another"])):
            row = {"id": staff, "name": staff, "role": "operator", "accounts": accounts}
            await tx.execute(insert(StaffMember).values(row))
    for act in (reveal_person, export_person, preview_erasure, erase_person):
        with pytest.raises(NotAllowed, match=f"#{HERS}"):
            await act(sqlite_database, "far", HERS, Door.CLI, 5)
        await act(sqlite_database, "near", HERS, Door.CLI, 6)
    async with sqlite_database.read() as connection:
        log = (await connection.execute(select(Audit.staff, Audit.outcome).order_by(Audit.id))).all()
    assert [tuple(row) for row in log if row.outcome == "refused"] == [("far", "refused")] * 4


def test_every_column_of_people_is_read_in_words_or_by_machines_alone() -> None:
    """A new column wants `dossier.TABLE.COLUMN` in texts/words/dossier.yaml, or a place in MACHINES."""
    pieces = {"search_terms", "bought_items"}  # of what stands whole elsewhere
    tables = {model.__tablename__: model.__table__ for model in (*OF_PEOPLE, Audit)}
    row_of = {name: dict.fromkeys(table.columns.keys(), "x") for name, table in tables.items() if name not in pieces}
    nameless = [
        (name, key) for name, row in row_of.items() for key in readable(name, row, "Asia/Shanghai") if key in row
    ]
    assert nameless == []


def test_what_a_customer_reads_is_in_words() -> None:
    told = readable(
        "people",
        {"tier": "low", "net_paid_fen": 9950, "opted_out_ms": 1_777_568_400_000, "birthday": "--08-15",
         "birthday_lunar": True, "profile": {"size": "M"}, "birthday_mmdd": 815},
        "Asia/Shanghai",
    )  # fmt: skip
    assert told == {
        "服务分组": "D 组", "累计实付": "99.50 元", "退订时间": "2026-05-01 01:00", "生日": "08-15", "生日按农历": "是",
        "个人喜好": "尺码：M",
    }  # fmt: skip
    before = {"columns": {"name": ["花", "花花"]}, "friendships": {"3": {"alias": ["", "老客"]}}}
    assert readable("person_versions", {"before": before}, "Asia/Shanghai") == {
        "导入更新之前": "资料：名字：花 → 花花；好友关系：我们写的备注名：（空） → 老客"
    }
