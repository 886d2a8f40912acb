"""Two at once, and deaths in between: a customer is handed over once, staff are reminded once, nobody is forgotten."""

import asyncio
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.handover import give_back, take_over
from conversations.waiting_watch import HandoverConfig, WaitingWatch
from storage.conversation_tables import Wait
from storage.engine import Database
from storage.tables import Arrival, Delivery, Friendship
from tests.conversations.shop import NOW_MS, Post, outbox, row_of, texts
from tests.conversations.test_waiting import UNKNOWN, ZONE, opened
from tests.lock_waits import until_it_waits

MINUTE_MS = 60_000
LINGERS_S = 0.02
CONFIG = HandoverConfig(remind_minutes=15, escalate_minutes=20)


class _Killed(Exception):
    """The process dies before the commit."""


async def _look(db: Database, now_ms: int, *, dies: bool = False, lingers_s: float = 0) -> None:
    watch = WaitingWatch(CONFIG, ZONE)
    try:
        async with db.write() as tx:
            if await watch.due(tx, now_ms):
                await watch.act(tx, now_ms)
            await asyncio.sleep(lingers_s)  # whoever else looks now has read the same
            if dies:
                raise _Killed
    except _Killed:
        return


async def test_two_messages_at_once_hand_over_once(database: Database) -> None:
    post = await opened(database)
    await asyncio.gather(*(post.bring(f"{UNKNOWN}{number}", id=f"a{number}") for number in range(4)))
    notices = await outbox(database, kind="staff_notice")
    async with database.read() as tx:
        waits = (await tx.execute(select(Wait.id, Wait.arrival))).all()
    assert (len(notices), len(waits)) == (1, 1)
    async with database.read() as tx:
        newest = await tx.scalar(select(Arrival.id).order_by(Arrival.id.desc()).limit(1))
    assert waits[0].arrival is not None and waits[0].arrival <= newest


async def test_several_watches_at_once_and_one_that_dies_remind_once(database: Database) -> None:
    post = await opened(database)
    await post.bring(UNKNOWN)
    for minute in (0, 15, 16, 35, 36, 90):
        now_ms = NOW_MS + minute * MINUTE_MS
        await _look(database, now_ms, dies=True)
        await asyncio.gather(*(_look(database, now_ms + process, lingers_s=LINGERS_S) for process in range(3)))
    assert [text[:6] for text in await texts(database, kind="staff_notice")] == [
        "【待人工】小",
        "【还在等】小",
        "【等太久了】",
    ]


async def test_who_takes_a_customer_on_in_that_very_moment_is_not_reminded_yet(database: Database) -> None:
    post = await opened(database)
    await post.bring(UNKNOWN)
    await _while_the_watch_looks(database, NOW_MS + 15 * MINUTE_MS)
    wait = await row_of(database, Wait)
    assert (wait.state, wait.staff) == ("waiting", "fan")
    assert [text[:5] for text in await texts(database, kind="staff_notice")] == ["【待人工】"]


async def test_who_takes_a_conversation_again_that_was_left_keeps_it(database: Database) -> None:
    """Else the bot would speak over them."""
    await opened(database)
    async with database.write() as tx:
        await _takes(tx, "mei", NOW_MS)
    await _while_the_watch_looks(database, NOW_MS + 60 * MINUTE_MS)
    assert (await row_of(database, Friendship, account="lin-1", contact="wxid_hua")).held_by == "fan"


async def _while_the_watch_looks(db: Database, now_ms: int) -> None:
    """Fan takes Huahua over; the watch has read how it stood before, on PostgreSQL."""
    async with db.write() as tx:
        await _takes(tx, "fan", now_ms)
        looking = asyncio.create_task(_look(db, now_ms), name="the watch")
        await until_it_waits(tx, looking)
    await looking


@settings(max_examples=7, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(roll=st.randoms(use_true_random=False))
async def test_whatever_happens_in_whatever_order_the_bot_is_silent_while_held_and_each_word_is_said_once(
    sqlite_database: Database, roll: Random
) -> None:
    """Random days of one customer: questions, hands on the phone, commands, looks and deaths, against a plain model."""
    post = await _fresh(sqlite_database)
    held_until_ms, now_ms = 0, NOW_MS
    for _ in range(roll.randint(4, 14)):
        now_ms += roll.choice((1, 5, 14, 31)) * MINUTE_MS
        act = roll.choice(("asks", "asks", "types", "takes", "returns", "look", "dies"))
        if act == "asks":
            outcome = await post.bring("店名是啥", now_ms=now_ms)
            assert (outcome == "held") == (now_ms < held_until_ms), (outcome, now_ms, held_until_ms)
        elif act == "types":
            words = f"我说 {now_ms}"
            assert await post.bring(words, talker="wxid_self_0", listener="wxid_hua", now_ms=now_ms) == "takeover"
            held_until_ms = max(held_until_ms, now_ms + 30 * MINUTE_MS)
            await _nothing_pending(sqlite_database)
        elif act in ("takes", "returns"):
            held_until_ms = now_ms + 60 * MINUTE_MS if act == "takes" else 0
            await _by_command(sqlite_database, act, now_ms)
        else:
            await _look(sqlite_database, now_ms, dies=act == "dies")
        await _one_open_wait_at_most(sqlite_database)
    for minute in range(0, 600, 7):
        await _look(sqlite_database, now_ms + minute * MINUTE_MS)
    async with sqlite_database.read() as tx:
        still = (await tx.execute(select(Wait.state, Wait.look_ms).where(Wait.ended_ms.is_(None)))).all()
        held = (await tx.scalars(select(Friendship.held_by).where(Friendship.held_by.is_not(None)))).all()
    assert held == []
    assert [tuple(row) for row in still] in ([], [("escalated", None)])


async def _fresh(db: Database) -> Post:
    async with db.write() as tx:
        for table in reversed(Wait.metadata.sorted_tables):
            await tx.execute(delete(table))
    return await opened(db)


async def _by_command(db: Database, act: str, now_ms: int) -> None:
    async with db.write() as tx:
        if act == "takes":
            await _takes(tx, "fan", now_ms)
        else:
            await give_back(tx, await _with_hua(tx), "fan", now_ms)
    if act == "takes":
        await _nothing_pending(db)


async def _takes(tx: AsyncConnection, staff: str, now_ms: int) -> None:
    await take_over(tx, await _with_hua(tx), staff, now_ms, idle_ms=60 * MINUTE_MS)


async def _with_hua(tx: AsyncConnection) -> int:
    query = select(Friendship.id).where(Friendship.account == "lin-1", Friendship.contact == "wxid_hua")
    return (await tx.scalars(query)).one()


async def _nothing_pending(db: Database) -> None:
    """And what was said before is sent, so that the next answer is no part of its burst."""
    assert await outbox(db, kind="reply", state="pending") == []
    async with db.write() as tx:
        await tx.execute(update(Delivery).where(Delivery.state == "pending").values(state="accepted"))


async def _one_open_wait_at_most(db: Database) -> None:
    async with db.read() as tx:
        assert len((await tx.scalars(select(Wait.id).where(Wait.ended_ms.is_(None)))).all()) <= 1
