"""Finding somebody by whatever an operator remembers: words of names, pinyin, ends of numbers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, insert, select, text, update

from customers.finding.people import find, meant, person_of
from customers.finding.search import CATCH_UP, catch_up, catch_up_all, refresh_terms, some_missing
from customers.finding.search_words import PART, SOUND, WHOLE, plain, searched, terms_of
from storage.customer_tables import SearchTerm
from storage.engine import Database
from storage.order_tables import Claim, Order
from storage.tables import Friendship, Person
from tests.customers.shop import friend, person

NUMBER = "2202600000000003456"


async def _order(db: Database, number: str, who: int | None, phone: str = "") -> None:
    row = {"number": number, "member_name": "m", "person": who, "status": "done", "paid_fen": 1, "created_ms": 1,
           "batch": 1, "phone": phone}  # fmt: skip
    async with db.write() as tx:
        await tx.execute(insert(Order).values(row))


async def _found(db: Database, words: str) -> list[int]:
    async with db.read() as connection:
        return [one.id for one in await find(connection, words)]


async def _meant(db: Database, words: str) -> list[int]:
    async with db.read() as connection:
        return [one.id for one in await meant(connection, words)]


async def test_people_are_found_by_whatever_is_remembered_of_them(database: Database) -> None:
    fan = await person(database, name="小范", member_name="xl_fan", phone="13800001234")
    ye = await person(database, name="A-代购小叶🌸", call_me="叶子")
    hua = await person(database, name="🌸🌸", member_name="花花的店")
    await friend(database, "lin-1", "wxid_ye", ye, nickname="Leaf Chen 🌿", alias="会员:tb99 广州")
    await _order(database, NUMBER, fan)
    await _order(database, "2202600000000009999", None)
    async with database.write() as tx:
        row = {"order_number": "2202600000000007777", "person": hua, "account": "a", "evidence": "chat"}
        await tx.execute(insert(Claim).values(row | {"claimed_ms": 1}))
    await catch_up_all(database, 1)
    for words, expected in (
        ("小范", [fan]), ("范", [fan]), ("xf", [fan]), ("xiaofan", [fan]), ("XiaoF", [fan]), ("xl_fan", [fan]),
        ("xlf", [fan]), (NUMBER, [fan]), ("3456", [fan]), ("003456", [fan]), ("1234", [fan]), ("138 0000 1234", [fan]),
        ("小叶", [ye]), ("xy", [ye]), ("yz", [ye]), ("@叶子", [ye]), ("daigou", [ye]), ("leaf", [ye]),
        ("ＣＨＥＮ", [ye]),
        ("广州", [ye]), ("gz", [ye]), ("wxid_ye", [ye]), ("a-代购", [ye]), (str(ye), [ye]), (f"#{ye}", [ye]),
        ("🌸🌸", [hua]), ("店", [hua]), ("hhdd", [hua]), ("2202600000000007777", [hua]),
        ("9999", []), ("%", []), ("_", []), ("无名", []), ("", []), ("#99999", []), ("4321", []),
    ):  # fmt: skip
        assert await _found(database, words) == expected, words
    async with database.read() as connection:
        shown = (await find(connection, "wxid_ye"))[0]
        assert [(view.account, view.contact) for view in shown.friendships] == [("lin-1", "wxid_ye")]
        assert await person_of(connection, "lin-1", "wxid_ye") == ye
        assert await person_of(connection, "lin-2", "wxid_ye") is None


async def test_the_best_come_first_and_a_whole_name_is_meant_alone(database: Database) -> None:
    begins = await person(database, name="小王子")
    word = await person(database, name="代购小王")
    whole = await person(database, name="小王")
    rich = await person(database, name="小王!", net_paid_fen=900)
    await catch_up_all(database, 1)
    assert await _found(database, "小王") == [rich, whole, word, begins]
    assert await _meant(database, "小王") == [rich, whole]
    assert await _meant(database, "王子") == [begins]


async def test_a_bare_number_that_may_be_an_entry_or_the_end_of_a_phone_is_asked_about(database: Database) -> None:
    other = await person(database, id=1234, name="小叶")
    fan = await person(database, name="小范", phone="13800001234")
    assert await _meant(database, "1234") == [other, fan]
    assert await _meant(database, "#1234") == [other]


async def test_whoever_has_no_terms_yet_is_found_all_the_same(database: Database) -> None:
    fan = await person(database, name="小范")
    ye = await person(database, name="Leaf_%")
    assert await _found(database, "小范") == await _found(database, "范") == [fan]
    assert await _found(database, "_%") == [ye]
    assert await _meant(database, "小范") == [fan]


async def test_catching_up_goes_on_where_it_stopped_and_ends(database: Database) -> None:
    db = database
    async with db.write() as tx:
        rows = [{"name": f"人{number}", "created_ms": 0} for number in range(CATCH_UP + 5)]
        await tx.execute(insert(Person), rows)
    async with db.write() as tx:
        assert await catch_up(tx, 1) == CATCH_UP
        assert await some_missing(tx, 1)
    heard: list[int] = []
    assert await catch_up_all(db, 1, progress=heard.append) == 5 == heard[-1]
    async with db.read() as connection:
        assert not await some_missing(connection, 1)
        assert len((await connection.scalars(select(SearchTerm.person).distinct())).all()) == CATCH_UP + 5


async def test_terms_follow_the_names_and_die_with_them(database: Database) -> None:
    fan = await person(database, name="小范")
    await friend(database, "lin-1", "w", fan, nickname="范范")
    await catch_up_all(database, 1)
    async with database.write() as tx:
        await tx.execute(update(Friendship).values(nickname="果果"))
        await refresh_terms(tx, [fan])
    assert (await _found(database, "范范"), await _found(database, "gg")) == ([], [fan])
    async with database.write() as tx:
        await tx.execute(update(Person).values(erased_ms=1))
        await refresh_terms(tx, [fan])
        assert (await tx.execute(select(SearchTerm.term))).all() == []


async def test_a_search_reads_indexes_only(database: Database) -> None:
    """No table is read whole, however it is asked: so a million people cost no more than a thousand."""
    fan = await person(database, name="小范", phone="13800001234")
    await _order(database, NUMBER, fan, "13900005678")
    await catch_up_all(database, 1)
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        asked.append((statement, parameters))

    async with database.read() as connection:
        await connection.execute(text("SELECT 1" if database.dialect == "sqlite" else "SET enable_seqscan = off"))
        engine = connection.sync_connection.engine  # type: ignore[union-attr]
        event.listen(engine, "before_cursor_execute", note)
        try:
            for words in ("xf", "5678", NUMBER, "小范"):
                assert [one.id for one in await find(connection, words)] == [fan]
        finally:
            event.remove(engine, "before_cursor_execute", note)
        how = "EXPLAIN QUERY PLAN " if database.dialect == "sqlite" else "EXPLAIN "
        for statement, parameters in asked:
            plan = " ".join(str(row) for row in await connection.exec_driver_sql(how + statement, parameters))
            assert "SCAN people" not in plan and "SCAN orders" not in plan and "SCAN search" not in plan, statement
            assert "Seq Scan" not in plan, statement


@pytest.mark.parametrize("name", ["小范", "A-代购小王🌸", "Leaf 🌿", "吕小曾", "🌸", "会员:xl_hua 花花"])
def test_the_whole_name_its_words_and_its_pinyin_lead_to_it(name: str) -> None:
    terms = terms_of([name])
    assert searched(name) + WHOLE in terms
    assert all(term[-1] in (WHOLE, PART, SOUND) for term in terms)


@given(st.text(max_size=60))
def test_whatever_a_name_is_it_is_found_by_its_beginning_and_costs_a_few_terms(name: str) -> None:
    terms = terms_of([name])
    assert len(terms) <= 60
    wanted = searched(name[:40])
    assert not wanted or any(term.startswith(wanted) for term in terms)
    assert plain(plain(name)) == plain(name)
