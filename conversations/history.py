"""What a hand-over asks about one conversation: is a wait open, who answered last, what was bought last."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Select, Text, bindparam, cast, func, literal_column, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.acquaintance import Acquaintance
from conversations.waits import WaitState
from customers.standing.purchases import is_purchase
from rules.pacing import DAY_MS
from storage.ahead import looked_up
from storage.conversation_tables import Wait
from storage.order_tables import Order
from storage.statements import ready

THEIRS_MS = 7 * DAY_MS
"""Who answered a customer within so long has them: they need not tell their story twice. Ours."""


@dataclass(frozen=True, slots=True)
class History:
    """`answered_by`: a staff id, if that was lately; `bought_ms` (epoch ms), `bought`: the newest purchase, if any."""

    waits: bool
    answered_by: str | None
    bought_ms: int | None
    bought: str


_ANSWERED_BY = (
    select(Wait.ended_by)
    .where(
        Wait.friendship == bindparam("friendship", None),
        Wait.state == WaitState.ANSWERED.value,
        Wait.ended_ms >= bindparam("since_ms", None, BigInteger),
    )
    .order_by(Wait.id.desc())
    .limit(1)
)


def _asked() -> Select[Any]:
    waits = select(Wait.id).where(Wait.friendship == bindparam("friendship", None), Wait.ended_ms.is_(None))
    at_ms = func.coalesce(Order.paid_ms, Order.created_ms)
    newest = (
        select(at_ms.label("at_ms"), Order.items.label("goods"), cast(Order.titles, Text).label("titles"))
        .where(Order.person == bindparam("person", None), is_purchase())
        .order_by(at_ms.desc(), Order.number.desc())
        .limit(1)
        .subquery("newest")
    )
    always = select(literal_column("1").label("one")).subquery("always")
    return select(
        waits.scalar_subquery(), _ANSWERED_BY.scalar_subquery(), newest.c.at_ms, newest.c.goods, newest.c.titles
    ).select_from(always.outerjoin(newest, true()))


_ASKED = ready(_asked())


async def history_of(tx: AsyncConnection, who: Acquaintance, now_ms: int) -> History:
    """Of the conversation and the person, at `now_ms`."""
    return await looked_up(tx, _read, who.friendship, who.person, now_ms)


async def last_answered_by(tx: AsyncConnection, friendship: int, now_ms: int) -> str | None:
    """Who answered them last, if that is not long ago."""
    return await tx.scalar(_ANSWERED_BY, {"friendship": friendship, "since_ms": now_ms - THEIRS_MS})


async def _read(tx: AsyncConnection, friendship: int, person: int, now_ms: int) -> History:
    asked = {"friendship": friendship, "person": person, "since_ms": now_ms - THEIRS_MS}
    [[wait, answered_by, bought_ms, items, titles]] = await _ASKED.rows(tx, **asked)
    bought = ([*json.loads(titles), items] if titles else [items])[0]
    return History(wait is not None, answered_by, bought_ms, bought or "")
