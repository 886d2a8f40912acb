"""Customers who wait for a person: to whom they go, who is reminded, and that the bot is silent meanwhile."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select, update

from bots.gateway import MessageKind
from conversations.handover import give_back, take_over
from conversations.intake import Intake
from conversations.waiting_watch import HandoverConfig, WaitingWatch
from conversations.waits import OPEN, TRANSITIONS, WaitState
from conversations.who_waits import who_waits
from rules.kinds import Kind
from storage.campaign_tables import Material
from storage.claiming import facts_of, page
from storage.conversation_tables import Wait
from storage.engine import Database
from storage.order_tables import Claim, Order
from storage.outbox import Content, NewDelivery, plan
from storage.staff_tables import StaffMember
from storage.tables import Delivery, Friendship, Person
from tests.conversations.shop import NOW_MS, Post, befriend, count, open_shop, outbox, row_of, texts, voices
from tests.conversations.test_intake import Door

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
ZONE = "Asia/Shanghai"
CONFIG = HandoverConfig(remind_minutes=15, escalate_minutes=20)
UNKNOWN = "你们老板娘结婚了吗"


@pytest.fixture
async def post(sqlite_database: Database) -> Post:
    return await opened(sqlite_database)


async def opened(db: Database) -> Post:
    await open_shop(db, room="staff@chatroom")
    door = Door()
    return Post(
        db,
        Intake(voices(), on_command=door.on_command, on_stranger=door.on_stranger, on_friendship=door.on_friendship),
    )


async def _tick(db: Database, now_ms: int) -> None:
    """A watch that knows nothing but the tables."""
    watch = WaitingWatch(CONFIG, ZONE)
    async with db.write() as tx:
        if await watch.due(tx, now_ms):
            await watch.act(tx, now_ms)


async def _from_to(db: Database, start_ms: int, end_ms: int, step_ms: int = MINUTE_MS) -> list[tuple[int, str]]:
    """(minute, text) of what staff were told, looked at once a minute."""
    before = len(await outbox(db, kind="staff_notice"))
    told: list[tuple[int, str]] = []
    for now_ms in range(start_ms, end_ms + 1, step_ms):
        await _tick(db, now_ms)
        notices = await texts(db, kind="staff_notice")
        told += [((now_ms - start_ms) // MINUTE_MS, text) for text in notices[before + len(told) :]]
    return told


async def _shifts(db: Database, **shifts: str | None) -> None:
    async with db.write() as tx:
        for staff, shift in shifts.items():
            await tx.execute(update(StaffMember).where(StaffMember.id == staff).values(shift=shift))


async def _hua(db: Database, **values: Any) -> Any:
    friendship = await row_of(db, Friendship, account="lin-1", contact="wxid_hua")
    if values:
        async with db.write() as tx:
            await tx.execute(update(Person).where(Person.id == friendship.person).values(**values))
    return friendship


async def test_the_notice_says_who_they_are_what_they_bought_what_they_said_and_why(
    sqlite_database: Database, post: Post
) -> None:
    hua = await _hua(sqlite_database, level="VIP2", tier="gold", orders=3, call_me="花花")
    async with sqlite_database.write() as tx:
        for number, title in (("1", "法式大衣"), ("2", "风琴裙")):
            await tx.execute(
                insert(Order).values(
                    number=number, member_name="m", person=hua.person, status="done", paid_fen=100,
                    created_ms=int(number),
                    paid_ms=NOW_MS - int(number) * 24 * HOUR_MS, titles=[title], batch=1,
                )
            )  # fmt: skip
    await post.bring("我要投诉，衣服破了")
    head, who, what, mend = (await texts(sqlite_database, kind="staff_notice"))[0].split("\n")
    assert "黄金" in head and "小美" in head and "lin-1" in head
    assert who == "花花 · VIP2 · 黄金 · 买过 3 次，上次 11-20「法式大衣」"
    assert "投诉" in what and "我要投诉，衣服破了" in what
    assert f"/接手 #{hua.person}" in mend


async def test_whose_name_is_not_known_yet_is_found_by_when_and_what_they_wrote_and_named_once_it_is(
    sqlite_database: Database, post: Post
) -> None:
    await post.bring(UNKNOWN, talker="wxid_new")
    new = await row_of(sqlite_database, Friendship, account="lin-1", contact="wxid_new")
    _, who, what, mend = (await texts(sqlite_database, kind="staff_notice"))[0].split("\n")
    at = f"{datetime.fromtimestamp(NOW_MS / 1000, ZoneInfo(ZONE)):%H:%M}"
    assert f"#{new.person}" in who and at in who and UNKNOWN in what and f"/客户 #{new.person}" in mend
    async with sqlite_database.write() as tx:
        await tx.execute(update(Friendship).where(Friendship.id == new.id).values(nickname="晚晚同学"))
    [(_, reminder)] = await _from_to(sqlite_database, NOW_MS + 15 * MINUTE_MS, NOW_MS + 15 * MINUTE_MS)
    assert "晚晚同学" in reminder and "新朋友" not in reminder


async def test_it_goes_by_load_among_those_on_duty_and_stays_with_whom_they_know(
    sqlite_database: Database, post: Post
) -> None:
    await _shifts(sqlite_database, mei="09:00-18:00", fan="09:00-18:00", boss=None)
    async with sqlite_database.write() as tx:
        await tx.execute(update(StaffMember).where(StaffMember.id == "fan").values(role="service"))
        for number in range(4):
            await befriend(tx, "lin-1", f"wxid_{number}", f"客{number}")
    for number in range(4):
        await post.bring(UNKNOWN, talker=f"wxid_{number}")
    async with sqlite_database.read() as tx:
        given = (await tx.scalars(select(Wait.staff).order_by(Wait.id))).all()
    assert given == ["mei", "fan", "mei", "fan"]
    # fan answers the second: whoever answered them has them, though others have less to do.
    async with sqlite_database.write() as tx:
        friendship = (await row_of(sqlite_database, Friendship, contact="wxid_1")).id
        await take_over(tx, friendship, "fan", NOW_MS)
    await post.bring("我来了", talker="wxid_self_0", listener="wxid_1")
    async with sqlite_database.write() as tx:
        await give_back(tx, friendship, "fan", NOW_MS)
        await tx.execute(update(Wait).where(Wait.staff == "mei").values(staff=None))
    await post.bring(UNKNOWN, talker="wxid_1", now_ms=NOW_MS + 2 * HOUR_MS)
    assert (await row_of(sqlite_database, Wait, friendship=friendship, ended_ms=None)).staff == "fan"


async def test_never_to_somebody_who_is_out(sqlite_database: Database, post: Post) -> None:
    """10:00: the holder's shift begins at noon; an operator is there, the owner only comes after."""
    await _shifts(sqlite_database, mei="12:00-20:00", fan="09:00-18:00")
    await post.bring(UNKNOWN)
    assert (await row_of(sqlite_database, Wait)).staff == "fan"
    assert "手机在小美那里" in (await texts(sqlite_database, kind="staff_notice"))[-1]  # who is out, but has it
    await _shifts(sqlite_database, fan="12:00-20:00", boss="12:00-20:00")
    await post.bring(UNKNOWN, account="lin-2")
    assert (await row_of(sqlite_database, Wait, account="lin-2")).staff is None
    assert "现在没人当班" in (await texts(sqlite_database, kind="staff_notice"))[-1]


async def test_reminded_then_escalated_once_each_whatever_restarts(database: Database) -> None:
    post = await opened(database)
    await post.bring(UNKNOWN)
    told = await _from_to(database, NOW_MS, NOW_MS + 3 * HOUR_MS, 5 * MINUTE_MS)
    assert [minute for minute, _ in told] == [15, 35]
    assert told[0][1].startswith("【还在等】小美") and "15 分钟" in told[0][1] and UNKNOWN in told[0][1]
    assert told[1][1].startswith("【等太久了】老板") and "小美" in told[1][1]
    wait = await row_of(database, Wait)
    assert (wait.state, wait.look_ms) == ("escalated", None)


async def test_only_the_hours_in_which_somebody_is_on_duty_count(sqlite_database: Database, post: Post) -> None:
    """17:50, shift until 18:00: ten minutes today, five tomorrow morning."""
    await _shifts(sqlite_database, mei="09:00-18:00", fan="09:00-18:00", boss="09:00-18:00")
    evening = datetime(2026, 11, 21, 17, 50, tzinfo=ZoneInfo(ZONE))
    start_ms = round(evening.timestamp() * 1000)
    await post.bring(UNKNOWN, now_ms=start_ms)
    told = await _from_to(sqlite_database, start_ms, start_ms + 16 * HOUR_MS, 5 * MINUTE_MS)
    when = [(evening + timedelta(minutes=minute)).strftime("%d %H:%M") for minute, _ in told]
    assert when == ["22 09:05", "22 09:25"]


async def test_after_an_outage_the_reminder_comes_first_and_several_are_one_notice(
    sqlite_database: Database, post: Post
) -> None:
    async with sqlite_database.write() as tx:
        for number in range(3):
            await befriend(tx, "lin-1", f"wxid_{number}", f"客{number}", tier="gold" if number == 2 else None)
    for number in range(3):
        await post.bring(UNKNOWN, talker=f"wxid_{number}", now_ms=NOW_MS + number)
    await _shifts(sqlite_database, fan="22:00-23:00", boss="22:00-23:00")
    told = await _from_to(sqlite_database, NOW_MS + 5 * HOUR_MS, NOW_MS + 6 * HOUR_MS, 5 * MINUTE_MS)
    assert [minute for minute, _ in told] == [0, 20]
    lines = told[0][1].split("\n")
    assert "3 位" in lines[0] and " 客2 " in lines[1]


async def test_who_was_answered_is_not_reminded_of_and_the_time_stands(sqlite_database: Database, post: Post) -> None:
    await post.bring(UNKNOWN)
    assert await post.bring("我看看哈", talker="wxid_self_0", listener="wxid_hua", now_ms=NOW_MS + 7 * MINUTE_MS) == (
        "takeover"
    )
    assert await _from_to(sqlite_database, NOW_MS, NOW_MS + 2 * HOUR_MS, 5 * MINUTE_MS) == []
    wait = await row_of(sqlite_database, Wait)
    assert (wait.state, wait.ended_by, wait.ended_ms - wait.since_ms) == ("answered", "mei", 7 * MINUTE_MS)


async def test_whoever_took_it_and_did_not_write_is_reminded_and_the_customer_is_not_forgotten(
    sqlite_database: Database, post: Post
) -> None:
    await post.bring(UNKNOWN)
    hua = await _hua(sqlite_database)
    async with sqlite_database.write() as tx:
        await take_over(tx, hua.id, "fan", NOW_MS + 10 * MINUTE_MS, idle_ms=HOUR_MS)
    told = await _from_to(sqlite_database, NOW_MS, NOW_MS + 80 * MINUTE_MS, 5 * MINUTE_MS)
    assert [(minute, text.split("，")[0]) for minute, text in told] == [
        (25, "【还在等】小范"), (45, "【等太久了】老板"), (70, "lin-1 上的「花花🌸」由小范接手后一直没回"),
    ]  # fmt: skip
    hua = await _hua(sqlite_database)
    assert (hua.held_by, hua.waiting_since_ms) == (None, NOW_MS)


async def test_a_word_on_the_phone_keeps_a_conversation_for_whoever_took_it_over(
    sqlite_database: Database, post: Post
) -> None:
    hua = await _hua(sqlite_database)
    async with sqlite_database.write() as tx:
        await take_over(tx, hua.id, "fan", NOW_MS, idle_ms=8 * HOUR_MS)
    await post.bring("在的", talker="wxid_self_0", listener="wxid_hua", now_ms=NOW_MS + MINUTE_MS)
    hua = await _hua(sqlite_database)
    assert (hua.held_by, hua.held_until_ms) == ("fan", NOW_MS + 8 * HOUR_MS)


async def test_a_talk_on_the_phone_makes_no_notices_and_thanks_end_it(sqlite_database: Database, post: Post) -> None:
    for minute in range(0, 12, 3):
        at_ms = NOW_MS + minute * MINUTE_MS
        await post.bring(f"第{minute}句", talker="wxid_self_0", listener="wxid_hua", now_ms=at_ms)
        assert await post.bring("那尺码呢", now_ms=at_ms + MINUTE_MS) == "held"
    await post.bring("M 码", talker="wxid_self_0", listener="wxid_hua", now_ms=NOW_MS + 12 * MINUTE_MS)
    assert await post.bring("好的谢谢", now_ms=NOW_MS + 13 * MINUTE_MS) == "held"
    assert await _from_to(sqlite_database, NOW_MS, NOW_MS + 2 * HOUR_MS, 5 * MINUTE_MS) == []
    assert await outbox(sqlite_database, kind="staff_notice") == []


async def test_what_the_bot_was_about_to_say_stays_unsaid_when_a_person_speaks(
    sqlite_database: Database, post: Post
) -> None:
    await post.bring("店名是啥")
    await post.bring("店名是啥", account="lin-2")
    await post.bring("我来说", talker="wxid_self_0", listener="wxid_hua", now_ms=NOW_MS + 1000)
    rows = await outbox(sqlite_database, kind="reply")
    assert [(row.account, row.state, row.reason) for row in rows] == [
        ("lin-1", "skipped", "held"), ("lin-2", "pending", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "words", ["我通过了你的朋友验证请求，现在我们可以开始聊天了", "你已添加了花花，现在可以开始聊天了。"]
)
async def test_the_lines_with_which_wechat_begins_a_friendship_are_no_hand_on_the_phone(
    sqlite_database: Database, post: Post, words: str
) -> None:
    assert await post.bring(words, talker="wxid_self_0", listener="wxid_hua") == "own"
    note = MessageKind.GROUP_NOTE
    assert await post.bring("", talker="wxid_self_0", listener="wxid_hua", kind=note) == "own"
    assert (await _hua(sqlite_database)).held_by is None
    assert await count(sqlite_database, Delivery) == 0


async def test_giving_back_ends_a_wait_that_needs_no_answer(sqlite_database: Database, post: Post) -> None:
    await post.bring(UNKNOWN)
    hua = await _hua(sqlite_database)
    async with sqlite_database.write() as tx:
        assert await give_back(tx, hua.id, "mei", NOW_MS)
        assert not await give_back(tx, hua.id, "mei", NOW_MS)
        assert await who_waits(tx) == []
    assert (await row_of(sqlite_database, Wait)).state == "returned"


async def test_gold_comes_first_then_who_has_waited_longest(sqlite_database: Database, post: Post) -> None:
    async with sqlite_database.write() as tx:
        for number, tier in enumerate(("low", None, "gold", "growth", "gold")):
            await befriend(tx, "lin-1", f"wxid_{number}", f"客{number}", tier=tier)
    for number in range(5):
        await post.bring(UNKNOWN, talker=f"wxid_{number}", now_ms=NOW_MS + number * MINUTE_MS)
    async with sqlite_database.read() as tx:
        assert [one.name for one in await who_waits(tx)] == ["客2", "客4", "客3", "客0", "客1"]


def test_every_state_of_a_wait_is_reached_and_the_ended_ones_stay_ended() -> None:
    assert set(TRANSITIONS) == set(WaitState)
    reached = {WaitState.WAITING} | {state for states in TRANSITIONS.values() for state in states}
    assert reached == set(WaitState)
    assert {state for state, following in TRANSITIONS.items() if following} == set(OPEN)


async def test_a_push_to_whom_a_person_talks_with_waits_and_another_account_s_does_not(
    sqlite_database: Database, post: Post
) -> None:
    """Read as the courier reads it."""
    hua = await _hua(sqlite_database)
    cold = Content(text="天冷了")
    rows = [
        NewDelivery(Kind.CARE, account, "wxid_hua", cold, f"care:{account}", NOW_MS, person=hua.person)
        for account in ("lin-1", "lin-2")
    ]
    async with sqlite_database.write() as tx:
        await plan(tx, rows, now_ms=NOW_MS)
        await take_over(tx, hua.id, "mei", NOW_MS, idle_ms=HOUR_MS)
        due = [row for rows in (await page(tx, ["lin-1", "lin-2"], now_ms=NOW_MS)).values() for row in rows]
        facts = await facts_of(tx, due)
    assert {row.account: facts[row.id].held_until_ms for row in due} == {"lin-1": NOW_MS + HOUR_MS, "lin-2": None}


async def test_while_a_person_talks_the_bot_counts_and_notes_but_says_only_what_the_law_asks(
    sqlite_database: Database, post: Post
) -> None:
    hua = await _hua(sqlite_database)
    async with sqlite_database.write() as tx:
        await tx.execute(
            insert(Material).values(
                source="chat", account="lin-1", message="p", person=hua.person, consent="asked", consent_ms=NOW_MS,
                added_by="x", received_ms=NOW_MS,
            )
        )  # fmt: skip
        await take_over(tx, hua.id, "mei", NOW_MS, idle_ms=HOUR_MS)
    for words in ("可以", "店名是啥", "我要投诉", "1234567890123456789", "我朋友小李介绍我来的", "退订", "重新订阅"):
        await post.bring(words, now_ms=NOW_MS + MINUTE_MS)
    said = [row.kind for row in await outbox(sqlite_database) if row.kind != "staff_notice"]
    assert said == ["opt_out_confirmation"]
    assert (await row_of(sqlite_database, Claim)).person == hua.person
    assert (await row_of(sqlite_database, Material)).consent == "given"
