"""One person, many friendships: claims, merging, wishes, and finding them again."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from customers.consent import mute, opt_in, opt_out
from customers.errors import MergeRefused, NoSuchPerson
from customers.finding.people import find
from customers.imports.orders import import_orders
from customers.merging.claim_words import Hint, find_hint, find_order_number
from customers.merging.claims import ClaimOutcome, claim
from customers.merging.linking import link_member
from customers.merging.merging import member_name_from_alias, merge
from rules.kinds import GATES, AfterOptOut, Kind, Surface
from storage.engine import Database
from storage.order_tables import Merge
from storage.outbox import Content, NewDelivery, plan
from storage.tables import Delivery, Friendship
from tests.customers.shop import export, friend, look, order, person

NUMBER = "2202600000000000001"
SECOND = "2202600000000000002"


async def _import(db: Database, path: Path, *rows: dict[str, str]) -> None:
    await import_orders(db, [export(path, rows)], now_ms=1)


async def _plan(db: Database, kind: Kind, who: int, key: str, campaign: int | None = None) -> None:
    row = NewDelivery(
        kind=kind, account="lin-1", to="w", content=Content(text="好"), key=key, due_ms=0, person=who, campaign=campaign
    )
    async with db.write() as tx:
        await plan(tx, [row], now_ms=1)


async def _rows(db: Database) -> dict[str, Any]:
    async with db.read() as connection:
        return {row.key: row for row in (await connection.execute(select(Delivery.__table__))).all()}


async def _claim(db: Database, who: int, number: str = NUMBER) -> ClaimOutcome:
    async with db.write() as tx:
        return await claim(tx, who, "xiaoyu-1", number, 5)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (f"我的订单号{NUMBER}，查一下", NUMBER),
        ("２２０２６００００００００００００００１", "22026000000000000001"),
        ("2202 6000 0000 0000 001", NUMBER),
        ("2202-6000-0000-0000-001 谢谢", NUMBER),
        (f"{NUMBER} {SECOND}", NUMBER),
        ("22026000\u200b00000000001", NUMBER),
        ("身高 160 体重 110 电话 13800000000", None),
        ("160 110 13800000000", None),
        ("123456", None),
        ("1" * 22, None),
        ("", None),
    ],
)
def test_order_numbers_are_found_as_people_write_them(text: str, number: str | None) -> None:
    assert find_order_number(text) == number


TODAY_MS = 1_793_534_400_000  # the first of November 2026, 20:00 in Shanghai


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("尾号 3456 昨天买的", Hint("3456", day=date(2026, 10, 31))),
        ("我买了 259 那件，尾号：３４５６", Hint("3456", amount_fen=25_900)),
        ("订单后四位是3456，10月3号付的 99.50元", Hint("3456", amount_fen=9_950, exact=True, day=date(2026, 10, 3))),
        ("11-03 尾号003456", Hint("003456", day=date(2025, 11, 3))),
        ("2月30号 尾数3456", Hint("3456")),
        ("order ending in 3456, 3天前", Hint("3456", day=date(2026, 10, 29))),
        ("手机尾号3456 昨天", None),
        ("快递单号 3456 昨天到的", None),
        ("我 160 穿 259 那件合适吗", None),
        ("尾号345", None),
        ("", None),
    ],
)
def test_the_end_of_an_order_is_told_from_other_numbers(text: str, hint: Hint | None) -> None:
    assert find_hint(text, TODAY_MS, "Asia/Shanghai") == hint


_WRITTEN = st.lists(
    st.sampled_from(["尾号", "后四位", "订单", "昨天", "11月3日", "元", "买的", " ", "，"])
    | st.text("0123456789", min_size=1, max_size=22),
    max_size=6,
).map("".join)
"""What people write of an order: one in six names one by its end, one in twelve by its whole number."""


@given(_WRITTEN)
def test_whatever_is_written_a_hint_is_four_digits_or_more(text: str) -> None:
    hint = find_hint(text, TODAY_MS, "Asia/Shanghai")
    assert hint is None or (hint.end.isdigit() and len(hint.end) >= 4)


@given(_WRITTEN | st.text())
def test_what_is_found_has_the_length_of_an_order_number(text: str) -> None:
    found = find_order_number(text)
    assert found is None or (16 <= len(found) <= 21 and found.isdigit())


async def test_a_claim_brings_all_orders_of_the_member_and_the_level(database: Database, tmp_path: Path) -> None:
    await _import(database, tmp_path / "a.csv", order(NUMBER, "花花", "200"), order(SECOND, "花花", "150"))
    hua = await person(database)
    assert await _claim(database, hua) is ClaimOutcome.CLAIMED
    row = await look(database, hua)
    assert (row.member_name, row.orders, row.net_paid_fen, row.level) == ("花花", 2, 35_000, "VIP2")
    assert await _claim(database, hua) is ClaimOutcome.ALREADY_YOURS
    assert await _claim(database, hua, SECOND) is ClaimOutcome.ALREADY_YOURS


async def test_an_order_that_somebody_claimed_stays_theirs(database: Database, tmp_path: Path) -> None:
    await _import(database, tmp_path / "a.csv", order(NUMBER, "花花"))
    hua, other = await person(database), await person(database)
    await _claim(database, hua)
    assert await _claim(database, other) is ClaimOutcome.TAKEN
    assert (await look(database, other)).orders == 0
    assert (await look(database, hua)).orders == 1


async def test_a_claim_is_remembered_until_the_order_is_imported(database: Database, tmp_path: Path) -> None:
    hua, other = await person(database), await person(database)
    assert await _claim(database, hua) is ClaimOutcome.UNKNOWN_YET
    assert await _claim(database, hua) is ClaimOutcome.UNKNOWN_YET
    assert await _claim(database, other) is ClaimOutcome.TAKEN
    await _import(database, tmp_path / "a.csv", order(NUMBER, "花花"))
    row = await look(database, hua)
    assert (row.member_name, row.orders, row.level) == ("花花", 1, "VIP1")


async def test_claiming_an_order_of_a_known_member_makes_the_two_entries_one(
    database: Database, tmp_path: Path
) -> None:
    await _import(database, tmp_path / "a.csv", order(NUMBER, "花花"))
    known = await person(database, name="花花")
    await friend(database, "lin-1", "wxid_a", known)
    async with database.write() as tx:
        await link_member(tx, known, "花花", "alias", 2)
    hua = await person(database)
    await friend(database, "xiaoyu-1", "wxid_b", hua)
    assert await _claim(database, hua) is ClaimOutcome.CLAIMED
    async with database.read() as connection:
        owners = (await connection.execute(select(Friendship.person))).scalars().all()
        record = (await connection.execute(select(Merge.__table__).where(Merge.kept != Merge.gone))).one()
    assert set(owners) == {hua}
    assert (record.kept, record.gone) == (hua, known)
    assert (await look(database, hua)).orders == 1
    assert (await look(database, known)).merged_into == hua


async def test_an_order_of_staff_cannot_be_claimed_by_a_customer(database: Database, tmp_path: Path) -> None:
    await person(database, kind="staff", member_name="小美")
    await _import(database, tmp_path / "a.csv", order(NUMBER, "小美"))
    assert await _claim(database, await person(database)) is ClaimOutcome.TAKEN


async def test_somebody_with_two_member_names_owns_the_orders_of_both(database: Database, tmp_path: Path) -> None:
    await _import(database, tmp_path / "a.csv", order(NUMBER, "花花"), order(SECOND, "花花小号"))
    hua = await person(database)
    assert await _claim(database, hua) is ClaimOutcome.CLAIMED
    assert await _claim(database, hua, SECOND) is ClaimOutcome.CLAIMED
    assert (await look(database, hua)).orders == 2
    await _import(database, tmp_path / "b.csv", order("2202600000000000003", "花花小号"))
    assert (await look(database, hua)).orders == 3
    async with database.read() as connection:
        assert [found.id for found in await find(connection, "花花小号")] == [hua]


@pytest.mark.parametrize(
    ("alias", "member"),
    [
        ("会员:xl_huahua88 花花", "xl_huahua88"),
        ("会员：花花的店", "花花的店"),
        ("花花 会员名: tb123", "tb123"),
        ("会员:x***8", None),
        ("老会员花花", None),
        ("", None),
    ],
)
def test_a_member_name_is_read_from_a_remark_only_when_it_says_so(alias: str, member: str | None) -> None:
    assert member_name_from_alias(alias) == member


async def test_of_two_wishes_the_stricter_and_of_two_pushes_the_later_holds(database: Database) -> None:
    keep = await person(database, last_push_ms=50, last_push_id=5, muted_until_ms=9, name="")
    gone = await person(database, last_push_ms=70, last_push_id=7, opted_out_ms=3, opted_out_by="x", name="花花")
    await _plan(database, Kind.PUSH, keep, "push:1")
    await _plan(database, Kind.REPLY, keep, "reply:1")
    async with database.write() as tx:
        await merge(tx, keep, gone, "staff", "owner", 100)
    row = await look(database, keep)
    assert (row.last_push_ms, row.last_push_id, row.opted_out_ms, row.muted_until_ms) == (70, 7, 3, 9)
    assert row.name == "花花"
    rows = await _rows(database)
    assert (rows["push:1"].state, rows["push:1"].reason) == ("skipped", "opted_out")
    assert rows["reply:1"].state == "pending"


async def test_after_a_merge_one_campaign_reaches_the_person_once(database: Database) -> None:
    keep, gone = await person(database), await person(database)
    await _plan(database, Kind.PUSH, keep, "push:1:a", campaign=1)
    await _plan(database, Kind.PUSH, gone, "push:1:b", campaign=1)
    await _plan(database, Kind.PUSH, gone, "push:2:b", campaign=2)
    async with database.write() as tx:
        await merge(tx, keep, gone, "staff", "owner", 100)
    rows = await _rows(database)
    assert [rows[key].state for key in ("push:1:a", "push:1:b", "push:2:b")] == ["pending", "skipped", "pending"]
    assert rows["push:1:b"].reason == "merged_duplicate"
    assert {row.person for row in rows.values()} == {keep}


@pytest.mark.parametrize("kind", ["staff", "own"])
async def test_staff_and_our_own_accounts_are_never_merged_into_customers(sqlite_database: Database, kind: str) -> None:
    keep, gone = await person(sqlite_database), await person(sqlite_database, kind=kind)
    with pytest.raises(MergeRefused):
        async with sqlite_database.write() as tx:
            await merge(tx, keep, gone, "staff", "owner", 1)
    with pytest.raises(NoSuchPerson):
        async with sqlite_database.write() as tx:
            await merge(tx, keep, 999, "staff", "owner", 1)


async def test_a_merged_entry_cannot_be_merged_again_but_its_wishes_reach_who_was_kept(database: Database) -> None:
    keep, gone, third = await person(database), await person(database), await person(database)
    async with database.write() as tx:
        await merge(tx, keep, gone, "staff", "owner", 1)
        with pytest.raises(MergeRefused):
            await merge(tx, third, gone, "staff", "owner", 1)
        await opt_out(tx, gone, by="inbox:1", words="退订", now_ms=9)
    assert (await look(database, keep)).opted_out_ms == 9


async def test_an_opt_out_stops_all_marketing_of_all_accounts_and_nothing_else(database: Database) -> None:
    hua, other = await person(database), await person(database)
    for kind in Kind:
        await _plan(database, kind, hua, f"hua:{kind.value}")
    await _plan(database, Kind.PUSH, other, "other")
    async with database.write() as tx:
        stopped = await opt_out(tx, hua, by="inbox:17", words="退订", now_ms=8)
    rows = await _rows(database)
    dies = {
        kind
        for kind, gate in GATES.items()
        if gate.after_opt_out is not AfterOptOut.ALLOWED and gate.surface is Surface.MESSAGE
    }
    assert {kind for kind in Kind if rows[f"hua:{kind.value}"].state == "skipped"} == dies
    assert Kind.PUSH in dies and Kind.GREETING in dies and Kind.REPLY not in dies
    assert stopped == len(dies)
    assert rows["other"].state == "pending"


async def test_the_first_opt_out_is_kept_and_only_their_word_undoes_it(sqlite_database: Database) -> None:
    hua = await person(sqlite_database)
    async with sqlite_database.write() as tx:
        await opt_out(tx, hua, by="inbox:1", words="退订", now_ms=8)
        assert await opt_out(tx, hua, by="inbox:2", words="TD", now_ms=9) == 0
    assert ((await look(sqlite_database, hua)).opted_out_ms) == 8
    async with sqlite_database.write() as tx:
        assert await opt_in(tx, hua, by="staff:owner", words="想收福利", now_ms=10)
        assert not await opt_in(tx, hua, by="staff:owner", words="想收福利", now_ms=10)
    assert ((await look(sqlite_database, hua)).opted_out_ms) is None


async def test_a_mute_is_only_made_longer_until_it_is_lifted(sqlite_database: Database) -> None:
    hua = await person(sqlite_database)
    for until_ms, expected in ((50, 50), (20, 50), (80, 80), (0, None)):
        async with sqlite_database.write() as tx:
            await mute(tx, hua, until_ms, "staff:owner", now_ms=10)
        row = await look(sqlite_database, hua)
        assert (row.muted_until_ms, row.muted_by) == (expected, "staff:owner")
