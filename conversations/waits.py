"""The waits of customers for a person, as rows: begun, taken on, ended. `Friendship.waiting_since_ms` says who waits
that nobody has taken on; a wait goes on until somebody's word reached them.
"""

from collections.abc import Mapping
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from conversations.acquaintance import Acquaintance
from storage.conversation_tables import Wait
from storage.outbox import insert_ignoring


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


async def begin(
    tx: AsyncConnection, who: Acquaintance, *, arrival: int, why: str, staff: str | None, now_ms: int
) -> int | None:
    """A new wait; None when one is open in this conversation already."""
    row = {
        "friendship": who.friendship, "account": who.account, "person": who.person, "arrival": arrival, "why": why,
        "staff": staff, "state": WaitState.WAITING.value, "since_ms": now_ms, "from_ms": now_ms, "look_ms": now_ms,
    }  # fmt: skip
    made = await tx.execute(insert_ignoring(tx, Wait).values(row).returning(Wait.id))
    return made.scalar_one_or_none()


async def wrote_again(tx: AsyncConnection, friendship: int, *, arrival: int, why: str) -> None:
    """Their last words are what counts for whoever looks, and the gravest reason."""
    worse = _GRAVEST[: _GRAVEST.index(why)] if why in _GRAVEST else ()
    if why in _GRAVEST:
        await tx.execute(update(Wait).where(_of(friendship), Wait.why.not_in(worse)).values(why=why))
    await tx.execute(update(Wait).where(_of(friendship)).values(arrival=arrival))


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


async def last_answered_by(tx: AsyncConnection, friendship: int, since_ms: int) -> str | None:
    """Who answered them last, if since then."""
    return await tx.scalar(
        select(Wait.ended_by)
        .where(Wait.friendship == friendship, Wait.state == WaitState.ANSWERED.value, Wait.ended_ms >= since_ms)
        .order_by(Wait.id.desc())
        .limit(1)
    )


def _of(friendship: int) -> ColumnElement[bool]:
    return and_(Wait.friendship == friendship, Wait.ended_ms.is_(None))
