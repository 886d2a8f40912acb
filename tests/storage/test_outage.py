"""A PostgreSQL server that goes away, or says no for a moment, is a problem with a name: the fleet waits it out."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import insert, select, text, update

from storage.engine import Database, open_database
from storage.errors import DatabaseUnavailable
from storage.schema import upgrade
from storage.tables import Setting


@pytest.fixture
async def served(postgres: str) -> AsyncIterator[Database]:
    """A migrated database on the test's server."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS outage WITH (FORCE)")
        connection.execute("CREATE DATABASE outage")
    head, _, query = postgres.partition("?")
    db = open_database(head.rsplit("/", 1)[0] + "/outage" + (f"?{query}" if query else ""))
    await upgrade(db)
    async with db.write() as tx:
        await tx.execute(insert(Setting), [{"key": key, "value": "", "changed_ms": 0} for key in ("a", "b")])
    yield db
    await db.close()


def _cut(postgres: str) -> None:
    """What a server does to its clients when it is stopped."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'outage'")


async def test_a_transaction_that_loses_its_server_is_unavailable_and_the_next_one_works(
    served: Database, postgres: str
) -> None:
    with pytest.raises(DatabaseUnavailable):
        async with served.write() as tx:
            await tx.execute(update(Setting).values(value="half"))
            await asyncio.to_thread(_cut, postgres)
            await tx.execute(select(Setting.key))
    async with served.read() as connection:
        assert set((await connection.execute(select(Setting.value))).scalars()) == {""}


async def test_a_commit_that_meets_no_server_is_unavailable(served: Database, postgres: str) -> None:
    with pytest.raises(DatabaseUnavailable):
        async with served.write() as tx:
            await tx.execute(update(Setting).values(value="half"))
            await asyncio.to_thread(_cut, postgres)


async def test_connections_that_were_cut_while_they_rested_are_made_anew(
    served: Database, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.engine._RESTED_S", 0.0)
    async with served.read(), served.read():
        """Two connections rest from now on."""
    await asyncio.to_thread(_cut, postgres)
    async with served.write() as tx, served.read() as connection:
        await tx.execute(update(Setting).values(value="whole"))
        assert set((await connection.execute(select(Setting.value))).scalars()) == {""}
    assert served.errors == 0


@pytest.mark.parametrize("where", ["127.0.0.1:1/x", "/x?host={folder}"])
async def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path, where: str) -> None:
    db = open_database(f"postgresql://postgres:@{where.format(folder=tmp_path)}")
    with pytest.raises(DatabaseUnavailable):
        async with db.read():
            raise AssertionError("nobody is there")
    await db.close()


async def test_of_two_transactions_in_each_others_way_one_is_asked_to_try_again(served: Database) -> None:
    """The server ends one of them; to whoever asked that is no defect of ours."""
    both_began = asyncio.Barrier(2)

    async def lock(first: str, second: str) -> None:
        async with served.write() as tx:
            await tx.execute(text("SET LOCAL deadlock_timeout = '10ms'"))
            await tx.execute(update(Setting).where(Setting.key == first).values(value=first))
            await both_began.wait()
            await tx.execute(update(Setting).where(Setting.key == second).values(value=first))

    ended = await asyncio.gather(lock("a", "b"), lock("b", "a"), return_exceptions=True)
    assert {type(end) for end in ended} == {DatabaseUnavailable, type(None)}
    assert "正在改同样的数据" in "".join(map(str, ended))
