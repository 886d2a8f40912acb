"""What members of the staff are called, where tables keep their ids."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from operations.long_acts import NOBODY
from storage.staff_tables import StaffMember
from texts.catalogue import say


async def staff_names(conn: AsyncConnection) -> dict[str, str]:
    """Names by id, of those who are on the staff no more, too."""
    rows = await conn.execute(select(StaffMember.id, StaffMember.name))
    return {row.id: row.name for row in rows}


def done_by(who: str | None, names: Mapping[str, str]) -> str:
    """Who did it, for people: `staff:owner` or `owner` by name, `cli` is the terminal; '—' where nobody did."""
    if not who:
        return "—"
    staff = who.removeprefix("staff:")
    return names.get(staff) or (say("operations.by.cli") if staff == NOBODY else staff)
