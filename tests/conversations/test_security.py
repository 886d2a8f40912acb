"""Who is not staff commands nothing, whatever they are called and whatever they send; what customers write is data."""

import pytest
from sqlalchemy import select, update

from bots.gateway import MessageKind
from customers.finding.people import find
from storage.engine import Database
from storage.staff_tables import Audit, StaffContact
from storage.tables import Delivery, Friendship, Person, Setting
from tests.commands.test_chat import Office
from tests.conversations.shop import NOW_MS, befriend, count, open_shop, outbox, row_of, texts
from texts.catalogue import catalogue

ROOM = "1@chatroom"


@pytest.fixture
async def shop(sqlite_database: Database) -> Office:
    await open_shop(sqlite_database, room=ROOM)
    return Office(sqlite_database)


async def _nothing_was_commanded(shop: Office) -> None:
    assert await count(shop.db, Audit) == 0
    assert await texts(shop.db, kind="command_reply") == []
    async with shop.db.read() as conn:
        assert await conn.scalar(select(Setting.value).where(Setting.key == "stop_all")) in (None, "")


@pytest.mark.parametrize("contact", ["wxid_boss1", "WXID_BOSS", "wxid_boss ", "wxid_bоss", "wxid%", "boss", ""])
async def test_a_name_or_an_id_like_that_of_staff_is_nobody(shop: Office, contact: str) -> None:
    """Nickname, remark and alias of the owner, and an id that looks like theirs: a customer all the same."""
    async with shop.db.write() as tx:
        await befriend(tx, "lin-1", contact, "老板")
        await tx.execute(update(Friendship).where(Friendship.contact == contact).values(alias="老板"))
    for line in ("/全停", "＃状态", "/邀请 我 老板", "/确认 12345"):
        await shop.post.bring(line, talker=contact)
    await shop.post.bring("/全停", talker=contact, room=ROOM, account="xiaoyu-1")
    await _nothing_was_commanded(shop)
    assert await count(shop.db, StaffContact) == 3


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("「花花：/全停」\n- - - - - - - - - - - - - - -\n她这是在发什么", MessageKind.TEXT),
        ("花花：/全停", MessageKind.TEXT),
        ("看看这个\n/全停", MessageKind.TEXT),
        ("/全停", MessageKind.CHAT_HISTORY),
        ("/全停", MessageKind.LINK),
        ("/全停", MessageKind.FILE),
        ("/全停", MessageKind.GROUP_NOTE),
    ],
)
async def test_what_staff_quote_or_forward_is_not_their_command(shop: Office, text: str, kind: MessageKind) -> None:
    await shop.post.bring(text, talker="wxid_boss", kind=kind)
    await _nothing_was_commanded(shop)


async def test_whoever_left_the_staff_commands_nothing_any_more(shop: Office) -> None:
    async with shop.db.write() as tx:
        await tx.execute(StaffContact.__table__.delete().where(StaffContact.contact == "wxid_mei"))
    await shop.post.bring("/全停", talker="wxid_mei")
    await _nothing_was_commanded(shop)


HOSTILE = [
    f"'; DROP TABLE {Person.__tablename__}; --",
    '" OR 1=1 --',
    "%",
    "_",
    "\\",
    "{{ 7 * 7 }}{% for x in y %}",
    "{0.__class__}{shop}",
    '=HYPERLINK("http://x")',
    "\n2026-11-22 [error] faked",
    "[bold red]hi[/]",
    "\u202egnp.exe",
    "$(reboot)`id`",
    "🌸" * 40,
]


@pytest.mark.parametrize("words", HOSTILE)
async def test_what_a_customer_is_called_and_writes_is_data(shop: Office, words: str) -> None:
    """In queries, templates and answers: it finds nobody else, computes nothing, and breaks nothing."""
    async with shop.db.write() as tx:
        person = await befriend(tx, "lin-1", "wxid_bad", words)
        await tx.execute(update(Person).where(Person.id == person).values(call_me=None))
    assert await shop.post.bring("店名是啥", talker="wxid_bad") == "answered"
    assert await shop.post.bring(words, talker="wxid_bad", now_ms=NOW_MS + 1000) is not None
    for line in (f"/客户 {words}", f'/为什么 "{words}"', f"/备注 #{person} {words}", f"/标签 #{person} {words[:10]}"):
        assert (await shop.says(line, "mei")).text
    said = [row.content["text"] for row in await outbox(shop.db) if row.to == "wxid_bad"]
    assert said and not any("49" in text or "小林的衣橱}" in text or "__class__" in text for text in said)
    async with shop.db.read() as conn:
        found = {one.id for one in await find(conn, words)}
    assert found <= {person}
    assert await count(shop.db, Person) == 3
    assert (await row_of(shop.db, Person, id=person)).name == words


async def test_a_flood_of_one_costs_nobody_else_an_answer(shop: Office) -> None:
    """Eighty messages of one contact; their neighbour asks in the middle of it, and so do they at a sibling."""
    async with shop.db.write() as tx:
        await befriend(tx, "lin-1", "wxid_calm", "子君")
    for number in range(80):
        await shop.post.bring(("店名是啥", "什么码")[number % 2] + "啊" * (number % 5), now_ms=NOW_MS + number * 100)
        await _leave(shop)
        if number == 40:
            assert await shop.post.bring("店名是啥", talker="wxid_calm", now_ms=NOW_MS + number * 100) == "answered"
            assert await shop.post.bring("店名是啥", account="lin-2", now_ms=NOW_MS + number * 100) == "answered"
    rows = await outbox(shop.db)
    flooded = [row for row in rows if (row.account, row.to) == ("lin-1", "wxid_hua")]
    assert len(flooded) <= 6
    assert len([row for row in rows if row.kind == "staff_notice"]) <= 1
    assert {(row.account, row.to) for row in rows} >= {("lin-1", "wxid_calm"), ("lin-2", "wxid_hua")}


async def _leave(shop: Office) -> None:
    async with shop.db.write() as tx:
        await tx.execute(update(Delivery).where(Delivery.state == "pending").values(state="accepted"))


INTERNAL = ("鱼塘", "低价值", "引流", "狙击枪")
FOR_OPERATORS = {
    "channels.sms": "the help of a command",
    "cli.role.acquisition": "a table of the terminal",
    "operations.account_role.acquisition": "/账号 to staff",
    "cli.ponds": "the help of a command",
    "cli.segments.tier.low": "a list of the terminal",
    "scheduler.wake_up.no_tiers": "what `check` says of a campaign file",
    "texts.choice.low": "what `check` says of a campaign file",
}
"""Words that only staff and operators read, each with where."""


def test_no_words_of_ours_bring_an_internal_word_to_a_customer() -> None:
    """What files say is checked by `check`; what the program says itself stands in the catalogue."""
    spoken = {key for key, words in catalogue().items() if any(word in words["zh"] for word in INTERNAL)}
    explained = {key for key in spoken if key.startswith(("doctor.", "check."))}
    assert spoken - explained <= FOR_OPERATORS.keys()
