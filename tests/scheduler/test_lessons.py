"""Lessons: each partner at their own pace, each lesson once, whatever happens in between; and nothing is sold."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, update

from customers.merging.merging import merge
from personas.book import load_book
from personas.model import Shop
from rules.pacing import DAY_MS, MINUTE_MS
from scheduler.care.lesson_file import LessonFile, load_lessons
from scheduler.care.lesson_marks import Mark, heard
from scheduler.care.lessons import Lessons, Stuck
from scheduler.care.pupils import TRANSITIONS, Progress, PupilState, begin, pause, progress, resume
from scheduler.errors import LessonRefused
from storage.care_tables import LessonGiven, Pupil
from storage.engine import Database
from storage.tables import Account, Delivery, Friendship, Person
from tests.scheduler.matrix import account, friend, rows, settle
from tests.virtual_time import START

ROOT = Path(__file__).parents[2]
BOOK = load_book(ROOT / "personas")[0]
SHOP = Shop(name="小林的衣橱", brand="XL", contact="400-000-0000")
MORNING_MS = round(START.timestamp() * 1000)  # Saturday 10:00 in Shanghai
EVENING_MS = MORNING_MS + 9 * 60 * MINUTE_MS + 30 * MINUTE_MS  # 19:30
HOUR_MS = 60 * MINUTE_MS


def sequence(*days: int, **more: Any) -> LessonFile:
    lessons = [
        {"name": f"l{day}", "day": day, "text": "{{ call_me }}，第" + str(day) + "天"} for day in days or (1, 3, 5)
    ]
    return LessonFile.model_validate({"name": "first", "title": "入门课", "lessons": lessons, **more})


class School:
    """The planner's step and the courier's part, at whatever time it is."""

    def __init__(self, db: Database, *sequences: LessonFile) -> None:
        self.db = db
        self.told: list[Stuck] = []
        self.sequences = sequences or (sequence(),)
        self.restart()

    def restart(self) -> None:
        self.step = Lessons({one.name: one for one in self.sequences}, BOOK, SHOP, tell=self._tell)

    async def _tell(self, tx: object, stuck: Stuck, now_ms: int) -> None:
        self.told.append(stuck)

    async def open(self, *, accounts: tuple[str, ...] = ("qin-1",)) -> None:
        for name in accounts:
            await account(self.db, name, role="training", persona="mentor-qin")

    async def partner(self, account: str = "qin-1", **values: Any) -> int:
        return await friend(self.db, account, since_ms=0, level="partner", **values)

    async def look(self, now_ms: int) -> None:
        async with self.db.read() as connection:
            due = await self.step.due(connection, now_ms)
        async with self.db.write() as tx:
            planned = await self.step.act(tx, now_ms)
        assert due or not planned
        async with self.db.read() as connection:
            assert not await self.step.due(connection, now_ms)

    async def send(self, now_ms: int, state: str = "accepted") -> None:
        open_ = [row.key for row in await rows(self.db, state="pending") if row.due_ms <= now_ms]
        await settle(self.db, open_, state, now_ms)

    async def live(self, from_ms: int, until_ms: int) -> None:
        """Planner and courier, whenever somebody's hour has come."""
        now_ms = from_ms
        while now_ms < until_ms:
            await self.look(now_ms)
            await self.send(now_ms)
            async with self.db.read() as connection:
                running = select(func.min(Pupil.look_ms)).where(Pupil.state == "running")
                next_ms = await connection.scalar(running)
            if next_ms is None:
                return
            now_ms = max(next_ms, now_ms + MINUTE_MS)

    async def sent(self) -> list[tuple[int, float]]:
        """(person, days after the first evening) of every first row, in order."""
        return [(row.person, (row.sent_ms - EVENING_MS) / DAY_MS) for row in await rows(self.db, state="accepted")]

    async def hear(self, person: int, text: str, now_ms: int, account: str = "qin-1") -> Mark | None:
        async with self.db.write() as tx:
            return await heard(tx, person, account, text, now_ms)

    async def progress(self) -> list[Progress]:
        async with self.db.read() as connection:
            return await progress(connection)


async def test_a_partner_gets_day_one_three_and_five_from_their_training_account(database: Database) -> None:
    school = School(database)
    await school.open()
    await account(database, "lin-1")
    partner = await school.partner(call_me="花花")
    await friend(database, "qin-1", since_ms=0)  # no partner
    await friend(database, "lin-1", since_ms=0, level="partner")  # no friend of a teacher
    await school.live(MORNING_MS, MORNING_MS + 7 * DAY_MS)
    assert await school.sent() == [(partner, 0), (partner, 2), (partner, 4)]
    first, *_ = await rows(database)
    assert (first.kind, first.account, first.key) == ("lesson", "qin-1", f"lesson:first:1:{partner}")
    assert first.content["text"] == "花花，第1天"
    assert [one.state for one in await school.progress()] == [PupilState.FINISHED]


async def test_on_two_training_accounts_they_learn_once_from_who_knows_them_best(database: Database) -> None:
    school = School(database)
    await school.open(accounts=("qin-1", "qin-2"))
    partner = await school.partner()
    async with database.write() as tx:
        known = {"account": "qin-2", "contact": "other", "person": partner, "since_ms": 0, "last_in_ms": 9}
        await tx.execute(insert(Friendship).values(known))
    await school.live(MORNING_MS, MORNING_MS + 2 * DAY_MS)
    async with database.write() as tx:  # now they talk more with the other: the teacher stays
        await tx.execute(update(Friendship).where(Friendship.account == "qin-1").values(last_in_ms=99))
    await school.live(MORNING_MS + 2 * DAY_MS, MORNING_MS + 7 * DAY_MS)
    assert {row.account for row in await rows(database)} == {"qin-2"}
    assert len(await rows(database)) == 3


async def test_an_account_that_stood_still_loses_nothing_and_nothing_piles_up(database: Database) -> None:
    """The first lesson waits behind the pause; the second is counted from the day the first one left."""
    school = School(database)
    await school.open()
    partner = await school.partner()
    await school.look(MORNING_MS)
    await school.look(EVENING_MS)
    for hour in range(1, 24):
        await school.look(EVENING_MS + hour * HOUR_MS)
    assert len(await rows(database)) == 1
    await school.live(EVENING_MS + 10 * DAY_MS, EVENING_MS + 16 * DAY_MS)
    assert await school.sent() == [(partner, 10), (partner, 12), (partner, 14)]


async def test_muted_they_are_left_in_peace_and_go_on_after_it(database: Database) -> None:
    school = School(database)
    await school.open()
    partner = await school.partner(muted_until_ms=EVENING_MS + 3 * DAY_MS)
    await school.live(MORNING_MS, MORNING_MS + 9 * DAY_MS)
    assert await school.sent() == [(partner, 3), (partner, 5), (partner, 7)]


@pytest.mark.parametrize("change", [{"opted_out_ms": 1}, {"level": "VIP2"}, {"erased_ms": 1}])
async def test_who_wants_no_more_or_is_no_partner_any_more_gets_no_more(
    sqlite_database: Database, change: dict[str, Any]
) -> None:
    school = School(sqlite_database)
    await school.open()
    await school.partner()
    await school.live(MORNING_MS, MORNING_MS + DAY_MS)
    async with sqlite_database.write() as tx:
        await tx.execute(update(Person).values(change))
    await school.live(MORNING_MS + DAY_MS, MORNING_MS + 7 * DAY_MS)
    assert len(await school.sent()) == 1
    [one] = await school.progress()
    assert one.state is PupilState.STOPPED
    assert one.reason


async def test_read_and_answered_are_marked_while_the_lessons_time_lasts(database: Database) -> None:
    school = School(database)
    await school.open()
    partner = await school.partner()
    await school.look(MORNING_MS)
    await school.look(EVENING_MS)
    assert await school.hear(partner, "在吗", EVENING_MS) is None  # it has not left yet
    await school.send(EVENING_MS)
    assert await school.hear(partner, "看完了！", EVENING_MS + HOUR_MS) is Mark.READ
    assert await school.hear(partner, "我记住了王姐的猫", EVENING_MS + DAY_MS, account="lin-1") is None
    assert await school.hear(partner, "我记住了王姐的猫", EVENING_MS + DAY_MS) is Mark.ANSWERED
    assert await school.hear(partner, "还有", EVENING_MS + 2 * DAY_MS + 1) is None  # two days are over
    [one] = await school.progress()
    assert (one.given, one.read, one.answered, one.unmarked) == (1, 1, 1, 0)
    async with database.read() as connection:
        row = (await connection.execute(select(LessonGiven.read_ms, LessonGiven.answered_ms))).one()
    assert tuple(row) == (EVENING_MS + HOUR_MS, EVENING_MS + DAY_MS)


async def test_staff_hear_once_who_is_stuck_and_again_only_after_a_sign_of_life(database: Database) -> None:
    school = School(database, sequence(1, 3, 5, 9, 12, 15))
    await school.open()
    silent, diligent = await school.partner(call_me="花花"), await school.partner()
    for day in range(7):
        await school.live(MORNING_MS + day * DAY_MS, MORNING_MS + (day + 1) * DAY_MS)
        await school.hear(diligent, "已读", MORNING_MS + (day + 1) * DAY_MS)
    assert [(stuck.name, stuck.lessons, stuck.account) for stuck in school.told] == [("花花", 2, "qin-1")]
    school.restart()
    await school.hear(silent, "来了来了", MORNING_MS + 6 * DAY_MS + 5 * HOUR_MS)
    await school.live(MORNING_MS + 7 * DAY_MS, MORNING_MS + 20 * DAY_MS)
    assert [stuck.name for stuck in school.told].count("花花") == 2


async def test_staff_let_somebody_begin_pause_and_go_on(database: Database) -> None:
    school = School(database, sequence(start="staff"))
    await school.open()
    partner = await school.partner()
    other = await friend(database, "qin-1", since_ms=0)
    await school.live(MORNING_MS, MORNING_MS + DAY_MS)
    assert await rows(database) == []
    async with database.write() as tx:
        await begin(tx, school.sequences[0], partner, by="staff:owner", now_ms=MORNING_MS)
    unknown = await friend(database, "lin-1", since_ms=0, level="partner")
    for who, why in ((partner, "已经上过"), (other, "只给合伙人，TA 还不是"), (unknown, "还没有加培训号")):
        with pytest.raises(LessonRefused, match=why):
            async with database.write() as tx:
                await begin(tx, school.sequences[0], who, by="staff:owner", now_ms=MORNING_MS)
    await school.look(EVENING_MS)  # planned, and stopped before it leaves
    async with database.write() as tx:
        assert await pause(tx, partner, ["first"], by="staff:owner", now_ms=EVENING_MS) == 1
    await school.live(EVENING_MS, EVENING_MS + 3 * DAY_MS)
    assert await school.sent() == []
    async with database.write() as tx:
        assert await resume(tx, partner, ["first"], EVENING_MS + 3 * DAY_MS) == 1
        assert await resume(tx, partner, ["first"], EVENING_MS + 3 * DAY_MS) == 0
    await school.live(EVENING_MS + 3 * DAY_MS, EVENING_MS + 8 * DAY_MS)
    assert await school.sent() == [(partner, 3), (partner, 5), (partner, 7)]


async def test_two_entries_of_one_partner_learn_each_lesson_once(database: Database) -> None:
    school = School(database)
    await school.open()
    one, other = await school.partner(), await school.partner()
    await school.live(MORNING_MS, MORNING_MS + DAY_MS)
    async with database.write() as tx:
        await merge(tx, one, other, "test", "staff:owner", MORNING_MS + DAY_MS)
        await tx.execute(update(Person).where(Person.id == one).values(level="partner"))
    await school.live(MORNING_MS + DAY_MS, MORNING_MS + 7 * DAY_MS)
    later = [sent for sent in await school.sent() if sent[1] > 0]
    assert later == [(one, 2), (one, 4)]


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(jumps=st.lists(st.integers(-2 * 24, 3 * 24).map(lambda hours: hours * HOUR_MS), max_size=5))
async def test_clocks_that_jump_and_restarts_double_no_lesson_and_leave_none_out(
    sqlite_database: Database, jumps: list[int]
) -> None:
    school = School(sqlite_database)
    async with sqlite_database.write() as tx:
        for table in (Delivery, LessonGiven, Pupil, Friendship, Person, Account):
            await tx.execute(table.__table__.delete())  # type: ignore[attr-defined]
    await school.open()
    partner = await school.partner()
    now_ms = MORNING_MS
    for jump in jumps:
        await school.live(now_ms, now_ms + 6 * HOUR_MS)
        school.restart()
        now_ms += jump
    await school.live(now_ms, now_ms + 25 * DAY_MS)
    keys = sorted(row.key for row in await rows(sqlite_database, state="accepted"))
    assert keys == sorted(f"lesson:first:{day}:{partner}" for day in (1, 3, 5))


def test_every_state_of_a_pupil_has_its_moves_and_but_the_last_a_way_on() -> None:
    assert set(TRANSITIONS) == set(PupilState)
    reached = set().union(*TRANSITIONS.values())
    assert reached == set(PupilState)
    assert not TRANSITIONS[PupilState.FINISHED]


@pytest.mark.parametrize(
    "lesson",
    [
        '{name: a, day: 1, text: "今晚秒杀，快下单"}',
        '{name: a, day: 1, text: 看看, link: {url: "https://detail.tmall.com/item", title: 好物}}',
        '{name: a, day: 1, text: "淘宝搜 {{ search }}"}',
        "{name: a, day: 1, text: 看看, picture: nowhere.png}",
    ],
)
def test_a_lesson_that_sells_or_has_no_picture_is_refused_with_its_line(tmp_path: Path, lesson: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(f"name: x\ntitle: x\nlessons:\n  - {lesson}\n", encoding="utf-8")
    _, mistakes = load_lessons(tmp_path, media=tmp_path)
    assert mistakes
    assert {mistake.line for mistake in mistakes} == {4}


def test_days_that_go_back_and_names_used_twice_are_said(tmp_path: Path) -> None:
    text = "name: x\ntitle: x\nlessons:\n  - {name: a, day: 3, text: 好}\n  - {name: a, day: 3, text: 好}\n"
    for name in ("one.yaml", "two.yaml"):
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert [mistake.line for mistake in load_lessons(tmp_path)[1]] == [5, 5, 1, 5, 5]


def test_the_committed_lessons_are_clean() -> None:
    sequences, mistakes = load_lessons(ROOT / "lessons", media=ROOT / "media")
    assert mistakes == []
    assert sequences
