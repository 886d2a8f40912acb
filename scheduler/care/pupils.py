"""Partners in a sequence of lessons: who begins, who waits, who is through, and how each is getting on."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.referrals.partners import PARTNER
from customers.referrals.referral_list import shown_name
from rules.quiet_hours import open_from
from rules.roles import Role
from scheduler.care.care_people import Known, known_best
from scheduler.care.lesson_file import LessonFile
from scheduler.errors import LessonRefused
from storage.care_tables import LessonGiven, Pupil
from storage.engine import touch
from storage.outbox import DeliveryState, insert_ignoring
from storage.statements import both, rows_of
from storage.tables import Account, Delivery, Friendship, Person

NEVER_MS = 4_102_444_800_000
"""2100: due when staff say so."""
_AT_ONCE = 200
# In this order: partners are few, friends of teachers may be many.
_SOMEBODY_NEW = both(f"""
    SELECT 1 FROM people p CROSS JOIN friendships f CROSS JOIN accounts a
     WHERE p.level = '{PARTNER}' AND p.kind = 'customer' AND p.merged_into IS NULL AND p.erased_ms IS NULL
       AND p.opted_out_ms IS NULL AND f.person = p.id AND f.state = 'friend' AND a.id = f.account
       AND a.role = '{Role.TRAINING.value}' AND a.removed IS NOT TRUE
       AND NOT EXISTS (SELECT 1 FROM pupils u WHERE u.sequence = :sequence AND u.person = p.id)
     LIMIT 1""")


class PupilState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    """Staff said so; it goes on where it stands."""
    FINISHED = "finished"
    STOPPED = "stopped"
    """They opted out, or are no partner any more. Staff may let it go on when that is over."""


TRANSITIONS: Mapping[PupilState, frozenset[PupilState]] = {
    PupilState.RUNNING: frozenset({PupilState.PAUSED, PupilState.FINISHED, PupilState.STOPPED}),
    PupilState.PAUSED: frozenset({PupilState.RUNNING, PupilState.STOPPED}),
    PupilState.STOPPED: frozenset({PupilState.RUNNING}),
    PupilState.FINISHED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Progress:
    """How one partner is getting on. `unmarked`: lessons at the end that they neither read nor answered."""

    pupil: int
    person: int
    name: str
    sequence: str
    account: str
    state: PupilState
    reason: str | None
    given: int
    read: int
    answered: int
    unmarked: int
    last_sent_ms: int | None


def may_learn() -> ColumnElement[bool]:
    """Partners who are friends of an account that teaches, and want to hear from us."""
    teachers = (
        select(Friendship.person)
        .join(Account, Account.id == Friendship.account)
        .where(Account.role == Role.TRAINING.value, Account.removed.is_(False), Friendship.state == "friend")
    )
    return and_(
        Person.level == PARTNER,
        Person.kind == "customer",
        Person.merged_into.is_(None),
        Person.erased_ms.is_(None),
        Person.opted_out_ms.is_(None),
        Person.id.in_(teachers),
    )


async def somebody_new(tx: AsyncConnection, sequence: str) -> bool:
    """Are there `newcomers`? Asked every few seconds: a few partners are looked at, and nobody else."""
    return bool(await rows_of(tx, _SOMEBODY_NEW, {"sequence": sequence}))


async def newcomers(tx: AsyncConnection, sequence: str) -> list[int]:
    """Partners who were never in that sequence."""
    known = select(Pupil.person).where(Pupil.sequence == sequence)
    query = select(Person.id).where(may_learn(), Person.id.not_in(known)).order_by(Person.id).limit(_AT_ONCE)
    return list((await tx.scalars(query)).all())


async def enrol(tx: AsyncConnection, sequence: LessonFile, people: Collection[int], *, by: str, now_ms: int) -> int:
    """They begin; the first lesson comes at the next opening of the sequence's hours. Returns how many are new."""
    best = await teachers_of(tx, people)
    rows = [
        {
            "sequence": sequence.name, "person": who.person, "account": who.account, "contact": who.contact,
            "state": PupilState.RUNNING.value, "given": 0, "started_ms": now_ms, "started_by": by,
            "look_ms": open_from(now_ms, sequence.window.start, sequence.window.end, who.zone), "changed_ms": now_ms,
        }
        for who in best.values()
    ]  # fmt: skip
    if not rows:
        return 0
    made = await tx.execute(insert_ignoring(tx, Pupil).returning(Pupil.id), rows)
    return len(made.all())


async def teachers_of(tx: AsyncConnection, people: Collection[int]) -> dict[int, Known]:
    """The teaching account that knows each of them best."""
    return await known_best(tx, people, roles=[Role.TRAINING.value])


async def still_teaches(tx: AsyncConnection, person: int, account: str) -> Known | None:
    """The account that taught them so far, as long as it teaches and they are friends."""
    return (await known_best(tx, [person], roles=[Role.TRAINING.value], account=account)).get(person)


async def begin(tx: AsyncConnection, sequence: LessonFile, person: int, *, by: str, now_ms: int) -> None:
    """Staff let somebody begin. Raises LessonRefused for who is no partner, knows no teacher, or began already."""
    if await tx.scalar(select(Pupil.id).where(Pupil.sequence == sequence.name, Pupil.person == person)) is not None:
        raise LessonRefused("began_before", title=sequence.title)
    if await tx.scalar(select(Person.id).where(may_learn(), Person.id == person)) is None:
        raise LessonRefused(await _why_not(tx, person))
    await enrol(tx, sequence, [person], by=by, now_ms=now_ms)


async def _why_not(tx: AsyncConnection, person: int) -> str:
    """Which of the conditions of `may_learn` they do not fulfil: a word behind `scheduler.lesson.`."""
    who = (await tx.execute(select(Person.level, Person.opted_out_ms).where(Person.id == person))).one()
    if who.opted_out_ms is not None:
        return "opted_out"
    return "no_partner" if who.level != PARTNER else "no_teacher"


async def move(tx: AsyncConnection, pupil: int, to: PupilState, now_ms: int, *, reason: str | None = None) -> bool:
    """Compare and set; False when they are not where that move begins."""
    begins = [state.value for state, moves in TRANSITIONS.items() if to in moves]
    values: dict[str, Any] = {"state": to.value, "reason": reason, "changed_ms": now_ms}
    if to is PupilState.RUNNING:
        values["look_ms"] = now_ms
    moved = await tx.execute(update(Pupil).where(Pupil.id == pupil, Pupil.state.in_(begins)).values(values))
    return bool(moved.rowcount)


async def pause(tx: AsyncConnection, person: int, sequences: Collection[str], *, by: str, now_ms: int) -> int:
    """No lesson more until `resume`; one that is planned and has not left waits with them. Returns how many."""
    paused = 0
    for row in await _of(tx, person, sequences):
        if await move(tx, row.id, PupilState.PAUSED, now_ms, reason=by):
            await _put_off(tx, row, NEVER_MS, "lesson_paused")
            paused += 1
    return paused


async def resume(tx: AsyncConnection, person: int, sequences: Collection[str], now_ms: int) -> int:
    """Go on where they stand. Returns how many sequences do. Raises LessonRefused for who is no partner."""
    if await tx.scalar(select(Person.id).where(may_learn(), Person.id == person)) is None:
        raise LessonRefused(await _why_not(tx, person))
    resumed = 0
    for row in await _of(tx, person, sequences):
        if await move(tx, row.id, PupilState.RUNNING, now_ms):
            await _put_off(tx, row, now_ms, None)
            resumed += 1
    return resumed


async def _put_off(tx: AsyncConnection, pupil: Row[Any], due_ms: int, reason: str | None) -> None:
    """What is planned for them and has not left."""
    of_sequence = Delivery.source.startswith(f"lesson:{pupil.sequence}:", autoescape=True)
    await tx.execute(
        update(Delivery)
        .where(Delivery.person == pupil.person, of_sequence, Delivery.state == DeliveryState.PENDING.value)
        .values(due_ms=due_ms, reason=reason)
    )
    touch(tx, [pupil.account])


async def _of(tx: AsyncConnection, person: int, sequences: Collection[str]) -> Sequence[Row[Any]]:
    query = select(Pupil.__table__).where(Pupil.person == person, Pupil.sequence.in_(sequences)).order_by(Pupil.id)
    return (await tx.execute(query)).all()


async def progress(tx: AsyncConnection, sequence: str | None = None, person: int | None = None) -> list[Progress]:
    """Everybody who learns or learnt, those who are stuck first."""
    last_mark = func.max(LessonGiven.id).filter(LessonGiven.read_ms.is_not(None))
    counts = (
        select(
            LessonGiven.pupil,
            func.count(LessonGiven.sent_ms).label("sent"),
            func.count(LessonGiven.read_ms).label("read"),
            func.count(LessonGiven.answered_ms).label("answered"),
            func.max(LessonGiven.sent_ms).label("last_sent_ms"),
            func.coalesce(last_mark, 0).label("last_mark"),
        )
        .group_by(LessonGiven.pupil)
        .subquery()
    )
    unmarked = (
        select(func.count())
        .where(
            LessonGiven.pupil == Pupil.id, LessonGiven.sent_ms.is_not(None),
            LessonGiven.id > func.coalesce(counts.c.last_mark, 0),
        )
        .correlate(Pupil, counts)
        .scalar_subquery()
        .label("unmarked")
    )  # fmt: skip
    query = (
        select(Pupil.__table__, shown_name(Person).label("name"), counts, unmarked)
        .join(Person, Person.id == Pupil.person)
        .outerjoin(counts, counts.c.pupil == Pupil.id)
        .order_by(unmarked.desc(), Pupil.sequence, Pupil.id)
    )
    if sequence is not None:
        query = query.where(Pupil.sequence == sequence)
    if person is not None:
        query = query.where(Pupil.person == person)
    return [
        Progress(
            row.id, row.person, row.name, row.sequence, row.account, PupilState(row.state), row.reason, row.sent or 0,
            row.read or 0, row.answered or 0, row.unmarked or 0, row.last_sent_ms,
        )
        for row in (await tx.execute(query)).all()
    ]  # fmt: skip
