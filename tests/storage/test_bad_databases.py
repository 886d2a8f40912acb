"""A database that is none of ours, or that can't be opened, is told of in a sentence, and left as it is."""

import sqlite3
import threading
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from storage.engine import Database, open_database
from storage.errors import DatabaseNewer, DatabaseUnavailable, DatabaseUnfit, DatabaseUnreadable
from storage.moving import require_vacant
from storage.schema import upgrade
from texts.catalogue import speak


async def test_another_programs_tables_are_left_alone(database_url: str) -> None:
    db = open_database(database_url)
    async with db.write() as tx:
        await tx.execute(text("CREATE TABLE accounts (theirs INTEGER)"))
        await tx.execute(text("INSERT INTO accounts VALUES (7)"))
    with pytest.raises(DatabaseUnreadable, match="别的程序"):
        await upgrade(db)
    async with db.read() as connection:
        assert await connection.scalar(text("SELECT theirs FROM accounts")) == 7
    await db.close()


async def test_tables_of_other_names_do_not_mind_us(database_url: str) -> None:
    db = open_database(database_url)
    async with db.write() as tx:
        await tx.execute(text("CREATE TABLE somebody_elses (theirs INTEGER)"))
    await upgrade(db)
    await db.close()


async def test_a_database_that_can_not_keep_chinese_is_refused(postgres: str) -> None:
    """Before anything is made in it, and already by the look before a move."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS latin WITH (FORCE)")
        connection.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    head, _, query = postgres.partition("?")
    db = open_database(head.rsplit("/", 1)[0] + f"/latin?{query}")
    for refuses in (upgrade, require_vacant):
        with pytest.raises(DatabaseUnfit, match="LATIN1"):
            await refuses(db)
    async with db.read() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")) == 0
    await db.close()


async def test_a_newer_database_is_not_touched(database: Database) -> None:
    async with database.write() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseNewer, match="9999"):
        await upgrade(database)


async def test_a_file_of_something_else_is_told_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "wxfleet.db"
    path.write_bytes(b"this is a letter, no database. " * 200)
    db = open_database(f"sqlite:///{path}")
    with pytest.raises(DatabaseUnreadable) as caught:
        await upgrade(db)
    assert caught.value.where == str(path)
    assert path.read_bytes().startswith(b"this is a letter")
    await db.close()


def test_what_can_not_be_opened_is_told_in_one_language_and_leaves_no_thread(tmp_path: Path) -> None:
    (tmp_path / "wxfleet.db").mkdir()
    before = threading.active_count()
    for language, words in (("zh", "打不开这个文件"), ("en", "the file can't be opened")):
        speak(language)
        with pytest.raises(DatabaseUnavailable, match=words):
            open_database(f"sqlite:///{tmp_path / 'wxfleet.db'}")
    assert threading.active_count() == before


def test_a_folder_that_is_a_file_is_told_in_chinese(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x", encoding="utf-8")
    with pytest.raises(DatabaseUnavailable, match="已经有同名的文件"):
        open_database(f"sqlite:///{tmp_path / 'data' / 'wxfleet.db'}")


@pytest.mark.parametrize("address", ["u:sekret99@nohost.invalid/db", "u:sekret99@127.0.0.1:1/db?nonsense=1"])
async def test_an_address_that_leads_nowhere_is_told_without_its_password(address: str) -> None:
    db = open_database(f"postgresql://{address}")
    with pytest.raises(DatabaseUnavailable) as caught:
        await upgrade(db)
    assert "sekret99" not in str(caught.value)
    await db.close()


def test_a_database_in_use_by_sqlite_tools_can_still_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "wxfleet.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE x (y INTEGER)")
        open_database(f"sqlite:///{path}")
    other.close()
