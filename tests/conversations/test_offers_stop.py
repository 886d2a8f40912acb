"""An offer nobody asked for ends with an opt-out and with a talk; what they asked for by name, they get."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from conversations.acquaintance import find
from conversations.handover import give_back, take_over, typed_on_the_phone
from conversations.move_targets import Target
from conversations.moves import note_offer
from conversations.moves import row_of as part_of
from customers.consent import opt_in, opt_out
from rules.kinds import Kind
from rules.moves import Aim, MoveReason
from storage.conversation_tables import Wait
from storage.engine import Database
from storage.move_tables import Move
from storage.outbox import Content, NewDelivery, plan
from storage.tables import Account, Arrival, Delivery, Friendship, Person, Setting
from tests.conversations.matrix import Matrix, friend, open_matrix
from tests.conversations.shop import DAY_MS, NOW_MS, outbox, row_of, texts

HUA = "wxid_hua"
ASKS, CHATS, BY_NAME = "店名叫什么，怎么买", "店名叫什么", "能推一下苏叶的名片吗"


async def _matrix(db: Database, *accounts: str, **person: object) -> tuple[Matrix, int]:
    await open_matrix(db)
    async with db.write() as tx:
        hua = await friend(tx, HUA, *(accounts or ("xiaoyu-1",)), **{"call_me": "花花", **person})
        await tx.execute(insert(Setting).values(key="do_not_contact_key", value="00" * 32, changed_ms=0))
    return Matrix(db), hua


async def _waiting(db: Database) -> list[str]:
    """Keys of what is still to be said of other accounts."""
    return [row.key for row in await outbox(db, state="pending") if row.key.startswith("move:")]


async def test_an_opt_out_declines_for_good_what_they_never_asked_for(database: Database) -> None:
    """Planned after "怎么买", and not sent yet when they opt out three seconds later."""
    matrix, hua = await _matrix(database)
    await matrix.says(HUA, "xiaoyu-1", ASKS)
    assert len(await _waiting(database)) == 2
    assert await matrix.says(HUA, "xiaoyu-1", "退订", NOW_MS + 3_000) == "opted_out"
    assert await _waiting(database) == []
    (move,) = await matrix.moves()
    assert (move.state, move.look_ms) == ("declined", None)
    async with database.write() as tx:
        await opt_in(tx, hua, by="staff:boss", words="", now_ms=NOW_MS + DAY_MS)
    await matrix.says(HUA, "xiaoyu-1", ASKS, NOW_MS + 20 * DAY_MS)
    await matrix.look(NOW_MS + 20 * DAY_MS)
    assert len(await matrix.moves()) == 1 and await _waiting(database) == []


async def test_a_card_they_asked_for_by_name_goes_after_an_opt_out(sqlite_database: Database) -> None:
    matrix, hua = await _matrix(sqlite_database)
    await matrix.says(HUA, "xiaoyu-1", BY_NAME)
    async with sqlite_database.write() as tx:
        await opt_out(tx, hua, by="staff:boss", words="", now_ms=NOW_MS + 1_000)
    assert await _waiting(sqlite_database) == ["move:1:card"]
    assert [move.state for move in await matrix.moves()] == ["offered"]


async def test_who_waits_for_a_person_is_not_shown_who_sells(sqlite_database: Database) -> None:
    matrix, _ = await _matrix(sqlite_database)
    await matrix.says(HUA, "xiaoyu-1", "我要投诉你们，衣服破了个洞")
    assert await matrix.says(HUA, "xiaoyu-1", ASKS, NOW_MS + 60_000) == "answered"
    assert await matrix.moves() == []


async def _taken_over(db: Database, how: str, account: str, now_ms: int) -> None:
    """By command, or by a word on the phone."""
    async with db.write() as tx:
        who = await find(tx, account, HUA)
        assert who is not None
        if how == "phone":
            await typed_on_the_phone(tx, who, now_ms)
        else:
            await take_over(tx, who.friendship, "mei", now_ms)


async def _given_back(db: Database, account: str, now_ms: int) -> None:
    friendship = await row_of(db, Friendship, account=account, contact=HUA)
    async with db.write() as tx:
        await give_back(tx, friendship.id, "mei", now_ms)


@pytest.mark.parametrize("how", ["phone", "command"])
@pytest.mark.parametrize("account", ["xiaoyu-1", "xiaoyu-2"])
@pytest.mark.parametrize("words", [ASKS, CHATS])
async def test_nobody_is_offered_anybody_while_a_person_talks_and_then_it_is_made(
    sqlite_database: Database, how: str, account: str, words: str
) -> None:
    """Whichever of our accounts the person talks through. "怎么买", or bought before: planned, and not sent yet."""
    orders = 0 if words == ASKS else 1
    matrix, _ = await _matrix(sqlite_database, "xiaoyu-1", "xiaoyu-2", orders=orders, level="VIP1")
    await matrix.says(HUA, "xiaoyu-1", words)
    await matrix.look()
    assert len(await _waiting(sqlite_database)) == 2
    await _taken_over(sqlite_database, how, account, NOW_MS + 1_000)
    assert await _waiting(sqlite_database) == [] and await matrix.moves() == []
    await matrix.says(HUA, "xiaoyu-1", words, NOW_MS + 60_000)
    await matrix.look(NOW_MS + 60_000)
    assert await matrix.moves() == [], "the talk goes on"
    await _given_back(sqlite_database, account, NOW_MS + 120_000)
    await matrix.says(HUA, "xiaoyu-1", words, NOW_MS + 180_000)
    await matrix.look(NOW_MS + 180_000)
    assert len(await _waiting(sqlite_database)) == 2 and len(await matrix.cards()) == 1


async def test_between_the_words_and_the_card_a_person_comes_first(database: Database) -> None:
    """The words left, the card had not: nobody is led anywhere, and a no that follows is no answer to the offer."""
    matrix, _ = await _matrix(database, orders=1, level="VIP1")
    await matrix.says(HUA, "xiaoyu-1", CHATS)
    await matrix.look()
    await matrix.send_all(NOW_MS + 10_000)
    assert await _waiting(database) == ["move:1:card"]
    await _taken_over(database, "phone", "xiaoyu-1", NOW_MS + 11_000)
    assert await _waiting(database) == [] and await matrix.moves() == []
    later = NOW_MS + DAY_MS
    assert await matrix.says(HUA, "xiaoyu-1", "不用了谢谢", later) != "declined"
    await _given_back(database, "xiaoyu-1", later)
    await matrix.says(HUA, "xiaoyu-1", CHATS, later)
    await matrix.look(later)
    assert len(await _waiting(database)) == 2, "said anew, though SQLite gives the number again"


@pytest.mark.parametrize("how", ["phone", "command"])
async def test_a_card_they_asked_for_by_name_goes_though_a_person_talks(sqlite_database: Database, how: str) -> None:
    matrix, _ = await _matrix(sqlite_database)
    await matrix.says(HUA, "xiaoyu-1", BY_NAME)
    await _taken_over(sqlite_database, how, "xiaoyu-1", NOW_MS + 1_000)
    assert await _waiting(sqlite_database) == ["move:1:card"]


async def test_a_reminder_that_a_person_stopped_comes_another_day_once(sqlite_database: Database) -> None:
    matrix, _ = await _matrix(sqlite_database, orders=1, level="VIP1")
    await matrix.says(HUA, "xiaoyu-1", CHATS)
    await matrix.look()
    await matrix.send_all(NOW_MS + DAY_MS)
    third = NOW_MS + 3 * DAY_MS
    await matrix.look(third)
    assert await _waiting(sqlite_database) == ["move:1:again"]
    await _taken_over(sqlite_database, "phone", "xiaoyu-1", third + 1_000)
    assert await _waiting(sqlite_database) == []
    for days in range(1, 30):
        await matrix.look(third + days * DAY_MS)
        await matrix.send_all(third + days * DAY_MS)
    assert len(await texts(sqlite_database, key="move:1:again", state="accepted")) == 1
    assert [move.state for move in await matrix.moves()] == ["rested"]


async def test_a_level_up_is_still_said_after_the_talk_without_the_account_it_named(sqlite_database: Database) -> None:
    matrix, hua = await _matrix(sqlite_database, orders=1, level="VIP1")
    async with sqlite_database.write() as tx:
        who = await find(tx, "xiaoyu-1", HUA)
        assert who is not None
        target = Target("lin-1", "wxid_lin-1", "lin")
        move = await note_offer(tx, who, Aim.SALES, MoveReason.LEVEL, target, NOW_MS)
        assert move is not None
        card = part_of(
            move, "card", who, Content(card=target.contact), due_ms=NOW_MS, kind=Kind.LEVEL_UP, source="level_move:1"
        )
        words = NewDelivery(
            Kind.LEVEL_UP, "xiaoyu-1", HUA, Content(text="恭喜升级\n加小林"), "level_up:1:VIP1", NOW_MS, person=hua,
            source="level_move:1",
        )  # fmt: skip
        await plan(tx, [words, card], now_ms=NOW_MS)
    await _taken_over(sqlite_database, "command", "xiaoyu-1", NOW_MS + 1_000)
    (row,) = await outbox(sqlite_database, state="pending")
    assert row.content["text"] == "恭喜升级" and await matrix.moves() == []


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["asks", "chats", "by name", "looks", "sends", "opts out", "phone", "command", "ends", "days"]),
        st.sampled_from(["xiaoyu-1", "xiaoyu-2"]),
    ),
    max_size=12,
)


@given(_STEPS)
@settings(max_examples=7, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_happens_nothing_unasked_waits_to_leave_against_a_wish_or_over_a_person(
    sqlite_database: Database, steps: list[tuple[str, str]]
) -> None:
    async with sqlite_database.write() as tx:
        for table in (Move, Delivery, Wait, Friendship, Person, Account, Arrival, Setting):
            await tx.execute(delete(table))
    matrix, hua = await _matrix(sqlite_database, "xiaoyu-1", "xiaoyu-2", orders=1, level="VIP1")
    now_ms, out, asked_for = NOW_MS, False, 0
    for step, account in steps:
        now_ms += 3 * DAY_MS if step == "days" else 1_000
        if step in ("asks", "chats", "by name"):
            line = {"asks": ASKS, "chats": CHATS, "by name": BY_NAME}[step]
            asked_for += (await matrix.says(HUA, account, line, now_ms) == "answered") and step == "by name"
        elif step == "looks":
            await matrix.look(now_ms)
        elif step == "sends":
            await matrix.send_all(now_ms)
        elif step == "opts out":
            out = True
            async with sqlite_database.write() as tx:
                await opt_out(tx, hua, by="staff:boss", words="", now_ms=now_ms)
        elif step in ("phone", "command"):
            await _taken_over(sqlite_database, step, account, now_ms)
        elif step == "ends":
            await _given_back(sqlite_database, account, now_ms)
        rows = await outbox(sqlite_database)
        async with sqlite_database.read() as connection:
            held = await connection.scalar(select(Friendship.id).where(Friendship.held_until_ms > now_ms).limit(1))
        unasked = [row for row in rows if row.key.startswith("move:") and row.kind != "name_card"]
        if out or held is not None:
            assert [row.key for row in unasked if row.state == "pending"] == []
        assert not out or [move.state for move in await matrix.moves() if move.why != "choice"] in ([], ["declined"])
        named = [row for row in rows if row.kind == "name_card" and row.state != "skipped"]
        assert len(named) == asked_for, "what they asked for by name goes"
