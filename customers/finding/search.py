"""The terms by which people are found, kept beside their names, and the reading of them.

Whoever writes a name calls `refresh_terms` in the same transaction. Who has none (a database of an older version) is
caught up in the background in the order of the ids: `some_missing` and `catch_up` are a step of the planner. Until then
they are found all the same, by looking at each of them.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, or_, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.finding import pinyin
from customers.finding.search_words import WHOLE, searched, terms_of
from storage.customer_tables import SearchTerm
from storage.engine import Database
from storage.outbox import insert_ignoring
from storage.statements import both, rows_of
from storage.tables import Friendship, Person, Setting

CATCH_UP = 1_000
"""People a transaction: on SQLite others wait for it, about 0.1 s. Ours."""
_IDS_A_STATEMENT = 400
_DONE = "search_terms_up_to"
_SOME_MISSING = both("""
    SELECT 1 FROM (SELECT max(id) AS newest FROM people) AS newcomer
     WHERE newest > coalesce((SELECT CAST(value AS bigint) FROM settings WHERE key = :done), 0)""")
_AFTER_ALL = "\U0010ffff"
_ADD_MANY = text(
    "INSERT INTO search_terms (term, person) SELECT * FROM unnest(CAST(:terms AS text[]), CAST(:people AS bigint[]))"
    " ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Hit:
    """Somebody under one term. The index gives the best terms first."""

    person: int
    term: str


async def hits(tx: AsyncConnection, words: str, most: int) -> list[Hit]:
    """Terms that begin with `words`, at most `most`: whole names first, words of names, pinyin, then longer ones."""
    begin = searched(words)
    if not begin:
        return []
    query = (
        select(SearchTerm.person, SearchTerm.term)
        .where(SearchTerm.term >= begin, SearchTerm.term < begin + _AFTER_ALL)
        .order_by(SearchTerm.term, SearchTerm.person)
        .limit(most)
    )
    return [Hit(row.person, row.term) for row in (await tx.execute(query)).all()]


async def hits_without_terms(tx: AsyncConnection, words: str, most: int) -> list[Hit]:
    """The same among people whom `catch_up` has not reached: slower, by any part of their names, without pinyin."""
    if not await some_missing(tx, 0):
        return []
    part = "%" + re.sub(r"([%_\\])", r"\\\1", words.casefold()) + "%"
    known_as = (Person.name, Person.call_me, Person.member_name, Friendship.nickname, Friendship.alias)
    query = (
        select(func.coalesce(Person.merged_into, Person.id).label("person"), *known_as)
        .outerjoin(Friendship, Friendship.person == Person.id)
        .where(Person.id > await _done_up_to(tx), or_(*(func.lower(name).like(part, escape="\\") for name in known_as)))
        .limit(most)
    )
    whole = searched(words)
    found = []
    for person, *names in (await tx.execute(query)).all():
        ending = WHOLE if whole in {searched(name) for name in names if name} else ""
        found.append(Hit(person, whole + ending))
    return found


async def refresh_terms(tx: AsyncConnection, people: Iterable[int]) -> None:
    """These people's names have changed: make their terms what they are today.

    For entries that were merged, those they were merged into. Some microseconds for each name; give many at a time.
    """
    await pinyin.load()
    ids = sorted(set(people))
    for start in range(0, len(ids), _IDS_A_STATEMENT):
        await _refresh(tx, ids[start : start + _IDS_A_STATEMENT])


async def _refresh(tx: AsyncConnection, ids: Sequence[int]) -> None:
    names = await _names(tx, ids)
    wanted = {(term, person) for person, known_as in names.items() for term in terms_of(known_as)}
    rows = await tx.execute(select(SearchTerm.term, SearchTerm.person).where(SearchTerm.person.in_({*ids, *names})))
    there = {(row.term, row.person) for row in rows.all()}
    stale = sorted(there - wanted)
    for start in range(0, len(stale), _IDS_A_STATEMENT):
        some = stale[start : start + _IDS_A_STATEMENT]
        await tx.execute(delete(SearchTerm).where(tuple_(SearchTerm.term, SearchTerm.person).in_(some)))
    await _add(tx, sorted(wanted - there))


async def _add(tx: AsyncConnection, terms: Sequence[tuple[str, int]]) -> None:
    """In order: two processes that write the same terms wait for each other instead of for ever.

    By each database's own fast way: a name has ten terms, and an import a million names.
    """
    if not terms:
        return
    if tx.dialect.name == "sqlite":
        await tx.exec_driver_sql("INSERT OR IGNORE INTO search_terms (term, person) VALUES (?, ?)", list(terms))
        return
    columns = {"terms": [term for term, _ in terms], "people": [person for _, person in terms]}
    await tx.execute(_ADD_MANY, columns)


async def _names(tx: AsyncConnection, ids: Sequence[int]) -> dict[int, set[str]]:
    """Everything these people are called by, under the entry that stands for them today; nothing of the erased."""
    # Asked for first: of two sets in one question PostgreSQL finds neither by an index.
    today = (await tx.scalars(select(func.coalesce(Person.merged_into, Person.id)).where(Person.id.in_(ids)))).all()
    people = await tx.execute(
        select(Person.id, Person.name, Person.call_me, Person.member_name, Person.merged_into).where(
            or_(Person.id.in_(today), Person.merged_into.in_(today)), Person.erased_ms.is_(None)
        )
    )
    names: dict[int, set[str]] = {}
    for row in people.all():
        known_as = names.setdefault(row.merged_into or row.id, set())
        # Of an entry that was merged, only the member name still leads anywhere.
        known_as |= {row.member_name} if row.merged_into else {row.name, row.call_me, row.member_name}
    friendships = await tx.execute(
        select(Friendship.person, Friendship.nickname, Friendship.alias).where(Friendship.person.in_(list(names)))
    )
    for person, nickname, alias in friendships.all():
        names[person] |= {nickname, alias}
    return {person: {name for name in known_as if name} for person, known_as in names.items()}


async def some_missing(tx: AsyncConnection, now_ms: int) -> bool:
    """Are there people whom `catch_up` has not looked at yet?"""
    return bool(await rows_of(tx, _SOME_MISSING, {"done": _DONE}))


async def catch_up(tx: AsyncConnection, now_ms: int) -> int:
    """Make the terms of the next `CATCH_UP` people who may have none. Returns how many it looked at."""
    done = await _done_up_to(tx)
    ids = (await tx.scalars(select(Person.id).where(Person.id > done).order_by(Person.id).limit(CATCH_UP))).all()
    if not ids:
        return 0
    await refresh_terms(tx, ids)
    row = {"key": _DONE, "value": str(ids[-1]), "changed_ms": now_ms}
    if done:
        await tx.execute(update(Setting).where(Setting.key == _DONE, Setting.value == str(done)).values(row))
    else:
        await tx.execute(insert_ignoring(tx, Setting).values(row))
    return len(ids)


async def catch_up_all(db: Database, now_ms: int, *, progress: Callable[[int], object] = lambda people: None) -> int:
    """Until nobody is missing, in short transactions. `progress` hears how many people are done so far."""
    looked_at = 0
    while True:
        async with db.write() as tx:
            some = await catch_up(tx, now_ms)
        if not some:
            return looked_at
        looked_at += some
        progress(looked_at)


async def _done_up_to(tx: AsyncConnection) -> int:
    return int(await tx.scalar(select(Setting.value).where(Setting.key == _DONE)) or 0)
