"""The one door to the tables keeps its promises on both databases."""

import asyncio

import pytest
from sqlalchemy import insert, select, update

from rules.kinds import Kind
from storage.engine import Database
from storage.outbox import Content, NewDelivery, plan
from storage.tables import Delivery, Setting


def _row(key: str, account: str = "a") -> NewDelivery:
    return NewDelivery(kind=Kind.REPLY, account=account, to="w", content=Content(text="好"), key=key, due_ms=0)


async def test_a_thousand_concurrent_increments_are_all_kept(database: Database) -> None:
    async with database.write() as tx:
        await tx.execute(insert(Setting).values(key="n", value="0", changed_ms=0))

    async def increment() -> None:
        async with database.write() as tx:
            query = select(Setting.value).where(Setting.key == "n").with_for_update()
            value = (await tx.execute(query)).scalar_one()
            await tx.execute(update(Setting).where(Setting.key == "n").values(value=str(int(value) + 1)))

    await asyncio.gather(*(increment() for _ in range(200)))
    async with database.read() as connection:
        assert (await connection.execute(select(Setting.value))).scalar_one() == "200"


async def test_what_raises_leaves_nothing_behind(database: Database) -> None:
    with pytest.raises(RuntimeError):
        async with database.write() as tx:
            await tx.execute(insert(Setting).values(key="n", value="0", changed_ms=0))
            raise RuntimeError
    async with database.read() as connection:
        assert (await connection.execute(select(Setting.value))).all() == []


async def test_planning_the_same_key_twice_makes_one_row(database: Database) -> None:
    async with database.write() as tx:
        assert await plan(tx, [_row("k"), _row("l")], now_ms=1) == 2
    async with database.write() as tx:
        assert await plan(tx, [_row("k"), _row("m")], now_ms=2) == 1
    async with database.read() as connection:
        rows = (await connection.execute(select(Delivery.key).order_by(Delivery.key))).scalars().all()
    assert rows == ["k", "l", "m"]


async def test_the_courier_hears_of_planned_rows_only_after_they_are_committed(database: Database) -> None:
    heard: list[frozenset[str]] = []
    database.on_touched(heard.append)
    with pytest.raises(RuntimeError):
        async with database.write() as tx:
            await plan(tx, [_row("k")], now_ms=1)
            raise RuntimeError
    assert heard == []
    async with database.write() as tx:
        await plan(tx, [_row("k", "a"), _row("l", "b")], now_ms=1)
        assert heard == []
    assert heard == [frozenset({"a", "b"})]
