"""What only a person can mend, each with the command or the step that mends it."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import Repair
from texts.catalogue import catalogue, say


@dataclass(frozen=True, slots=True)
class RepairLine:
    """`mend` is '' where the text itself says what to do."""

    key: str
    account: str | None
    text: str
    mend: str
    since_ms: int


async def repairs_now(conn: AsyncConnection) -> list[RepairLine]:
    """All open repairs, the oldest first. Whoever wrote one wrote its words, and `<words>.hint` beside them."""
    rows = await conn.execute(
        select(Repair.key, Repair.account, Repair.message, Repair.values, Repair.since_ms).order_by(
            Repair.since_ms, Repair.key
        )
    )
    lines = []
    for row in rows.all():
        values = dict(row._mapping["values"]) if "values" in row._mapping else dict(row[3])
        values.setdefault("account", row.account or "")
        hint = f"{row.message}.hint"
        mend = say(hint, **values) if hint in catalogue() else ""
        lines.append(RepairLine(row.key, row.account, say(row.message, **values), mend, row.since_ms))
    return lines
