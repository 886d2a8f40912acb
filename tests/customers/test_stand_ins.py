"""Orders under a name that is nobody's: masked by the export, or of somebody who was erased."""

from pathlib import Path

from sqlalchemy import select

from customers.imports.orders import import_orders
from customers.merging.claims import ClaimOutcome, claim
from customers.merging.linking import link_phone
from customers.own_data.erasure import erase
from storage.engine import Database
from storage.order_tables import Order
from storage.tables import Person
from tests.customers.shop import export, friend, look, order, person

NUMBERS = [f"22026{n:014d}" for n in range(10)]  # 19 digits


async def _claims(db: Database, who: int, number: str, now_ms: int = 60) -> ClaimOutcome:
    async with db.write() as tx:
        return await claim(tx, who, "lin-1", number, now_ms)


async def _owners(db: Database) -> dict[str, int | None]:
    async with db.read() as connection:
        rows = await connection.execute(select(Order.number, Order.person).order_by(Order.number))
        return {row.number: row.person for row in rows.all()}


async def _name_and_phone(db: Database, number: str) -> tuple[str, str]:
    async with db.read() as connection:
        query = select(Order.member_name, Order.phone).where(Order.number == number)
        name, phone = (await connection.execute(query)).one()
        return name, phone


async def test_masked_names_are_taken_and_counted_and_each_order_is_claimed_alone(
    database: Database, tmp_path: Path
) -> None:
    rows = [order(NUMBERS[0], "t***7"), order(NUMBERS[1], "t***7", "200.00"), order(NUMBERS[2], "花花")]
    result = await import_orders(database, [export(tmp_path / "orders.csv", rows)], now_ms=1)
    assert (result.new, result.refused, result.masked) == (3, 0, 2)
    one, other = await person(database), await person(database)
    assert await _claims(database, one, NUMBERS[0]) is ClaimOutcome.CLAIMED
    assert await _claims(database, other, NUMBERS[0]) is ClaimOutcome.TAKEN
    assert await _claims(database, other, NUMBERS[1]) is ClaimOutcome.CLAIMED
    assert await _owners(database) == {NUMBERS[0]: one, NUMBERS[1]: other, NUMBERS[2]: None}
    mine, theirs = await look(database, one), await look(database, other)
    assert (mine.net_paid_fen, theirs.net_paid_fen) == (10_000, 20_000)
    assert (mine.member_name, theirs.member_name, mine.merged_into) == (None, None, None)
    again = await import_orders(database, [export(tmp_path / "orders.csv", rows)], now_ms=70)
    assert (again.unchanged, again.batch) == (3, None)


async def test_a_whole_name_replaces_a_masked_one_and_never_the_other_way_round(
    sqlite_database: Database, tmp_path: Path
) -> None:
    hua = await person(sqlite_database, member_name="xl_hua")
    masked = export(tmp_path / "masked.csv", [order(NUMBERS[0], "x***a")])
    whole = export(tmp_path / "whole.csv", [order(NUMBERS[0], "xl_hua", 联系手机="'13800001234")])
    await import_orders(sqlite_database, [masked], now_ms=1)
    assert await _owners(sqlite_database) == {NUMBERS[0]: None}
    assert (await import_orders(sqlite_database, [whole], now_ms=2)).changed == 1
    assert await _owners(sqlite_database) == {NUMBERS[0]: hua}
    assert (await import_orders(sqlite_database, [masked], now_ms=3)).unchanged == 1
    assert await _name_and_phone(sqlite_database, NUMBERS[0]) == ("xl_hua", "13800001234")


async def test_a_whole_phone_brings_the_orders_under_masked_names_that_went_there(
    sqlite_database: Database, tmp_path: Path
) -> None:
    phone = {"联系手机": "'13800001234"}
    rows = [order(NUMBERS[0], "t***7", **phone), order(NUMBERS[1], "xl_hua", **phone), order(NUMBERS[2], "t***7")]
    await import_orders(sqlite_database, [export(tmp_path / "orders.csv", rows)], now_ms=1)
    hua = await person(sqlite_database)
    async with sqlite_database.write() as tx:
        await link_phone(tx, hua, "13800001234", "staff:owner", 2, by="staff:owner")
    assert await _owners(sqlite_database) == {NUMBERS[0]: hua, NUMBERS[1]: hua, NUMBERS[2]: None}
    assert (await look(sqlite_database, hua)).member_name == "xl_hua"


async def test_who_was_erased_gets_an_order_again_only_as_a_friend_anew(database: Database, tmp_path: Path) -> None:
    """By the same WeChat id and their own claim; for others it is taken, and nobody is called by what stands for it."""
    file = export(tmp_path / "orders.csv", [order(NUMBERS[0], "xl_hua"), order(NUMBERS[1], "xl_hua")])
    hua = await person(database, member_name="xl_hua")
    await friend(database, "lin-1", "wxid_hua", hua)
    await import_orders(database, [file], now_ms=1)
    assert await _claims(database, hua, NUMBERS[0], 2) is ClaimOutcome.ALREADY_YOURS
    await erase(database, hua, now_ms=50)
    stranger, back = await person(database), await person(database)
    await friend(database, "lin-1", "wxid_other", stranger)
    assert await _claims(database, stranger, NUMBERS[0]) is ClaimOutcome.TAKEN
    assert await _claims(database, back, NUMBERS[0]) is ClaimOutcome.TAKEN
    await friend(database, "lin-2", "wxid_hua", back)
    assert await _claims(database, back, NUMBERS[0]) is ClaimOutcome.CLAIMED
    assert await _owners(database) == {NUMBERS[0]: back, NUMBERS[1]: hua}
    now, before = await look(database, back), await look(database, hua)
    assert (now.orders, now.member_name, before.orders, before.name) == (1, None, 1, "")


async def test_who_shares_a_phone_with_somebody_erased_claims_the_order_and_gets_no_name(
    sqlite_database: Database, tmp_path: Path
) -> None:
    phone = {"联系手机": "'13800001234"}
    hua = await person(sqlite_database, phone="13800001234")
    await erase(sqlite_database, hua, now_ms=1)
    rows = [order(NUMBERS[0], "her_mother", **phone)]
    await import_orders(sqlite_database, [export(tmp_path / "orders.csv", rows)], now_ms=2)
    mother = await person(sqlite_database)
    assert await _claims(sqlite_database, mother, NUMBERS[0]) is ClaimOutcome.CLAIMED
    assert (await look(sqlite_database, mother)).member_name is None
    assert (await look(sqlite_database, mother)).net_paid_fen == 10_000


async def test_what_somebody_claimed_before_they_were_erased_gives_them_no_name(
    sqlite_database: Database, tmp_path: Path
) -> None:
    hua = await person(sqlite_database)
    assert await _claims(sqlite_database, hua, NUMBERS[0], 1) is ClaimOutcome.UNKNOWN_YET
    await erase(sqlite_database, hua, now_ms=2)
    await import_orders(sqlite_database, [export(tmp_path / "orders.csv", [order(NUMBERS[0], "xl_hua")])], now_ms=3)
    async with sqlite_database.read() as connection:
        assert (await connection.scalars(select(Person.member_name))).all() == [None]
    assert await _owners(sqlite_database) == {NUMBERS[0]: None}
