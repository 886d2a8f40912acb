"""The ponds as they stand in the tables: brought to what the files say, found by room or name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Row, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.gates import WEEK_MS
from rules.pacing import DAY_MS
from scheduler.errors import NoSuchPond
from scheduler.ponds.pond_file import PondFile, PondKind, pond_of, pond_spec
from storage.outbox import insert_ignoring
from storage.pond_tables import Pond


@dataclass(frozen=True, slots=True)
class PondNow:
    """One pond with what happened to it. Times are epoch ms; `title` as its file says."""

    file: PondFile
    room: str | None
    members: int | None
    last_campaign_ms: int | None
    welcome_id: int | None
    welcome_ms: int | None

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def account(self) -> str:
        return self.file.account

    @property
    def full(self) -> bool:
        return self.members is not None and self.members >= self.file.limit

    def campaign_from_ms(self) -> int:
        """When the next campaign may go there; 0 where there was none yet."""
        if self.last_campaign_ms is None:
            return 0
        return self.last_campaign_ms + max(WEEK_MS, self.file.campaign_every_days * DAY_MS)


async def keep_ponds(tx: AsyncConnection, ponds: Mapping[str, PondFile], now_ms: int) -> None:
    """Bring the table to what the files say; whose file is gone is marked as removed, and keeps its room and week.

    A room that the file names wins; one that somebody bound by a code stays otherwise. A room under another name is
    the same room: its week goes with it.
    """
    weeks = await _weeks(tx)
    await tx.execute(update(Pond).where(Pond.name.not_in(list(ponds))).values(removed=True))
    named = [pond.room for pond in ponds.values() if pond.room]
    # First they are let go, so that two ponds may have changed rooms.
    await tx.execute(update(Pond).where(Pond.room.in_(named)).values(room=None))
    for pond in ponds.values():
        values: dict[str, object] = {
            "title": pond.title, "kind": pond.kind.value, "account": pond.account, "spec": pond_spec(pond),
            "rest_days": pond.campaign_every_days, "removed": False, "changed_ms": now_ms,
        }  # fmt: skip
        if pond.room is not None or pond.kind is not PondKind.WECHAT:
            values["room"] = pond.room
        await tx.execute(insert_ignoring(tx, Pond).values(name=pond.name, **values))
        await tx.execute(update(Pond).where(Pond.name == pond.name).values(values))
    await _keep_weeks(tx, weeks)


async def all_ponds(tx: AsyncConnection) -> list[PondNow]:
    """Those that have a file, by name."""
    found = await tx.execute(select(Pond.__table__).where(Pond.removed.is_(False)).order_by(Pond.name))
    return [_now(row) for row in found.all()]


async def pond_named(tx: AsyncConnection, word: str) -> PondNow:
    """By its name or title. Raises NoSuchPond."""
    ponds = await all_ponds(tx)
    for pond in ponds:
        if word in (pond.name, pond.file.title):
            return pond
    raise NoSuchPond(word, [pond.name for pond in ponds])


async def pond_in(tx: AsyncConnection, room: str, *, lock: bool = False) -> PondNow | None:
    """The pond of a room. `lock`: nobody else decides anything about it until the transaction ends."""
    query = select(Pond.__table__).where(Pond.room == room, Pond.removed.is_(False))
    row = (await tx.execute(query.with_for_update() if lock else query)).first()
    return None if row is None else _now(row)


async def bind(tx: AsyncConnection, name: str, room: str) -> None:
    """From now on that is its room, and no other pond's. Raises NoSuchPond."""
    pond = await pond_named(tx, name)
    weeks = await _weeks(tx)
    await tx.execute(update(Pond).where(Pond.room == room).values(room=None))
    await tx.execute(
        update(Pond).where(Pond.name == pond.name).values(room=room, members=None, members_ms=None, welcome_id=None)
    )
    await _keep_weeks(tx, weeks)


async def _weeks(tx: AsyncConnection) -> Sequence[Row[str | None, int | None, int | None]]:
    """Of each room, when the last campaign was there, and which."""
    said = select(Pond.room, Pond.last_campaign_ms, Pond.last_campaign_id)
    return (await tx.execute(said.where(Pond.room.is_not(None), Pond.last_campaign_ms.is_not(None)))).all()


async def _keep_weeks(tx: AsyncConnection, weeks: Sequence[Row[str | None, int | None, int | None]]) -> None:
    """Whichever pond a room is now, no campaign goes there sooner."""
    for week in weeks:
        sooner = or_(Pond.last_campaign_ms.is_(None), Pond.last_campaign_ms < week.last_campaign_ms)
        rests = {"last_campaign_ms": week.last_campaign_ms, "last_campaign_id": week.last_campaign_id}
        await tx.execute(update(Pond).where(Pond.room == week.room, sooner).values(rests))


def _now(row: Row[tuple[object, ...]]) -> PondNow:
    found = row._mapping
    return PondNow(
        pond_of(found["spec"]),
        found["room"],
        found["members"],
        found["last_campaign_ms"],
        found["welcome_id"],
        found["welcome_ms"],
    )
