"""Who belongs to a segment: one statement, run inside the database."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    SQLColumnExpression,
    UnaryExpression,
    and_,
    exists,
    false,
    func,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.operators import custom_op

from customers.birthdays import lunar_days, solar_days
from customers.purchases import is_purchase
from customers.segment_file import Birthday, Condition, Segment, Tags
from storage.customer_tables import PersonTag
from storage.tables import Account, Friendship, Order, Person

_DAY_MS = 86_400_000
_FRIENDSHIP_FIELDS = (
    "accounts", "personas", "roles", "channels", "bonds", "answered_within_days", "silent_for_days",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class View:
    """When a segment is looked at, and how."""

    now_ms: int
    today: date
    one_by_one: bool = False
    """Few rows of `people` are read at all: what else is known of them is looked up for each."""
    unindexed: bool = False
    """Keep SQLite from its indexes: it believes of any that it finds a few."""


def members(segment: Segment, view: View) -> ColumnElement[bool]:
    """Does a row of `people` belong? Customers only, each once, nobody erased; who opted out only where it says so."""
    wanted = [Person.kind == "customer", seen(Person.merged_into, view).is_(None), Person.erased_ms.is_(None)]
    if not segment.opted_out:
        wanted.append(Person.opted_out_ms.is_(None))
    return and_(*wanted, _fulfils(segment.who, view))


def _fulfils(who: Condition, view: View) -> ColumnElement[bool]:
    parts = [*_of_person(who, view), *_of_purchases(who, view)]
    if any(getattr(who, name) is not None for name in _FRIENDSHIP_FIELDS):
        parts.append(_has(view, _friendships(who, view), Friendship.person))
    parts += [_fulfils(inner, view) for inner in who.all_ or ()]
    if who.any_:
        parts.append(or_(*(_fulfils(inner, view) for inner in who.any_)))
    if who.not_:
        # What is unknown of somebody is not fulfilled: they stay.
        parts.append(not_(func.coalesce(_fulfils(who.not_, view), false())))
    return and_(true(), *parts)


def _of_person(who: Condition, view: View) -> Iterator[ColumnElement[bool]]:
    yield from standing(who, view)
    if who.birthday:
        yield born_on(who.birthday, view)
    if who.not_pushed_for_days is not None:
        yield func.coalesce(Person.last_push_ms, 0) <= view.now_ms - who.not_pushed_for_days * _DAY_MS
    if who.tags:
        yield from _tagged(who.tags, view)


def standing(who: Condition, view: View) -> Iterator[ColumnElement[bool]]:
    """What it asks of level, tier and core."""
    if who.levels:
        yield seen(Person.level, view).in_(who.levels)
    if who.tiers:
        yield seen(Person.tier, view).in_([tier.value for tier in who.tiers])
    if who.core is not None:
        yield Person.core.is_(who.core)


def _of_purchases(who: Condition, view: View) -> Iterator[ColumnElement[bool]]:
    yield from counted(who, view)
    if who.items:
        named = or_(*(Order.items.contains(word, autoescape=True) for word in who.items))
        bought = select(Order.person).where(Order.person.is_not(None), is_purchase(), named)
        yield _has(view, bought, Order.person)


def counted(who: Condition, view: View) -> Iterator[ColumnElement[bool]]:
    """What it asks of the purchases that were counted."""
    last, orders, paid = seen(Person.last_order_ms, view), seen(Person.orders, view), seen(Person.net_paid_fen, view)
    if who.last_purchase and who.last_purchase.within_days is not None:
        yield last >= view.now_ms - who.last_purchase.within_days * _DAY_MS
    if who.last_purchase and who.last_purchase.not_for_days is not None:
        yield last <= view.now_ms - who.last_purchase.not_for_days * _DAY_MS
    if who.orders and who.orders.at_least is not None:
        yield orders >= who.orders.at_least
    if who.orders and who.orders.at_most is not None:
        # None at all is one place in an index, where what else is asked can be found.
        yield orders == 0 if who.orders.at_most == 0 else orders <= who.orders.at_most
    if who.net_paid_yuan and who.net_paid_yuan.at_least is not None:
        yield paid >= who.net_paid_yuan.at_least * 100
    if who.net_paid_yuan and who.net_paid_yuan.below is not None:
        yield paid < who.net_paid_yuan.below * 100


def _tagged(tags: Tags, view: View) -> Iterator[ColumnElement[bool]]:
    def with_one_of(words: tuple[str, ...]) -> ColumnElement[bool]:
        return _has(view, select(PersonTag.person).where(PersonTag.tag.in_(words)), PersonTag.person)

    if tags.any:
        yield with_one_of(tags.any)
    for word in tags.all or ():
        yield with_one_of((word,))
    if tags.none:
        yield not_(with_one_of(tags.none))


def _friendships(who: Condition, view: View) -> Select[int]:
    """The people of the friendships that fulfil all of it."""
    query = select(Friendship.person).where(Friendship.state == "friend")
    if who.accounts:
        query = query.where(seen(Friendship.account, view).in_(who.accounts))
    if who.personas or who.roles:
        # Not a bare IN, which PostgreSQL would join with: it asks each friendship's account of a set made once.
        query = query.where(func.coalesce(seen(Friendship.account, view).in_(our_accounts(who)), false()))
    if who.channels:
        query = query.where(seen(Friendship.channel, view).in_(who.channels))
    if who.bonds:
        query = query.where(Friendship.bond.in_([bond.value for bond in who.bonds]))
    if who.answered_within_days is not None:
        query = query.where(Friendship.last_in_ms >= view.now_ms - who.answered_within_days * _DAY_MS)
    if who.silent_for_days is not None:
        query = query.where(func.coalesce(Friendship.last_in_ms, 0) <= view.now_ms - who.silent_for_days * _DAY_MS)
    return query


def our_accounts(who: Condition) -> Select[str]:
    """Whose persona and role are the wanted ones, as far as that is asked."""
    ours = select(Account.id).where(Account.removed.is_(False))
    if who.personas:
        ours = ours.where(Account.persona.in_(who.personas))
    if who.roles:
        ours = ours.where(Account.role.in_([role.value for role in who.roles]))
    return ours


def seen(column: InstrumentedAttribute[Any], view: View) -> ColumnElement[Any]:
    """The column, or an expression of the same value that no index is of."""
    plain: ColumnElement[Any] = column.expression
    return UnaryExpression(plain, operator=custom_op("+"), type_=plain.type) if view.unindexed else plain


def _has(view: View, query: Select[Any], person: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    """Is the person among those? Looked up one by one, or the set is made once."""
    if view.one_by_one:
        one = query.where(person == Person.id).correlate(Person)
        # An offset of nothing keeps PostgreSQL from making the whole set after all.
        return exists(one if view.unindexed else one.offset(0))
    return Person.id.in_(query)


def born_on(birthday: Birthday, view: View) -> ColumnElement[bool]:
    """On one of those days, in either calendar."""
    days = [view.today + timedelta(days=number) for number in range(birthday.from_days, birthday.to_days + 1)]
    solar, lunar = sorted(solar_days(days)), sorted(lunar_days(days))
    born = seen(Person.birthday_mmdd, view)
    return or_(
        and_(born.in_(lunar), Person.birthday_lunar.is_(True)),
        and_(born.in_(solar), Person.birthday_lunar.is_(False)),
    )
