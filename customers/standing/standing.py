"""Once a day, and after an import, everybody's tier, the core and the bonds are set anew: a slice at a time.

Levels and tiers follow orders at once; what time alone changes (the last purchase grows old, somebody falls silent),
what depends on all others (the best 20 %) and what another ladder changes for everybody is this pass's.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from customers.standing.bond import bond_case
from customers.standing.ladder import changed_since
from customers.standing.levels import Why, on_ladder, relevel
from customers.standing.tiers import core_line, in_core
from rules.pacing import DAY_MS
from storage.bulk import among_ids
from storage.customer_tables import LevelMove
from storage.engine import Database
from storage.order_tables import ImportBatch
from storage.settings import put_setting, setting
from storage.strides import Breathe, Strides, no_need
from storage.tables import Friendship, Person

_SETTING = "standing_pass"
_HOUR_MS = 3_600_000
_SLICE = 2_000
"""Entries a transaction: some tens of milliseconds, also when everybody's level changes."""


@dataclass(frozen=True, slots=True)
class _Pass:
    """How far the pass has come; `core` is the line of `customers.standing.tiers.core_line`, fixed when it began."""

    began_ms: int
    core_fen: int = 0
    core_last: int = 0
    people: int = 0
    friendships: int = 0
    """The last ids there were when it began: who comes later is of the next one."""
    people_done: int = 0
    friendships_done: int = 0

    @property
    def finished(self) -> bool:
        return (self.people_done, self.friendships_done) == (self.people, self.friendships)


class Standing:
    """The pass as a step of the planner: a look that writes nothing, and the next slice.

    What a new pass goes by is read with the look: who is the core is known only when all buyers were sorted, and
    nobody should wait for that to write.
    """

    def __init__(self) -> None:
        self._next: _Pass | None = None

    async def due(self, tx: AsyncConnection, now_ms: int) -> bool:
        """Is a pass under way, or is it time for a new one? Writes nothing."""
        last = await _last(tx)
        self._next = None
        if last is not None and not last.finished:
            return True
        if last is None or await _has_changed(tx, last, now_ms):
            self._next = await _begin(tx, now_ms)
        return self._next is not None

    async def act(self, tx: AsyncConnection, now_ms: int) -> bool:
        """The next slice of the pass, or the first of a new one. Returns whether it is finished now."""
        last = await _last(tx)
        under_way = self._next if last is None or last.finished else last
        if under_way is None:
            return True
        self._next = None
        people = await _slice_of(tx, Person.id, under_way.people_done, under_way.people)
        friendships = await _slice_of(tx, Friendship.id, under_way.friendships_done, under_way.friendships)
        if people > under_way.people_done:
            await _set_people(tx, Person.id.between(under_way.people_done + 1, people), under_way)
        if friendships > under_way.friendships_done:
            await _set_bonds(tx, Friendship.id.between(under_way.friendships_done + 1, friendships), now_ms)
        now_at = replace(under_way, people_done=people, friendships_done=friendships)
        await _note(tx, now_at, now_ms)
        return now_at.finished


async def _has_changed(tx: AsyncConnection, last: _Pass, now_ms: int) -> bool:
    """Has anything happened since that a pass is to follow, or a day gone by?"""
    if last.began_ms <= now_ms - DAY_MS or await changed_since(tx, last.began_ms):
        return True
    imports = select(ImportBatch.id).where(
        or_(ImportBatch.finished_ms > last.began_ms, ImportBatch.undone_ms > last.began_ms)
    )
    if await tx.scalar(imports.limit(1)) is not None:
        return True
    # One who climbs may push another out of the core.
    moves = select(LevelMove.id).where(LevelMove.at_ms > last.began_ms)
    return last.began_ms <= now_ms - _HOUR_MS and await tx.scalar(moves.limit(1)) is not None


async def _begin(tx: AsyncConnection, now_ms: int) -> _Pass:
    paid_fen, last = await core_line(tx)
    people = await tx.scalar(select(func.max(Person.id))) or 0
    friendships = await tx.scalar(select(func.max(Friendship.id))) or 0
    return _Pass(now_ms, paid_fen, last, people, friendships)


async def follow_ladder(db: Database, now_ms: int, *, anew: bool) -> bool:
    """Everybody's level by the ladder as it is now, where no fleet does it: the whole pass, a slice a transaction.

    `anew`: the ladder has only just changed. Returns whether there was anything to do. One that was cut off goes on
    where it stood.
    """
    async with db.read() as connection:
        last = await _last(connection)
        stale = anew or last is None or await changed_since(connection, last.began_ms)
        begun = await _begin(connection, now_ms) if stale else last
    if begun is None:
        return False
    if stale:
        async with db.write() as tx:
            await _note(tx, begun, now_ms)
    if begun.finished:
        return False
    finished = False
    while not finished:
        async with db.write() as tx:
            finished = await Standing().act(tx, now_ms)
    return True


async def set_core(db: Database, breathe: Breathe = no_need) -> None:
    """The core by what is bought now, in short transactions; only who enters or leaves it is written.

    Levels and tiers of an import's people are set with what they bought; the core depends on everybody's.
    """
    async with db.read() as connection:
        line = await core_line(connection)
        best = and_(literal(bool(line[1])), in_core(line))
        moves = {
            core: (await connection.scalars(select(Person.id).where(Person.core != core, best == core))).all()
            for core in (False, True)
        }
    strides = Strides(db, breathe, first=_SLICE, most=10 * _SLICE)
    for core, people in moves.items():
        await strides.through(people, partial(_put_core, core=core))


async def _put_core(tx: AsyncConnection, people: Sequence[int], core: bool) -> None:
    await tx.execute(update(Person).where(among_ids(tx, Person.id, people)).values(core=core))


async def _set_people(tx: AsyncConnection, which: ColumnElement[bool], under_way: _Pass) -> None:
    await relevel(tx, and_(which, on_ladder()), now_ms=under_way.began_ms, why=Why.LADDER)
    core = and_(literal(bool(under_way.core_last)), in_core((under_way.core_fen, under_way.core_last)))
    await tx.execute(update(Person).where(which, Person.core != core).values(core=core))


async def _set_bonds(tx: AsyncConnection, which: ColumnElement[bool], now_ms: int) -> None:
    bond = bond_case(literal(now_ms), Friendship.replies, Friendship.photos, Friendship.last_in_ms)
    await tx.execute(update(Friendship).where(which, Friendship.bond != bond).values(bond=bond))


async def _slice_of(tx: AsyncConnection, id: InstrumentedAttribute[int], done: int, end: int) -> int:
    """The last id of the next slice; `end` where none is left before it."""
    some = select(id.label("id")).where(id > done, id <= end).order_by(id).limit(_SLICE).subquery()
    return await tx.scalar(select(func.max(some.c.id))) or end


async def _last(tx: AsyncConnection) -> _Pass | None:
    stored = await setting(tx, _SETTING)
    return _Pass(**json.loads(stored)) if stored else None


async def _note(tx: AsyncConnection, under_way: _Pass, now_ms: int) -> None:
    await put_setting(tx, _SETTING, json.dumps(asdict(under_way)), now_ms)
