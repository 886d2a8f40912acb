"""The waits of customers for a person, as rows: begun, taken on, ended. `Friendship.waiting_since_ms` says who waits
that nobody has taken on; a wait goes on until somebody's word reached them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, and_, bindparam, func, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from conversations.acquaintance import Acquaintance
from storage.ahead import Ahead, looked_up
from storage.conversation_tables import Wait
from storage.many import Many, over_many
from storage.outbox import insert_ignoring
from storage.statements import ready
from storage.tables import Friendship


class WaitState(StrEnum):
    WAITING = "waiting"
    """Staff were told, or somebody took it on."""
    REMINDED = "reminded"
    ESCALATED = "escalated"
    ANSWERED = "answered"
    RETURNED = "returned"
    """Staff said that nobody need answer: the bot goes on."""
    DROPPED = "dropped"
    """The friendship ended, or who they were was erased."""


OPEN = (WaitState.WAITING, WaitState.REMINDED, WaitState.ESCALATED)
_ENDS = frozenset({WaitState.ANSWERED, WaitState.RETURNED, WaitState.DROPPED})
TRANSITIONS: Mapping[WaitState, frozenset[WaitState]] = {
    WaitState.WAITING: frozenset({WaitState.WAITING, WaitState.REMINDED}) | _ENDS,
    WaitState.REMINDED: frozenset({WaitState.WAITING, WaitState.ESCALATED}) | _ENDS,
    WaitState.ESCALATED: frozenset({WaitState.WAITING}) | _ENDS,
    WaitState.ANSWERED: frozenset(),
    WaitState.RETURNED: frozenset(),
    WaitState.DROPPED: frozenset(),
}
"""Back to waiting: somebody took them on, or let go without a word; the minutes begin anew."""

_GRAVEST = ("abuse", "complaint", "after_sale", "person", "money", "unclear_opt_out", "order_taken")


_NEWEST = over_many(
    lambda said: (
        update(Wait).where(Wait.friendship == said.c.friendship, Wait.ended_ms.is_(None)).values(arrival=said.c.arrival)
    ),
    friendship=BigInteger(),
    arrival=BigInteger(),
)


def _graver(why: str) -> Many:
    """Whoever waits for less waits for this now."""
    worse = _GRAVEST[: _GRAVEST.index(why)]
    return over_many(
        lambda they: (
            update(Wait)
            .where(Wait.friendship == they.c.friendship, Wait.ended_ms.is_(None), *(Wait.why != one for one in worse))
            .values(why=why)
        ),
        friendship=BigInteger(),
    )


_GRAVER = {why: _graver(why) for why in _GRAVEST}


def _hands() -> Select[Any]:
    waits = select(Wait.staff).where(Wait.ended_ms.is_(None), Wait.staff.is_not(None))
    holds = select(Friendship.held_by).where(
        Friendship.held_by.is_not(None), Friendship.held_until_ms > bindparam("now_ms")
    )
    hands = union_all(waits, holds).subquery()
    return select(hands.c.staff, func.count()).group_by(hands.c.staff)


_LOADS = ready(_hands())


async def begin(
    tx: AsyncConnection, who: Acquaintance, *, arrival: int, why: str, staff: str | None, waits: bool, now_ms: int
) -> bool:
    """A new wait. False when one is open in this conversation already, of which `waits` is what was read."""
    row = {
        "friendship": who.friendship, "account": who.account, "person": who.person, "arrival": arrival, "why": why,
        "staff": staff, "state": WaitState.WAITING.value, "since_ms": now_ms, "from_ms": now_ms, "look_ms": now_ms,
    }  # fmt: skip
    if not isinstance(tx, Ahead):
        return await tx.scalar(insert_ignoring(tx, Wait).values(row).returning(Wait.id)) is not None
    if not waits:
        tx.note(_write_all, row)
    return not waits


async def wrote_again(tx: AsyncConnection, friendship: int, *, arrival: int, why: str) -> None:
    """Their last words are what counts for whoever looks, and the gravest reason."""
    if why in _GRAVER:
        await _GRAVER[why].later(tx, friendship=friendship)
    await _NEWEST.later(tx, friendship=friendship, arrival=arrival)


async def take_on(tx: AsyncConnection, friendship: int, staff: str, now_ms: int) -> None:
    """`staff` promised to look: the minutes begin anew, and they are the one who is reminded."""
    values = {"staff": staff, "state": WaitState.WAITING.value, "from_ms": now_ms, "look_ms": now_ms, "told_ms": None}
    await tx.execute(update(Wait).where(_of(friendship)).values(values))


async def end(tx: AsyncConnection, friendship: int, state: WaitState, *, by: str | None, now_ms: int) -> bool:
    """Was somebody waiting in this conversation?"""
    values = {"state": state.value, "ended_ms": now_ms, "ended_by": by, "look_ms": None}
    ended = await tx.execute(update(Wait).where(_of(friendship)).values(values))
    return ended.rowcount > 0


async def move_to(tx: AsyncConnection, friendship: int, who: Acquaintance, now_ms: int) -> None:
    """What is open in the conversation `friendship` is open in this one: they went to another account of ours.

    They wait once: where they wait here already, that one stays.
    """
    here = aliased(Wait)
    waits_here = select(here.id).where(here.friendship == who.friendship, here.ended_ms.is_(None)).exists()
    values = {"friendship": who.friendship, "account": who.account, "look_ms": now_ms}
    await tx.execute(update(Wait).where(_of(friendship), ~waits_here).values(values))
    await end(tx, friendship, WaitState.DROPPED, by=None, now_ms=now_ms)


async def loads(tx: AsyncConnection, now_ms: int) -> Counter[str]:
    """How much everybody has on their hands: customers who wait for them, and conversations they hold."""
    load = await looked_up(tx, _written_loads, now_ms)
    if isinstance(tx, Ahead):  # what just begins beside this one is theirs, too
        load = load + Counter(row["staff"] for row in tx.noted(_write_all) if row["staff"])
    return load


async def _written_loads(tx: AsyncConnection, now_ms: int) -> Counter[str]:
    return Counter({str(staff): number for staff, number in await _LOADS.rows(tx, now_ms=now_ms)})


async def _write_all(tx: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    await tx.execute(insert_ignoring(tx, Wait), list(rows))


def _of(friendship: int) -> ColumnElement[bool]:
    return and_(Wait.friendship == friendship, Wait.ended_ms.is_(None))
