"""Pictures are looked at the day before: what is missing becomes a repair, and no post appears without its picture."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Text, cast, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.kinds import Kind
from rules.pacing import DAY_MS, MINUTE_MS
from rules.quiet_hours import local
from scheduler.media_checks import MediaFlaw, flaw_of
from scheduler.moments.posts import skip_planned
from storage.campaign_tables import Post
from storage.fleet_tables import Repair
from storage.outbox import DeliveryState, insert_ignoring
from storage.tables import Delivery

LOOK_MS = 10 * MINUTE_MS
"""Between two looks at everything of the next day. Ours."""
AHEAD_MS = DAY_MS
LAST_MOMENT_MS = 2 * MINUTE_MS
"""A post whose picture is still missing so shortly before its minute does not appear. Ours."""
_REPAIR = "media:"


@dataclass(frozen=True, slots=True)
class _Coming:
    """A planned post with pictures. `due_ms`: of its delivery."""

    account: str
    key: str
    entry: str
    media: tuple[str, ...]
    due_ms: int


class MediaWatch:
    """A step of the planner. What it knows is in memory: a restart looks again."""

    def __init__(self, media: Path) -> None:
        self._media = media
        self._looked_ms: int | None = None
        self._coming: list[_Coming] = []
        self._flaws: dict[str, MediaFlaw] = {}
        self._told: frozenset[str] | None = None
        self._too_late: list[_Coming] = []

    async def due(self, connection: AsyncConnection, now_ms: int) -> bool:
        """Is there anything to write? Asks the database only now and then."""
        if self._looked_ms is None or not 0 <= now_ms - self._looked_ms < LOOK_MS:
            self._coming = await _coming(connection, now_ms)
            self._flaws = await self._look_at(name for post in self._coming for name in post.media)
            self._looked_ms = now_ms
            if self._told is None:
                known = await connection.scalars(select(Repair.key).where(Repair.key.startswith(_REPAIR)))
                self._told = frozenset(key.removeprefix(_REPAIR) for key in known)
        self._too_late = await self._still_flawed(now_ms)
        return bool(self._too_late) or self._told != self._flaws.keys()

    async def act(self, tx: AsyncConnection, now_ms: int) -> None:
        """Write down what is missing, close what was mended, and keep back what can't appear."""
        await skip_planned(tx, [post.key for post in self._too_late], "media_missing", now_ms)
        gone = {post.key for post in self._too_late}
        self._coming = [post for post in self._coming if post.key not in gone]
        mended = (self._told or frozenset()) - self._flaws.keys()
        await tx.execute(delete(Repair).where(Repair.key.in_([_REPAIR + name for name in mended])))
        for name, flaw in self._flaws.items():
            first = next((post for post in self._coming if name in post.media), None)
            if first is not None:
                await tx.execute(insert_ignoring(tx, Repair).values(_repair(name, flaw, first, now_ms)))
        self._told = frozenset(self._flaws)

    async def _still_flawed(self, now_ms: int) -> list[_Coming]:
        """Posts whose minute has come and whose picture is as bad as before: looked at once more."""
        near = [
            post
            for post in self._coming
            if post.due_ms <= now_ms + LAST_MOMENT_MS and self._flaws.keys() & set(post.media)
        ]
        if not near:
            return []
        again = await self._look_at(name for post in near for name in post.media)
        return [post for post in near if again.keys() & set(post.media)]

    async def _look_at(self, names: Iterable[str]) -> dict[str, MediaFlaw]:
        """The flaws of these files, found in a thread: a disk may be slow."""
        wanted = sorted(set(names))
        if not wanted:
            return {}
        return await asyncio.to_thread(self._flaws_of, wanted)

    def _flaws_of(self, names: Iterable[str]) -> dict[str, MediaFlaw]:
        found = {name: flaw_of(self._media, name) for name in names}
        return {name: flaw for name, flaw in found.items() if flaw is not None}


def _repair(name: str, flaw: MediaFlaw, post: _Coming, now_ms: int) -> Mapping[str, object]:
    sentence = {"say": f"scheduler.media.{flaw.what}", "with": {key: str(value) for key, value in flaw.values.items()}}
    values = {"file": name, "post": post.entry, "flaw": sentence}
    return {
        "key": _REPAIR + name, "account": post.account, "message": "scheduler.repair.media", "values": values,
        "since_ms": now_ms,
    }  # fmt: skip


async def _coming(connection: AsyncConnection, now_ms: int) -> list[_Coming]:
    today = local(now_ms, "UTC").date()
    days = [(today + timedelta(days=away)).isoformat() for away in (-1, 0, 1, 2)]
    row_key = "moment:" + Post.account + ":" + Post.key
    query = (
        select(Post.account, Delivery.key, Post.entry, Post.media, Delivery.due_ms)
        .join(Delivery, Delivery.key == row_key)
        .where(
            Post.day.in_(days),
            cast(Post.media, Text) != "[]",
            Delivery.kind == Kind.MOMENT.value,
            Delivery.state == DeliveryState.PENDING.value,
            Delivery.due_ms <= now_ms + AHEAD_MS,
        )
        .order_by(Delivery.due_ms)
    )
    return [_Coming(row.account, row.key, row.entry, tuple(row.media), row.due_ms)
            for row in await connection.execute(query)]  # fmt: skip
