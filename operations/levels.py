"""What staff say of a customer's level: given by hand, kept until orders say more, taken back within a minute."""

from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.errors import LevelRefused
from customers.standing.ladder import Ladder, current
from customers.standing.levels import give_level, relevel
from operations.asking import Asked, Reply
from operations.errors import CannotBeUsed
from operations.finding import called, described, own_customer
from operations.requests.house import Undo
from operations.requests.people import Vip
from operations.requests.registry import request_of
from storage.customer_tables import LevelMove
from storage.tables import Person
from texts.catalogue import say
from texts.nearest import nearest
from texts.problem import Problem
from texts.script import simplified

_CLOSE = 50.0
"""Percent: one of two characters, as level names are short."""


async def vip(tx: AsyncConnection, asked: Asked[Vip]) -> Reply:
    """Put a customer on a level of the ladder. Raises NotFound, CannotBeUsed, NotAllowed, LevelRefused."""
    person = await own_customer(tx, asked.staff, asked.request.who)
    ladder = await current(tx)
    if not asked.request.level:
        levels = say("texts.comma").join(ladder.ids)
        raise CannotBeUsed(
            say("operations.vip.which", who=described(person)), hint=say("operations.vip.hint", levels=levels)
        )
    meant = ladder.find(simplified(asked.request.level))
    if meant is None:
        raise _no_level(ladder, asked.request.level)
    level = await give_level(tx, person.id, meant.id, by=asked.staff.id, now_ms=asked.now_ms)
    if ladder.rank(meant.id) < ladder.rank(level):
        return Reply(True, say("operations.vip.more", who=called(person), level=ladder.name_of(level)))
    text = say(
        "operations.vip.done", who=called(person), before=ladder.name_of(person.level), level=ladder.name_of(level)
    )
    rung = ladder.get(level)
    if rung is not None and rung.discount < 1:
        text += "\n" + say("operations.vip.discount", discount=f"{rung.discount * 10:f}".rstrip("0").rstrip("."))
    return Reply(True, text, data={"person": person.id, "level": level})


def _no_level(ladder: Ladder, word: str) -> Problem:
    """With the nearest name, else with all levels."""
    names = [name for level in ladder.levels for name in (level.id, level.name) if name]
    near = nearest(simplified(word), names, close=_CLOSE)
    if not near:
        return LevelRefused(word, [level.name or level.id for level in ladder.levels])
    return CannotBeUsed(say("customers.no_level", level=word), hint=say("operations.meant", near=near))


async def take_back_level(tx: AsyncConnection, asked: Asked[Undo], row: Row[Any]) -> str:
    """As it was before, as far as the orders allow."""
    request = request_of(row.request)
    assert isinstance(request, Vip)  # noqa: S101  # the verb says so
    person = await own_customer(tx, asked.staff, request.who)
    given = select(LevelMove.before).where(
        LevelMove.person == person.id, LevelMove.why == f"staff:{asked.staff.id}", LevelMove.at_ms == row.at_ms
    )
    before = await tx.scalar(given.order_by(LevelMove.id.desc()).limit(1))
    await tx.execute(update(Person).where(Person.id == person.id).values(given_level=before))
    await relevel(tx, Person.id == person.id, now_ms=asked.now_ms, why=f"staff:{asked.staff.id}")
    level = await tx.scalar(select(Person.level).where(Person.id == person.id))
    return say("operations.undo.vip", who=called(person), level=(await current(tx)).name_of(level or ""))
