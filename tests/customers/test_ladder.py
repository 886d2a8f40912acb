"""Levels, tiers and the core: who stands where, and every move written down."""

import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from customers.errors import LevelRefused
from customers.imports.import_undo import undo_import
from customers.imports.orders import import_orders
from customers.standing.ladder import STANDARD, Ladder, Level, load_ladder
from customers.standing.levels import AT_ONCE, adopt_ladder, give_level
from customers.standing.purchases import recompute
from customers.standing.standing import Standing
from customers.standing.tiers import CORE_SHARE, TierRules
from storage.customer_tables import LevelMove, Referral
from storage.engine import Database
from storage.order_tables import Order
from storage.tables import Friendship, Person, Setting
from tests.customers.shop import export, friend, look, order, person
from texts.errors import Severity

DAY = 86_400_000
NOW = 1_000 * DAY


async def _order(db: Database, number: int, who: int, fen: int, *, paid_ms: int = NOW, refund_fen: int = 0) -> None:
    row = {
        "number": str(number), "member_name": "m", "person": who, "status": "done", "paid_fen": fen, "paid_ms": paid_ms,
        "refund_fen": refund_fen, "created_ms": paid_ms, "batch": 1, "titles": [f"item {number % 3}"],
    }  # fmt: skip
    async with db.write() as tx:
        await tx.execute(insert(Order).values(row))


async def _count(db: Database, who: int, now_ms: int = NOW) -> None:
    async with db.write() as tx:
        await recompute(tx, [who], now_ms=now_ms)


async def _moves(db: Database) -> list[tuple[Any, ...]]:
    async with db.read() as connection:
        query = select(LevelMove.before, LevelMove.after, LevelMove.why).order_by(LevelMove.id)
        return [tuple(row) for row in (await connection.execute(query)).all()]


async def test_orders_lift_and_refunds_lower_and_each_move_is_written_once(database: Database) -> None:
    hua = await person(database)
    await _order(database, 1, hua, 10_000)
    await _count(database, hua)
    await _order(database, 2, hua, 25_000)
    await _count(database, hua)
    await _count(database, hua)
    async with database.write() as tx:
        await tx.execute(update(Order).where(Order.number == "2").values(refund_fen=25_000))
    await _count(database, hua)
    assert await _moves(database) == [
        ("friend", "VIP1", "orders"), ("VIP1", "VIP2", "orders"), ("VIP2", "VIP1", "refund"),
    ]  # fmt: skip
    assert (await look(database, hua)).distinct_items == 1


async def test_a_level_that_staff_gave_holds_until_orders_say_more(database: Database) -> None:
    hua = await person(database)
    async with database.write() as tx:
        assert await give_level(tx, hua, "vip2", by="owner", now_ms=NOW) == "VIP2"
        with pytest.raises(LevelRefused):
            await give_level(tx, hua, "VIP9", by="owner", now_ms=NOW)
    await _order(database, 1, hua, 10_000)
    await _count(database, hua)
    assert (await look(database, hua)).level == "VIP2"
    higher = Ladder(levels=(*STANDARD.levels, Level(id="VIP3", from_net_yuan=Decimal(500))))
    async with database.write() as tx:
        await adopt_ladder(tx, higher, NOW)
    await _order(database, 2, hua, 60_000)
    await _count(database, hua)
    async with database.write() as tx:
        await tx.execute(delete(Order).where(Order.number == "2"))
    await _count(database, hua)
    assert await _moves(database) == [
        ("friend", "VIP2", "staff:owner"), ("VIP2", "VIP3", "orders"), ("VIP3", "VIP1", "refund"),
    ]  # fmt: skip


async def test_an_import_and_its_undo_move_up_and_down(sqlite_database: Database, tmp_path: Path) -> None:
    from customers.imports.import_undo import undo_import

    hua = await person(sqlite_database, member_name="花花")
    file = export(tmp_path / "a.csv", [order("2202600000000000001", "花花", "400")])
    done = await import_orders(sqlite_database, [file], now_ms=NOW)
    assert done.batch is not None
    await undo_import(sqlite_database, done.batch, by="owner", now_ms=NOW + 1)
    assert [move[1] for move in await _moves(sqlite_database)] == ["VIP2", "friend"]
    assert (await look(sqlite_database, hua)).tier is None


def _tier(orders: int, fen: int, days: int, rules: TierRules) -> str | None:
    """The rule once more, in plain words."""
    if orders == 0:
        return None
    rich = fen >= rules.gold_yuan * 100 and orders >= rules.gold_orders
    if rich and days <= rules.gold_days:
        return "gold"
    if (fen >= rules.growth_yuan * 100 or orders >= rules.growth_orders) and days <= rules.growth_days:
        return "growth"
    if rich and days <= rules.gold_asleep_days:
        return "growth"
    if days > rules.growth_days or (orders == 1 and fen < rules.low_yuan * 100 and days > rules.gold_days):
        return "low"
    return "ordinary"


_BUYER = st.tuples(
    st.integers(0, 4), st.sampled_from([100, 9_999, 10_000, 30_000, 99_999, 100_000, 200_000]),
    st.sampled_from([0, 180, 181, 365, 366, 730, 731]),
)  # fmt: skip


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_BUYER, max_size=14))
async def test_tiers_and_the_core_are_as_the_rule_says(database: Database, buyers: list[tuple[int, int, int]]) -> None:
    async with database.write() as tx:
        await tx.execute(delete(Person))
        await tx.execute(delete(Setting))
        rows = [
            {"id": number, "orders": orders, "net_paid_fen": fen if orders else 0, "created_ms": 0,
             "last_order_ms": NOW - days * DAY if orders else None}
            for number, (orders, fen, days) in enumerate(buyers, 1)
        ]  # fmt: skip
        if rows:
            await tx.execute(insert(Person), rows)
    await whole_pass(database, NOW)
    async with database.read() as connection:
        found = (await connection.execute(select(Person.__table__).order_by(Person.id))).all()
        assert not await Standing().due(connection, NOW + DAY - 1)
        assert await Standing().due(connection, NOW + DAY)
    assert [row.tier for row in found] == [_tier(*buyer, TierRules()) for buyer in buyers]
    paying = sorted((row for row in found if row.net_paid_fen), key=lambda row: (-row.net_paid_fen, row.id))
    best = {row.id for row in paying[: math.ceil(len(paying) / CORE_SHARE)]}
    assert {row.id for row in found if row.core} == best


async def whole_pass(db: Database, now_ms: int) -> None:
    """As the planner goes through it."""
    standing = Standing()
    while True:
        async with db.read() as connection:
            if not await standing.due(connection, now_ms):
                return
        async with db.write() as tx:
            await standing.act(tx, now_ms)


async def test_another_ladder_is_the_oldest_peoples_at_once_and_everybodys_with_the_next_pass(
    database: Database,
) -> None:
    """So adopting it in a large shop holds up nobody who writes; entries that were merged stay as they are."""
    easier = Ladder(levels=(Level(id="friend"), Level(id="silver", any_purchase=True)))
    rows = [{"level": "VIP1", "orders": 1, "net_paid_fen": 100, "created_ms": 0, "merged_into": None}] * (AT_ONCE + 2)
    rows[1] = {**rows[1], "merged_into": 1, "orders": 0}
    async with database.write() as tx:
        await tx.execute(insert(Person), rows)
        assert await adopt_ladder(tx, easier, NOW)
        levels = (await tx.scalars(select(Person.level).order_by(Person.id))).all()
    assert levels == ["silver", "VIP1", *["silver"] * (AT_ONCE - 2), "VIP1", "VIP1"]
    await whole_pass(database, NOW)
    async with database.write() as tx:
        levels = (await tx.scalars(select(Person.level).order_by(Person.id))).all()
        assert levels == ["silver", "VIP1", *["silver"] * AT_ONCE]
        assert set(await tx.scalars(select(LevelMove.why).distinct())) == {"ladder"}
        assert await adopt_ladder(tx, STANDARD, NOW + 1)
    async with database.read() as connection:
        assert await Standing().due(connection, NOW + 2), "the others wait for it"


async def test_bonds_grow_with_words_pictures_and_friends_brought_and_fade_in_silence(database: Database) -> None:
    people = [await person(database) for _ in range(7)]
    for number, (replies, photos, last) in enumerate(
        [(0, 0, None), (3, 0, NOW), (4, 2, NOW), (9, 7, NOW), (40, 0, NOW - 400 * DAY), (1, 0, NOW), (1, 0, NOW)]
    ):
        await friend(database, "lin-1", f"w{number}", people[number], since_ms=NOW - DAY, replies=replies,
                     photos=photos, last_in_ms=last)  # fmt: skip
    async with database.write() as tx:
        for new, (referrer, state) in enumerate(
            [(people[5], "registered"), (people[6], "due"), (people[6], "due"), (people[1], "reversed")], 100
        ):
            await tx.execute(insert(Referral).values(
                person=new, referrer=referrer, evidence="", by="x", at_ms=1, state=state
            ))  # fmt: skip
    await whole_pass(database, NOW)
    async with database.read() as tx:
        bonds = (await tx.execute(select(Friendship.bond).order_by(Friendship.id))).scalars().all()
    assert bonds == ["new", "weak", "strong", "fan", "weak", "strong", "fan"]


def test_a_ladder_with_a_hole_or_a_shrinking_discount_is_warned_of_at_its_place(tmp_path: Path) -> None:
    path = tmp_path / "ladder.yaml"
    path.write_text(
        "levels:\n  - {id: friend, name: 朋友}\n  - {id: VIP1, from_net_yuan: 100, discount: 0.9}\n"
        "  - {id: VIP2, from_net_yuan: 300, discount: 0.95}\n"
    )
    ladder, mistakes = load_ladder(path)
    assert ladder is not None
    assert [(mistake.line, mistake.severity) for mistake in mistakes] == [(3, Severity.WARNING), (4, Severity.WARNING)]
    assert "空档" in mistakes[0].reason


async def test_an_import_alone_sets_the_core_and_its_undo_takes_it_back(database: Database, tmp_path: Path) -> None:
    """Without a fleet that runs: the best of five is the core, and an undone import leaves none."""
    people = [await person(database, member_name=f"buyer-{number}") for number in range(6)]
    rows = [order(f"22026{number:014d}", f"buyer-{number}", f"{100 + number}.00") for number in range(5)]
    first = await import_orders(database, [export(tmp_path / "orders.csv", rows)], now_ms=NOW)
    assert await _core(database) == {people[4]}
    rows = [order(f"22026{9:014d}", "buyer-5", "900.00"), order(f"22026{8:014d}", "buyer-4", "1.00")]
    later = await import_orders(database, [export(tmp_path / "later.csv", rows)], now_ms=NOW)
    assert await _core(database) == {people[4], people[5]}  # two of six
    for batch in (later.batch, first.batch):
        await undo_import(database, batch or 0, by="owner", now_ms=NOW)
        assert await _core(database) == ({people[4]} if batch == later.batch else set())


async def _core(db: Database) -> set[int]:
    async with db.read() as connection:
        return set((await connection.scalars(select(Person.id).where(Person.core))).all())
