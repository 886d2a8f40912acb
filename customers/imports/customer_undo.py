"""Taking an import of customers back: who it brought goes, what it changed is as it was, later words of others stay."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, insert, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute, aliased

from customers.consent import LISTED, take_back_opt_outs
from customers.errors import UndoRefused
from customers.finding.search import refresh_terms
from customers.imports.customer_entries import OWN_COLUMNS
from customers.imports.customer_writing import source
from customers.imports.import_batches import alone
from customers.profiles.profile import take_back
from customers.standing.purchases import recompute
from storage.bulk import among_ids
from storage.customer_tables import (
    Consent,
    LevelMove,
    PersonNote,
    PersonTag,
    PersonVersion,
    ProfileChange,
    Referral,
    SearchTerm,
)
from storage.engine import Database
from storage.order_tables import Claim, ImportBatch, Merge, Order
from storage.strides import Breathe, Strides
from storage.tables import Delivery, Friendship, Person
from texts.catalogue import say

_FIRST_PEOPLE, _MOST_PEOPLE = 200, 2_000
"""Of a transaction: to begin with, and at most."""

# What binds somebody to us beside an import: who has any of it stays, whoever brought them.
_STANDS_ON: Sequence[InstrumentedAttribute[Any]] = (
    Friendship.person, Claim.person, Referral.person, Referral.referrer, Delivery.person, PersonNote.person,
    Merge.kept, Merge.gone, Person.merged_into,
)  # fmt: skip
_GOES_ALONG: Sequence[InstrumentedAttribute[Any]] = (
    SearchTerm.person, PersonTag.person, ProfileChange.person, Consent.person, LevelMove.person,
)  # fmt: skip


@dataclass(slots=True)
class _Former:
    """What goes back into columns of one person, and what stands there now."""

    back: dict[str, Any] = field(default_factory=dict)
    now: dict[str, Any] = field(default_factory=dict)


async def count_customers(tx: AsyncConnection, batch: int) -> int:
    """How many people the import touched. Raises UndoRefused when later imports touched the same."""
    later = aliased(PersonVersion)
    above = (
        select(later.batch)
        .join(PersonVersion, PersonVersion.person == later.person)
        .where(PersonVersion.batch == batch, later.batch > batch)
        .distinct()
    )
    numbers = sorted((await tx.scalars(above)).all(), reverse=True)
    if numbers:
        comma = say("texts.comma")
        commands = comma.join(f"wxfleet import undo {number}" for number in numbers)
        raise UndoRefused("people_below", batch=batch, later=comma.join(map(str, numbers)), commands=commands)
    people = select(func.count(PersonVersion.person.distinct())).where(PersonVersion.batch == batch)
    return int(await tx.scalar(people) or 0)


async def undo_customers(db: Database, batch: int, now_ms: int, breathe: Breathe) -> int:
    """Put back what the import changed; returns how many people that were. May be repeated when it was cut off.

    A value that somebody wrote over since stays theirs. Who was brought and is a friend, claimed an order or was merged
    since stays as well. A wish that only the import brought ends with it; their own never does.
    """
    strides = Strides(db, breathe, first=_FIRST_PEOPLE, most=_MOST_PEOPLE)
    count, done = 0, -1
    while done:
        async with strides.write() as tx:
            await alone(tx)
            done = await _put_back(tx, batch, strides.rows, now_ms)
        count += done
    return count


async def _put_back(tx: AsyncConnection, batch: int, most: int, now_ms: int) -> int:
    people = select(PersonVersion.person).where(PersonVersion.batch == batch).distinct()
    some = (await tx.scalars(people.order_by(PersonVersion.person).limit(most))).all()
    if not some:
        return 0
    theirs = (PersonVersion.batch == batch) & among_ids(tx, PersonVersion.person, some)
    versions = (await tx.execute(select(PersonVersion.__table__).where(theirs).order_by(PersonVersion.id.desc()))).all()
    since_ms = await tx.scalar(select(ImportBatch.created_ms).where(ImportBatch.id == batch))
    await take_back_opt_outs(tx, some, since_ms=since_ms or 0, by=source(batch), now_ms=now_ms)
    await take_back(tx, source(batch), by=f"undo:{batch}", now_ms=now_ms, people=some)
    former = await _formerly(tx, some, versions)
    await _restore(tx, former, f"undo:{batch}", now_ms)
    await _restore_friendships(tx, versions)
    await _forget_strangers(tx, some, batch)
    brought = {version.person for version in versions if version.before is None}
    gone = await _remove(tx, brought, batch)
    stay = sorted(set(some) - gone)
    await recompute(tx, stay, now_ms=now_ms)
    await refresh_terms(tx, stay)
    await tx.execute(delete(PersonVersion).where(theirs))
    return len(some)


async def _formerly(
    tx: AsyncConnection, people: Collection[int], versions: Sequence[Row[Any]]
) -> Mapping[int, _Former]:
    """What goes back, the newest version first; nothing of who was merged or erased since."""
    query = select(Person.id, *(getattr(Person, name) for name in OWN_COLUMNS)).where(
        among_ids(tx, Person.id, people), Person.merged_into.is_(None), Person.erased_ms.is_(None)
    )
    now = {row.id: dict(row._mapping) for row in (await tx.execute(query.with_for_update())).all()}
    claims = select(Claim.person, Order.member_name).join(Order, Order.number == Claim.order_number)
    claimed = {tuple(row) for row in (await tx.execute(claims.where(among_ids(tx, Claim.person, people)))).all()}
    former: dict[int, _Former] = {}
    for version in versions:
        current = now.get(version.person)
        if current is None or version.before is None:
            continue
        for column, (before, after) in version.before.get("columns", {}).items():
            proven = column == "member_name" and (version.person, after) in claimed
            if current[column] == after and not proven:
                current[column] = before
                one = former.setdefault(version.person, _Former())
                one.back[column] = before
                one.now.setdefault(column, after)
    return former


async def _restore(tx: AsyncConnection, former: Mapping[int, _Former], by: str, now_ms: int) -> None:
    for column in OWN_COLUMNS:
        rows = [{"v_id": person, "v_old": one.back[column]} for person, one in former.items() if column in one.back]
        if rows:
            statement = update(Person).where(Person.id == bindparam("v_id")).values({column: bindparam("v_old")})
            await tx.execute(statement, rows)
    history = [
        {
            "person": person,
            "field": column,
            "before": one.now[column],
            "after": value or None,
            "by": by,
            "at_ms": now_ms,
        }
        for person, one in former.items()
        for column, value in one.back.items()
    ]
    if history:
        await tx.execute(insert(ProfileChange), history)
    left = [
        {"v_id": person, "v_name": one.now["member_name"]} for person, one in former.items() if "member_name" in one.now
    ]
    if left:
        theirs = (Order.person == bindparam("v_id")) & (Order.member_name == bindparam("v_name"))
        await tx.execute(update(Order).where(theirs).values(person=None), left)


async def _restore_friendships(tx: AsyncConnection, versions: Sequence[Row[Any]]) -> None:
    for column in (Friendship.alias, Friendship.channel):
        rows = [
            {"v_id": int(id), "v_old": what[column.key][0], "v_new": what[column.key][1]}
            for version in versions
            for id, what in (version.before or {}).get("friendships", {}).items()
            if column.key in what
        ]
        if rows:
            still = (Friendship.id == bindparam("v_id")) & (column == bindparam("v_new"))
            await tx.execute(update(Friendship).where(still).values({column.key: bindparam("v_old")}), rows)


async def _forget_strangers(tx: AsyncConnection, people: Collection[int], batch: int) -> None:
    """Whom the import only said to be friends, and whom no account has met since."""
    still = (Friendship.origin == source(batch)) & (Friendship.state == "stranger") & Friendship.last_in_ms.is_(None)
    await tx.execute(delete(Friendship).where(among_ids(tx, Friendship.person, people), still))


async def _remove(tx: AsyncConnection, brought: Collection[int], batch: int) -> set[int]:
    """Take out those who were brought and on whom nothing else stands; returns whom."""
    if not brought:
        return set()
    ways = [select(column.label("person")).where(among_ids(tx, column, brought)) for column in _STANDS_ON]
    ours = (source(batch), f"undo:{batch}", LISTED)
    ways += [
        select(Consent.person).where(among_ids(tx, Consent.person, brought), Consent.source.not_in(ours)),
        select(ProfileChange.person).where(among_ids(tx, ProfileChange.person, brought), ProfileChange.by.not_in(ours)),
    ]
    kept = set((await tx.scalars(union(*ways))).all())
    merged = select(Person.id).where(among_ids(tx, Person.id, brought), Person.merged_into.is_not(None))
    gone = set(brought) - kept - set((await tx.scalars(merged)).all())
    if gone:
        for column in _GOES_ALONG:
            await tx.execute(delete(column.class_).where(among_ids(tx, column, gone)))
        await tx.execute(update(Order).where(among_ids(tx, Order.person, gone)).values(person=None))
        await tx.execute(delete(Person).where(among_ids(tx, Person.id, gone)))
    return gone
