"""Kindnesses: on the right day, once, by name, from who knows them best, few, and never an offer."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select, update

from customers.merging.merging import merge
from customers.order import OrderStatus
from personas.book import Book, load_book
from personas.model import Goal, Shop
from rules.kindness import MOST_A_MONTH
from rules.kinds import Kind
from rules.pacing import DAY_MS
from scheduler.care.care import PAGE, Care
from scheduler.care.care_file import CareFile, load_care
from storage.care_tables import CareDay
from storage.engine import Database
from storage.order_tables import ImportBatch, Order
from storage.outbox import Content, NewDelivery, plan
from storage.tables import Delivery, Friendship, Person
from tests.scheduler.matrix import account, friend, friends, rows

ROOT = Path(__file__).parents[2]
BOOK: Book = load_book(ROOT / "personas")[0]
SHOP = Shop(name="小林的衣橱", brand="XL", contact="400-000-0000")
CHINA = "Asia/Shanghai"
DONE = OrderStatus.DONE.value
BIRTHDAYS = CareFile.model_validate({"birthday": {}})


def at(day: str, clock: str = "08:00", zone: str = CHINA) -> int:
    return round(datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def festival(**more: Any) -> CareFile:
    holiday = {"name": "mid-autumn", "day": "中秋", "words": "{{ call_me }}，抬头看月亮", **more}
    return CareFile.model_validate({"holidays": [holiday]})


async def lin(db: Database, id: str = "lin-1", persona: str = "influencer-lin", **values: Any) -> None:
    await account(db, id, persona=persona, **values)


async def run(db: Database, care: CareFile, now_ms: int, *, shop: Shop = SHOP, times: int = 40) -> Care:
    """The planner's ticks at that moment, until there is nothing to do."""
    step = Care(care, BOOK, shop)
    for _ in range(times):
        async with db.read() as connection:
            if not await step.due(connection, now_ms):
                return step
        async with db.write() as tx:
            await step.act(tx, now_ms)
    raise AssertionError("it never ends")


async def told(db: Database) -> list[tuple[int, str]]:
    return [(row.person, row.state) for row in await rows(db)]


async def test_a_birthday_is_greeted_by_name_in_the_voice_of_who_knows_them_best(database: Database) -> None:
    await lin(database)
    await lin(database, "qin-1", "mentor-qin", role="training")
    now_ms = at("2026-11-21")
    hua = await friend(database, "lin-1", since_ms=0, known={"last_in_ms": 5, "nickname": "花花🌸"}, birthday_mmdd=1121)
    await friend(database, "lin-1", since_ms=0, birthday_mmdd=1122)
    async with database.write() as tx:
        known = {"account": "qin-1", "contact": "wx-at-qin", "person": hua, "since_ms": 0, "last_in_ms": 9}
        await tx.execute(insert(Friendship).values(known | {"nickname": "花花"}))
    await run(database, BIRTHDAYS, now_ms)
    await run(database, BIRTHDAYS, now_ms + 60_000)  # a restart: another object, the same tables
    [row] = await rows(database)
    assert (row.account, row.person, row.kind, row.state) == ("qin-1", hua, "greeting", "pending")
    assert row.content["text"].startswith("花花，生日快乐")
    assert (row.due_ms, row.valid_until_ms) == (at("2026-11-21", "09:30"), at("2026-11-21", "20:30"))


async def test_a_birthday_that_is_put_right_later_is_not_greeted_again_nor_from_another_account(
    database: Database,
) -> None:
    await lin(database)
    await lin(database, "qin-1", "mentor-qin", role="training")
    hua = await friend(database, "lin-1", since_ms=0, birthday_mmdd=1121)
    await run(database, BIRTHDAYS, at("2026-11-21"))
    async with database.write() as tx:
        await tx.execute(update(Person).where(Person.id == hua).values(birthday_mmdd=1122))
        known = {"account": "qin-1", "contact": "wx-at-qin", "person": hua, "since_ms": 0, "last_in_ms": 9}
        await tx.execute(insert(Friendship).values(known | {"nickname": "花花"}))
    await run(database, BIRTHDAYS, at("2026-11-22"))
    assert [row.account for row in await rows(database)] == ["lin-1"]


@pytest.mark.parametrize(
    ("mmdd", "lunar", "day"),
    [
        (229, False, "2028-02-29"),
        (229, False, "2027-02-28"),  # no leap year: the day before
        (815, True, "2026-09-25"),  # mid-autumn
        (1230, True, "2027-02-05"),  # the twelfth month of that year has 29 days
        (605, True, "2025-06-29"),  # not again in the leap sixth month
    ],
)
async def test_leap_days_and_the_moon(sqlite_database: Database, mmdd: int, lunar: bool, day: str) -> None:
    await lin(sqlite_database)
    await friend(sqlite_database, "lin-1", since_ms=0, birthday_mmdd=mmdd, birthday_lunar=lunar)
    before = date.fromisoformat(day) - timedelta(days=1)
    for number in range(32):
        await run(sqlite_database, BIRTHDAYS, at((before + timedelta(days=number)).isoformat()))
    [row] = await rows(sqlite_database)
    assert row.due_ms == at(day, "09:30")


async def test_nobody_who_opted_out_is_staff_or_is_no_friend_is_greeted(database: Database) -> None:
    await lin(database)
    got = await friend(database, "lin-1", since_ms=0, birthday_mmdd=1121)
    for other in (
        {"opted_out_ms": 1}, {"kind": "staff"}, {"merged_into": got}, {"known": {"state": "gone"}}, {"erased_ms": 1},
    ):  # fmt: skip
        await friend(database, "lin-1", since_ms=0, birthday_mmdd=1121, **other)
    await run(database, BIRTHDAYS, at("2026-11-21"))
    assert await told(database) == [(got, "pending")]


async def test_there_are_two_kindnesses_a_month_whatever_they_were_and_a_third_says_why_not(
    database: Database,
) -> None:
    await lin(database)
    now_ms = at("2026-09-25")
    full = await friend(database, "lin-1", since_ms=0)
    half = await friend(database, "lin-1", since_ms=0)
    for person, number in ((full, MOST_A_MONTH), (half, MOST_A_MONTH - 1)):
        async with database.write() as tx:
            earlier = [
                NewDelivery(
                    kind=Kind.LEVEL_UP, account="lin-1", to=f"wx{person}", person=person, content=Content(text="恭喜"),
                    key=f"{person}:{n}:{part}", due_ms=0, source=f"level_move:{person}:{n}",
                )
                for n in range(number) for part in range(2)
            ]  # fmt: skip
            await plan(tx, earlier, now_ms=now_ms - 29 * DAY_MS)
    await run(database, festival(), now_ms)
    new = [row for row in await rows(database) if row.source.startswith("care:")]
    assert [(row.person, row.state, row.reason) for row in new] == [
        (full, "skipped", "kindness_cap"), (half, "pending", None),
    ]  # fmt: skip


async def test_a_day_that_was_missed_is_skipped_with_the_reason_and_nothing_comes_twice(database: Database) -> None:
    await lin(database)
    late = await friend(database, "lin-1", since_ms=0, birthday_mmdd=1121)
    long_ago = await friend(database, "lin-1", since_ms=0, birthday_mmdd=1114)
    await run(database, BIRTHDAYS, at("2026-11-10"))
    await run(database, BIRTHDAYS, at("2026-11-22"))  # ten days of downtime
    await run(database, BIRTHDAYS, at("2026-11-20"))  # the clock set back
    await run(database, BIRTHDAYS, at("2026-11-21"))
    await run(database, BIRTHDAYS, at("2026-11-23"))
    assert [(row.person, row.state, row.reason) for row in await rows(database)] == [(late, "skipped", "too_late")]
    assert long_ago not in [person for person, _ in await told(database)]


async def test_after_the_last_minute_of_the_window_it_is_too_late(sqlite_database: Database) -> None:
    await lin(sqlite_database)
    await friend(sqlite_database, "lin-1", since_ms=0, birthday_mmdd=1121)
    await run(sqlite_database, BIRTHDAYS, at("2026-11-21", "20:30"))
    [row] = await rows(sqlite_database)
    assert (row.state, row.reason) == ("skipped", "too_late")


async def test_each_account_keeps_the_day_of_its_own_zone(sqlite_database: Database) -> None:
    """In New York it is still Friday when it is Saturday in Shanghai."""
    await lin(sqlite_database)
    await lin(sqlite_database, "ny-1", time_zone="America/New_York")
    for name in ("lin-1", "ny-1"):
        await friend(sqlite_database, name, since_ms=0, birthday_mmdd=1121)
    await run(sqlite_database, BIRTHDAYS, at("2026-11-21"))
    assert [row.account for row in await rows(sqlite_database)] == ["lin-1"]
    await run(sqlite_database, BIRTHDAYS, at("2026-11-21", "00:10", "America/New_York"))
    assert {row.account: row.due_ms for row in await rows(sqlite_database)} == {
        "lin-1": at("2026-11-21", "09:30"), "ny-1": at("2026-11-21", "09:30", "America/New_York"),
    }  # fmt: skip


async def test_a_festival_is_for_customers_and_goes_on_where_it_was_broken_off(database: Database) -> None:
    await lin(database)
    now_ms = at("2026-09-25")
    bought = await friends(database, "lin-1", PAGE + 20, now_ms)
    await friend(database, "lin-1", since_ms=0, orders=0, level="friend")
    step = Care(festival(), BOOK, SHOP)
    async with database.write() as tx:
        assert await step.act(tx, now_ms) == PAGE
    await run(database, festival(), now_ms)  # after a restart
    assert sorted(row.person for row in await rows(database)) == bought
    async with database.read() as connection:
        assert (await connection.scalars(select(CareDay.done_ms))).all() == [now_ms]


async def test_after_a_purchase_they_are_asked_how_it_is_once_and_not_when_it_went_back(database: Database) -> None:
    await lin(database)
    care = CareFile.model_validate(
        {"after_purchase": [{"name": "settled-in", "days": 4, "words": "{{ call_me }}，合身吗"}]}
    )
    glad, refunded, old = [await friend(database, "lin-1", since_ms=0) for _ in range(3)]
    async with database.write() as tx:
        batch = {"kind": "orders", "files": [], "counts": {}, "created_ms": at("2026-11-17", "21:00")}
        number = (await tx.execute(insert(ImportBatch).values(batch).returning(ImportBatch.id))).scalar_one()
        paid = at("2026-11-07")
        for n, (person, values) in enumerate(
            [(glad, {}), (glad, {}), (refunded, {"refund_fen": 100}), (old, {"paid_ms": at("2026-09-01")})]
        ):
            order = {
                "number": str(n), "member_name": f"m{person}", "person": person, "status": DONE, "paid_fen": 100,
                "refund_fen": 0, "created_ms": paid, "paid_ms": paid, "batch": number, **values,
            }  # fmt: skip
            await tx.execute(insert(Order).values(order))
    for day in ("2026-11-20", "2026-11-21", "2026-11-22"):
        await run(database, care, at(day))
    assert [(row.person, row.kind, row.due_ms) for row in await rows(database)] == [
        (glad, "care", at("2026-11-21", "09:30"))
    ]


async def test_word_of_mouth_hands_out_the_persons_own_code_and_only_when_that_is_the_goal(
    sqlite_database: Database,
) -> None:
    await lin(sqlite_database)
    person = await friend(sqlite_database, "lin-1", since_ms=0)
    share = {
        "name": "hand-on",
        "kind": "share_card",
        "days": 1,
        "picture": "flowers.jpg",
        "words": "报 {{ share_code }}",
    }
    care = CareFile.model_validate({"word_of_mouth": [share]})
    async with sqlite_database.write() as tx:
        batch = {"kind": "orders", "files": [], "counts": {}, "created_ms": at("2026-11-20")}
        number = (await tx.execute(insert(ImportBatch).values(batch).returning(ImportBatch.id))).scalar_one()
        order = {
            "number": "1", "member_name": "m", "person": person, "status": DONE, "paid_fen": 1, "batch": number,
            "created_ms": at("2026-11-10"),
        }  # fmt: skip
        await tx.execute(insert(Order).values(order))
    await run(sqlite_database, care, at("2026-11-21"))
    assert await rows(sqlite_database) == []
    async with sqlite_database.write() as tx:
        await tx.execute(CareDay.__table__.delete())  # type: ignore[attr-defined]
    await run(sqlite_database, care, at("2026-11-21"), shop=SHOP.model_copy(update={"goal": Goal.WORD_OF_MOUTH}))
    words, picture = await rows(sqlite_database)
    async with sqlite_database.read() as connection:
        code = await connection.scalar(select(Person.share_code))
    assert words.content == {"text": f"报 {code}"}
    assert picture.content == {"image": "flowers.jpg"}
    assert words.source == picture.source


async def test_two_entries_that_become_one_person_get_one_greeting(database: Database) -> None:
    await lin(database)
    one, other = [await friend(database, "lin-1", since_ms=0, birthday_mmdd=1121) for _ in range(2)]
    await run(database, BIRTHDAYS, at("2026-11-21"))
    async with database.write() as tx:
        await merge(tx, one, other, "test", "staff:owner", at("2026-11-21"))
    assert sorted(row.state for row in await rows(database)) == ["pending", "skipped"]
    async with database.write() as tx:  # whichever number the entry has: the occasion is known
        await tx.execute(update(Delivery).values(key=Delivery.key.concat(":elsewhere")))
        await tx.execute(CareDay.__table__.delete())  # type: ignore[attr-defined]
    await run(database, BIRTHDAYS, at("2026-11-21"))
    assert len(await rows(database)) == 2


@pytest.mark.parametrize(
    "words",
    [
        "{{ call_me }}，新款到了",
        "生日快乐，送你 20 元",
        "全场 8 折",
        "看这里 https://item.taobao.com/1",
        "{{ landing }}",
        "淘宝搜小林",
    ],
)
def test_words_that_sell_are_refused_with_their_place(tmp_path: Path, words: str) -> None:
    path = tmp_path / "care.yaml"
    path.write_text(f'birthday:\n  words:\n    default: "{words}"\n', encoding="utf-8")
    _, mistakes = load_care(path)
    assert mistakes
    assert {mistake.line for mistake in mistakes} == {3}


def test_what_care_yaml_gets_wrong_is_said_all_at_once(tmp_path: Path) -> None:
    path = tmp_path / "care.yaml"
    path.write_text(
        "holidays:\n"
        "  - {name: a, day: 春假, words: 好}\n"
        "  - {name: birthday, day: 中秋, words: 好, levels: [VIP9]}\n"
        "after_purchase:\n"
        "  - {name: b, days: 3, words: 好, picture: nowhere.jpg}\n",
        encoding="utf-8",
    )
    assert [mistake.line for mistake in load_care(path)[1]] == [2]
    path.write_text(path.read_text(encoding="utf-8").replace("春假", "春节"), encoding="utf-8")
    _, mistakes = load_care(path, media=tmp_path, levels={"VIP1"})
    assert [mistake.line for mistake in mistakes] == [3, 3, 5]


def test_the_committed_care_is_clean() -> None:
    _, mistakes = load_care(ROOT / "care.yaml", media=ROOT / "media", levels={"friend", "VIP1", "VIP2", "partner"})
    assert mistakes == []


def test_a_personas_own_birthday_wish_sells_nothing_either(tmp_path: Path) -> None:
    text = (ROOT / "personas" / "mentor-qin.yaml").read_text(encoding="utf-8")
    wish = "今天不留作业，只许开心"
    assert wish in text
    (tmp_path / "qin.yaml").write_text(text.replace(wish, "全场 8 折"), encoding="utf-8")
    line = text[: text.index(wish)].count("\n") + 1
    assert [mistake.line for mistake in load_book(tmp_path)[1]] == [line]
