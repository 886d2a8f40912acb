"""The few among whom the people of a segment must be: found by an index, so that nobody else is looked at.

Of all that somebody must fulfil, one condition may already leave only a few: a rare tag, one account, a birthday. Which
one is asked of the database by counting index entries up to a limit, so the answer needs no statistics, which SQLite
does not have and PostgreSQL has only of yesterday.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Select, and_, case, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.segments.segment_file import Condition
from customers.segments.segment_query import (
    View,
    born_on,
    bought,
    counted,
    of_own_row,
    our_accounts,
    speaks_of_friendships,
    standing,
)
from storage.customer_tables import PersonTag
from storage.tables import Friendship, Person

FEW = 10_000
"""Among so many each is looked at."""
_SAMPLES, _SAMPLE = 8, 250
"""From so many places in the order of the people so many are looked at."""
_SOME = 0.35
"""Of more people, all friendships are read in less time than those of each (measured on SQLite at a million)."""

People = Select[Any] | CompoundSelect[Any]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Statements for the ids of people, with all who belong among them and perhaps one several times."""

    parts: tuple[Select[Any], ...]
    number: int
    """How many rows that is, at most."""

    @property
    def people(self) -> People:
        """All of them. Of one statement no union is made: SQLite takes two pairs of brackets for a single value."""
        return self.parts[0] if len(self.parts) == 1 else union_all(*self.parts)

    def ids(self) -> Select[int]:
        """Each of them, named `person`."""
        every = self.people.subquery()
        return select(every.c[0].label("person"))


async def narrow(tx: AsyncConnection, who: Condition, view: View, most: int = FEW) -> Candidates | None:
    """The smallest known set of at most `most` rows that holds everybody who fulfils `who`; None when there is none."""
    found: list[Candidates | None] = [*await _sized(tx, [*_by_index(who, replace(view, unindexed=False))], most)]
    for inner in who.all_ or ():
        found.append(await narrow(tx, inner, view, most))
    if who.any_:
        found.append(_together([await narrow(tx, inner, view, most) for inner in who.any_]))
    known = [one for one in found if one is not None and one.number <= most]
    return min(known, key=attrgetter("number"), default=None)


async def fulfilled_by_some(tx: AsyncConnection, who: Condition, view: View) -> bool:
    """Is what it asks of people's own rows fulfilled by so few that their friendships are rather looked up one by one?

    Judged by some people of all ages. False where it does not speak of both.
    """
    own = [*_of_every_row(who, view)]
    if not own or not speaks_of_friendships(who):
        return False
    oldest, newest = [await tx.scalar(select(end(Person.id))) or 0 for end in (func.min, func.max)]
    step = (newest - oldest) // _SAMPLES + 1
    fits = case((and_(*own), 1.0), else_=0.0).label("fits")
    some = union_all(*(
        select(fits).where(Person.id.between(begin, begin + _SAMPLE))
        for begin in range(oldest, newest + 1, step)
    )).subquery()  # fmt: skip
    return (await tx.scalar(select(func.avg(some.c.fits))) or 0.0) <= _SOME


def _of_every_row(who: Condition, view: View) -> Iterator[ColumnElement[bool]]:
    """What everybody who fulfils it has in their own row."""
    yield from of_own_row(who, view)
    for inner in who.all_ or ():
        yield from _of_every_row(inner, view)


def _together(each: Sequence[Candidates | None]) -> Candidates | None:
    """Who is among any of these."""
    known = [candidates for candidates in each if candidates is not None]
    if len(known) < len(each):
        return None
    parts = tuple(part for candidates in known for part in candidates.parts)
    return Candidates(parts, sum(candidates.number for candidates in known))


async def _sized(
    tx: AsyncConnection, statements: Sequence[tuple[Select[Any], Select[Any]]], most: int
) -> list[Candidates | None]:
    """Each with the number of its entries, as far as `most` and one more, in one statement."""
    if not statements:
        return []
    numbers = [
        select(func.count()).select_from(entries.limit(most + 1).subquery()).scalar_subquery()
        for _, entries in statements
    ]
    row = (await tx.execute(select(*numbers))).one()
    return [Candidates((people,), number) for (people, _), number in zip(statements, row, strict=True)]


def _by_index(who: Condition, view: View) -> Iterator[tuple[Select[Any], Select[Any]]]:
    """What an index can find: (the people, the entries of the index to count)."""
    for people in (*_of_people(who, view), *_of_tags(who), *_of_items(who)):
        yield people, people
    yield from _of_friendships(who)


def _of_people(who: Condition, view: View) -> Iterator[Select[Any]]:
    known = [*standing(who, view), *counted(who, view)]
    if known and (len(known) > 1 or who.core is None):
        yield select(Person.id).where(*known)
    if who.birthday:
        yield select(Person.id).where(born_on(who.birthday, view))


def _of_tags(who: Condition) -> Iterator[Select[Any]]:
    if who.tags:
        wanted = [who.tags.any] if who.tags.any else []
        wanted += [(word,) for word in who.tags.all or ()]
        for words in wanted:
            yield select(PersonTag.person).where(PersonTag.tag.in_(words))


def _of_items(who: Condition) -> Iterator[Select[Any]]:
    if who.items:
        yield bought(who.items)


def _of_friendships(who: Condition) -> Iterator[tuple[Select[Any], Select[Any]]]:
    theirs = []
    if who.accounts:
        theirs.append(Friendship.account.in_(who.accounts))
    if who.personas or who.roles:
        theirs.append(Friendship.account.in_(our_accounts(who)))
    if theirs:
        friends = select(Friendship.person).where(Friendship.state == "friend", *theirs)
        # Counted with those who have gone: the index knows the account, not how it stands.
        yield friends, select(Friendship.account).where(*theirs)
    if who.channels:
        through = select(Friendship.person).where(Friendship.channel.in_(who.channels))
        yield through, through
