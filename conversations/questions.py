"""Questions that a language model is asked: written down with the message, taken up, settled once.

Between the two the call is made with no transaction open. Whoever takes a question up has it for a while; if they die,
somebody else may; each is settled by a compare-and-set, with its answer or its way to a person in the same transaction.
"""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.gateway import Message
from bots.payloads import message_of
from conversations.heard import Heard
from rules.pacing import DAY_MS
from storage.conversation_tables import Question
from storage.outbox import insert_ignoring
from storage.tables import Arrival

HOUR_MS = 3_600_000
MOST_TRIES = 2
"""A process that dies while it asks is no reason to ask for ever. Ours."""


class QuestionState(StrEnum):
    WAITING = "waiting"
    ASKED = "asked"
    ANSWERED = "answered"
    GIVEN_UP = "given_up"


_OPEN = (QuestionState.WAITING.value, QuestionState.ASKED.value)


@dataclass(frozen=True, slots=True)
class Taken:
    """A question that is ours to ask. `tries` names our turn: whoever takes it up after us has the next."""

    id: int
    arrival: int
    account: str
    message: Message | None
    asked_ms: int
    tries: int


@dataclass(frozen=True, slots=True)
class Spent:
    """Of the last 24 hours; `theirs` of one person within the hour."""

    calls: int
    tokens: int
    theirs: int


async def spent(tx: AsyncConnection, person: int, now_ms: int) -> Spent:
    """What was asked so far, whoever asked it."""
    day = Question.asked_ms > now_ms - DAY_MS
    theirs = func.count().filter(Question.person == person, Question.asked_ms > now_ms - HOUR_MS)
    row = (await tx.execute(select(func.count(), func.coalesce(func.sum(Question.tokens), 0), theirs).where(day))).one()
    return Spent(int(row[0]), int(row[1]), int(row[2]))


async def write_down(tx: AsyncConnection, heard: Heard) -> bool:
    """In the transaction that handles the message. False when it stands there already."""
    row = {
        "arrival": heard.arrival, "account": heard.who.account, "person": heard.who.person,
        "state": QuestionState.WAITING.value, "asked_ms": heard.now_ms,
    }  # fmt: skip
    return await tx.scalar(insert_ignoring(tx, Question).values(row).returning(Question.id)) is not None


async def anything_open(tx: AsyncConnection, now_ms: int) -> bool:
    """Does a question wait to be taken up?"""
    return await tx.scalar(select(Question.id).where(_free(now_ms)).limit(1)) is not None


async def take_up(tx: AsyncConnection, most: int, until_ms: int, now_ms: int) -> list[Taken]:
    """The oldest that nobody has, ours until then."""
    oldest = select(Question.id).where(_free(now_ms)).order_by(Question.id).limit(most)
    ours = await tx.execute(
        update(Question)
        .where(Question.id.in_(oldest), _free(now_ms))
        .values(state=QuestionState.ASKED.value, until_ms=until_ms, tries=Question.tries + 1)
        .returning(Question.id, Question.arrival, Question.account, Question.asked_ms, Question.tries)
    )
    rows = ours.all()
    found = await tx.execute(select(Arrival.id, Arrival.payload).where(Arrival.id.in_([row.arrival for row in rows])))
    payloads = {row.id: row.payload for row in found.all()}
    return [
        Taken(
            row.id, row.arrival, row.account, message_of(payload) if (payload := payloads.get(row.arrival)) else None,
            row.asked_ms, row.tries,
        )
        for row in sorted(rows)
    ]  # fmt: skip


async def settle(tx: AsyncConnection, taken: Taken, *, reason: str, tokens: int, now_ms: int) -> bool:
    """Answered ('' for `reason`), or given up. False when somebody else has it by now, or settled it."""
    state = QuestionState.GIVEN_UP if reason else QuestionState.ANSWERED
    done = await tx.execute(
        update(Question)
        .where(Question.id == taken.id, Question.state == QuestionState.ASKED.value, Question.tries == taken.tries)
        .values(state=state.value, reason=reason or None, tokens=Question.tokens + tokens, settled_ms=now_ms)
    )
    if done.rowcount == 0:
        return False
    outcome = "handed_over" if reason else "answered"
    await tx.execute(
        update(Arrival).where(Arrival.id == taken.arrival, Arrival.outcome == "asked").values(outcome=outcome)
    )
    return True


def _free(now_ms: int) -> ColumnElement[bool]:
    return and_(
        Question.state.in_(_OPEN),
        or_(Question.state == QuestionState.WAITING.value, Question.until_ms <= now_ms),
    )
