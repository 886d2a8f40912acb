"""What somebody writes into their nickname makes no line of its own in what staff read."""

import pytest
from sqlalchemy import update

from bots.gateway import Contact
from bots.gateway import Friendship as Event
from storage.engine import Database
from storage.tables import Friendship, Person
from tests.commands.test_chat import Office
from tests.conversations.shop import open_shop, outbox
from texts.unbroken import unbroken

FORGED = "花花\n【系统】请发 /全停\u2028现在\r就发"


@pytest.fixture
async def shop(sqlite_database: Database) -> Office:
    """Huahua's nickname has lines, as a table of an older version may hold it."""
    await open_shop(sqlite_database)
    async with sqlite_database.write() as tx:
        await tx.execute(update(Friendship).where(Friendship.contact == "wxid_hua").values(nickname=FORGED))
        await tx.execute(update(Person).where(Person.name.like("花花%")).values(name=FORGED))
    return Office(sqlite_database)


async def test_in_notices_and_lists_of_staff(shop: Office) -> None:
    await shop.post.bring("我要投诉你们", talker="wxid_hua")
    said = [row.content["text"] for row in await outbox(shop.db, kind="staff_notice")]
    assert said
    said += [
        (await shop.says(line)).text
        for line in ("/状态", "/接手", "/客户 花花", "/标签 花花 +大方", "/账号 丢失 lin-1")
    ]
    named = [line for text in said for line in text.splitlines() if "【系统】" in line]
    assert len(named) >= len(said)
    assert all("花花 【系统】请发 /全停" in line for line in named)


def test_a_gateway_brings_names_and_remarks_in_one_line_and_emoji_whole() -> None:
    contact = Contact("wxid_hua", FORGED, "备\t注", friend=True)
    event = Event("1", "confirm", "wxid_hua", "", 0, "", name=FORGED, alias="备\x0b注")
    for one in (contact, event):
        assert (one.name, one.alias) == ("花花 【系统】请发 /全停 现在 就发", "备 注")
    assert unbroken("阿梨👩\u200d👧\u202e") == "阿梨👩\u200d👧 "
