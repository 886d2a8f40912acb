"""The log of who asked for what, read back: the newest first, refused attempts among them."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from operations.audit import Outcome
from rules.quiet_hours import local
from storage.staff_tables import Audit, StaffMember

MOST = 500
"""Lines of one look; who wants more narrows it. Ours."""


_UNTOLD = frozenset({"verb", "fingerprint", "act"})
_NOTHING: tuple[Any, ...] = ("", 0, False, [], {}, None)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `name`: of the staff member, '' for one who was never on the list; `words`: what was asked for."""

    at_ms: int
    staff: str
    name: str
    door: str
    verb: str
    outcome: Outcome
    request: dict[str, Any]
    detail: str

    def words(self, zone: str) -> str:
        """What was given with the command, in one line; what it keeps to itself stands as `…`. `zone`: the shop's."""
        given = {name: value for name, value in self.request.items() if name not in _UNTOLD}
        clocks = {
            name: f"{local(given[name], zone):%m-%d %H:%M}" for name in given if name.endswith("_ms") and given[name]
        }
        return " ".join(_one_line(value) for value in (given | clocks).values() if value not in _NOTHING)

    def as_json(self) -> dict[str, Any]:
        """One entry of `staff log --json`."""
        return {
            "at_ms": self.at_ms, "staff": self.staff, "name": self.name, "door": self.door, "verb": self.verb,
            "outcome": self.outcome.value, "request": self.request, "detail": self.detail,
        }  # fmt: skip


async def log_book(
    conn: AsyncConnection, *, since_ms: int, staff: str = "", refused: bool = False, most: int = 50
) -> list[Entry]:
    """At most `most` lines since then (epoch ms); of one staff member by id, and of what was refused only."""
    lines = (
        select(Audit.__table__, StaffMember.name.label("name"))
        .outerjoin(StaffMember, StaffMember.id == Audit.staff)
        .where(Audit.at_ms >= since_ms)
    )
    if staff:
        lines = lines.where(Audit.staff == staff)
    if refused:
        lines = lines.where(Audit.outcome == Outcome.REFUSED.value)
    newest = lines.order_by(Audit.at_ms.desc(), Audit.id.desc()).limit(min(most, MOST))
    return [
        Entry(row.at_ms, row.staff, row.name or "", row.door, row.verb, Outcome(row.outcome), row.request, row.detail)
        for row in (await conn.execute(newest)).all()
    ]


def _one_line(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name}={_one_line(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return " ".join(map(_one_line, value))
    return " ".join(str(value).split())
