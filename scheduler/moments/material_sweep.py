"""Photos that nobody may keep: never asked about for a month, refused, put away, or of somebody who was erased."""

import asyncio
from pathlib import Path

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.pacing import DAY_MS
from scheduler.moments.materials import FOLDER, ConsentMark
from storage.campaign_tables import Material

KEPT_MS = 30 * DAY_MS
"""So long a photo waits for somebody to ask its person. Ours: what nobody wants is not kept."""
_BETWEEN_MS = DAY_MS // 4


class MaterialSweep:
    """A step of the planner, a few times a day."""

    def __init__(self, media: Path) -> None:
        self._folder = media / FOLDER
        self._swept_ms: int | None = None

    async def due(self, connection: AsyncConnection, now_ms: int) -> bool:
        """Is it time? Asks nothing."""
        return self._swept_ms is None or not 0 <= now_ms - self._swept_ms < _BETWEEN_MS

    async def act(self, tx: AsyncConnection, now_ms: int) -> None:
        """Put away what is too old or refused; remove the files that no row needs any more."""
        self._swept_ms = now_ms
        never_given = Material.consent != ConsentMark.GIVEN.value
        old = Material.received_ms < now_ms - KEPT_MS
        refused = Material.consent == ConsentMark.REFUSED.value
        gone = or_(never_given & old, refused)
        await tx.execute(update(Material).where(Material.removed_ms.is_(None), gone).values(removed_ms=now_ms))
        files = set(await tx.scalars(select(Material.file).where(Material.removed_ms.is_(None), Material.file != "")))
        waiting = set(
            await tx.scalars(select(Material.id).where(Material.removed_ms.is_(None), Material.file.is_(None)))
        )
        await asyncio.to_thread(self._remove, files, waiting)

    def _remove(self, files: set[str | None], waiting: set[int]) -> None:
        """What lies in the folder and is nobody's. A file whose row is still being written is left alone."""
        if not self._folder.is_dir():
            return
        for path in self._folder.iterdir():
            expected = path.stem.isdigit() and int(path.stem) in waiting
            if path.is_file() and path.stem.isdigit() and not expected and f"{FOLDER}/{path.name}" not in files:
                path.unlink(missing_ok=True)
