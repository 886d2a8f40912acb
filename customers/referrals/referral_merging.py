"""Referrals when two entries turn out to be one person, and when that is taken back.

One person is brought once, never by themselves, and never by somebody they brought: so a merge may have to drop a
referral. What was there before goes into the merge's record, and comes back with an undo.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.referrals.referrals import brought_by, count_referred, refresh_referrals
from storage.bulk import among_ids
from storage.customer_tables import Referral
from storage.tables import Person

_COLUMNS = tuple(column.label(column.key) for column in Referral.__table__.columns)
_DEEPEST = 10_000
"""Referrals from one to the next: more is a chain that no shop has."""


async def after_merge(tx: AsyncConnection, kept: int, gone: int, now_ms: int) -> list[dict[str, Any]]:
    """The referrals of `gone` are those of `kept` from now on; call it last, when
    the orders have moved and are counted anew.

    Of two referrals of the one person the one whose thanks were handed over stays, else the older. Returns the rows as
    they were before, plain enough for JSON, for `undo_merge`.
    """
    concerned = or_(Referral.person.in_((kept, gone)), Referral.referrer.in_((kept, gone)))
    before = await _rows(tx, concerned)
    own = [row for row in before if row.person in (kept, gone)]
    itself = [row for row in own if row.referrer in (kept, gone)]
    others = sorted(
        (row for row in own if row not in itself), key=lambda row: (row.delivered_ms is None, row.at_ms, row.id)
    )
    await _drop(tx, [*itself, *others[1:]])
    await tx.execute(update(Referral).where(Referral.person == gone).values(person=kept))
    await tx.execute(update(Referral).where(Referral.referrer == gone).values(referrer=kept))
    before += await _break_circle(tx, kept, {row.id for row in before})
    await refresh_referrals(tx, now_ms, Person.id == kept)
    await count_referred(tx, _elders(before, {kept, gone}))
    return [dict(row._mapping) for row in before]


async def undo_merge(tx: AsyncConnection, before: Sequence[dict[str, Any]], kept: int, gone: int, now_ms: int) -> None:
    """Give back what `after_merge` moved or dropped; what was registered since then stays with `kept`.

    A dropped referral stays away where its person was brought by somebody else meanwhile, or it would close a circle.
    Call it last, when the orders have gone back and are counted anew.
    """
    there = {row.id for row in await _rows(tx, Referral.id.in_([row["id"] for row in before]))}
    for column in (Referral.person, Referral.referrer):
        ids = [row["id"] for row in before if row[column.key] == gone]
        await tx.execute(update(Referral).where(Referral.id.in_(ids), column == kept).values({column: gone}))
    today = await _today(tx, {row[name] for row in before for name in ("person", "referrer")})
    for row in before:
        person, referrer = today[row["person"]], today[row["referrer"]]
        if row["id"] not in there and not await _in_the_way(tx, person, referrer):
            await tx.execute(insert(Referral).values(row | {"person": person, "referrer": referrer}))
    touched = {today[row["person"]] for row in before} | {kept, gone}
    await refresh_referrals(tx, now_ms, Person.id.in_(touched))
    await count_referred(tx, {today[row["referrer"]] for row in before} | {kept, gone})


async def _today(tx: AsyncConnection, people: Collection[int]) -> dict[int, int]:
    """Who these are by now: a later merge may have made somebody else of them."""
    query = select(Person.id, func.coalesce(Person.merged_into, Person.id)).where(among_ids(tx, Person.id, people))
    return {person: owner for person, owner in (await tx.execute(query)).all()}  # noqa: C416  # rows are no pairs


async def _in_the_way(tx: AsyncConnection, person: int, referrer: int) -> bool:
    known = await tx.scalar(select(Referral.id).where(Referral.person == person))
    return known is not None or person == referrer or await brought_by(tx, referrer, person)


async def _break_circle(tx: AsyncConnection, person: int, recorded: set[int]) -> list[Row[Any]]:
    """Everybody is brought by one at most, so there is one circle at most: its newest referral goes.

    Returns it where it is not among those `recorded` already.
    """
    circle: list[Row[Any]] = []
    at = person
    while rows := await _rows(tx, Referral.person == at):
        circle += rows
        at = rows[0].referrer
        if at == person:
            newest = max(circle, key=lambda row: (row.at_ms, row.id))
            await _drop(tx, [newest])
            return [newest] if newest.id not in recorded else []
        if len(circle) > _DEEPEST:
            return []
    return []


async def _rows(tx: AsyncConnection, which: Any) -> list[Row[Any]]:
    return list((await tx.execute(select(*_COLUMNS).where(which).order_by(Referral.id))).all())


async def _drop(tx: AsyncConnection, rows: Sequence[Row[Any]]) -> None:
    if rows:
        await tx.execute(delete(Referral).where(Referral.id.in_([row.id for row in rows])))


def _elders(rows: Sequence[Row[Any]], people: set[int]) -> set[int]:
    return {row.referrer for row in rows} | people
