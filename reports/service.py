"""Service (服务): how soon customers get their first answer, what goes to a person, and who waits now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, CompoundSelect, Select, Subquery, and_, case, cast, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from reports.outcomes import customer_wrote
from reports.purchase_rows import within
from reports.quantiles import quantiles
from reports.report import Asked, Report, Row
from reports.staff_service import by_staff
from rules.kinds import Kind
from storage.outbox import DeliveryState
from storage.tables import Account, Arrival, Delivery, Friendship

ANSWER_DAYS = 2
"""What comes later is no answer to that message. Ours."""

_ANSWERS = (
    Kind.REPLY.value, Kind.CLAIM_ANSWER.value, Kind.OPT_OUT_CONFIRMATION.value, Kind.NAME_CARD.value,
)  # fmt: skip
_LATEST_MS = ANSWER_DAYS * 86_400_000
_COLUMNS = (
    "who", "received", "answered", "first_answer_median_s", "first_answer_most_s", "handed_over",
    "answered_by_people", "people_median_s", "people_most_s", "waiting", "longest_waiting_s",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Times:
    """Seconds; None without a case."""

    size: int = 0
    median_s: int | None = None
    most_s: int | None = None


async def service(connection: AsyncConnection, asked: Asked) -> Report:
    """Each account, then each of the staff for whom customers waited; and all accounts together."""
    arrival = _arrivals(connection, asked)
    counts = await _counts(connection, asked)
    waiting = await _waiting(connection, asked)
    first = await _times(connection, arrival, arrival.c.first_ms)
    people = await _times(connection, arrival, arrival.c.people_ms)
    accounts = await connection.scalars(select(Account.id).where(Account.removed.is_(False)).order_by(Account.id))
    listed = sorted({*accounts, *counts, *waiting} - {""})
    rows: list[Row] = [
        {"who": one, "account": one, "staff": ""}
        | _row(counts.get(one, {}), first.get(one), people.get(one), waiting.get(one, (0, None)))
        for one in listed
    ]
    rows += await by_staff(connection, asked, _LATEST_MS)
    together = {name: sum(found[name] for found in counts.values()) for name in ("received", "handed_over")}
    still = (
        sum(number for number, _ in waiting.values()),
        max((longest for _, longest in waiting.values() if longest is not None), default=None),
    )
    totals = _row(together, first.get(""), people.get(""), still)
    return Report("service", asked.period, _COLUMNS, rows, totals)


async def _counts(connection: AsyncConnection, asked: Asked) -> dict[str, dict[str, int]]:
    found = await connection.execute(
        select(
            Arrival.account,
            func.count().label("received"),
            func.count(case((Arrival.outcome == "handed_over", 1))).label("handed_over"),
        )
        .where(within(asked.period, Arrival.handled_ms), customer_wrote())
        .group_by(Arrival.account)
    )
    return {row.account: {"received": row.received, "handed_over": row.handed_over} for row in found}


def _arrivals(connection: AsyncConnection, asked: Asked) -> Subquery:
    """Customers' messages of the period: account, and after how long (ms) the first answer and a person's came.

    A message that a person answered later counts that answer only when it was handed over.
    """
    came = (
        select(Arrival.id, Arrival.account, Arrival.received_ms, Arrival.outcome, Arrival.payload)
        .where(within(asked.period, Arrival.handled_ms), customer_wrote())
        .subquery()
    )
    talker = came.c.payload["talker"].as_string()
    bot, person = _bot_answers(connection, asked), _peoples_words(asked)
    said_ms = func.min(person.c.sent_ms)
    waited_for_bot = func.max(bot.c.sent_ms) - came.c.received_ms
    waited_for_person = said_ms - came.c.received_ms
    first_ms = case(
        (waited_for_bot.is_(None), waited_for_person),
        (waited_for_person < waited_for_bot, waited_for_person),
        else_=waited_for_bot,
    )
    return (
        select(came.c.account, first_ms.label("first_ms"), waited_for_person.label("people_ms"))
        .select_from(came)
        .outerjoin(bot, bot.c.arrival == came.c.id)
        .outerjoin(
            person,
            and_(
                came.c.outcome == "handed_over",
                person.c.account == came.c.account,
                person.c.to == talker,
                person.c.sent_ms.between(came.c.received_ms, came.c.received_ms + _LATEST_MS),
            ),
        )
        .group_by(came.c.id, came.c.account, came.c.received_ms)
        .subquery()
    )


def _bot_answers(connection: AsyncConnection, asked: Asked) -> Subquery:
    """Arrival → when its first answer left. The source of an answer is 'inbox:NUMBER…'."""
    if connection.dialect.name == "sqlite":
        arrival = cast(func.substr(Delivery.source, 7), BigInteger)  # it reads the digits at the beginning
    else:
        arrival = cast(func.split_part(Delivery.source, ":", 2), BigInteger)
    return (
        select(arrival.label("arrival"), func.min(Delivery.sent_ms).label("sent_ms"))
        .where(_settled(asked), Delivery.kind.in_(_ANSWERS), Delivery.source.like("inbox:%"))
        .group_by("arrival")
        .subquery()
    )


def _peoples_words(asked: Asked) -> Subquery:
    """What staff wrote themselves, on the phone or through the fleet."""
    return (
        select(Delivery.account, Delivery.to, Delivery.sent_ms)
        .where(_settled(asked), Delivery.kind == Kind.STAFF_MESSAGE.value)
        .subquery()
    )


def _settled(asked: Asked) -> Any:
    return and_(
        Delivery.state == DeliveryState.ACCEPTED.value,
        Delivery.settled_ms >= asked.period.start_ms,
        Delivery.settled_ms < asked.period.end_ms + _LATEST_MS,
        Delivery.sent_ms.is_not(None),
    )


async def _times(connection: AsyncConnection, arrival: Subquery, value: Any) -> dict[str, _Times]:
    """By account, and under '' for all together."""
    each: Select[Any] = quantiles(arrival, arrival.c.account, value)
    whole: Select[Any] = quantiles(arrival, literal(""), value)
    both: CompoundSelect[Any] = each.union_all(whole)
    return {
        row.grouped: _Times(row.size, row.median // 1000, row.most // 1000) for row in await connection.execute(both)
    }


async def _waiting(connection: AsyncConnection, asked: Asked) -> dict[str, tuple[int, int | None]]:
    """Account → customers who wait for a person now, and the longest of them in seconds."""
    found = await connection.execute(
        select(
            Friendship.account, func.count().label("number"), func.min(Friendship.waiting_since_ms).label("since_ms")
        )
        .where(Friendship.waiting_since_ms.is_not(None))
        .group_by(Friendship.account)
    )
    return {row.account: (row.number, max(0, asked.now_ms - row.since_ms) // 1000) for row in found}


def _row(
    counts: Mapping[str, int], first: _Times | None, people: _Times | None, waiting: tuple[int, int | None]
) -> Row:
    first, people = first or _Times(), people or _Times()
    return {
        "received": counts.get("received", 0),
        "answered": first.size,
        "first_answer_median_s": first.median_s,
        "first_answer_most_s": first.most_s,
        "handed_over": counts.get("handed_over", 0),
        "answered_by_people": people.size,
        "people_median_s": people.median_s,
        "people_most_s": people.most_s,
        "waiting": waiting[0],
        "longest_waiting_s": waiting[1],
    }
