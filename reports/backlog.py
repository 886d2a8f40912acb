"""How far sending is behind, cheaply enough to be asked every few seconds beside a million rows."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.kinds import PRIORITIES

COUNTED_AT_MOST = 100
"""Due rows counted of each account and priority: what is beyond is a great many in any case."""

# Each account's rows lie in the order (priority, due_ms) in the index of pending rows: the oldest due row of each is
# one step, and the due ones are neighbours. A million rows that are not due cost nothing.
_PENDING = """
    SELECT SUM((SELECT COUNT(*) FROM (
               SELECT 1 FROM outbox o WHERE o.state = 'pending' AND o.account = l.account AND o.priority = p.priority
                  AND o.due_ms <= :now_ms LIMIT :most) counted)) AS due,
           MIN((SELECT MIN(o.due_ms) FROM outbox o WHERE o.state = 'pending' AND o.account = l.account
                   AND o.priority = p.priority)) AS oldest_ms
      FROM lanes l CROSS JOIN ({priorities}) p"""
_PRIORITIES = " UNION ALL ".join(f"SELECT {priority} AS priority" for priority in PRIORITIES)
_UNDER_WAY = """
    SELECT state, COUNT(*) FROM outbox WHERE state IN ('sending', 'in_doubt') GROUP BY state"""


@dataclass(frozen=True, slots=True)
class Backlog:
    """`due` rows whose time has come (of each account and priority at most `COUNTED_AT_MOST` are counted), how old
    the oldest of them is in ms, and the rows that are being sent or in doubt.
    """

    due: int
    oldest_ms: int
    sending: int
    in_doubt: int


async def backlog(conn: AsyncConnection, now_ms: int) -> Backlog:
    """The whole fleet's at `now_ms` (the shop's clock, epoch ms), whichever process sends. Rows that a gate holds back
    are due too, until their time is put off.
    """
    statement = text(_PENDING.format(priorities=_PRIORITIES))
    due, oldest_ms = (await conn.execute(statement, {"now_ms": now_ms, "most": COUNTED_AT_MOST})).one()
    states = {row[0]: row[1] for row in await conn.execute(text(_UNDER_WAY))}
    late_ms = max(0, now_ms - int(oldest_ms)) if oldest_ms is not None else 0
    return Backlog(int(due or 0), late_ms, states.get("sending", 0), states.get("in_doubt", 0))
