"""Every morning the staff room hears of the day before, once."""

from collections.abc import Awaitable, Callable
from datetime import date, time, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from reports.digest import digest, digest_text
from reports.period import period
from reports.report import Asked
from rules.quiet_hours import local
from storage.settings import change_setting
from storage.tables import Setting

MORNING = time(9, 0)
"""When it is due, in the shop's zone: the day before is over and the team begins. Ours."""

LATEST = time(20, 0)
"""Whoever starts the fleet later than this hears of the day tomorrow. Ours."""

_KEY = "digest_day"

Tell = Callable[[AsyncConnection, str, str, int], Awaitable[object]]
"""Tells staff: (transaction, text, key, now in epoch ms). The same key is told once."""


class DailyDigest:
    """A step of the planner: `due` reads and words it, `act` only hands it on, so that nobody waits for the reading."""

    def __init__(self, zone: str, tell: Tell) -> None:
        """`zone`: the shop's."""
        self._zone = zone
        self._tell = tell
        self._said_for: date | None = None
        self._text = ""

    async def due(self, connection: AsyncConnection, now_ms: int) -> bool:
        """Is there a morning whose digest nobody heard?"""
        now = local(now_ms, self._zone)
        if not MORNING <= now.time() < LATEST or now.date() == self._said_for:
            return False
        if await connection.scalar(select(Setting.value).where(Setting.key == _KEY)) == now.date().isoformat():
            self._said_for = now.date()
            return False
        yesterday = now.date() - timedelta(days=1)
        report = await digest(connection, Asked(period(yesterday, yesterday, self._zone), now_ms))
        happened = any(value for name, value in report.totals.items() if name.startswith("day_"))
        self._text = digest_text(report) if happened else ""
        return True

    async def act(self, tx: AsyncConnection, now_ms: int) -> None:
        """Tell it, unless nothing happened, and remember that it was told."""
        today = local(now_ms, self._zone).date().isoformat()
        if await change_setting(tx, _KEY, today, now_ms) and self._text:
            await self._tell(tx, self._text, f"digest:{today}", now_ms)
