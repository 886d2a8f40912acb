"""What came of a run: the document of `wxfleet run --for … --json`."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from reports.outcomes import customer_wrote, was_answered
from reports.status import account_statuses
from rules.kinds import GATES, Kind
from storage.outbox import DeliveryState
from storage.staff_tables import Audit
from storage.tables import Arrival, Delivery, FriendRequest
from storage.task_tables import Task

_PUSHES = tuple(kind.value for kind, gate in GATES.items() if gate.weekly)
_OPEN = (DeliveryState.PENDING.value, DeliveryState.SENDING.value, DeliveryState.IN_DOUBT.value)
_ANSWERS = (Kind.REPLY.value, Kind.CLAIM_ANSWER.value)
_AT_ONCE = 500
"""Ids in one statement: databases take only so many."""


async def summary(conn: AsyncConnection, since_ms: int, now_ms: int) -> dict[str, Any]:
    """What happened from `since_ms` to `now_ms` (epoch ms), as contract.md prints it.

    The `*_today` of an account count the last 24 hours. `moments.assisted` are posts that a person had to publish,
    done or not; `moments.published` are all that came out, theirs included. A push that was under way when this was
    asked counts as in doubt. `conversations.dry_run` are messages whose answer was written down and not sent.
    """
    return {
        "accounts": [
            {
                "id": account.id,
                "persona": account.persona,
                "role": account.role,
                "state": account.shown_state,
                "friends": account.friends,
                "accepted_today": account.accepted_today,
                "messages_today": account.messages_today,
                "moments_today": account.moments_today,
            }
            for account in await account_statuses(conn, now_ms)
        ],
        "friends": await _friends(conn, since_ms),
        "moments": await _moments(conn, since_ms),
        "pushes": await _pushes(conn, since_ms),
        "conversations": await _conversations(conn, since_ms),
        "commands": await _commands(conn, since_ms),
    }


async def _friends(conn: AsyncConnection, since_ms: int) -> dict[str, int]:
    accepted = await conn.scalar(
        select(func.count()).where(
            Delivery.kind == Kind.ACCEPT.value,
            Delivery.state == DeliveryState.ACCEPTED.value,
            Delivery.settled_ms >= since_ms,
        )
    )
    waiting = await conn.scalar(select(func.count()).where(FriendRequest.state == "waiting"))
    refused = await conn.scalar(
        select(func.count()).where(FriendRequest.state == "refused", FriendRequest.decided_ms >= since_ms)
    )
    return {"accepted": accepted or 0, "waiting": waiting or 0, "refused": refused or 0}


async def _moments(conn: AsyncConnection, since_ms: int) -> dict[str, Any]:
    of_the_run = (Delivery.kind == Kind.MOMENT.value, _of_the_run(since_ms))
    by_state = await _count_by(conn, Delivery.state, of_the_run)
    skipped = await _count_by(conn, Delivery.reason, (*of_the_run, Delivery.state == DeliveryState.SKIPPED.value))
    assisted = await conn.scalar(
        select(func.count())
        .select_from(Task)
        .where(Task.kind == "moment", or_(Task.created_ms >= since_ms, Task.closed_ms >= since_ms))
    )
    return {
        "published": by_state[DeliveryState.ACCEPTED.value],
        "assisted": assisted or 0,
        "skipped": dict(skipped),
    }


async def _pushes(conn: AsyncConnection, since_ms: int) -> dict[str, Any]:
    """`planned` is the sum of the others, by construction."""
    of_the_run = (Delivery.kind.in_(_PUSHES), _of_the_run(since_ms))
    by_state = await _count_by(conn, Delivery.state, of_the_run)
    skipped = await _count_by(conn, Delivery.reason, (*of_the_run, Delivery.state == DeliveryState.SKIPPED.value))
    return {
        "planned": sum(by_state.values()),
        "pending": by_state[DeliveryState.PENDING.value] + by_state[DeliveryState.HANDED.value],
        "accepted": by_state[DeliveryState.ACCEPTED.value],
        "skipped": dict(skipped),
        "failed": by_state[DeliveryState.FAILED.value],
        "in_doubt": by_state[DeliveryState.IN_DOUBT.value] + by_state[DeliveryState.SENDING.value],
        "unknown": by_state[DeliveryState.UNKNOWN.value],
    }


async def _conversations(conn: AsyncConnection, since_ms: int) -> dict[str, int]:
    counted = select(
        func.count().label("received"),
        func.count(case((was_answered(), 1))).label("answered"),
        func.count(case((Arrival.outcome == "handed_over", 1))).label("handed_over"),
        func.count(case((Arrival.outcome == "opted_out", 1))).label("opted_out"),
    ).where(customer_wrote(), Arrival.handled_ms >= since_ms)
    row = (await conn.execute(counted)).one()
    unsaid = await _unsaid(conn, since_ms)
    return {**row._mapping, "answered": row.answered - unsaid, "dry_run": unsaid}


async def _unsaid(conn: AsyncConnection, since_ms: int) -> int:
    """Messages since then whose answer a dry run only wrote down."""
    sources = await conn.scalars(
        select(Delivery.source).where(
            Delivery.kind.in_(_ANSWERS),
            Delivery.state == DeliveryState.SKIPPED.value,
            Delivery.reason == "dry_run",
            Delivery.settled_ms >= since_ms,
            Delivery.source.like("inbox:%"),
        )
    )
    arrivals = sorted({int(source.split(":")[1]) for source in sources})
    number = 0
    for start in range(0, len(arrivals), _AT_ONCE):
        some = Arrival.id.in_(arrivals[start : start + _AT_ONCE])
        found = await conn.scalar(select(func.count()).where(some, was_answered(), Arrival.handled_ms >= since_ms))
        number += found or 0
    return number


async def _commands(conn: AsyncConnection, since_ms: int) -> dict[str, int]:
    outcomes = await _count_by(conn, Audit.outcome, (Audit.at_ms >= since_ms,))
    return {
        "answered": outcomes["done"] + outcomes["same"] + outcomes["asked"],
        "refused": outcomes["refused"] + outcomes["failed"],
    }


def _of_the_run(since_ms: int) -> ColumnElement[bool]:
    """Planned or settled since then, or still open."""
    return or_(Delivery.created_ms >= since_ms, Delivery.settled_ms >= since_ms, Delivery.state.in_(_OPEN))


async def _count_by(conn: AsyncConnection, column: Any, where: Iterable[ColumnElement[bool]]) -> Counter[str]:
    rows = await conn.execute(select(column, func.count()).where(*where).group_by(column))
    return Counter({str(value or "other"): number for value, number in rows})
