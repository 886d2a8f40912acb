"""What a partner says after a lesson is marked; a mere "read" needs nobody, their work is looked at by somebody."""

import pytest
from sqlalchemy import insert, update

from bots.gateway import MessageKind
from conversations.intake import Intake
from rules.kinds import Kind
from storage.care_tables import LessonGiven, Pupil
from storage.engine import Database
from storage.outbox import Content, NewDelivery, plan
from storage.tables import Delivery, Friendship, Person
from tests.conversations.shop import NOW_MS, Post, open_shop, row_of, texts, voices

HOUR_MS = 3_600_000


async def _nobody(*_: object) -> bool:
    return False


@pytest.fixture
async def lesson(sqlite_database: Database) -> Post:
    """Huahua is a partner, and had a lesson from lin-1 an hour ago."""
    await open_shop(sqlite_database)
    person = (await row_of(sqlite_database, Friendship, account="lin-1", contact="wxid_hua")).person
    row = NewDelivery(
        kind=Kind.LESSON,
        account="lin-1",
        to="wxid_hua",
        person=person,
        content=Content(text="第一课"),
        key="l",
        due_ms=0,
    )
    async with sqlite_database.write() as tx:
        await tx.execute(update(Person).where(Person.id == person).values(level="partner", orders=1))
        await plan(tx, [row], now_ms=0)
        sent = {"state": "accepted", "sent_ms": NOW_MS - HOUR_MS, "settled_ms": NOW_MS - HOUR_MS}
        await tx.execute(update(Delivery).values(sent))
        pupil = {"id": 1, "sequence": "s", "person": person, "account": "lin-1", "state": "running"}
        times = {"started_ms": 0, "started_by": "partner", "look_ms": 0, "changed_ms": 0}
        await tx.execute(insert(Pupil).values(pupil | times))
        given = {"pupil": 1, "lesson": "a", "key": "l", "within_ms": 48 * HOUR_MS, "planned_ms": 0}
        await tx.execute(insert(LessonGiven).values(given))
    intake = Intake(voices(), on_command=_nobody, on_stranger=_nobody, on_friendship=_nobody)  # type: ignore[arg-type]
    return Post(sqlite_database, intake)


async def test_having_read_it_is_marked_thanked_for_once_and_troubles_nobody(
    lesson: Post, sqlite_database: Database
) -> None:
    assert [await lesson.bring(words) for words in ("1", "看完了！")] == ["answered", "answered"]
    given = await row_of(sqlite_database, LessonGiven)
    assert (given.read_ms, given.answered_ms) == (NOW_MS, None)
    assert len(await texts(sqlite_database, kind="reply")) == 1


@pytest.mark.parametrize("kind", [MessageKind.TEXT, MessageKind.IMAGE])
async def test_their_work_is_marked_and_goes_the_way_of_every_message(
    lesson: Post, sqlite_database: Database, kind: MessageKind
) -> None:
    assert await lesson.bring("今天我记住了王姐家的猫叫年糕", kind=kind) == "handed_over"
    given = await row_of(sqlite_database, LessonGiven)
    assert (given.read_ms, given.answered_ms) == (NOW_MS, NOW_MS)


async def test_at_another_account_and_from_others_it_is_a_message_like_any(
    lesson: Post, sqlite_database: Database
) -> None:
    await lesson.bring("1", account="lin-2")
    assert (await row_of(sqlite_database, LessonGiven)).read_ms is None
