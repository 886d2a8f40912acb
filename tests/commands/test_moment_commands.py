"""Moments by chat: the calendar, a post of staff with its pictures, and the library with its people's consent."""

from datetime import date
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select, update

from bots.gateway import MessageKind
from commands.spans import Days, days_of
from operations.desk import Desk
from operations.posting import Posting
from scheduler.moments.mirrors import follow
from scheduler.moments.moments import Calendar, CalendarFile
from storage.campaign_tables import Material, Post
from storage.engine import Database
from storage.fleet_tables import LiveRequest
from storage.tables import Account, Delivery
from tests.commands.test_chat import ZONE, Office
from tests.conversations.shop import NOW_MS, count, open_shop, outbox, row_of, texts
from texts.problem import ExitCode

MINUTE_MS = 60_000
FILE = {"name": "coffee", "kind": "life", "at": "12:00", "text": "咖啡不加糖"}


async def _office(db: Database, media: Path) -> Office:
    await open_shop(db)
    async with db.write() as tx:
        await tx.execute(update(Account).values(opened_ms=0))
        await tx.execute(update(Account).where(Account.id == "lin-1").values(main=True))
        await tx.execute(update(Account).where(Account.id == "lin-2").values(mirror_of="lin-1"))
    office = Office(db)
    calendar = Calendar((CalendarFile.model_validate({"persona": "lin", "posts": [FILE]}),))
    office.desk = Desk(office.pushes, zone=ZONE, posting=Posting(lambda: calendar, zone=ZONE, media=media))
    office.chat._desk = office.desk
    return office


@pytest.fixture
async def office(sqlite_database: Database, tmp_path: Path) -> Office:
    return await _office(sqlite_database, tmp_path)


async def test_a_post_of_staff_appears_on_the_main_account_word_for_word(database: Database, tmp_path: Path) -> None:
    office = await _office(database, tmp_path)
    asked = await office.says("/发圈 今天的咖啡，不加糖！\n因为已经够甜了～")
    assert "lin-1 发一条生活，马上" in asked.text
    assert "lin-2 15 分钟内跟着发" in asked.text
    assert await count(office.db, Post) == 0
    assert (await office.says(f"/确认 {asked.code}")).ok
    post = await row_of(office.db, Post)
    assert (post.account, post.kind, post.text) == ("lin-1", "life", "今天的咖啡，不加糖！\n因为已经够甜了～")
    assert [(row.account, row.state, row.source) for row in await outbox(office.db)] == [
        ("lin-1", "pending", "staff:boss")
    ]
    assert "够甜了" in (await office.says("/预览 朋友圈 今天")).text


async def test_a_post_waits_for_the_first_minute_that_the_caps_allow(office: Office) -> None:
    first = await office.says("/发圈 第一条")
    await office.says(f"/确认 {first.code}")
    assert "，11:00" in (await office.says("/发圈 第二条")).text
    assert "11-22 07:30" in (await office.says("/发圈 时间=23:30 夜里的")).text


async def test_what_must_not_be_posted_is_refused_with_the_reason(office: Office) -> None:
    for line, words in (
        ("/发圈 全网最便宜的裙子", "最便宜"), ("/发圈 转发这条送你一杯咖啡", "转发"), ("/发圈", "没有文字"),
        ("/发圈 账号=lin-2 你好", "跟着主号发"), ("/发圈 账号=lin-9 你好", "lin-9"), ("/发圈 类型=广告 你好", "广告"),
    ):  # fmt: skip
        reply = await office.says(line)
        assert not reply.ok and words in reply.text, line
    assert (await office.says("/发圈 你好", staff="mei")).exit_code == ExitCode.NOT_ALLOWED


async def test_pictures_that_staff_send_before_it_belong_to_the_post(office: Office, tmp_path: Path) -> None:
    assert await office.post.bring("图", talker="wxid_boss", kind=MessageKind.IMAGE) == "material"
    assert await office.post.bring("图", talker="wxid_boss", kind=MessageKind.IMAGE, id="m1") == "material"
    assert await count(office.db, Material) == 1
    request = await row_of(office.db, LiveRequest)
    assert (request.verb, request.payload) == ("picture", {"material": 1, "message": "m1"})
    assert "还没从微信取下来" in (await office.says("/发圈 今天的云")).text
    (tmp_path / "materials").mkdir()
    Image.new("RGB", (640, 480)).save(tmp_path / "materials" / "1.jpg")
    async with office.db.write() as tx:
        await tx.execute(update(Material).values(file="materials/1.jpg"))
    asked = await office.says("/发圈 今天的云")
    assert "配 1 个图" in asked.text
    await office.says(f"/确认 {asked.code}")
    assert (await row_of(office.db, Post)).media == ["materials/1.jpg"]
    assert "配" not in (await office.says("/发圈 再来一条")).text


async def test_a_post_is_taken_back_while_it_has_not_left(office: Office) -> None:
    asked = await office.says("/发圈 今天的咖啡不加糖")
    await office.says(f"/确认 {asked.code}", now_ms=NOW_MS + 1)
    assert "不发了" in (await office.says("/撤销", now_ms=NOW_MS + 2)).text
    async with office.db.read() as connection:
        assert (await connection.execute(select(Delivery.state, Delivery.reason))).one() == ("skipped", "cancelled")


async def test_a_customers_photo_is_shown_to_nobody_before_they_said_yes(database: Database, tmp_path: Path) -> None:
    office = await _office(database, tmp_path)
    await office.post.bring("图", kind=MessageKind.IMAGE)
    listed = (await office.says("/素材")).text
    assert "#1 11-21 花** 聊天，还没问，图还没取下来" in listed and listed.endswith("/素材 征求 1")
    assert "没有本人同意" in (await office.says("/发圈 素材=1 今天的买家秀")).text
    assert (await office.says("/素材 征求 1")).ok
    assert "名字会遮住" in (await texts(office.db, kind="staff_message"))[0]
    assert await office.post.bring("可以呀", now_ms=NOW_MS + MINUTE_MS) == "answered"
    assert "可以发" in (await office.says("/素材 1")).text
    assert "不同意" in (await office.says("/素材 拒绝 1")).text
    assert "说过不行" in (await office.says("/素材 征求 1")).text


async def test_a_no_is_heard_and_never_asked_again(office: Office) -> None:
    await office.post.bring("图", kind=MessageKind.IMAGE)
    await office.says("/素材 征求 1")
    assert await office.post.bring("还是别发照片了吧", now_ms=NOW_MS + MINUTE_MS) == "answered"
    assert (await row_of(office.db, Material)).consent == "refused"
    assert not (await office.says("/素材 征求 1")).ok


async def test_a_plain_yes_without_a_question_is_an_ordinary_message(office: Office) -> None:
    await office.post.bring("图", kind=MessageKind.IMAGE)
    await office.post.bring("可以呀", now_ms=NOW_MS + MINUTE_MS)
    assert (await row_of(office.db, Material)).consent == "unasked"


async def test_what_staff_sent_can_be_a_customers(office: Office) -> None:
    await office.post.bring("图", talker="wxid_boss", kind=MessageKind.IMAGE)
    assert "/素材 征求 1" in (await office.says("/素材 添加 花花")).text
    row = await row_of(office.db, Material)
    assert (row.masked_name, row.consent, row.source) == ("花**", "unasked", "chat")


async def test_the_calendar_can_be_asked_for_in_many_words(office: Office) -> None:
    assert "【11-22 周日】" in (await office.says("/预览 朋友圈 明天")).text
    assert "12:00 生活 咖啡不加糖" in (await office.says("/预览朋友圈 明天")).text
    week = await office.says("/preview moments 7天 lin-1")
    assert week.data["days"] == 7 and len(week.data["posts"]) == 7
    assert "看不懂" in (await office.says("/预览 朋友圈 哪天都行")).text
    assert "lin-9" in (await office.says("/预览 朋友圈 明天 lin-9")).text


async def test_a_mirror_is_shown_with_whom_it_follows_and_what_it_lacks(office: Office) -> None:
    asked = await office.says("/发圈 今天的咖啡不加糖")
    await office.says(f"/确认 {asked.code}")
    async with office.db.write() as tx:
        await follow(tx, NOW_MS + 1)
    await _settled(office, "lin-1", "accepted")
    async with office.db.write() as tx:
        await follow(tx, NOW_MS + 2)
    await _settled(office, "lin-2", "skipped", "posts_per_day")
    told = (await office.says("/预览 朋友圈 今天 lin-2", now_ms=NOW_MS + 4)).text
    assert (
        told.startswith("lin-2 是分身，跟着 lin-1 发") and "少了「今天的咖啡不加糖" in told and "posts_per" not in told
    )


async def _settled(office: Office, account: str, state: str, reason: str | None = None) -> None:
    async with office.db.write() as tx:
        row = update(Delivery).where(Delivery.account == account, Delivery.kind == "moment")
        await tx.execute(row.values(state=state, reason=reason, settled_ms=NOW_MS + 3, sent_ms=NOW_MS + 3))


TODAY = date(2026, 11, 21)  # a Saturday


@pytest.mark.parametrize(
    ("words", "first", "number"),
    [
        ("今天", TODAY, 1), ("明天", date(2026, 11, 22), 1), ("本周", TODAY, 2), ("下周", date(2026, 11, 23), 7),
        ("7天", TODAY, 7), ("未来三十天", TODAY, 30), ("本月", TODAY, 10), ("下个月", date(2026, 12, 1), 31),
        ("11-25", date(2026, 11, 25), 1), ("1月3日", date(2027, 1, 3), 1), ("2026-12-24", date(2026, 12, 24), 1),
    ],
)  # fmt: skip
def test_stretches_of_days_as_people_say_them(words: str, first: date, number: int) -> None:
    assert days_of(words, TODAY) == Days(first, number)


@pytest.mark.parametrize("words", ["", "哪天", "0天", "99天", "13-1", "2-30", "九十九天"])
def test_other_words_mean_no_days(words: str) -> None:
    assert days_of(words, TODAY) is None
