"""A database that is none of ours, or that can't be opened, is told of in a sentence, and left as it is."""

import sqlite3
import threading
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from storage.driver_words import unavailable
from storage.engine import Database, open_database
from storage.errors import DatabaseNewer, DatabaseUnavailable, DatabaseUnfit, DatabaseUnreadable, RightsMissing
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


async def test_a_user_who_may_make_no_tables_is_told_which_right_is_missing(postgres: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        for statement in ("DROP DATABASE IF EXISTS bare WITH (FORCE)", "DROP ROLE IF EXISTS plain_user",
                          "CREATE DATABASE bare", "CREATE ROLE plain_user LOGIN"):  # fmt: skip
            connection.execute(statement.encode())
    url = make_url(postgres).set(username="plain_user", database="bare")
    db = open_database(url.render_as_string(hide_password=False))
    with pytest.raises(RightsMissing, match="权限不够") as caught:
        await upgrade(db)
    assert "GRANT" in caught.value.hint
    await db.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [({"database": "nowhere"}, "没有叫 nowhere 的库"), ({"username": "nobody_here"}, "没有叫 nobody_here 的用户")],
)
async def test_what_a_server_does_not_know_is_named(postgres: str, change: dict[str, str], words: str) -> None:
    db = open_database(make_url(postgres).set(**change).render_as_string(hide_password=False))  # type: ignore[arg-type]
    with pytest.raises(DatabaseUnavailable, match=words):
        await upgrade(db)
    await db.close()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('connection failed: FATAL:  password authentication failed for user "wx"', "用户名或密码不对"),
        ("connection to server at 127.0.0.1, port 1 failed: Connection refused", "那里没有数据库在听"),
        ("FATAL:  sorry, too many clients already", "连接满了"),
        ("something nobody translated\nHINT: look", "something nobody translated"),
    ],
)
def test_what_a_driver_says_is_told_in_our_words_where_we_know_them(said: str, words: str) -> None:
    told = str(unavailable(said, "postgresql://wx:***@h/d"))
    assert words in told
    assert "HINT" not in told


def test_a_database_in_use_by_sqlite_tools_can_still_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "wxfleet.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE x (y INTEGER)")
        open_database(f"sqlite:///{path}")
    other.close()
