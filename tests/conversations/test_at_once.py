"""Many at once come to the same as one after another: the same answers, the same people, the same list of who waits.

Order is kept within a conversation: whoever is compared with hears the others in the order in which they were handled.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import event, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.chunks import Failed, nothing_ahead
from conversations.acquaintance import acquaintance
from conversations.at_once import read_ahead
from conversations.handover import take_over
from conversations.speaking import reply
from customers.merging.merging import merge
from storage.conversation_tables import Wait
from storage.engine import Database, open_database
from storage.inbox import Received
from storage.order_tables import Order
from storage.row_copy import all_tables
from storage.tables import Friendship, Setting
from tests.conversations.shop import NOW_MS, befriend, outbox, row_of
from tests.conversations.shop_in_chunks import FRIENDS, HANDED_OVER, ORDERS, Shop, furnish

_COMMANDS = 0.07
"""Of all that is said; and whose conversation it is about says something next."""
_LONG_ENOUGH_S = 0.05
SAID = (
    "店名是啥", "什么码", "请问什么码呀", "店名", "你们店名叫什么", "在干嘛呢", *HANDED_OVER,
    "退订", "TD", "可以再发我福利", "别烦我了", "好的", f"我的订单 {ORDERS[0]}", ORDERS[1], "我是小美推荐的",
    "【自动回复】我在忙",
)  # fmt: skip


@pytest.fixture
async def shop(sqlite_database: Database) -> Shop:
    await furnish(sqlite_database)
    return Shop(sqlite_database, read_ahead)


@pytest.fixture
async def twin(sqlite_shape: Path, tmp_path: Path) -> AsyncIterator[Shop]:
    """The same shop, which handles one after another."""
    db = open_database(f"sqlite:///{shutil.copy(sqlite_shape, tmp_path / 'twin.db')}")
    await furnish(db)
    yield Shop(db, nothing_ahead)
    await db.close()


async def _everything(db: Database) -> dict[str, list[str]]:
    """All rows of all tables; those of the outbox are known by their keys, not by their numbers."""
    async with db.read() as connection:
        return {
            table.name: sorted(
                str(tuple(row)) for row in
                await connection.execute(select(*(c for c in table.c if (table.name, c.name) != ("outbox", "id"))))
            )
            for table in all_tables()
        }  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
async def test_chunks_come_to_the_same_as_one_after_another(shop: Shop, twin: Shop, seed: int) -> None:
    """Questions, opt-outs, claims, pictures, hands on the phone and commands over several people, by chance; with a
    staff room and without.
    """
    dice = Random(seed)
    for one in (shop, twin):
        await _open_room(one.db, "staff@chatroom" if seed % 2 else "")
    for _ in range(3):
        said = [one for _ in range(dice.randint(2, 10)) for one in _by_chance(dice)]
        for one, turns in ((shop, []), (twin, shop.dealt)):
            await one.hear(said, turns=turns)
            await one.clock.advance(Random(seed).choice((1, 15, 100, 1900)))
        assert _other(await _everything(shop.db), await _everything(twin.db)) == {}
    assert shop.alone < twin.alone


async def _open_room(db: Database, room: str) -> None:
    async with db.write() as tx:
        for key, value in (("staff_room", room), ("desk", room and "xiaoyu-1")):
            await tx.execute(insert(Setting).values(key=key, value=value, changed_ms=0))


def _other(ours: dict[str, list[str]], theirs: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: sorted({*ours[name]} ^ {*theirs[name]}) for name in ours if ours[name] != theirs[name]}


def _by_chance(dice: Random) -> list[tuple[str, str, str]]:
    account, contact = dice.choice(FRIENDS)
    if dice.random() < _COMMANDS:
        command = f"{dice.choice(('/接手', '/接手', '/归还'))} {contact}"
        return [(account, "wxid_mei", command), ("lin-1", contact, dice.choice(SAID))]
    who = dice.choices((contact, f"→{contact}", "wxid_mei", "wxid_new"), weights=(20, 1, 1, 1))[0]
    return [(account, who, dice.choice((*SAID[:5], *HANDED_OVER, *SAID, "[图片]")))]


async def test_ten_questions_cost_no_more_statements_than_two(database: Database) -> None:
    await furnish(database)
    shop = Shop(database, read_ahead)
    async with database.write() as tx:
        for number in range(20):
            await befriend(tx, "lin-1", f"wxid_many{number}", f"客{number}")
        engine = tx.engine.sync_engine
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    counts = []
    for few in (range(2), range(2, 12)):
        asked.clear()
        await shop.hear([("lin-1", f"wxid_many{number}", "店名是啥") for number in few])
        counts.append(len(asked))
    assert counts[0] == counts[1] and shop.alone == 0
    assert len(await outbox(database, kind="reply")) == 12


async def test_hand_overs_go_at_once_and_are_shared_out_by_load(database: Database) -> None:
    """What begins within a chunk counts: nobody gets all of them; staff hear of each, customers once."""
    await furnish(database)
    shop = Shop(database, read_ahead)
    hua = await row_of(database, Friendship, account="lin-1", contact="wxid_c0")
    async with database.write() as tx:
        bought = {"person": hua.person, "status": "done", "titles": ["法式大衣", "风琴裙"]}
        await tx.execute(update(Order).where(Order.number == ORDERS[1]).values(bought))
    them = [("lin-1", f"wxid_c{number}", HANDED_OVER[number % 2]) for number in range(4)]
    await shop.hear([*them, ("lin-2", "wxid_c5", HANDED_OVER[0])])
    assert shop.alone == 0
    async with database.read() as tx:
        begun = (await tx.execute(select(Wait.staff, Wait.why).order_by(Wait.id))).all()
        waiting = await tx.scalar(select(func.count()).where(Friendship.waiting_since_ms.is_not(None)))
    assert [row.staff for row in begun] == ["mei", "fan", "mei", "fan", "ming"]
    assert [row.why for row in begun] == ["unknown", "complaint", "unknown", "complaint", "unknown"]
    notices = await outbox(database, kind="staff_notice")
    assert waiting == len(notices) == len(await outbox(database, kind="reply")) == 5
    assert [("法式大衣" in row.content["text"], HANDED_OVER[0] in row.content["text"]) for row in notices] == [
        (True, True), (False, False), (False, True), (False, False), (False, True),
    ]  # fmt: skip


async def test_whom_a_person_talks_with_gets_no_answer_at_once_and_no_second_wait(database: Database) -> None:
    await furnish(database)
    shop = Shop(database, read_ahead)
    await shop.hear([("lin-1", "wxid_c0", HANDED_OVER[0])])
    hua = await row_of(database, Friendship, account="lin-1", contact="wxid_c0")
    async with database.write() as tx:
        await take_over(tx, hua.id, "fan", shop.clock.now_ms())
    shop.alone = 0
    await shop.hear([("lin-1", "wxid_c0", HANDED_OVER[1]), ("lin-1", "wxid_c2", "店名是啥")])
    assert shop.alone == 0
    assert [row.state for row in await outbox(database, kind="reply", to="wxid_c0")] == ["skipped"]
    wait = await row_of(database, Wait, friendship=hua.id)
    assert (wait.staff, wait.why, wait.arrival) == ("fan", "unknown", max(shop.dealt) - 1)
    assert (await row_of(database, Friendship, id=hua.id)).waiting_since_ms == shop.clock.now_ms()


async def test_who_goes_on_speaking_is_answered_after_what_they_said_before(shop: Shop) -> None:
    said = [("lin-1", "wxid_c0", "店名是啥"), ("lin-1", "wxid_c2", "什么码"), ("lin-1", "wxid_c0", "店名是啥")]
    await shop.hear(said)
    assert shop.alone == 1
    assert len(await outbox(shop.db, kind="reply", to="wxid_c0")) == 1, "one burst, one answer"


async def test_nothing_is_answered_at_once_that_stands_after_a_command(shop: Shop) -> None:
    """Said to another account, even in a group: it takes over a conversation that goes on in the same chunk."""
    said = [("lin-1", "wxid_c2", "店名是啥"), ("lin-2", "wxid_mei", "/接手 wxid_c0"), ("lin-1", "wxid_c0", "店名是啥"),
            ("lin-1", "wxid_c4", "店名是啥")]  # fmt: skip
    await shop.hear(said)
    assert shop.alone == 3
    assert [row.to for row in await outbox(shop.db, kind="reply")] == ["wxid_c2", "wxid_c4"]
    async with shop.db.read() as tx:
        assert (await tx.scalars(select(Wait.why))).all() == ["held"]


async def test_what_was_late_is_not_overtaken_by_what_the_same_customer_said_after_it(shop: Shop) -> None:
    await shop.clock.advance(1000)
    said = [("lin-1", "wxid_c0", "我要投诉"), ("lin-1", "wxid_c0", "店名是啥"), ("lin-1", "wxid_c2", "店名是啥"),
            ("lin-1", "wxid_c4", "店名是啥")]  # fmt: skip
    heard: list[str] = []
    handle = shop.handle

    async def notes(tx: AsyncConnection, received: Received, now_ms: int, late: bool) -> str | None:
        outcome: str | None = await handle(tx, received, now_ms, late)
        heard.append(received.payload["talker"] + ("：late" if late else ""))
        return outcome

    shop.handle = notes
    await shop.hear(said, late=1)
    assert heard == ["wxid_c2", "wxid_c4", "wxid_c0：late", "wxid_c0"]


def _meanwhile(shop: Shop, act: Callable[[AsyncConnection], Awaitable[object]]) -> list[asyncio.Task[None]]:
    """Once an answer was found and is not committed, another process begins to `act`."""
    begun: list[asyncio.Task[None]] = []
    handle = shop.handle

    async def other() -> None:
        async with shop.db.write() as tx:
            await act(tx)

    async def handles(tx: AsyncConnection, received: Received, now_ms: int, late: bool) -> str | None:
        outcome: str | None = await handle(tx, received, now_ms, late)
        if not begun:
            begun.append(asyncio.create_task(other(), name="the other process"))
            await asyncio.wait(begun, timeout=_LONG_ENOUGH_S)
        return outcome

    shop.handle = handles
    return begun


async def test_who_takes_a_conversation_over_while_many_are_answered_silences_the_answer(database: Database) -> None:
    await furnish(database)
    shop = Shop(database, read_ahead)
    hua = await row_of(database, Friendship, account="lin-1", contact="wxid_c0")
    taking = _meanwhile(shop, lambda tx: take_over(tx, hua.id, "mei", NOW_MS))
    await shop.hear([("lin-1", "wxid_c0", "店名是啥"), ("lin-1", "wxid_c2", "店名是啥")])
    await taking[0]
    assert shop.alone == 0
    assert (await row_of(database, Friendship, id=hua.id)).held_by == "mei"
    assert [(row.to, row.state) for row in await outbox(database, kind="reply")] == [
        ("wxid_c0", "skipped"), ("wxid_c2", "pending"),
    ]  # fmt: skip


async def test_who_is_looked_up_to_be_answered_is_not_taken_over_before_the_answer_stands(database: Database) -> None:
    """One message alone: between the look and the commit."""
    await furnish(database)
    hua = await row_of(database, Friendship, account="lin-1", contact="wxid_c0")

    async def takes() -> None:
        async with database.write() as tx:
            await take_over(tx, hua.id, "mei", NOW_MS)

    async with database.write() as tx:
        who = await acquaintance(tx, "lin-1", "wxid_c0", NOW_MS)
        taking = asyncio.create_task(takes(), name="the other process")
        await asyncio.wait([taking], timeout=_LONG_ENOUGH_S)
        await reply(tx, who, "小林的衣橱", arrival=1, entry="shop_name", now_ms=NOW_MS)
    await taking
    assert [row.state for row in await outbox(database, kind="reply")] == ["skipped"]


async def test_a_merge_while_many_are_answered_takes_the_answer_along(database: Database) -> None:
    """So it is remembered when they ask again, and one burst has one answer."""
    await furnish(database)
    shop = Shop(database, read_ahead)
    keep = (await row_of(database, Friendship, account="lin-1", contact="wxid_c0")).person
    gone = (await row_of(database, Friendship, account="lin-1", contact="wxid_c2")).person
    merging = _meanwhile(shop, lambda tx: merge(tx, keep, gone, "staff", "staff:mei", NOW_MS))
    await shop.hear([("lin-1", "wxid_c2", "店名是啥"), ("lin-1", "wxid_c4", "店名是啥")])
    await merging[0]
    await shop.hear([("lin-1", "wxid_c2", "店名是啥"), ("lin-1", "wxid_c4", "店名是啥")])
    assert [row.person for row in await outbox(database, kind="reply", to="wxid_c2")] == [keep]


async def test_who_was_merged_a_moment_before_is_answered_as_who_they_are_now(database: Database) -> None:
    """The merge is not committed when many are looked up: those two are waited for."""
    await furnish(database)
    shop = Shop(database, read_ahead)
    keep = (await row_of(database, Friendship, account="lin-1", contact="wxid_c0")).person
    gone = (await row_of(database, Friendship, account="lin-1", contact="wxid_c2")).person
    async with database.write() as tx:
        await merge(tx, keep, gone, "staff", "staff:mei", NOW_MS)
        hearing = asyncio.create_task(
            shop.hear([("lin-1", "wxid_c2", "店名是啥"), ("lin-1", "wxid_c4", "店名是啥")]), name="hearing"
        )
        await asyncio.wait([hearing], timeout=_LONG_ENOUGH_S)
    await hearing
    assert [row.person for row in await outbox(database, kind="reply", to="wxid_c2")] == [keep]
    async with database.read() as tx:
        assert await tx.scalar(select(func.count()).where(Friendship.contact == "wxid_c2")) == 1


async def test_one_that_raises_takes_nobody_along_and_nothing_is_said_twice(shop: Shop) -> None:
    handle = shop.handle

    async def stumbles(tx: AsyncConnection, received: Received, now_ms: int, late: bool) -> str | None:
        outcome: str | None = await handle(tx, received, now_ms, late)
        if received.payload["text"] == "什么码":
            raise ValueError
        return outcome

    shop.handle = stumbles
    said = [("lin-1", "wxid_c0", "店名是啥"), ("lin-1", "wxid_c2", "什么码"), ("lin-1", "wxid_c4", "店名是啥")]
    with pytest.raises(Failed):
        await shop.hear(said)
    assert await outbox(shop.db) == []
    await shop.clock.advance(1)
    again = await shop.hear(said, guarded=True)
    assert sorted(row.to for row in await outbox(shop.db)) == ["wxid_c0", "wxid_c4"]
    assert [item.received.payload["talker"] for item in again] == ["wxid_c2"]


async def test_the_courier_hears_of_what_was_written_for_many(shop: Shop) -> None:
    touched: set[str] = set()
    shop.db.on_touched(touched.update)
    await shop.hear([("lin-1", "wxid_c0", "店名是啥"), ("lin-2", "wxid_c1", "什么码")])
    assert touched == {"lin-1", "lin-2"} and shop.alone == 0
