"""Lessons: each partner at their own pace, from the account that teaches them, each lesson once.

The next lesson is counted from the day the last one left, not from the calendar: whoever was away, muted, or whose
account was paused goes on where they stopped, and nothing piles up. A lesson never goes stale, so its rows have no
end of validity: they wait behind the gates until they may go.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.referrals.partners import PARTNER
from customers.referrals.referral_list import shown_name
from personas.book import Book
from personas.model import Shop
from personas.speech import names
from personas.voice import render
from rules.kinds import Kind
from rules.pacing import DAY_MS
from rules.quiet_hours import at, local, open_from
from scheduler.care.care_people import Known
from scheduler.care.lesson_file import START_BY_ITSELF, Lesson, LessonFile
from scheduler.care.pupils import PupilState, enrol, move, newcomers, somebody_new, still_teaches, teachers_of
from storage.care_tables import LessonGiven, Pupil
from storage.outbox import Content, DeliveryState, NewDelivery, plan
from storage.statements import both, rows_of
from storage.tables import Account, Delivery, Person

LOOK_AGAIN_MS = 30 * 60_000
"""Whether a lesson has left, or an account is back, is looked at this often. Ours."""
_AT_ONCE = 100
_WAITS = (DeliveryState.PENDING.value, DeliveryState.SENDING.value)
"""What is in doubt may have arrived: the next lesson does not wait for a person to find out."""
_DUE = both("SELECT 1 FROM pupils WHERE state = 'running' AND look_ms <= :now_ms LIMIT 1")


@dataclass(frozen=True, slots=True)
class Stuck:
    """A partner who neither read nor answered for a while; `lessons` in a row. For staff."""

    pupil: int
    name: str
    account: str
    title: str
    lesson: str
    lessons: int


TellStuck = Callable[[AsyncConnection, Stuck, int], Awaitable[object]]


class Lessons:
    """A step of the planner: `due` looks, `act` lets new partners begin and takes everybody on by one step."""

    def __init__(self, sequences: Mapping[str, LessonFile], book: Book, shop: Shop, *, tell: TellStuck) -> None:
        self._sequences = sequences
        self._book = book
        self._shop = shop
        self._tell = tell

    async def due(self, tx: AsyncConnection, now_ms: int) -> bool:
        """Has somebody become a partner, or is something to do for one? Writes nothing."""
        if not self._sequences:
            return False
        if await rows_of(tx, _DUE, {"now_ms": now_ms}):
            return True
        for sequence in self._sequences.values():
            if sequence.start == START_BY_ITSELF and await somebody_new(tx, sequence.name):
                return True
        return False

    async def act(self, tx: AsyncConnection, now_ms: int) -> int:
        """Returns how many lessons were planned. Idempotent: `pupils` says what was done."""
        for sequence in self._sequences.values():
            if sequence.start == START_BY_ITSELF and (people := await newcomers(tx, sequence.name)):
                await enrol(tx, sequence, people, by=START_BY_ITSELF, now_ms=now_ms)
        planned = 0
        for row in await _to_look_at(tx, now_ms):
            planned += await self._step(tx, row, now_ms)
        return planned

    async def _step(self, tx: AsyncConnection, pupil: Row[Any], now_ms: int) -> bool:
        sequence = self._sequences.get(pupil.sequence)
        if sequence is None:  # its file is gone: should it come back, they go on
            return await _look_again(tx, pupil.id, now_ms + DAY_MS)
        if reason := _why_not(pupil):
            await move(tx, pupil.id, PupilState.STOPPED, now_ms, reason=reason)
            return False
        last = await _last_given(tx, pupil.id)
        if last is not None and last.state in _WAITS:
            return await _look_again(tx, pupil.id, now_ms + LOOK_AGAIN_MS)
        if last is not None and last.sent_ms is None and last.left_ms is not None:
            await tx.execute(update(LessonGiven).where(LessonGiven.id == last.id).values(sent_ms=last.left_ms))
        await self._tell_if_stuck(tx, pupil, sequence, now_ms)
        lesson = sequence.after(pupil.given)
        if lesson is None:
            return await self._end(tx, pupil, last, now_ms)
        due_ms = _due_ms(sequence, pupil, lesson, last, now_ms)
        if due_ms > now_ms:
            return await _look_again(tx, pupil.id, due_ms)
        return await self._give(tx, sequence, lesson, pupil, now_ms)

    async def _give(
        self, tx: AsyncConnection, sequence: LessonFile, lesson: Lesson, pupil: Row[Any], now_ms: int
    ) -> bool:
        """Plan it, by the account that knows them; by another that teaches when that one knows them no more."""
        if pupil.muted_until_ms is not None and pupil.muted_until_ms > now_ms:
            return await _look_again(tx, pupil.id, pupil.muted_until_ms)
        teacher = await still_teaches(tx, pupil.person, pupil.account)
        teacher = teacher or (await teachers_of(tx, [pupil.person])).get(pupil.person)
        if teacher is None:
            await move(tx, pupil.id, PupilState.STOPPED, now_ms, reason="no_friendship")
            return False
        persona = self._book.resolved(teacher.persona)
        text = render(lesson.text, names(persona, self._shop, teacher.name, position=teacher.position))
        key = f"lesson:{sequence.name}:{lesson.day}:{pupil.person}"
        source = f"lesson:{sequence.name}:{lesson.name}"
        known = await tx.scalar(
            select(Delivery.id).where(Delivery.person == pupil.person, Delivery.source == source).limit(1)
        )
        rows = [] if known is not None else list(_rows(teacher, lesson, text, key, source, now_ms))
        await plan(tx, rows, now_ms=now_ms)
        within_ms = round(lesson.answer_within.total_seconds() * 1000)
        given = {"pupil": pupil.id, "lesson": lesson.name, "key": key, "within_ms": within_ms, "planned_ms": now_ms}
        await tx.execute(insert(LessonGiven).values(given))
        taught_by = {"account": teacher.account, "contact": teacher.contact, "given": pupil.given + 1}
        await tx.execute(update(Pupil).where(Pupil.id == pupil.id).values({**taught_by, "changed_ms": now_ms}))
        await _look_again(tx, pupil.id, now_ms + LOOK_AGAIN_MS)
        return bool(rows)

    async def _end(self, tx: AsyncConnection, pupil: Row[Any], last: Row[Any] | None, now_ms: int) -> bool:
        """Through, once the time to answer the last lesson is over."""
        answer_until_ms = now_ms if last is None else (last.left_ms or last.planned_ms) + last.within_ms
        if last is not None and last.answered_ms is None and answer_until_ms > now_ms:
            return await _look_again(tx, pupil.id, answer_until_ms)
        await move(tx, pupil.id, PupilState.FINISHED, now_ms)
        return False

    async def _tell_if_stuck(self, tx: AsyncConnection, pupil: Row[Any], sequence: LessonFile, now_ms: int) -> None:
        """Staff hear of it once, until they show themselves again."""
        if pupil.told_ms is not None:
            return
        query = (
            select(LessonGiven.__table__)
            .where(LessonGiven.pupil == pupil.id, LessonGiven.sent_ms.is_not(None))
            .order_by(LessonGiven.id.desc())
            .limit(sequence.stuck_after)
        )
        lately = (await tx.execute(query)).all()
        silent = [row for row in lately if row.read_ms is None and row.sent_ms + row.within_ms <= now_ms]
        if len(silent) < sequence.stuck_after:
            return
        stuck = Stuck(pupil.id, pupil.name, pupil.account, sequence.title, silent[0].lesson, len(silent))
        await self._tell(tx, stuck, now_ms)
        await tx.execute(update(Pupil).where(Pupil.id == pupil.id).values(told_ms=now_ms))


def _why_not(pupil: Row[Any]) -> str:
    if pupil.merged_into is not None or pupil.erased_ms is not None:
        return "merged" if pupil.merged_into is not None else "erased"
    if pupil.opted_out_ms is not None:
        return "opted_out"
    return "" if pupil.level == PARTNER else "no_partner"


def _due_ms(sequence: LessonFile, pupil: Row[Any], lesson: Lesson, last: Row[Any] | None, now_ms: int) -> int:
    """So many days after the last one left, in the hours of the sequence; what is past that comes at the next ones."""
    window = sequence.window
    before = sequence.lessons[pupil.given - 1].day if last is not None else 1
    counted_from = local(pupil.started_ms if last is None else last.left_ms or last.planned_ms, pupil.zone)
    midnight = counted_from.replace(hour=0, minute=0, second=0, microsecond=0)
    due_ms = at(midnight + timedelta(days=lesson.day - before), window.start)
    return due_ms if due_ms > now_ms else open_from(now_ms, window.start, window.end, pupil.zone)


def _rows(teacher: Known, lesson: Lesson, text: str, key: str, source: str, now_ms: int) -> Iterator[NewDelivery]:
    contents = [(key, Content(text=text))]
    if lesson.picture:
        contents.append((f"{key}:picture", Content(image=lesson.picture)))
    if lesson.link:
        card = {"url": lesson.link.url, "title": lesson.link.title, "description": lesson.link.description}
        contents.append((f"{key}:link", Content(link=card)))
    for key_, content in contents:
        yield NewDelivery(
            kind=Kind.LESSON, account=teacher.account, to=teacher.contact, person=teacher.person, content=content,
            key=key_, due_ms=now_ms, source=source,
        )  # fmt: skip


async def _to_look_at(tx: AsyncConnection, now_ms: int) -> list[Row[Any]]:
    """Pupils whose hour has come, with what binds them."""
    query = (
        select(
            Pupil.__table__, shown_name(Person).label("name"), Person.level, Person.merged_into, Person.erased_ms,
            Person.opted_out_ms, Person.muted_until_ms, Account.time_zone.label("zone"),
        )
        .join(Person, Person.id == Pupil.person)
        .join(Account, Account.id == Pupil.account)
        .where(Pupil.state == PupilState.RUNNING.value, Pupil.look_ms <= now_ms)
        .order_by(Pupil.look_ms, Pupil.id)
        .limit(_AT_ONCE)
    )  # fmt: skip
    return list((await tx.execute(query)).all())


async def _last_given(tx: AsyncConnection, pupil: int) -> Row[Any] | None:
    """The newest lesson of the pupil, with what became of its row; `left_ms` None when it never left."""
    query = (
        select(LessonGiven.__table__, Delivery.state, Delivery.sent_ms.label("left_ms"))
        .outerjoin(Delivery, Delivery.key == LessonGiven.key)
        .where(LessonGiven.pupil == pupil)
        .order_by(LessonGiven.id.desc())
        .limit(1)
    )
    return (await tx.execute(query)).first()


async def _look_again(tx: AsyncConnection, pupil: int, at_ms: int) -> bool:
    await tx.execute(update(Pupil).where(Pupil.id == pupil).values(look_ms=at_ms))
    return False
