"""Staff read levels as ladder.yaml calls them, whatever they ask."""

from customers.standing.ladder import Ladder, Level, keep
from operations.finding import described, level_words, person_named
from storage.engine import Database
from tests.commands.test_chat import Office
from tests.conversations.shop import NOW_MS, befriend, open_shop, texts

LADDER = Ladder(levels=(Level(id="friend", name="朋友"), Level(id="VIP1", name="知己", any_purchase=True)))


async def test_a_level_has_one_name_in_every_list_of_staff(sqlite_database: Database) -> None:
    await open_shop(sqlite_database)
    async with sqlite_database.write() as tx:
        await keep(tx, LADDER, NOW_MS)
        await befriend(tx, "lin-1", "wxid_gold", "金姐", level="VIP1", orders=1)
    office = Office(sqlite_database)
    await office.post.bring("我要投诉", talker="wxid_gold")
    said = [
        *await texts(sqlite_database, kind="staff_notice"),
        *[(await office.says(f"/{command}", "mei")).text for command in ("接手", "接手 金姐", "勿扰 金姐 7天")],
    ]
    assert ["知己" in text and "VIP1" not in text for text in said] == [True] * 4
    async with sqlite_database.read() as tx:
        gold, hua = await person_named(tx, "金姐"), await person_named(tx, "花花")
    assert (described(gold), level_words(gold)) == ("金姐（知己，lin-1）", "知己")
    assert level_words(hua) == "还没买过"
