"""Campaigns that come back: each day of theirs becomes a campaign of its own, once, and staff hear of it."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.quiet_hours import local
from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.campaign_files.series_days import comes_back, day_of, next_start_ms, on_day
from scheduler.campaigns import campaigns
from scheduler.campaigns.campaigns import CampaignView
from scheduler.look import SHOP_ZONE
from scheduler.push_events import CampaignEvent, Tell
from storage.outbox import insert_ignoring
from storage.series_tables import Round, Series
from storage.statements import both, rows_of
from texts.catalogue import say

Files = Callable[[], Mapping[str, CampaignFile]]
"""Reads campaigns/ as it is written today, by name; it is called in a thread."""
_DUE = both("SELECT name FROM series WHERE running AND next_ms <= :now_ms ORDER BY next_ms, name LIMIT 1")


async def begin(tx: AsyncConnection, file: CampaignFile, by: str, now_ms: int, *, shop_zone: str = SHOP_ZONE) -> int:
    """From now on it is held on its days; returns when the next round begins (epoch ms). Said again, it changes `by`.

    Raises ValueError for a file that does not come back.
    """
    next_ms = next_start_ms(file, now_ms, shop_zone) if comes_back(file) else None
    if next_ms is None:
        raise ValueError(f"{file.name} never comes back")
    row = {"name": file.name, "running": True, "by": by, "next_ms": next_ms, "changed_ms": now_ms}
    await tx.execute(insert_ignoring(tx, Series).values(row))
    await tx.execute(update(Series).where(Series.name == file.name).values(row))
    return next_ms


async def end(tx: AsyncConnection, name: str, now_ms: int) -> bool:
    """No further rounds; a campaign that is under way goes on. False where it was not held anyway."""
    which = (Series.name == name, Series.running.is_(True))
    ended = await tx.execute(update(Series).where(*which).values(running=False, changed_ms=now_ms))
    return ended.rowcount > 0


async def running(tx: AsyncConnection) -> list[Row[Any]]:
    """All that come back, the next one first."""
    query = select(Series.__table__).where(Series.running.is_(True)).order_by(Series.next_ms, Series.name)
    return list((await tx.execute(query)).all())


@dataclass(frozen=True, slots=True)
class _Ready:
    """A round that begins: what it is and whom it would reach, or why it can't be held."""

    series: Row[Any]
    file: CampaignFile | None
    round: CampaignFile | None
    seen: CampaignView | None
    reason: str


class Rounds:
    """A step of the planner: `due` reads the file and counts, `act` only writes."""

    def __init__(self, files: Files, *, tell: Tell, shop_zone: str = SHOP_ZONE) -> None:
        self._files = files
        self._tell = tell
        self._zone = shop_zone
        self._ready: _Ready | None = None

    async def due(self, connection: AsyncConnection, now_ms: int) -> bool:
        """Does a round begin? One statement over a handful of rows, nearly always."""
        found = await rows_of(connection, _DUE, {"now_ms": now_ms})
        if not found:
            return False
        query = select(Series.__table__).where(Series.name == found[0][0])
        self._ready = await self._look(connection, (await connection.execute(query)).one(), now_ms)
        return True

    async def _look(self, connection: AsyncConnection, series: Row[Any], now_ms: int) -> _Ready:
        file = (await asyncio.to_thread(self._files)).get(series.name)
        if file is None or not comes_back(file):
            return _Ready(series, None, None, None, say("scheduler.series.gone"))
        day = day_of(series.next_ms, self._zone)
        if day_of(now_ms, self._zone) != day:
            return _Ready(series, file, None, None, say("reason.too_late"))
        round = on_day(file, day)
        if round is None:
            return _Ready(series, file, None, None, say("scheduler.series.no_styles", day=day.isoformat()))
        seen = await campaigns.preview(connection, round, now_ms, shop_zone=self._zone)
        return _Ready(series, file, None if seen.wrong else round, seen, "\n".join(seen.wrong))

    async def act(self, tx: AsyncConnection, now_ms: int) -> None:
        """Hold the round, or say why not; and wait for the next. A day that had its round has no other."""
        ready, self._ready = self._ready, None
        if ready is None or not await self._still_due(tx, ready.series):
            return
        next_ms = next_start_ms(ready.file, now_ms, self._zone) if ready.file is not None else None
        values = {"running": next_ms is not None, "next_ms": next_ms or ready.series.next_ms, "changed_ms": now_ms}
        await tx.execute(update(Series).where(Series.name == ready.series.name).values(values))
        day = day_of(ready.series.next_ms, self._zone).isoformat()
        row = {"series": ready.series.name, "day": day, "reason": ready.reason or None, "made_ms": now_ms}
        made = await tx.execute(insert_ignoring(tx, Round).values(row).returning(Round.id))
        if made.first() is not None:
            await self._hold(tx, ready, day, next_ms, now_ms)

    async def _still_due(self, tx: AsyncConnection, series: Row[Any]) -> bool:
        query = select(Series.name).where(
            Series.name == series.name, Series.running.is_(True), Series.next_ms == series.next_ms
        )
        return await tx.scalar(query.with_for_update()) is not None

    async def _hold(self, tx: AsyncConnection, ready: _Ready, day: str, next_ms: int | None, now_ms: int) -> None:
        title = ready.file.title if ready.file else ready.series.name
        following = f"{local(next_ms, self._zone):%m-%d %H:%M}" if next_ms else say("scheduler.series.none")
        if ready.round is None or ready.seen is None:
            event = CampaignEvent(
                0, ready.series.name, title, "round_skipped", {"day": day, "why": ready.reason, "next": following}
            )
        else:
            id = await campaigns.create(tx, ready.round, ready.series.by, now_ms, shop_zone=self._zone, seen=ready.seen)
            await campaigns.start(tx, id, now_ms, shop_zone=self._zone, round=True)
            await tx.execute(
                update(Round).where(Round.series == ready.series.name, Round.day == day).values(campaign=id)
            )
            values = {"day": day, "people": ready.seen.recipients, "next": following, "name": ready.series.name}
            event = CampaignEvent(id, ready.series.name, title, "round_began", values)
        await self._tell(tx, event, now_ms)
