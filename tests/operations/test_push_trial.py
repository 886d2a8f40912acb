"""A push is tried on staff: the exact words, by an account that knows them, counted nowhere."""

from pathlib import Path

import pytest
from sqlalchemy import insert, select

from operations.desk import Desk
from operations.requests.pushes import TryPush
from operations.requests.request import Door
from personas.book import load_book
from personas.model import Shop
from scheduler.pushes.push_words import PushWording
from storage.engine import Database
from storage.staff_tables import StaffContact, StaffMember
from storage.tables import Friendship, Person
from tests.scheduler.matrix import account, friend, rows
from tests.scheduler.test_pushes import NOW_MS, OLD_MS, push
from texts.problem import ExitCode

WORDS = {"VIP1": "{{ call_me }}，{{ size }}码还有", "default": "{{ call_me }}，{{ landing }}"}
PUSH = push(words=WORDS, variables={"size": {"of": "size", "default": "均"}})


@pytest.fixture
async def desk(sqlite_database: Database) -> Desk:
    await account(sqlite_database, "lin-1", persona="influencer-lin", main=True)
    async with sqlite_database.write() as tx:
        await tx.execute(insert(StaffMember), [
            {"id": "boss", "name": "老板", "role": "owner"}, {"id": "fan", "name": "小范", "role": "service"},
        ])  # fmt: skip
        await tx.execute(insert(StaffContact).values(contact="wxid_fan", staff="fan"))
        await tx.execute(insert(Person).values(id=900, name="小范", kind="staff", created_ms=0))
        await tx.execute(
            insert(Friendship).values(account="lin-1", contact="wxid_fan", person=900, since_ms=0, nickname="小范")
        )
    book, _ = load_book(Path(__file__).parents[2] / "personas")
    shop = Shop(name="小林的衣橱", contact="400-000-0000")
    return Desk({PUSH.name: PUSH}, zone="Asia/Shanghai", wording=lambda: PushWording(book, shop))


async def test_staff_read_what_the_first_of_each_level_would_read_and_nothing_counts(
    desk: Desk, sqlite_database: Database
) -> None:
    first = await friend(sqlite_database, "lin-1", since_ms=OLD_MS, call_me="阿花", profile={"size": "M"})
    await friend(sqlite_database, "lin-1", since_ms=OLD_MS, call_me="小林", level="VIP2")
    async with sqlite_database.write() as tx:
        reply = await desk.act(tx, "boss", TryPush(push=PUSH.name, to="fan"), Door.CHAT, NOW_MS)
    assert reply.ok, reply.text
    sent = await rows(sqlite_database)
    assert [(row.kind, row.account, row.to) for row in sent] == [("command_reply", "lin-1", "wxid_fan")] * 2
    assert [row.content["text"] for row in sent] == ["阿花，M码还有", "小林，淘宝搜“小林的衣橱”"]
    assert {(row.person, row.campaign) for row in sent} == {(None, None)}
    async with sqlite_database.read() as connection:
        assert await connection.scalar(select(Person.last_push_ms).where(Person.id == first)) is None


async def test_nobody_to_read_for_and_nobody_to_read_are_said(desk: Desk, sqlite_database: Database) -> None:
    async with sqlite_database.write() as tx:
        assert (await desk.act(tx, "boss", TryPush(PUSH.name, "fan"), Door.CHAT, NOW_MS)).exit_code == 6
        unknown = await desk.act(tx, "boss", TryPush(PUSH.name, "nobody"), Door.CHAT, NOW_MS)
        assert unknown.exit_code == ExitCode.NOT_FOUND
        assert (await desk.act(tx, "fan", TryPush(PUSH.name), Door.CHAT, NOW_MS)).exit_code == ExitCode.NOT_ALLOWED
    assert await rows(sqlite_database) == []
