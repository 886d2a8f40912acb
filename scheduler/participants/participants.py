"""Who was asked to a campaign, what they said, and what came of it: one table of moves, and the waiting list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Update, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.overbooking import CHRONIC_BROKEN, Places
from scheduler.pushes.follow_ups import told_enough
from storage.campaign_tables import Campaign, Participant
from storage.outbox import insert_ignoring
from storage.tables import Person


class Standing(StrEnum):
    INVITED = "invited"
    """Was asked, has not answered."""
    YES = "yes"
    """Said yes; there is enough for everybody."""
    PROMISED = "promised"
    """Said yes, and has one of the places."""
    WAITING = "waiting"
    """Said yes when all places were promised."""
    DECLINED = "declined"
    """Said no, or took the yes back."""
    KEPT = "kept"
    """Took part."""
    BROKEN = "broken"
    """Said yes and stayed away."""


class Answer(StrEnum):
    YES = "yes"
    NO = "no"
    MOVE_UP = "move_up"
    """A place came free."""
    CAME = "came"
    STAYED_AWAY = "stayed_away"


TRANSITIONS: Mapping[Standing, Mapping[Answer, frozenset[Standing]]] = {
    # A yes leads to where there is room; who came without a word came all the same.
    Standing.INVITED: {
        Answer.YES: frozenset({Standing.YES, Standing.PROMISED, Standing.WAITING}),
        Answer.NO: frozenset({Standing.DECLINED}),
        Answer.CAME: frozenset({Standing.KEPT}),
    },
    Standing.YES: {
        Answer.NO: frozenset({Standing.DECLINED}),
        Answer.CAME: frozenset({Standing.KEPT}),
        Answer.STAYED_AWAY: frozenset({Standing.BROKEN}),
    },
    Standing.PROMISED: {
        Answer.NO: frozenset({Standing.DECLINED}),
        Answer.CAME: frozenset({Standing.KEPT}),
        Answer.STAYED_AWAY: frozenset({Standing.BROKEN}),
    },
    Standing.WAITING: {
        Answer.NO: frozenset({Standing.DECLINED}),
        Answer.MOVE_UP: frozenset({Standing.PROMISED}),
        Answer.CAME: frozenset({Standing.KEPT}),
    },
    Standing.DECLINED: {
        Answer.YES: frozenset({Standing.YES, Standing.PROMISED, Standing.WAITING}),
        Answer.CAME: frozenset({Standing.KEPT}),
    },
    # An order that was imported late, or staff who saw better.
    Standing.BROKEN: {Answer.CAME: frozenset({Standing.KEPT})},
    Standing.KEPT: {Answer.STAYED_AWAY: frozenset({Standing.BROKEN})},
}
"""Every move. Who waits and never gets a place has broken nothing."""

SAID_YES = (Standing.YES, Standing.PROMISED, Standing.WAITING)
HOLD_A_PLACE = (Standing.PROMISED, Standing.KEPT)
"""Counted against the places: who came keeps theirs."""
_IDS_A_STATEMENT = 500


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody at the account that they answered, or that wrote to them."""

    person: int
    account: str
    contact: str


def next_standings(standing: Standing, answer: Answer) -> frozenset[Standing]:
    """Where the answer may lead from there; empty when it changes nothing."""
    return TRANSITIONS[standing].get(answer, frozenset())


async def standing_of(tx: AsyncConnection, campaign: int, person: int) -> Standing | None:
    """How they stand; None for somebody who was never asked and never answered."""
    query = select(Participant.state).where(Participant.campaign == campaign, Participant.person == person)
    state = await tx.scalar(query)
    return None if state is None else Standing(state)


async def say_yes(
    tx: AsyncConnection, campaign: int, guest: Guest, limit: Places | None, now_ms: int, **more: Any
) -> Standing:
    """They want to take part; where they stand then. Said again, it changes nothing but `more` (columns).

    Whoever gave up a place and wants it back queues like everybody.
    """
    await in_turn(tx, campaign)
    row = {"campaign": campaign, "person": guest.person, "state": Standing.INVITED.value, "changed_ms": now_ms}
    await tx.execute(insert_ignoring(tx, Participant).values(row))
    before = Standing(await standing_of(tx, campaign, guest.person) or Standing.INVITED)
    values: dict[str, Any] = {"account": guest.account, "contact": guest.contact, **more}
    if not next_standings(before, Answer.YES):
        if more:
            await tx.execute(_row(campaign, guest.person).values(more))
        return before
    after = Standing.YES if limit is None else await _place_or_queue(tx, campaign, limit)
    values |= {"state": after.value, "answered_ms": now_ms, "changed_ms": now_ms}
    await tx.execute(_row(campaign, guest.person).values(values))
    return after


async def say_no(tx: AsyncConnection, campaign: int, guest: Guest, now_ms: int, **more: Any) -> Standing | None:
    """They don't want to; how they stood before, None for somebody nobody asked. Their place is free."""
    await in_turn(tx, campaign)
    before = await standing_of(tx, campaign, guest.person)
    if before is None or not next_standings(before, Answer.NO):
        return before
    values = {"state": Standing.DECLINED.value, "answered_ms": None, "changed_ms": now_ms, **more}
    values |= {"account": guest.account, "contact": guest.contact}
    await tx.execute(_row(campaign, guest.person).values(values))
    return before


async def move_up(tx: AsyncConnection, campaign: int, limit: Places, now_ms: int) -> list[Guest]:
    """Give free places to those who wait: kept promises first, chronic no-shows last, then the order of their yes.

    Who opted out meanwhile keeps waiting, and who could not be told of it any more. Returns those who have a place
    now, to be told.
    """
    await in_turn(tx, campaign)
    free = limit.promised - await places_held(tx, campaign)
    if free <= 0:
        return []
    query = (
        select(Participant.person, Participant.account, Participant.contact)
        .join(Person, Person.id == Participant.person)
        .where(
            Participant.campaign == campaign, Participant.state == Standing.WAITING.value,
            Person.opted_out_ms.is_(None), Person.merged_into.is_(None),
            Person.id.not_in(told_enough(campaign)),
        )
        .order_by(*by_promises(), Participant.answered_ms, Participant.id)
        .limit(free)
    )  # fmt: skip
    guests = [Guest(row.person, row.account or "", row.contact or "") for row in (await tx.execute(query)).all()]
    for start in range(0, len(guests), _IDS_A_STATEMENT):
        some = [guest.person for guest in guests[start : start + _IDS_A_STATEMENT]]
        await tx.execute(
            update(Participant)
            .where(Participant.campaign == campaign, Participant.person.in_(some))
            .values(state=Standing.PROMISED.value, changed_ms=now_ms)
        )
    return guests


async def settle(
    tx: AsyncConnection, campaign: int, people: Sequence[int], answer: Answer, by: str, now_ms: int
) -> int:
    """These came, or stayed away; returns how many stand differently now. Promises are counted at each person."""
    settled = 0
    after = Standing.KEPT if answer is Answer.CAME else Standing.BROKEN
    for before in (standing for standing in Standing if after in next_standings(standing, answer)):
        for start in range(0, len(people), _IDS_A_STATEMENT):
            some = people[start : start + _IDS_A_STATEMENT]
            which = [Participant.campaign == campaign, Participant.state == before.value, Participant.person.in_(some)]
            if answer is Answer.STAYED_AWAY:
                which.append(Participant.answered_ms.is_not(None))
            changed = await tx.execute(
                update(Participant)
                .where(*which)
                .values(state=after.value, settled_ms=now_ms, settled_by=by, changed_ms=now_ms)
                .returning(Participant.person, Participant.answered_ms)
            )
            rows = changed.all()
            settled += len(rows)
            await _count(tx, [row.person for row in rows if row.answered_ms is not None], before, after)
    return settled


async def _count(tx: AsyncConnection, people: Sequence[int], before: Standing, after: Standing) -> None:
    """What people keep and break, and what turned out to be otherwise."""
    change = {
        Person.kept_promises: (after is Standing.KEPT) - (before is Standing.KEPT),
        Person.broken_promises: (after is Standing.BROKEN) - (before is Standing.BROKEN),
    }
    values = {column: column + step for column, step in change.items() if step}
    if people and values:
        await tx.execute(update(Person).where(Person.id.in_(people)).values(values))


async def places_held(tx: AsyncConnection, campaign: int) -> int:
    """How many places are promised, those of people who came included."""
    states = [standing.value for standing in HOLD_A_PLACE]
    query = select(func.count()).where(
        Participant.campaign == campaign, Participant.state.in_(states), Participant.answered_ms.is_not(None)
    )
    return await tx.scalar(query) or 0


async def counted(tx: AsyncConnection, campaign: int) -> dict[str, int]:
    """How many stand where; every standing is there."""
    query = select(Participant.state, func.count()).where(Participant.campaign == campaign).group_by(Participant.state)
    found: dict[str, int] = {row[0]: row[1] for row in (await tx.execute(query)).all()}
    return {standing.value: found.get(standing.value, 0) for standing in Standing}


def by_promises() -> tuple[ColumnElement[Any], ...]:
    """An order of people: those who keep their word first, chronic no-shows last (`rules.overbooking.is_chronic`)."""
    chronic = (Person.broken_promises >= CHRONIC_BROKEN) & (Person.broken_promises > Person.kept_promises)
    return case((chronic, 1), else_=0), Person.kept_promises.desc()


async def in_turn(tx: AsyncConnection, campaign: int) -> None:
    """On PostgreSQL two who answer at once get one place after the other. SQLite has one writer."""
    await tx.execute(select(Campaign.id).where(Campaign.id == campaign).with_for_update())


async def _place_or_queue(tx: AsyncConnection, campaign: int, limit: Places) -> Standing:
    """Nobody overtakes those who wait."""
    waiting = select(Participant.id).where(
        Participant.campaign == campaign, Participant.state == Standing.WAITING.value
    )
    if await tx.scalar(waiting.limit(1)) is None and await places_held(tx, campaign) < limit.promised:
        return Standing.PROMISED
    return Standing.WAITING


def _row(campaign: int, person: int) -> Update:
    return update(Participant).where(Participant.campaign == campaign, Participant.person == person)
