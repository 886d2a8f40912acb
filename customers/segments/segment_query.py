"""Who belongs to a segment: one statement, run inside the database."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    SQLColumnExpression,
    Subquery,
    UnaryExpression,
    and_,
    exists,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.operators import custom_op

from customers.segments.birthdays import lunar_days, solar_days
from customers.segments.segment_file import Birthday, Condition, Segment, Tags
from rules.pacing import DAY_MS
from storage.customer_tables import BoughtItem, Item, PersonTag
from storage.tables import HOUR_MS, OUTSIDE, Account, Friendship, Person

_SMALL = str.maketrans(ascii_uppercase, ascii_lowercase)
"""As `Item.folded` is made by the database, which knows no other large and small letters."""
_FEW_ACCOUNTS = 8
"""The friendships of so many are found by the index of their accounts; of more, all friendships are looked through."""
_FRIENDSHIP_FIELDS = frozenset((
    "accounts", "personas", "roles", "channels", "bonds", "answered_within_days", "silent_for_days",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class View:
    """When a segment is looked at, and how."""

    now_ms: int
    today: date
    one_by_one: bool = False
    """Few rows of `people` are read at all: what else is known of them is looked up for each."""
    friends_one_by_one: bool = False
    """Some rows of `people` are read: their friendships are looked up for each, all else is asked of sets."""
    unindexed: bool = False
    """Keep SQLite from its indexes: it believes of any that it finds a few."""


def members(segment: Segment, view: View) -> ColumnElement[bool]:
    """Does a row of `people` belong? Customers only, each once, nobody erased; who opted out only where it says so."""
    return _belongs(segment, view, None)


def select_members(segment: Segment, view: View, *columns: SQLColumnExpression[Any]) -> Select[Any]:
    """These columns of the people who belong.

    As by `members`; where PostgreSQL would hash a set that only some need to be in, it merges it with the people.
    """
    loose: list[Subquery] = []
    who = _belongs(segment, view, None if view.unindexed or view.one_by_one else loose)
    query = select(*columns).where(who)
    for some in loose:
        query = query.outerjoin_from(Person, some, some.c.person == Person.id)
    return query if loose else query.select_from(Person)


def _belongs(segment: Segment, view: View, loose: list[Subquery] | None) -> ColumnElement[bool]:
    return and_(*_inside(segment), _fulfils(segment.who, _Sets(view, loose)))


def _inside(segment: Segment) -> list[ColumnElement[bool]]:
    """Who may be in it at all: in the words of `storage.tables.A_CUSTOMER`, whose index is only used for the same."""
    wanted = [Person.kind == literal_column("'customer'"), Person.merged_into.is_(None), Person.erased_ms.is_(None)]
    return wanted if segment.opted_out else [*wanted, Person.opted_out_ms.is_(None)]


def select_outside() -> Select[int]:
    """Who is in no segment, or only in one that takes in who opted out: few, and found by an index of their own."""
    return select(Person.id).where(text(f"({OUTSIDE})"))


def count_friends(segment: Segment, view: View) -> Select[int] | None:
    """How many belong to a segment that speaks of friendships only; None where it asks for more.

    People's rows are read only of those outside, who have friendships and must not be counted.
    """
    each = _friendly(segment.who)
    if each is None:
        return None
    has_one = _Sets(replace(view, one_by_one=True), None).has_friendship(each)
    with_one = _friendships(each, view).distinct()
    outside = select_outside().where(not_(and_(*_inside(segment))), has_one)
    with_one_number, outside_number = (
        select(func.count()).select_from(some.subquery()).scalar_subquery() for some in (with_one, outside)
    )
    return select(with_one_number - outside_number)


def _friendly(who: Condition) -> Sequence[Condition] | None:
    """The conditions of which one and the same friendship must fulfil one, where that is all that is asked."""
    asked = _asked(who)
    if asked <= _FRIENDSHIP_FIELDS:
        return [who]
    only_any = asked == {"any_"} and all(_asked(one) <= _FRIENDSHIP_FIELDS for one in who.any_ or ())
    return who.any_ if only_any else None


@dataclass(frozen=True, slots=True)
class _Sets:
    """How the people of a statement are asked for."""

    view: View
    loose: list[Subquery] | None
    """Where sets that some are in are gathered, to be joined; None: nothing is joined."""
    firm: bool = True
    """Everybody must be in what is asked for now."""

    def has_friendship(self, each: Sequence[Condition]) -> ColumnElement[bool]:
        """Is there a friendship that fulfils one of these, all of it?"""
        few = all(who.accounts is not None and len(who.accounts) <= _FEW_ACCOUNTS for who in each)
        looked_up = replace(self.view, one_by_one=self.view.one_by_one or (self.view.friends_one_by_one and not few))
        return replace(self, view=looked_up).has(_friendships(each, self.view), Friendship.person)

    def has(self, query: Select[Any], person: SQLColumnExpression[Any]) -> ColumnElement[bool]:
        """Is the person among those? Looked up one by one, or the set is made once."""
        if self.view.one_by_one:
            one = query.where(person == Person.id).correlate(Person)
            # An offset of nothing keeps PostgreSQL from making the whole set after all.
            return exists(one if self.view.unindexed else one.offset(0))
        if self.firm or self.loose is None:
            return Person.id.in_(query)
        some = query.distinct().subquery()
        self.loose.append(some)
        return some.c.person.is_not(None)


def _fulfils(who: Condition, sets: _Sets) -> ColumnElement[bool]:
    parts = [*of_own_row(who, sets.view)]
    if who.tags:
        parts += _tagged(who.tags, sets)
    if who.items:
        parts.append(sets.has(bought(who.items, one_by_one=sets.view.one_by_one), BoughtItem.person))
    if _asked(who) & _FRIENDSHIP_FIELDS:
        parts.append(sets.has_friendship([who]))
    parts += [_fulfils(inner, sets) for inner in who.all_ or ()]
    some = replace(sets, firm=False)
    if who.any_:
        parts.append(or_(*_any(who.any_, some)))
    if who.not_:
        # What is unknown of somebody is not fulfilled: they stay.
        parts.append(not_(func.coalesce(_fulfils(who.not_, some), false())))
    return and_(true(), *parts)


def _any(each: Sequence[Condition], sets: _Sets) -> Iterator[ColumnElement[bool]]:
    """Those that speak of friendships only are one question: is there a friendship that fulfils one of them?"""
    friendly = [who for who in each if _asked(who) <= _FRIENDSHIP_FIELDS]
    yield from (_fulfils(who, sets) for who in each if who not in friendly)
    if friendly:
        yield sets.has_friendship(friendly)


def reads_rows(who: Condition) -> bool:
    """Does it ask of people what stands in no index: when they were pushed, which changes with every push?"""
    return who.not_pushed_for_days is not None or any(map(reads_rows, _inner(who)))


def speaks_of_friendships(who: Condition) -> bool:
    """Does it, or any condition in it?"""
    return bool(_asked(who) & _FRIENDSHIP_FIELDS) or any(map(speaks_of_friendships, _inner(who)))


def _inner(who: Condition) -> list[Condition]:
    return [*(who.all_ or ()), *(who.any_ or ()), *([who.not_] if who.not_ else [])]


def _asked(who: Condition) -> set[str]:
    """The keys that say something."""
    return {name for name in Condition.model_fields if getattr(who, name) is not None}


def of_own_row(who: Condition, view: View) -> Iterator[ColumnElement[bool]]:
    """What it asks of somebody's own row of `people`."""
    yield from standing(who, view)
    yield from counted(who, view)
    if who.birthday:
        yield born_on(who.birthday, view)
    if who.not_pushed_for_days is not None:
        yield func.coalesce(Person.last_push_ms, 0) <= view.now_ms - who.not_pushed_for_days * DAY_MS


def standing(who: Condition, view: View) -> Iterator[ColumnElement[bool]]:
    """What it asks of level, tier and core."""
    if who.levels:
        yield seen(Person.level, view).in_(who.levels)
    if who.tiers:
        yield seen(Person.tier, view).in_([tier.value for tier in who.tiers])
    if who.core is not None:
        yield Person.core.is_(who.core)


def bought(words: Sequence[str], *, one_by_one: bool = False) -> Select[int]:
    """Who bought an item with one of these words in its title; Latin letters may be large or small in either."""
    named = or_(*(Item.folded.contains(word.translate(_SMALL), autoescape=True) for word in words))
    such = BoughtItem.item.in_(select(Item.id).where(named))
    # Of one person each item is asked of a set made once: PostgreSQL would join anew with all titles for each.
    return select(BoughtItem.person).where(func.coalesce(such, false()) if one_by_one else such)


def counted(who: Condition, view: View) -> Iterator[ColumnElement[bool]]:
    """What it asks of the purchases that were counted."""
    last, orders, paid = seen(Person.last_order_ms, view), seen(Person.orders, view), seen(Person.net_paid_fen, view)
    if who.last_purchase and who.last_purchase.within_days is not None:
        yield last >= view.now_ms - who.last_purchase.within_days * DAY_MS
    if who.last_purchase and who.last_purchase.not_for_days is not None:
        yield last <= view.now_ms - who.last_purchase.not_for_days * DAY_MS
    if who.orders and who.orders.at_least is not None:
        yield orders >= who.orders.at_least
    if who.orders and who.orders.at_most is not None:
        # None at all is one place in an index, where what else is asked can be found.
        yield orders == 0 if who.orders.at_most == 0 else orders <= who.orders.at_most
    if who.net_paid_yuan and who.net_paid_yuan.at_least is not None:
        yield paid >= who.net_paid_yuan.at_least * 100
    if who.net_paid_yuan and who.net_paid_yuan.below is not None:
        yield paid < who.net_paid_yuan.below * 100


def _tagged(tags: Tags, sets: _Sets) -> Iterator[ColumnElement[bool]]:
    def with_one_of(words: tuple[str, ...], sets: _Sets = sets) -> ColumnElement[bool]:
        return sets.has(select(PersonTag.person).where(PersonTag.tag.in_(words)), PersonTag.person)

    if tags.any:
        yield with_one_of(tags.any)
    for word in tags.all or ():
        yield with_one_of((word,))
    if tags.none:
        yield not_(with_one_of(tags.none, replace(sets, firm=False)))


def _friendships(each: Sequence[Condition], view: View) -> Select[int]:
    """The people of the friendships that fulfil one of these, all of it."""
    # What need not ask for an account is asked first: the others only where it does not hold.
    simple_first = sorted(each, key=lambda who: who.personas is not None or who.roles is not None)
    such = or_(*(and_(*_of_friendship(who, view)) for who in simple_first))
    return select(Friendship.person).where(Friendship.state == "friend", such)


def _of_friendship(who: Condition, view: View) -> Iterator[ColumnElement[bool]]:
    """What is quickly answered comes first: of a million friendships that is half of the time."""
    if who.bonds:
        yield Friendship.bond.in_([bond.value for bond in who.bonds])
    if who.channels:
        yield seen(Friendship.channel, view).in_(who.channels)
    if who.answered_within_days is not None:
        yield Friendship.heard_hour >= _hour(view, who.answered_within_days)
    if who.silent_for_days is not None:
        yield func.coalesce(Friendship.heard_hour, 0) <= _hour(view, who.silent_for_days)
    if who.accounts and len(who.accounts) <= _FEW_ACCOUNTS:
        yield Friendship.account.in_(who.accounts)
    elif who.accounts:
        yield func.coalesce(seen(Friendship.account, view).in_(who.accounts), false())
    if who.personas or who.roles:
        # Not a bare IN, which PostgreSQL would join with: it asks each friendship's account of a set made once.
        yield func.coalesce(seen(Friendship.account, view).in_(our_accounts(who)), false())


def _hour(view: View, days_ago: int) -> int:
    """In which hour, as friendships have it, that was."""
    return (view.now_ms - days_ago * DAY_MS) // HOUR_MS


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


def born_on(birthday: Birthday, view: View) -> ColumnElement[bool]:
    """On one of those days, in either calendar."""
    days = [view.today + timedelta(days=number) for number in range(birthday.from_days, birthday.to_days + 1)]
    solar, lunar = sorted(solar_days(days)), sorted(lunar_days(days))
    born = seen(Person.birthday_mmdd, view)
    return or_(
        and_(born.in_(lunar), Person.birthday_lunar.is_(True)),
        and_(born.in_(solar), Person.birthday_lunar.is_(False)),
    )
