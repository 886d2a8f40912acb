"""Whatever else a customer says with it: of trouble a person hears, and for that reason."""

import pytest
from sqlalchemy import insert, select

from conversations.intake import Intake
from storage.conversation_tables import Wait
from storage.engine import Database
from storage.tables import Setting
from tests.conversations.matrix import Matrix, friend, open_matrix
from tests.conversations.shop import Post, befriend, open_shop, voices
from tests.conversations.test_intake import Door


async def _waits(db: Database) -> list[str]:
    async with db.read() as connection:
        return list((await connection.scalars(select(Wait.why))).all())


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("衣服破了个洞，我要找小林聊", "after_sale"),
        ("你们就是骗子，能不能找小林说", "complaint"),
        ("收到的裙子坏了，把小林微信推给我", "after_sale"),
    ],
)
async def test_who_names_one_of_us_in_their_trouble_gets_a_person_not_a_card(
    sqlite_database: Database, words: str, why: str
) -> None:
    await open_matrix(sqlite_database)
    async with sqlite_database.write() as tx:
        await friend(tx, "wxid_hua", "xiaoyu-1", orders=1, level="VIP1")
    assert await Matrix(sqlite_database).says("wxid_hua", "xiaoyu-1", words) == "handed_over"
    assert await _waits(sqlite_database) == [why]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("我是tb_mei推荐的，衣服坏了要退货", "after_sale"),
        ("我是小美推荐的，结果买到的衣服破了个洞，我要退货", "after_sale"),
        ("小美是骗子，我是小美推荐的，投诉", "complaint"),
    ],
)
async def test_who_was_brought_by_somebody_is_heard_in_their_trouble(
    sqlite_database: Database, words: str, why: str
) -> None:
    await open_shop(sqlite_database)
    async with sqlite_database.write() as tx:
        await befriend(tx, "lin-1", "wxid_brought", "小美", member_name="tb_mei")
        await tx.execute(insert(Setting).values(key="do_not_contact_key", value="00" * 32, changed_ms=0))
    door = Door()
    intake = Intake(
        voices(), on_command=door.on_command, on_stranger=door.on_stranger, on_friendship=door.on_friendship
    )
    assert await Post(sqlite_database, intake).bring(words) == "handed_over"
    assert await _waits(sqlite_database) == [why]
