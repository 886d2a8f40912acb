"""Nobody is led to an account that is lost: what was offered is not made, and another may be offered instead."""

import pytest
from sqlalchemy import insert, update

from bots.lost_accounts import hand_on, set_aside, take_back
from conversations.acquaintance import find
from conversations.move_targets import Target
from conversations.moves import note_offer, row_of
from conversations.withdrawn_offers import leading_to, withdraw
from operations.why import reason_words
from rules.kinds import Kind
from rules.moves import Aim, MoveReason
from storage.engine import Database
from storage.move_tables import Move
from storage.outbox import Content, NewDelivery, plan
from storage.tables import Friendship
from tests.conversations.matrix import Matrix, contact_of, friend, open_matrix
from tests.conversations.shop import DAY_MS, NOW_MS, outbox, texts
from texts.catalogue import say

HUA = "wxid_hua"


async def _offered(db: Database, *, sent: bool) -> tuple[Matrix, str]:
    """Huahua of xiaoyu-1 was offered a sales account; returns which. `sent`: she has the card."""
    await open_matrix(db)
    async with db.write() as tx:
        await friend(tx, HUA, "xiaoyu-1", orders=1, level="VIP1", call_me="花花")
    matrix = Matrix(db)
    await matrix.says(HUA, "xiaoyu-1", "店名叫什么")
    await matrix.look()
    if sent:
        await matrix.send_all(NOW_MS + DAY_MS)
    (move,) = await matrix.moves()
    return matrix, move.to_account


async def _lose(db: Database, account: str, now_ms: int = NOW_MS) -> None:
    async with db.write() as tx:
        await hand_on(tx, account, now_ms)
        await set_aside(tx, account, "boss", now_ms)
        await withdraw(tx, now_ms)


async def _asks_again(matrix: Matrix, now_ms: int) -> list[str]:
    """Whose cards she has or is to get, the oldest first, after she was answered once more."""
    await matrix.says(HUA, "xiaoyu-1", "什么码", now_ms)
    await matrix.look(now_ms)
    rows = await outbox(matrix.db, kind="level_up")
    return [row.content["card"] for row in rows if "card" in row.content and row.state != "skipped"]


async def test_an_offer_of_a_lost_account_that_has_not_left_was_never_made_and_another_is_said_in_full(
    database: Database,
) -> None:
    matrix, lost = await _offered(database, sent=False)
    await _lose(database, lost)
    assert await matrix.moves() == []
    skipped = await outbox(database, kind="level_up")
    assert [(row.state, row.reason) for row in skipped] == [("skipped", "card_of_lost")] * 2
    assert "已经丢了" in reason_words("card_of_lost")
    (card,) = await _asks_again(matrix, NOW_MS + DAY_MS)
    assert card in {contact_of(sales) for sales in ("lin-1", "lin-2", "suye-1")} - {contact_of(lost)}
    said = await outbox(database, kind="level_up", state="pending")
    assert [row.key.rpartition(":")[2] for row in said] == ["words", "card"], "under the number of the old one, too"


async def test_who_has_the_card_of_a_lost_account_is_shown_another_unless_it_is_found_first(
    sqlite_database: Database,
) -> None:
    matrix, lost = await _offered(sqlite_database, sent=True)
    await _lose(sqlite_database, lost, NOW_MS + 2 * DAY_MS)
    await matrix.look(NOW_MS + 4 * DAY_MS)
    assert await texts(sqlite_database, key="move:1:again") == [], "nobody is reminded of it"
    async with sqlite_database.write() as tx:
        await take_back(tx, lost)
    assert await _asks_again(matrix, NOW_MS + 9 * DAY_MS) == [contact_of(lost)]
    await _lose(sqlite_database, lost, NOW_MS + 10 * DAY_MS)
    first, second = await _asks_again(matrix, NOW_MS + 11 * DAY_MS)
    assert first == contact_of(lost) != second
    (move,) = await matrix.moves()
    assert move.to_account != lost


@pytest.mark.parametrize(("answer", "cards"), [("followed", 2), ("declined", 1), ("rested", 1)])
async def test_who_followed_to_a_lost_account_may_go_to_another_and_who_did_not_want_to_is_left_alone(
    sqlite_database: Database, answer: str, cards: int
) -> None:
    matrix, lost = await _offered(sqlite_database, sent=True)
    async with sqlite_database.write() as tx:
        await tx.execute(update(Move).values(state=answer, look_ms=None))
    await _lose(sqlite_database, lost)
    assert len(await _asks_again(matrix, NOW_MS + 9 * DAY_MS)) == cards


async def test_an_offer_that_a_lost_account_was_to_make_is_not_made(sqlite_database: Database) -> None:
    """Nor does a sibling make it, who knows her, too."""
    matrix, _ = await _offered(sqlite_database, sent=False)
    async with sqlite_database.write() as tx:
        hua = await find(tx, "xiaoyu-1", HUA)
        assert hua is not None
        row = {"account": "xiaoyu-2", "contact": HUA, "person": hua.person, "since_ms": 0}
        await tx.execute(insert(Friendship).values(row))
    async with sqlite_database.read() as connection:
        assert await leading_to(connection, "xiaoyu-1") == 1
    await _lose(sqlite_database, "xiaoyu-1")
    assert await matrix.moves() == []
    assert {(row.account, row.state) for row in await outbox(sqlite_database, kind="level_up")} == {
        ("xiaoyu-1", "skipped")
    }


async def test_a_level_is_still_congratulated_on_without_the_name_of_the_lost_and_introductions_are_skipped(
    database: Database,
) -> None:
    await open_matrix(database)
    goodbye = say("conversations.goodbye", lang="zh", sibling="秦老师")
    async with database.write() as tx:
        hua = await friend(tx, HUA, "lin-1")
        who = await find(tx, "lin-1", HUA)
        assert who is not None
        target = Target("qin-1", contact_of("qin-1"), "qin")
        move = await note_offer(tx, who, Aim.TRAINING, MoveReason.LEVEL, target, NOW_MS)
        assert move is not None
        card = Content(card=target.contact)
        rows = [
            NewDelivery(Kind.LEVEL_UP, "lin-1", HUA, Content(text=f"恭喜花花升级啦\n{goodbye}"), "level_up:1:partner",
                        NOW_MS, person=hua, source="level_move:1"),
            NewDelivery(Kind.LEVEL_UP, "lin-1", HUA, Content(text="恭喜\n上一级"), "level_up:1:VIP2", NOW_MS,
                        person=hua, source="level_move:0"),
            row_of(move, "card", who, card, due_ms=NOW_MS, kind=Kind.LEVEL_UP, source="level_move:1"),
            NewDelivery(Kind.NAME_CARD, "lin-1", HUA, card, "card:7", NOW_MS, person=hua),
            NewDelivery(Kind.OFFER, "lin-1", HUA, Content(image="qin.jpg"), "introduce:lin-1:x", NOW_MS,
                        person=hua, source="friends:qin-1"),
            NewDelivery(Kind.NAME_CARD, "lin-1", HUA, Content(card=contact_of("lin-2")), "card:8", NOW_MS, person=hua),
        ]  # fmt: skip
        await plan(tx, rows, now_ms=NOW_MS)
        assert await leading_to(tx, "qin-1") == 3
    await _lose(database, "qin-1")
    left = {row.key: row.content for row in await outbox(database, state="pending")}
    assert left == {
        "level_up:1:partner": {"text": "恭喜花花升级啦"}, "level_up:1:VIP2": {"text": "恭喜\n上一级"},
        "card:8": {"card": "wxid_lin-2"},
    }  # fmt: skip
