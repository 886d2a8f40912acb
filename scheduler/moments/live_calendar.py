"""The calendar as its files say it now: what operators change in moments/ counts without a restart."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.moments.moments import Calendar
from storage.fleet_tables import Repair
from storage.outbox import insert_ignoring
from texts.errors import Mistake, Severity

log = structlog.get_logger(__name__)

Load = Callable[[], tuple[Calendar, list[Mistake]]]
_REPAIR = "calendar:files"
_Signature = tuple[tuple[str, int, int], ...]


class LiveCalendar:
    """Reads its folder anew when a file there changed. A calendar with errors never takes the place of a good one."""

    def __init__(self, load: Load, folder: Path | None = None) -> None:
        """`folder` None: the calendar stays as `load` gives it."""
        self._load = load
        self._folder = folder
        self._seen = self._signature()
        self.current, _ = load()
        self.errors: Sequence[Mistake] = ()
        """What keeps the newest files from counting; empty when they do."""
        self._told: bool | None = None

    @classmethod
    def fixed(cls, calendar: Calendar) -> "LiveCalendar":
        """One that never changes."""
        return cls(lambda: (calendar, []))

    async def changed(self) -> bool:
        """Look at the folder; is `current` another calendar now?"""
        seen = self._signature()
        if seen == self._seen:
            return False
        self._seen = seen
        calendar, mistakes = await asyncio.to_thread(self._load)
        self.errors = tuple(mistake for mistake in mistakes if mistake.severity is Severity.ERROR)
        if self.errors:
            log.error("moments.not_read", mistakes=[str(mistake) for mistake in self.errors])
            return False
        log.info("moments.read_again", files=len(calendar.files))
        self.current = calendar
        return True

    @property
    def untold(self) -> bool:
        """Must staff hear that the files have mistakes, or have none any more? Asked anew after a restart."""
        return self._folder is not None and self._told is not bool(self.errors)

    async def tell(self, tx: AsyncConnection, now_ms: int) -> None:
        """A repair while the newest files do not count; none when they do."""
        await tx.execute(delete(Repair).where(Repair.key == _REPAIR))
        if self.errors:
            values = {"first": str(self.errors[0]), "number": len(self.errors)}
            row = {"key": _REPAIR, "message": "scheduler.repair.calendar", "values": values, "since_ms": now_ms}
            await tx.execute(insert_ignoring(tx, Repair).values(row))
        self._told = bool(self.errors)

    def _signature(self) -> _Signature:
        """Names, times and sizes: a handful of `stat` calls."""
        if self._folder is None:
            return ()
        try:
            stats = [(path.name, path.stat()) for path in sorted(self._folder.glob("*.yaml"))]
        except OSError:
            return self._seen if hasattr(self, "_seen") else ()  # a file that is just being replaced
        return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)
