"""Segments: what their YAML says, against a plain reading of it; mistakes at their places; who is shown."""

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import ColumnElement, Select, delete, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.segments.birthdays import lunar_days, solar_days
from customers.segments.segment_file import Condition, Segment, load_segments
from customers.segments.segment_narrowing import narrow
from customers.segments.segment_query import View, count_friends, members, select_members
from customers.segments.segments import count, first, preview
from customers.standing.purchases import note_items
from storage.customer_tables import BoughtItem, PersonTag
from storage.engine import Database
from storage.order_tables import Order
from storage.tables import HOUR_MS, Account, Friendship, Person

DAY = 86_400_000
NOW = round(datetime(2026, 11, 21, 4, tzinfo=UTC).timestamp() * 1000)
ZONE = "Asia/Shanghai"
_READS_ALL = re.compile(r"SCAN (people|friendships)(?! USING COVERING)|Seq Scan on (people|friend)")
_ONLY_THESE = """SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off;
    DROP INDEX ix_people_level, ix_people_tier, ix_people_last_order, ix_people_birthday"""
"""Among empty tables PostgreSQL takes any index that fits."""
ROLES = {"a1": ("p1", "sales"), "a2": ("p1", "acquisition"), "a3": ("p2", "sales")}

_DAYS = st.sampled_from([0, 1, 7, 61, 400])
_SOME_DAYS = st.none() | _DAYS


def _some(words: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(words), min_size=1, max_size=2, unique=True)


_PART = st.one_of(
    st.fixed_dictionaries({"levels": _some(["friend", "VIP1", "VIP2"])}),
    st.fixed_dictionaries({"tiers": _some(["gold", "low"])}),
    st.fixed_dictionaries({"core": st.booleans()}),
    st.fixed_dictionaries({"tags": st.sampled_from([{"all": ["甲", "乙"]}, {"none": ["甲"]}, {"any": ["乙"]}])}),
    st.fixed_dictionaries({"last_purchase": st.sampled_from([{"within_days": 7}, {"not_for_days": 61}])}),
    st.fixed_dictionaries(
        {"orders": st.sampled_from([{"at_least": 2}, {"at_most": 0}, {"at_least": 1, "at_most": 1}])}
    ),
    st.fixed_dictionaries({"net_paid_yuan": st.sampled_from([{"at_least": 100}, {"below": 100}])}),
    st.fixed_dictionaries({"items": _some(["裙", "100%", "_", "CO", "é"])}),
    st.fixed_dictionaries({"birthday": st.just({"from_days": 0, "to_days": 7})}),
    st.fixed_dictionaries({"not_pushed_for_days": _DAYS}),
    st.fixed_dictionaries({"bonds": _some(["new", "fan"]), "accounts": _some(["a1", "a2"])}),
    st.fixed_dictionaries({"roles": _some(["sales"]), "channels": _some(["sms", "card"])}),
    st.fixed_dictionaries({"personas": _some(["p1", "p2"]), "answered_within_days": _DAYS}),
    st.fixed_dictionaries({"silent_for_days": _DAYS}),
)
_WHO = st.recursive(
    _PART,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"not": inner}),
        st.tuples(_PART, inner).map(lambda both: {**both[0], "all": [both[1]]}),
    ),
    max_leaves=5,
)
_FRIENDSHIP = st.fixed_dictionaries({
    "account": st.sampled_from(list(ROLES)), "state": st.sampled_from(["friend", "friend", "gone"]),
    "channel": st.sampled_from([None, "sms", "card"]), "bond": st.sampled_from(["new", "fan"]), "last_in": _SOME_DAYS,
})  # fmt: skip
_ITEM = st.sampled_from(["连衣裙", "100%棉", "袜子", "Coco_É"])
_PERSON = st.fixed_dictionaries({
    "level": st.sampled_from(["friend", "VIP1", "VIP2"]), "tier": st.sampled_from([None, "gold", "low"]),
    "core": st.booleans(), "orders": st.integers(0, 2), "fen": st.sampled_from([0, 9_999, 10_000]), "last": _SOME_DAYS,
    "pushed": _SOME_DAYS, "born": st.sampled_from([None, 1121, 1128, 1129, 1013]), "lunar": st.booleans(),
    "opted_out": st.sampled_from([False, False, True]), "erased": st.sampled_from([False, False, True]),
    "tags": st.sets(st.sampled_from(["甲", "乙"])), "items": st.lists(_ITEM, max_size=2),
    "friends": st.lists(_FRIENDSHIP, max_size=2, unique_by=lambda friendship: friendship["account"]),
})  # fmt: skip


def _belongs(who: Condition, one: dict[str, Any]) -> bool:
    """What the file says, read slowly."""
    facts = [*_facts(who, one)]
    asked = (
        who.accounts,
        who.personas,
        who.roles,
        who.channels,
        who.bonds,
        who.answered_within_days,
        who.silent_for_days,
    )
    if any(question is not None for question in asked):
        facts.append(any(_is_such_a_friend(who, friendship) for friendship in one["friends"]))
    facts += [_belongs(inner, one) for inner in who.all_ or ()]
    if who.any_:
        facts.append(any(_belongs(inner, one) for inner in who.any_))
    if who.not_:
        facts.append(not _belongs(who.not_, one))
    return all(facts)


def _facts(who: Condition, one: dict[str, Any]) -> list[bool]:
    last, bought, paid, tags = one["last"], who.last_purchase, who.net_paid_yuan, who.tags
    born = (lunar_days if one["lunar"] else solar_days)([date(2026, 11, 21 + number) for number in range(8)])
    return [
        who.levels is None or one["level"] in who.levels,
        who.tiers is None or one["tier"] in who.tiers,
        who.core is None or one["core"] == who.core,
        tags is None or tags.any is None or bool(one["tags"] & set(tags.any)),
        tags is None or tags.all is None or one["tags"] >= set(tags.all),
        tags is None or tags.none is None or not one["tags"] & set(tags.none),
        bought is None or bought.within_days is None or (last is not None and last <= bought.within_days),
        bought is None or bought.not_for_days is None or (last is not None and last >= bought.not_for_days),
        who.orders is None or who.orders.at_least is None or one["orders"] >= who.orders.at_least,
        who.orders is None or who.orders.at_most is None or one["orders"] <= who.orders.at_most,
        paid is None or paid.at_least is None or one["fen"] >= paid.at_least * 100,
        paid is None or paid.below is None or one["fen"] < paid.below * 100,
        who.items is None or any(_small(word) in _small(title) for title in one["items"] for word in who.items),
        who.birthday is None or one["born"] in born,
        who.not_pushed_for_days is None or one["pushed"] is None or one["pushed"] >= who.not_pushed_for_days,
    ]


def _small(words: str) -> str:
    """Latin letters without accents, as both databases do."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in words)


def _is_such_a_friend(who: Condition, friendship: dict[str, Any]) -> bool:
    persona, role = ROLES[friendship["account"]]
    last = friendship["last_in"]
    return all((
        friendship["state"] == "friend",
        who.accounts is None or friendship["account"] in who.accounts,
        who.personas is None or persona in who.personas,
        who.roles is None or role in who.roles,
        who.channels is None or friendship["channel"] in who.channels,
        who.bonds is None or friendship["bond"] in who.bonds,
        who.answered_within_days is None or (last is not None and last <= who.answered_within_days),
        who.silent_for_days is None or last is None or last >= who.silent_for_days,
    ))  # fmt: skip


def _ago(days: int | None) -> int | None:
    return None if days is None else NOW - days * DAY


async def _fill(db: Database, people: list[dict[str, Any]]) -> None:
    async with db.write() as tx:
        for table in (Order, PersonTag, Friendship, Person, Account):
            await tx.execute(delete(table))
        for account, (persona, role) in ROLES.items():
            await tx.execute(insert(Account).values(id=account, persona=persona, role=role, time_zone=ZONE))
        await tx.execute(delete(BoughtItem))
        for id, one in enumerate(people, 1):
            await tx.execute(insert(Person).values(
                id=id, level=one["level"], tier=one["tier"], core=one["core"], orders=one["orders"], created_ms=0,
                net_paid_fen=one["fen"], last_order_ms=_ago(one["last"]), last_push_ms=_ago(one["pushed"]),
                birthday_mmdd=one["born"], birthday_lunar=one["lunar"], opted_out_ms=1 if one["opted_out"] else None,
                erased_ms=1 if one["erased"] else None,
            ))  # fmt: skip
            for number, title in enumerate(one["items"]):
                await tx.execute(insert(Order).values(
                    number=f"{id}-{number}", member_name="m", person=id, status="done", paid_fen=1, titles=[title],
                    created_ms=1, batch=1,
                ))  # fmt: skip
            for tag in one["tags"]:
                await tx.execute(insert(PersonTag).values(tag=tag, person=id, by="x", since_ms=1))
            for one_of in one["friends"]:
                row = {key: value for key, value in one_of.items() if key != "last_in"}
                last = _ago(one_of["last_in"])
                await tx.execute(insert(Friendship).values(
                    **row, contact=f"w{id}", person=id, since_ms=1, last_in_ms=last,
                    heard_hour=None if last is None else last // HOUR_MS,
                ))  # fmt: skip
        await note_items(tx, Person.kind == "customer")


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_PERSON, max_size=8), st.lists(_WHO, min_size=4, max_size=8), st.booleans())
async def test_the_database_and_a_slow_reading_agree_on_who_belongs(
    database: Database, people: list[dict[str, Any]], wishes: list[dict[str, Any]], opted_out: bool
) -> None:
    await _fill(database, people)
    async with database.read() as connection:
        for who in wishes:
            segment = Segment.model_validate({"name": "s", "title": "s", "who": who, "opted_out": opted_out})
            wanted = [
                id for id, one in enumerate(people, 1)
                if not one["erased"] and (opted_out or not one["opted_out"]) and _belongs(segment.who, one)
            ]  # fmt: skip
            named = await first(connection, segment, NOW, ZONE)
            assert [member.id for member in named or ()] == wanted and named is not None
            assert await count(connection, segment, NOW, ZONE) == len(wanted)
            # So few people are looked at one by one; of a million, all are at once.
            view = View(NOW, date(2026, 11, 21), unindexed=connection.dialect.name == "sqlite")
            assert await _ids(connection, members(segment, view)) == wanted
            for how in (view, replace(view, friends_one_by_one=True)):
                everybody = select_members(segment, how, Person.id).order_by(Person.id)
                assert (await connection.scalars(everybody)).all() == wanted
            seen = await preview(connection, segment, NOW, ZONE)
            assert [member.id for member in seen.people] == wanted
            friends = [{f["account"] for f in people[id - 1]["friends"] if f["state"] == "friend"} for id in wanted]
            assert (seen.count, seen.unreachable) == (len(wanted), friends.count(set()))
            assert seen.by_account == Counter(account for theirs in friends for account in theirs)
            narrowed = await narrow(connection, segment.who, view)
            assert narrowed is None or {*wanted} <= {*(await connection.scalars(narrowed.ids())).all()}
            friendly = count_friends(segment, view)
            assert friendly is None or await connection.scalar(friendly) == len(wanted)


async def test_people_and_friendships_of_a_count_come_from_one_index_each(database: Database) -> None:
    """A million people are counted without reading a row of them, but for those who are in no segment."""
    view = View(NOW, date(2026, 11, 21), unindexed=database.dialect == "sqlite")
    async with database.read() as connection:
        await connection.exec_driver_sql("SELECT 1" if database.dialect == "sqlite" else _ONLY_THESE)
        for who, indexes in (
            (
                {"levels": ["VIP1"], "last_purchase": {"within_days": 9}, "birthday": {"to_days": 7}},
                ["ix_people_facts"],
            ),
            ({"roles": ["sales"], "bonds": ["fan"]}, ["ix_people_outside", "ix_friendships_person"]),
            ({"any": [{"channels": ["sms"]}, {"bonds": ["fan"]}]}, ["ix_people_outside", "ix_friendships_person"]),
        ):
            segment = Segment.model_validate({"name": "s", "title": "s", "who": who})
            query = count_friends(segment, view)
            assert (query is None) == (indexes == ["ix_people_facts"])
            plan = await _plan(connection, select_members(segment, view, Person.id) if query is None else query)
            assert all(index in plan for index in indexes), plan
            assert "pk_people" not in plan and not _READS_ALL.search(plan.replace("SCAN people USING INDEX", "")), plan
        await connection.rollback()


async def _plan(connection: AsyncConnection, query: Select[Any]) -> str:
    sql = str(query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))
    how = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
    return " ".join(str(row) for row in await connection.exec_driver_sql(how + sql.replace("%", "%%")))


async def _ids(connection: AsyncConnection, who: ColumnElement[bool]) -> list[int]:
    return [*(await connection.scalars(select(Person.id).where(who).order_by(Person.id))).all()]


async def test_a_rare_condition_is_found_by_its_index_and_nobody_else_is_read(database: Database) -> None:
    """So a segment of a few, or of nobody, is previewed at once among a million people."""
    one_by_one = View(NOW, date(2026, 11, 21), one_by_one=True, unindexed=database.dialect == "sqlite")
    async with database.read() as connection:
        await connection.execute(text("SELECT 1" if database.dialect == "sqlite" else "SET LOCAL enable_seqscan = off"))
        for who in (
            {"levels": ["VIP9"]}, {"tiers": ["gold"], "last_purchase": {"not_for_days": 800}},
            {"orders": {"at_most": 0}, "net_paid_yuan": {"at_least": 1}}, {"orders": {"at_least": 50}},
            {"net_paid_yuan": {"at_least": 100_000}}, {"birthday": {"to_days": 7}}, {"tags": {"all": ["甲"]}},
            {"accounts": ["a1"]}, {"personas": ["p1"]}, {"channels": ["fair"]}, {"items": ["皮草"]},
            {"all": [{"channels": ["fair"]}]},
            {"any": [{"channels": ["fair"]}, {"tags": {"any": ["甲"]}}], "bonds": ["fan"], "not": {"core": True}},
        ):  # fmt: skip
            segment = Segment.model_validate({"name": "s", "title": "s", "who": who})
            few = await narrow(connection, segment.who, one_by_one)
            assert few is not None and few.number == 0, who
            query = select(Person.id).where(Person.id.in_(few.people), members(segment, one_by_one))
            plan = await _plan(connection, query)
            assert not _READS_ALL.search(plan), plan


async def test_the_last_of_many_that_an_index_knows_are_named_in_order(database: Database) -> None:
    async with database.write() as tx:
        rows = [{"id": 3_000 + id, "orders": 9, "core": id > 690, "created_ms": 0} for id in range(700)]
        await tx.execute(insert(Person), [{"id": 1, "orders": 0, "core": True, "created_ms": 0}, *rows])
    who = {"orders": {"at_least": 9}, "all": [{"core": True}]}
    async with database.read() as connection:
        named = await first(connection, Segment.model_validate({"name": "s", "title": "s", "who": who}), NOW, ZONE, 4)
    assert [member.id for member in named or ()] == [3_691, 3_692, 3_693, 3_694]


async def test_who_may_be_anywhere_is_not_looked_for_but_named_with_the_count(sqlite_database: Database) -> None:
    async with sqlite_database.write() as tx:
        rows = [{"id": id, "core": id > 1, "created_ms": 0} for id in (1, 20_005, 30_000)]
        await tx.execute(insert(Person), rows)
    segment = Segment.model_validate({"name": "s", "title": "s", "who": {"core": True}})
    async with sqlite_database.read() as connection:
        assert await first(connection, segment, NOW, ZONE) is None
        seen = await preview(connection, segment, NOW, ZONE)
    assert (seen.count, [member.id for member in seen.people]) == (2, [20_005, 30_000])


async def test_a_preview_names_the_first_and_counts_by_account(sqlite_database: Database) -> None:
    async with sqlite_database.write() as tx:
        await tx.execute(insert(Person), [{"id": id, "name": f"花{id}", "created_ms": 0} for id in range(1, 31)])
        await tx.execute(insert(Friendship), [
            {"account": account, "contact": f"w{id}", "person": id, "since_ms": 1}
            for account, last in (("a1", 20), ("a2", 5)) for id in range(1, last + 1)
        ])  # fmt: skip
    segment = Segment.model_validate({"name": "s", "title": "s", "who": {"orders": {"at_most": 0}}})
    async with sqlite_database.read() as connection:
        seen = await preview(connection, segment, NOW, ZONE)
        assert await connection.scalar(select(Person.name).where(Person.id == 20)) == seen.people[-1].name
    assert (seen.count, len(seen.people), seen.by_account, seen.unreachable) == (30, 20, {"a1": 20, "a2": 5}, 10)


def test_every_mistake_of_a_segment_has_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "name: a\ntitle: 甲\nwho:\n  any:\n    - levels: [VIP7]\n    - {}\n    - bonds: [fann]\n"
        "  not:\n    accounts: [lin-9]\n  birthday: {from_days: 5, to_days: 1}\n"
    )
    (tmp_path / "b.yaml").write_text(
        "name: b\ntitle: 乙\nwho:\n  all:\n    - levels: [VIP7]\n  not: {accounts: [lin-9]}\n"
    )
    segments, mistakes = load_segments(tmp_path, ["friend", "VIP1"], ["lin-1"])
    assert list(segments) == ["b"]
    assert [(Path(mistake.file).name, mistake.line) for mistake in mistakes] == [
        ("a.yaml", 6), ("a.yaml", 7), ("a.yaml", 10), ("b.yaml", 5), ("b.yaml", 6),
    ]  # fmt: skip
    assert mistakes[-1].suggestion == "lin-1"


def test_lunar_birthdays_follow_the_moon() -> None:
    assert lunar_days([date(2026, 2, 17)]) == {101}, "new year's day"
    assert lunar_days([date(2025, 8, 1)]) == set(), "the eighth day of a leap sixth month is nobody's"
    assert {1229, 1230} <= lunar_days([date(2025, 1, 28)]), "a year that ends on the 29th"
    assert solar_days([date(2026, 2, 28)]) == {228, 229}
    assert solar_days([date(2028, 2, 28)]) == {228}
