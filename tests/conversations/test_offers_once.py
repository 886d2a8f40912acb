"""An offer is made once for each aim, and neither made nor repeated against a wish, whoever was quicker."""

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import Update, insert, update

from conversations.acquaintance import find
from conversations.move_looks import Due, look_at, looks_due
from conversations.move_targets import Target, target_for
from conversations.moves import move_on, note_offer
from customers.consent import opt_out
from rules.kinds import Kind
from rules.moves import Aim, MoveReason, MoveState
from storage.engine import Database
from storage.move_tables import Move
from storage.outbox import Content, NewDelivery, plan
from storage.tables import Account, Delivery, Friendship, Person
from tests.conversations.matrix import Matrix, contact_of, friend, open_matrix, voices
from tests.conversations.shop import DAY_MS, NOW_MS, outbox
from tests.lock_waits import until_it_waits

HUA = "wxid_hua"
THIRD_DAY_MS = NOW_MS + 3 * DAY_MS


async def _hua(db: Database, **person: object) -> int:
    await open_matrix(db)
    async with db.write() as tx:
        return await friend(tx, HUA, "xiaoyu-1", "xiaoyu-2", call_me="花花", **person)


async def _offer(db: Database, account: str, to: str = "lin-1") -> int | None:
    async with db.write() as tx:
        who = await find(tx, account, HUA)
        assert who is not None
        return await note_offer(tx, who, Aim.SALES, MoveReason.BOUGHT, Target(to, contact_of(to), "lin"), NOW_MS)


async def test_whoever_comes_second_finds_that_it_was_offered(sqlite_database: Database) -> None:
    await _hua(sqlite_database)
    assert await _offer(sqlite_database, "xiaoyu-1") is not None
    assert await _offer(sqlite_database, "xiaoyu-2", "suye-1") is None
    assert [move.to_account for move in await Matrix(sqlite_database).moves()] == ["lin-1"]


@pytest.mark.parametrize("wish", [{"opted_out_ms": NOW_MS - 1}, {"muted_until_ms": NOW_MS + 1}])
async def test_who_wishes_to_be_left_alone_is_offered_nobody_whoever_asks(
    sqlite_database: Database, wish: dict[str, int]
) -> None:
    await _hua(sqlite_database, **wish)
    assert await _offer(sqlite_database, "xiaoyu-1") is None


async def test_who_opts_out_in_that_very_moment_is_offered_nobody(database: Database) -> None:
    hua = await _hua(database)
    async with database.write() as tx:
        await opt_out(tx, hua, by="staff:boss", words="", now_ms=NOW_MS)
        offering = asyncio.create_task(_offer(database, "xiaoyu-1"), name="offer")
        await until_it_waits(tx, offering)
    assert await offering is None


async def test_the_last_place_is_offered_to_one_of_two_at_once(database: Database) -> None:
    """lin-1 has one, the other sales accounts none."""
    await open_matrix(database, lin_1=2_699, lin_2=2_700, suye_1=2_700)
    async with database.write() as tx:
        one, other = [await friend(tx, contact, "xiaoyu-1") for contact in (HUA, "wxid_other")]

    async def looks() -> Target | None:
        async with database.write() as tx:
            return await target_for(tx, Aim.SALES, other, "xiaoyu-1", suits=None)

    async with database.write() as tx:
        who = await find(tx, "xiaoyu-1", HUA)
        target = await target_for(tx, Aim.SALES, one, "xiaoyu-1", suits=None)
        assert who is not None and target is not None
        looking = asyncio.create_task(looks(), name="the other")
        await until_it_waits(tx, looking)
        assert await note_offer(tx, who, Aim.SALES, MoveReason.BOUGHT, target, NOW_MS) is not None
    assert await looking is None


async def _due_to_be_reminded(db: Database) -> tuple[Matrix, Due]:
    """She has the card of a sales account since three days; the planner has just read that she is to be reminded."""
    await _hua(db, orders=1, level="VIP1")
    matrix = Matrix(db)
    await matrix.says(HUA, "xiaoyu-1", "店名叫什么")
    await matrix.look()
    await matrix.send_all(NOW_MS + DAY_MS)
    async with db.read() as connection:
        (due,) = await looks_due(connection, THIRD_DAY_MS)
    return matrix, due


async def _look(matrix: Matrix, due: Due) -> tuple[str, int]:
    """What became of the offer, and how many reminders are planned."""
    async with matrix.db.write() as tx:
        await look_at(tx, voices(), due, THIRD_DAY_MS)
    (move,) = await matrix.moves()
    return move.state, len(await outbox(matrix.db, key=f"move:{move.id}:again"))


async def test_who_said_no_in_that_very_moment_is_not_reminded(sqlite_database: Database) -> None:
    matrix, due = await _due_to_be_reminded(sqlite_database)
    async with sqlite_database.write() as tx:
        assert await move_on(tx, due.id, MoveState.DECLINED, look_ms=None, now_ms=THIRD_DAY_MS)
    assert await _look(matrix, due) == ("declined", 0)


@pytest.mark.parametrize(
    "stops",
    [
        lambda due: update(Person).where(Person.id == due.person).values(opted_out_ms=NOW_MS),
        lambda due: update(Person).where(Person.id == due.person).values(muted_until_ms=THIRD_DAY_MS + 1),
        lambda due: _with_her(due).values(state="gone"),
        lambda due: _with_her(due).values(waiting_since_ms=NOW_MS),
        lambda due: _with_her(due).values(held_by="mei", held_until_ms=THIRD_DAY_MS + 1),
        lambda due: update(Account).where(Account.id == due.from_account).values(paused_by="boss"),
        lambda due: update(Account).where(Account.id == due.to_account).values(friends_listed=3_000),
    ],
    ids=["opted out", "muted", "no friend any more", "waits for a person", "talks with one", "paused", "full"],
)
async def test_nobody_is_reminded_where_something_is_against_it_by_now(
    sqlite_database: Database, stops: Callable[[Due], Update]
) -> None:
    """Whatever nobody declined the offer for: they turned out to be somebody who opted out, the account is full …"""
    matrix, due = await _due_to_be_reminded(sqlite_database)
    async with sqlite_database.write() as tx:
        await tx.execute(stops(due))
    assert await _look(matrix, due) == ("rested", 0)


def _with_her(due: Due) -> Update:
    return update(Friendship).where(Friendship.person == due.person, Friendship.account == due.from_account)


async def test_nobody_is_reminded_who_had_as_many_kindnesses_as_a_month_may_bring(sqlite_database: Database) -> None:
    matrix, due = await _due_to_be_reminded(sqlite_database)
    greeting = NewDelivery(
        Kind.GREETING, due.from_account, HUA, Content(text="生日快乐"), "greeting:1", NOW_MS, person=due.person,
        source="birthday",
    )  # fmt: skip
    async with sqlite_database.write() as tx:
        await plan(tx, [greeting], now_ms=NOW_MS)
    assert await _look(matrix, due) == ("rested", 0)


async def test_who_said_no_as_somebody_they_turned_out_to_be_is_not_reminded(sqlite_database: Database) -> None:
    matrix, due = await _due_to_be_reminded(sqlite_database)
    (move,) = await matrix.moves()
    async with sqlite_database.write() as tx:
        former = insert(Person).values(name="花", created_ms=0, merged_into=due.person).returning(Person.id)
        other = {**move._mapping, "person": await tx.scalar(former), "state": "declined", "look_ms": None}
        del other["id"]
        await tx.execute(insert(Move).values(other))
        await look_at(tx, voices(), due, THIRD_DAY_MS)
    assert await outbox(sqlite_database, key=f"move:{due.id}:again") == []


async def test_nobody_is_reminded_of_a_card_that_was_refused(sqlite_database: Database) -> None:
    matrix, due = await _due_to_be_reminded(sqlite_database)
    async with sqlite_database.write() as tx:
        await tx.execute(update(Delivery).where(Delivery.key == f"move:{due.id}:card").values(state="failed"))
    assert await _look(matrix, due) == ("rested", 0)
