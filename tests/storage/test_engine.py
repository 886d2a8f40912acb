"""The one door to the tables keeps its promises on both databases."""

import asyncio
import sqlite3
from collections import Counter
from contextlib import closing, suppress

import pytest
from sqlalchemy import func, insert, select, text, update

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


async def test_whoever_is_stopped_at_any_point_of_a_transaction_leaves_all_of_it_or_nothing(database: Database) -> None:
    """A task that is cancelled between any two of its steps; the next one finds a connection that is fit for use."""

    async def write_two(number: int) -> None:
        async with database.read() as connection:
            await connection.scalar(select(func.count()).select_from(Setting))
        async with database.write() as tx:
            for half in "ab":
                await tx.execute(insert(Setting).values(key=f"{number}{half}", value="", changed_ms=0))

    for steps in range(40):
        task = asyncio.create_task(write_two(steps))
        for _ in range(steps * 2):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await write_two(99)
    async with database.read() as connection:
        keys = (await connection.execute(select(Setting.key))).scalars().all()
    whole = Counter(key[:-1] for key in keys)
    assert "99" in whole and set(whole.values()) == {2}


async def test_whoever_is_stopped_while_the_file_is_locked_leaves_no_transaction_open(
    sqlite_database: Database,
) -> None:
    """BEGIN is with the driver's thread already: it succeeds later, for somebody who has gone."""

    async def write(key: str) -> None:
        async with sqlite_database.write() as tx:
            await tx.execute(insert(Setting).values(key=key, value="", changed_ms=0))

    with closing(sqlite3.connect(sqlite_database.url, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        task = asyncio.create_task(write("gone"))
        await asyncio.sleep(0.05)
        task.cancel()
        asyncio.get_running_loop().call_later(0.05, other.execute, "COMMIT")
        with suppress(asyncio.CancelledError):
            await task
    await write("next")
    async with sqlite_database.read() as connection:
        assert (await connection.execute(select(Setting.key))).scalars().all() == ["next"]


@pytest.mark.parametrize("turns", [0, 1, 2])
async def test_somebody_stopped_twice_in_a_statement_leaves_nobody_locked_out(
    sqlite_database: Database, turns: int
) -> None:
    async def write() -> None:
        async with sqlite_database.write() as tx:
            await tx.execute(insert(Setting).values(key="half", value="", changed_ms=0))
            inside.set()
            await tx.execute(text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 200000) "
                                  "SELECT max(i) FROM n"))  # fmt: skip

    inside = asyncio.Event()
    task = asyncio.create_task(write(), name="write")
    await inside.wait()
    await asyncio.sleep(0.001)
    task.cancel()
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with closing(sqlite3.connect(sqlite_database.url, timeout=0, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert other.execute("SELECT count(*) FROM settings WHERE key = 'half'").fetchone() == (0,)
