"""/客户, /资料, /标签, /备注: staff say what they know of a customer, see it, and take it back."""

import json
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update

from customers.finding.search import catch_up
from customers.own_data.erasure import erase
from customers.profiles.profile import history
from storage.customer_tables import PersonNote, PersonTag, ProfileChange
from storage.engine import Database
from storage.order_tables import Order
from storage.row_copy import all_tables
from storage.staff_tables import Audit
from storage.tables import Person
from tests.commands.test_chat import Office
from tests.conversations.shop import DAY_MS, NOW_MS, open_shop
from texts.catalogue import speak
from texts.problem import ExitCode


@pytest.fixture
async def shop(sqlite_database: Database) -> Office:
    await open_shop(sqlite_database)
    async with sqlite_database.write() as tx:
        await catch_up(tx, 1)
    return Office(sqlite_database)


async def _hua(shop: Office) -> Any:
    async with shop.db.read() as connection:
        return (await connection.execute(select(Person.__table__).where(Person.name == "花花🌸"))).one()


async def _tags(shop: Office) -> list[str]:
    async with shop.db.read() as connection:
        return sorted((await connection.scalars(select(PersonTag.tag))).all())


async def _notes(shop: Office) -> list[str]:
    async with shop.db.read() as connection:
        return list((await connection.scalars(select(PersonNote.text).order_by(PersonNote.id))).all())


@pytest.mark.parametrize("verb", ["客户", "资料", "customer", "profile"])
async def test_fields_are_set_seen_in_the_answer_and_taken_back(shop: Office, verb: str) -> None:
    reply = await shop.says(f"/{verb} 花花 生日=农历8月15 尺码=m 称呼=小花 喜好=法式,亚麻", staff="mei")
    assert reply.ok and "生日：— → 农历8月15日" in reply.text and "喜好：— → 法式、亚麻" in reply.text
    hua = await _hua(shop)
    assert (hua.call_me, hua.birthday, hua.birthday_mmdd) == ("小花", "--08-15", 815)
    assert hua.profile == {"size": "M", "taste": ["法式", "亚麻"]}
    async with shop.db.read() as connection:
        assert {(past.field, past.by, past.at_ms) for past in await history(connection, hua.id, 9)} == {
            (field, "staff:mei", NOW_MS) for field in ("birthday", "size", "call_me", "taste")
        }
    assert "没有改动" in (await shop.says("/资料 小花 尺码=M", staff="mei", now_ms=NOW_MS + 1)).text
    await shop.says("/资料 小花 尺码=", staff="mei", now_ms=NOW_MS + 3)
    assert "尺码：— → M" in (await shop.says("/撤销", staff="mei", now_ms=NOW_MS + 4)).text
    assert (await _hua(shop)).profile == {"size": "M", "taste": ["法式", "亚麻"]}
    # What changed nothing leaves nothing to take back; what did stands before it.
    assert "称呼：小花 → —" in (await shop.says("/撤销", staff="mei", now_ms=NOW_MS + 5)).text
    hua = await _hua(shop)
    assert (hua.call_me, hua.birthday_mmdd, hua.profile) == (None, None, None)


async def test_each_command_is_taken_back_alone_though_the_clock_stands_still(shop: Office) -> None:
    """Where no fleet runs the simulated shop's clock does not move between two commands."""
    for line in (
        "/资料 花花 尺码=M 城市=上海",
        "/标签 花花 老客 大码",
        "/标签 花花 -大码",
        "/备注 花花 一",
        "/备注 花花 二",
    ):
        assert (await shop.says(line)).ok
    assert (await shop.says("/撤销")).ok and await _notes(shop) == ["一"]
    assert (await shop.says("/撤销")).ok and await _notes(shop) == []
    assert "大码" in (await shop.says("/撤销")).text and await _tags(shop) == ["大码", "老客"]
    assert (await shop.says("/撤销")).ok and await _tags(shop) == []
    assert (await _hua(shop)).profile == {"size": "M", "city": "上海"}
    assert (await shop.says("/撤销")).ok and (await _hua(shop)).profile is None
    for line in ("/标签 花花 老客", "/备注 花花 三"):
        await shop.says(line)
        async with shop.db.write() as tx:
            await tx.execute(update(Audit).values(detail="***"))
        assert (await shop.says("/撤销")).exit_code is ExitCode.REFUSED_BY_POLICY


async def test_tags_go_on_and_off_and_come_back(shop: Office) -> None:
    reply = await shop.says("/标签 花花 老客 ＋大码 #亚麻", staff="mei")
    assert reply.ok and await _tags(shop) == ["亚麻", "大码", "老客"]
    await shop.says("/打标 花花 -大码 宝妈 老客", staff="mei", now_ms=NOW_MS + 1)
    assert await _tags(shop) == ["亚麻", "宝妈", "老客"]
    # Whoever changed it by another command keeps the last word.
    await shop.says("/标签 花花 -宝妈", now_ms=NOW_MS + 2)
    assert (await shop.says("/撤销", staff="mei", now_ms=NOW_MS + 3)).ok
    assert await _tags(shop) == ["亚麻", "大码", "老客"]
    asked = await shop.says("/标签 花花", now_ms=NOW_MS + 4)
    assert not asked.ok and "老客" in asked.text


async def test_a_note_keeps_the_words_as_they_were_typed(shop: Office) -> None:
    words = "喜欢宽松的，下次（亚麻）推荐 -大码 尺码=M，@小王 说的"
    assert (await shop.says(f"/备注 花花 {words}", staff="mei")).ok
    assert (await shop.says("/备注花花 第二条", staff="mei", now_ms=NOW_MS + 1)).ok
    assert (await shop.says("/note @花花 third  one", staff="mei", now_ms=NOW_MS + 2)).ok
    assert await _notes(shop) == [words, "第二条", "third one"]
    assert (await shop.says("/撤销", staff="mei", now_ms=NOW_MS + 3)).ok
    assert await _notes(shop) == [words, "第二条"]
    for line in ("/备注 花花", "/备注", "/备注 无名氏 你好", f"/备注 花花 {'长' * 501}"):
        assert not (await shop.says(line, staff="mei", now_ms=NOW_MS + 4)).ok


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/客户 花花 尺吗=M", "尺码"), ("/客户 花花 brithday=8-15", "birthday"),
        ("/资料 花花 生日=2月30", "没有这一天"),
        ("/资料 花花 生日=八月十五", "公历还是农历"), ("/资料 花花", "/资料"), ("/资料 花花 身高=3米", "165"),
        ("/标签 花花 " + "长" * 21, "20"), ("/资料 花花 人设=li", "lin"), ("/资料 花花 尺码=M 大码", "大码"),
        ("/资料 花花 称呼=13800001234", "称呼"), ("/资料 花花 称呼={{me}}", "称呼"),
        ("/资料 花花 称呼=加我www.a.cn", "称呼"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused_with_the_way_out_and_nothing_is_written(
    shop: Office, line: str, words: str
) -> None:
    reply = await shop.says(line, staff="mei")
    assert not reply.ok and words in reply.text and "\n" in reply.text
    async with shop.db.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(ProfileChange)) == 0


async def test_two_who_may_be_meant_are_offered_by_number(shop: Office) -> None:
    async with shop.db.write() as tx:
        await tx.execute(insert(Person).values(name="花花", created_ms=1))
        await catch_up(tx, 1)
    asked = await shop.says("/标签 花花 老客", staff="mei")
    assert not asked.ok and asked.text.count("#") >= 2 and await _tags(shop) == []
    hua = await _hua(shop)
    assert (await shop.says(f"/标签 #{hua.id} 老客", staff="mei", now_ms=NOW_MS + 1)).ok


async def test_of_somebody_erased_nothing_is_written_and_viewers_only_look(shop: Office) -> None:
    hua = await _hua(shop)
    async with shop.db.write() as tx:
        await tx.execute(update(Person).where(Person.id == hua.id).values(erased_ms=5))
    for line in ("/标签 #{} 老客", "/备注 #{} 话", "/资料 #{} 尺码=M"):
        assert (await shop.says(line.format(hua.id), staff="mei")).exit_code is ExitCode.REFUSED_BY_POLICY
    async with shop.db.read() as connection:
        outcomes = (await connection.scalars(select(Audit.outcome))).all()
    assert set(outcomes) == {"refused"} and len(outcomes) == 3


async def test_a_customer_is_shown_whole_with_phones_masked(shop: Office) -> None:
    hua = await _hua(shop)
    async with shop.db.write() as tx:
        order = {"number": "2202600000000000001", "member_name": "M1", "status": "done", "paid_fen": 9950}
        await tx.execute(
            insert(Order).values(order | {"created_ms": NOW_MS - DAY_MS, "batch": 1, "items": "连衣裙 法式",
                                          "receiver": "林小花", "phone": "13800001234"})
        )  # fmt: skip
        await tx.execute(update(Person).where(Person.id == hua.id).values(phone="13800001234"))
    await shop.says("/绑定 花花 M1", staff="mei")
    await shop.says("/客户 花花 生日=农历8月15 尺码=M", staff="mei", now_ms=NOW_MS + 1)
    await shop.says("/标签 花花 老客", staff="mei", now_ms=NOW_MS + 2)
    await shop.says("/备注 花花 喜欢宽松", staff="mei", now_ms=NOW_MS + 3)
    await shop.says("/退订 花花", staff="mei", now_ms=NOW_MS + 4)
    reply = await shop.says("/客户 花花", staff="mei", now_ms=NOW_MS + 5)
    for words in (
        f"#{hua.id} 花花", "（会员 M1）", "138****1234", "微信 lin-1", "看得到朋友圈", "还差 200.50 元", "交易成功",
        "连衣裙 法式", "林**", "生日 农历8月15日 · 尺码 M", "标签：老客", "喜欢宽松", "已退订", "员工 mei",
        "尺码：— → M",
    ):  # fmt: skip
        assert words in reply.text, words
    assert "13800001234" not in reply.text + repr(reply.data) and "林小花" not in reply.text
    speak("en")
    english = (await shop.says("/customer 花花", staff="mei", now_ms=NOW_MS + 6)).text
    assert "200.50 yuan short of" in english and "birthday 8-15 (lunar)" in english
    document = reply.data["customers"][0]
    assert document["birthday"] == {"date": "--08-15", "lunar": True} and document["tags"] == ["老客"]
    assert json.loads(json.dumps(document)) == document


async def test_what_staff_noted_goes_when_the_person_is_erased(shop: Office) -> None:
    """The log keeps who wrote what kind of thing about whom; the words themselves are nowhere any more."""
    mark = "孕妇穿"
    hua = await _hua(shop)
    for n, line in enumerate(
        (f"/备注 花花 {mark}的", f"/标签 花花 {mark}", f"/资料 花花 喜好={mark}", f"/资料 花花 身高={mark}")
    ):
        await shop.says(line, staff="mei", now_ms=NOW_MS + n)
    await erase(shop.db, hua.id, now_ms=NOW_MS + 9)
    async with shop.db.read() as connection:
        for table in all_tables():
            rows = (await connection.execute(select(table))).all()
            assert not [row for row in rows if mark in repr(row)], table.name
        logged = (await connection.execute(select(Audit.verb, Audit.staff))).all()
    assert [tuple(row) for row in logged] == [(verb, "mei") for verb in ("note", "tag", "profile", "profile")]
