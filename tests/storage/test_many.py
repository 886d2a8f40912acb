"""Rows go to a statement as one value: each is written once, and what is noted is written only if it is kept."""

from typing import Any

import pytest
from sqlalchemy import Text, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.ahead import Ahead, AsksMore, looked_up
from storage.engine import Database
from storage.many import over_many
from storage.tables import Setting

_PUT = over_many(
    lambda rows: update(Setting).where(Setting.key == rows.c.key).values(value=rows.c.value), key=Text(), value=Text()
)
HARD = 'it\'s 100% "小雨" :now_ms %(rows)s \\'
"""Signs that mean something to one of the two drivers, to JSON or to SQL."""


async def _settings(tx: AsyncConnection) -> dict[str, Any]:
    return {row.key: row.value for row in await tx.execute(select(Setting.key, Setting.value))}


async def _open(tx: AsyncConnection) -> None:
    await tx.execute(insert(Setting), [{"key": key, "value": "", "changed_ms": 0} for key in "abc"])


async def test_each_row_is_written_as_it_is_handed_over(database: Database) -> None:
    async with database.write() as tx:
        await _open(tx)
        before = await _settings(tx)
        assert await _PUT.change(tx, [{"key": "a", "value": HARD}, {"key": "b", "value": "2"}]) == 2
        assert await _settings(tx) == before | {"a": HARD, "b": "2"}
        assert await _PUT.change(tx, []) == 0


async def test_what_is_noted_is_written_once_and_not_what_an_attempt_noted_that_asked_more(database: Database) -> None:
    async def asks_more(ahead: Ahead) -> None:
        await _PUT.later(ahead, key="b", value="never")
        await ahead.scalar(select(Setting.value))

    async with database.write() as tx:
        await _open(tx)
        before = await _settings(tx)
        ahead = Ahead(tx)
        assert await _PUT.surely(ahead, key="a", value="1")
        with pytest.raises(AsksMore):
            await _PUT.surely(ahead, key="a", value="1")
        with pytest.raises(AsksMore):
            await ahead.attempt(lambda: asks_more(ahead))
        await ahead.write()
        assert await _settings(tx) == before | {"a": "1"}


async def test_what_nobody_changes_is_looked_up_once_for_all(sqlite_database: Database) -> None:
    asked = []

    async def look(tx: AsyncConnection, key: str) -> int:
        asked.append(key)
        return len(await _settings(tx))

    async with sqlite_database.write() as tx:
        ahead = Ahead(tx)
        found = [await looked_up(ahead, look, key) for key in "aba"]
        assert await looked_up(tx, look, "a") == found[0]
    assert asked == ["a", "b", "a"] and len(set(found)) == 1
