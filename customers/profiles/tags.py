"""Tags (标签): words that staff and imports put on people, by which segments find them; with a history."""

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence

from sqlalchemy import delete, func, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.errors import TextRefused
from customers.one_at_a_time import hold
from customers.profiles.profile_fields import one_line
from storage.customer_tables import PersonTag, ProfileChange
from storage.outbox import insert_ignoring
from storage.tables import Person

TAG = "tag"
"""The field of `profile_changes` that a tag is: before None when it was given, after None when it was taken."""
LONGEST = 20
_PAIRS_A_STATEMENT = 400

Pair = tuple[int, str]
"""A person and a tag."""


def read_tag(text: str) -> str:
    """A tag as it is kept: full-width signs as half-width ones, in one line. Raises TextRefused."""
    tag = one_line(unicodedata.normalize("NFKC", text)).strip("#,;、，")
    if not tag:
        raise TextRefused("no_tag")
    if len(tag) > LONGEST:
        raise TextRefused("long_tag", tag=tag[:LONGEST], most=LONGEST)
    return tag


async def add_tags(tx: AsyncConnection, pairs: Collection[Pair], by: str, now_ms: int) -> list[Pair]:
    """Put these tags on these people; returns those that are new. Of merged entries, on whoever they are now.

    `by` as for `customers.profiles.profile.set_profiles`; nobody who was erased.
    """
    new: list[Pair] = []
    for some in _parts(await _today(tx, pairs)):
        rows = [{"tag": tag, "person": person, "by": by, "since_ms": now_ms} for person, tag in some]
        added = insert_ignoring(tx, PersonTag).returning(PersonTag.person, PersonTag.tag)
        new += [(row.person, row.tag) for row in (await tx.execute(added, rows)).all()]
    await _note(tx, [(person, None, tag) for person, tag in new], by, now_ms)
    return sorted(new)


async def remove_tags(tx: AsyncConnection, pairs: Collection[Pair], by: str, now_ms: int) -> list[Pair]:
    """Take these tags off these people; returns those that were there."""
    gone: list[Pair] = []
    for some in _parts(await _today(tx, pairs)):
        taken = delete(PersonTag).where(tuple_(PersonTag.person, PersonTag.tag).in_(some))
        rows = await tx.execute(taken.returning(PersonTag.person, PersonTag.tag))
        gone += [(row.person, row.tag) for row in rows.all()]
    await _note(tx, [(person, tag, None) for person, tag in gone], by, now_ms)
    return sorted(gone)


async def tags_of(tx: AsyncConnection, person: int) -> list[str]:
    """The tags somebody has, the oldest first."""
    query = select(PersonTag.tag).where(PersonTag.person == person).order_by(PersonTag.since_ms, PersonTag.tag)
    return list((await tx.scalars(query)).all())


async def _today(tx: AsyncConnection, pairs: Iterable[Pair]) -> list[Pair]:
    """Each once, of the entries that stand for these people today, in order: two that write the same wait in turn."""
    wanted = set(pairs)
    owners: dict[int, int] = {}
    ids = sorted({person for person, _ in wanted})
    await hold(tx, ids)  # they may be merged into somebody just now
    for start in range(0, len(ids), _PAIRS_A_STATEMENT):
        query = select(Person.id, func.coalesce(Person.merged_into, Person.id).label("owner")).where(
            Person.id.in_(ids[start : start + _PAIRS_A_STATEMENT]), Person.erased_ms.is_(None)
        )
        owners |= {row.id: row.owner for row in (await tx.execute(query)).all()}
    return sorted({(owners[person], tag) for person, tag in wanted if person in owners})


def _parts(pairs: Sequence[Pair]) -> Iterator[Sequence[Pair]]:
    return (pairs[start : start + _PAIRS_A_STATEMENT] for start in range(0, len(pairs), _PAIRS_A_STATEMENT))


async def _note(
    tx: AsyncConnection, changes: Collection[tuple[int, str | None, str | None]], by: str, now_ms: int
) -> None:
    if changes:
        rows = [{"person": person, "before": before, "after": after} for person, before, after in changes]
        await tx.execute(insert(ProfileChange), [row | {"field": TAG, "by": by, "at_ms": now_ms} for row in rows])
