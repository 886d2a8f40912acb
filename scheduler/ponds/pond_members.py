"""How many are in each pond: asked of the owner's gateway once a day; a full one is on the list of repairs."""

from sqlalchemy import delete, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.pacing import DAY_MS
from scheduler.ponds.ponds import PondNow, all_ponds
from storage.fleet_tables import LiveRequest, Repair
from storage.outbox import insert_ignoring
from storage.pond_tables import Pond
from storage.statements import rows_of

ASK_EVERY_MS = DAY_MS
ROOM = "room"
"""The verb of `requests`, as bots/ answers it."""
_WORK = {
    dialect: f"""
        SELECT 1 FROM ponds p WHERE NOT p.removed AND p.room IS NOT NULL
           AND (p.members_ms IS NULL OR p.members_ms <= :old_ms)
           AND NOT EXISTS (SELECT 1 FROM requests r WHERE r.state = 'waiting' AND r.verb = 'room'
                                                      AND r.account = p.account)
        UNION ALL
        SELECT 1 FROM ponds p WHERE (NOT p.removed AND COALESCE(p.members >= {limit}, FALSE))
                                 <> EXISTS (SELECT 1 FROM repairs r WHERE r.key = 'pond_full:' || p.name)
        LIMIT 1"""
    for dialect, limit in (
        ("sqlite", "json_extract(p.spec, '$.limit')"),
        ("postgresql", "CAST(p.spec->>'limit' AS bigint)"),
    )
}


class PondMembers:
    """A planner step."""

    async def due(self, tx: AsyncConnection, now_ms: int) -> bool:
        """A look that writes nothing."""
        return bool(await rows_of(tx, _WORK, {"old_ms": now_ms - ASK_EVERY_MS}))

    async def act(self, tx: AsyncConnection, now_ms: int) -> None:
        """Doing it again changes nothing."""
        await self._ask(tx, now_ms)
        ponds = await all_ponds(tx)
        full = {f"pond_full:{pond.name}": pond for pond in ponds if pond.full}
        old = Repair.key.startswith("pond_full:", autoescape=True)
        await tx.execute(delete(Repair).where(old, Repair.key.not_in(list(full))))
        for key, pond in full.items():
            row = {"key": key, "account": pond.account, "message": "ponds.full", "since_ms": now_ms,
                   "values": _values(pond, ponds)}  # fmt: skip
            await tx.execute(insert_ignoring(tx, Repair).values(row))

    async def _ask(self, tx: AsyncConnection, now_ms: int) -> None:
        waiting = select(LiveRequest.account).where(LiveRequest.state == "waiting", LiveRequest.verb == ROOM)
        unknown = select(Pond.account, Pond.room).where(
            Pond.removed.is_(False), Pond.room.is_not(None), Pond.account.not_in(waiting),
            or_(Pond.members_ms.is_(None), Pond.members_ms <= now_ms - ASK_EVERY_MS),
        )  # fmt: skip
        rows = [
            {"account": row.account, "verb": ROOM, "payload": {"room": row.room}, "state": "waiting",
             "created_ms": now_ms}
            for row in await tx.execute(unknown)
        ]  # fmt: skip
        if rows:
            await tx.execute(insert(LiveRequest), rows)


def _values(pond: PondNow, ponds: list[PondNow]) -> dict[str, object]:
    title = next((other.file.title for other in ponds if other.name == pond.file.overflow), None)
    overflow = {"say": "ponds.overflow_named", "with": {"title": title}} if title else {
        "say": "ponds.overflow_none", "with": {}
    }  # fmt: skip
    return {"title": pond.file.title, "members": pond.members, "limit": pond.file.limit, "overflow": overflow}
