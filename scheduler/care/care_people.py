"""Whose occasion it is, and which account knows them best: a page of people by one statement each."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from customers.order import OrderStatus
from customers.segments.birthdays import lunar_days, solar_days
from rules.pacing import DAY_MS
from rules.quiet_hours import to_ms, zone
from scheduler.our_contacts import ours
from storage.order_tables import ImportBatch, Order
from storage.tables import Account, Friendship, Person

STALE_ORDER_MS = 40 * DAY_MS
"""An order whose completion we heard of this long after it was paid is history, not a purchase of these days. Ours."""


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody with the account that knows them best. `name`: what they are called, perhaps only a nickname."""

    person: int
    account: str
    contact: str
    zone: str
    persona: str
    position: str | None
    name: str


def birthday_by_the_sun(day: date) -> ColumnElement[bool]:
    """Is it their birthday? See `customers.segments.birthdays` for February 29."""
    return and_(Person.birthday_lunar.is_(False), Person.birthday_mmdd.in_(solar_days([day])))


def birthday_by_the_moon(day: date) -> ColumnElement[bool]:
    """The same for those who keep it by the lunar calendar; see `customers.segments.birthdays` for leap months."""
    return and_(Person.birthday_lunar.is_(True), Person.birthday_mmdd.in_(lunar_days([day])))


def bought_before(levels: Collection[str]) -> ColumnElement[bool]:
    """Customers; of these levels, where given."""
    return Person.level.in_(levels) if levels else Person.orders > 0


def completed_days_ago(day: date, days: int, zone_name: str) -> ColumnElement[bool]:
    """Had they an order that we heard was completed so many days before `day`, and not given back since?

    Exports do not say when: it is the day of the import that brought the status.
    """
    then = datetime(day.year, day.month, day.day, tzinfo=zone(zone_name)) - timedelta(days=days)
    from_ms, until_ms = to_ms(then), to_ms(then + timedelta(days=1))
    moment = func.coalesce(Order.paid_ms, Order.created_ms)
    done = (
        select(Order.person)
        .join(ImportBatch, ImportBatch.id == Order.batch)
        .where(
            ImportBatch.created_ms >= from_ms,
            ImportBatch.created_ms < until_ms,
            Order.status == OrderStatus.DONE.value,
            Order.refund_fen < Order.paid_fen,
            moment > from_ms - STALE_ORDER_MS,
            Order.person.is_not(None),
        )
    )
    return Person.id.in_(done)


async def page(tx: AsyncConnection, whose: ColumnElement[bool], after: int, limit: int) -> list[int]:
    """The next people of that occasion who may be written to at all, by their number."""
    query = (
        select(Person.id)
        .where(
            whose,
            Person.id > after,
            Person.kind == "customer",
            Person.merged_into.is_(None),
            Person.erased_ms.is_(None),
            Person.opted_out_ms.is_(None),
        )
        .order_by(Person.id)
        .limit(limit)
    )
    return list((await tx.scalars(query)).all())


async def known_best(
    tx: AsyncConnection, people: Iterable[int], *, roles: Collection[str] = (), account: str | None = None
) -> dict[int, Known]:
    """For each of these people the account they are best friends with; nobody for whom there is none.

    In order: not paused or resting, the one they were handed on to, the persona they prefer, the last conversation, the
    oldest friendship. `roles`:
    only accounts with one of these, `account`: only this one, where given.
    """
    query = _best(list(people), roles, account)
    rows = (await tx.execute(query)).all()
    return {
        row.person: Known(
            row.person, row.account, row.contact, row.time_zone, row.persona, row.position, row.call_me or row.nickname
        )
        for row in rows
    }


def _best(
    people: list[int], roles: Collection[str], account: str | None
) -> Select[tuple[int, str, str, str, str, str | None, str, str]]:
    # 'restricted' is a state of bots.lifecycle: WeChat limits the account, and it rests.
    rests = or_(Account.paused_by.is_not(None), Account.state == "restricted")
    source = aliased(Account)
    preferred = func.coalesce(Person.preferred_persona.in_([Account.persona, source.persona]), False)
    place = func.row_number().over(
        partition_by=Friendship.person,
        order_by=(
            case((rests, 1), else_=0),
            func.coalesce(Friendship.serves_ms, 0).desc(),
            case((preferred, 0), else_=1),
            func.coalesce(Friendship.last_in_ms, 0).desc(),
            Friendship.since_ms,
            Friendship.id,
        ),
    )
    ranked = (
        select(
            Friendship.person, Friendship.account, Friendship.contact, Account.time_zone, Account.persona,
            Account.position, Person.call_me, Friendship.nickname, place.label("place"),
        )
        .join(Account, Account.id == Friendship.account)
        .outerjoin(source, source.id == Account.mirror_of)
        .join(Person, Person.id == Friendship.person)
        .where(
            Friendship.person.in_(people),
            Friendship.state == "friend",
            Account.removed.is_(False),
            Account.role.in_(roles) if roles else true(),
            Account.id == account if account is not None else true(),
            Friendship.contact.not_in(ours()),
        )
        .subquery()
    )  # fmt: skip
    columns = [column for column in ranked.c if column.name != "place"]
    return select(*columns).where(ranked.c.place == 1)
