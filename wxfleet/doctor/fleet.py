"""The doctor's look at the fleet as the database tells of it: who runs it, what is stuck, what waits for a person."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.ownership import wall_of
from operations.repairs import noted_repairs
from reports.backlog import Backlog, backlog
from reports.status import fleet_status
from reports.workers import Crew, crew_now
from storage.engine import Database
from texts.catalogue import catalogue, say
from wxfleet.clocks import wall_ms
from wxfleet.doctor.findings import Finding, Level
from wxfleet.reading.settings import Settings
from wxfleet.running.crew_words import span_words
from wxfleet.running.lock import is_held
from wxfleet.running.service import data_folder
from wxfleet.running.shop_now import shop_now_ms

_LATE_MS = 3_600_000
_REPAIRS_SHOWN = 10
_ROWS_READ = 100_000
_LATE_BEAT_MS = 10_000

# Rows being sent, by who owns their account. The first condition is that of the index.
_SENDING = text("""
    SELECT s.owner, COUNT(*) FROM outbox o
      LEFT JOIN lanes l ON l.account = o.account LEFT JOIN shards s ON s.number = l.shard
     WHERE o.state IN ('sending', 'in_doubt') AND o.state = 'sending' GROUP BY s.owner""")
_REASONS = text("""
    SELECT reason, COUNT(*) FROM (
           SELECT reason FROM outbox WHERE state = 'pending' AND due_ms <= :now_ms LIMIT :most) late
     GROUP BY reason ORDER BY COUNT(*) DESC, reason LIMIT 3""")
_UNHANDLED = text("""
    SELECT COUNT(*) FROM inbox WHERE state IN ('received', 'fetched') AND received_ms < :before_ms""")


async def fleet_findings(db: Database, settings: Settings) -> list[Finding]:
    """Raises what `Database.read` raises."""
    async with db.read() as connection:
        now_ms = await shop_now_ms(connection, settings)
        crew = await crew_now(connection, wall_ms=await wall_of(connection, wall_ms()))
        if settings.database_url.startswith("sqlite"):
            running = is_held(data_folder(settings))
        else:
            running = any(worker.alive for worker in crew.workers)
        found = _of_crew(crew, running=running)
        fleet = await fleet_status(connection, now_ms)
        if fleet.stopped:
            found.append(Finding.of(Level.WARNING, "stopped", "all", who=fleet.stopped.name))
        found += await _of_sends(connection, crew, now_ms, running=running)
        found += await _of_people(connection, now_ms)
    return found


def _of_crew(crew: Crew, *, running: bool) -> list[Finding]:
    if not running:
        return [Finding.of(Level.OK, "running", "not")]
    living = [worker for worker in crew.workers if worker.alive]
    found = [Finding.ok("running", count=max(1, len(living)))]
    for worker in living:
        if worker.heartbeat_age_ms > _LATE_BEAT_MS:
            age = span_words(worker.heartbeat_age_ms)
            found.append(Finding.of(Level.WARNING, "heartbeat", "late", worker=worker.id, age=age))
    if crew.ownerless_accounts and living:
        names = say("texts.comma").join(sorted(crew.ownerless_accounts)[:5])
        count = len(crew.ownerless_accounts)
        found.append(Finding.of(Level.WARNING, "shards", "ownerless", count=count, names=names))
    return found


async def _of_sends(connection: AsyncConnection, crew: Crew, now_ms: int, *, running: bool) -> list[Finding]:
    found = []
    living = {worker.id for worker in crew.workers if worker.alive}
    under_way = {row[0]: row[1] for row in await connection.execute(_SENDING)}
    stuck = sum(count for owner, count in under_way.items() if not running or (living and owner not in living))
    if stuck:
        found.append(Finding.of(Level.WARNING, "sending", "stuck", count=stuck))
    behind = await backlog(connection, now_ms)
    if behind.in_doubt:
        found.append(Finding.of(Level.WARNING, "doubt", "open", count=behind.in_doubt))
    if behind.due and (behind.oldest_ms > _LATE_MS or not running):
        found.append(await _overdue(connection, behind, now_ms, running=running))
    return found or [Finding.ok("sending", due=behind.due)]


async def _overdue(connection: AsyncConnection, behind: Backlog, now_ms: int, *, running: bool) -> Finding:
    rows = await connection.execute(_REASONS, {"now_ms": now_ms, "most": _ROWS_READ})
    reasons = [f"{_reason(reason)} {count}" for reason, count in rows]
    case = "late" if running else "waiting"
    level = Level.WARNING if running else Level.OK
    why = say("texts.comma").join(reasons)
    return Finding.of(level, "overdue", case, count=behind.due, age=span_words(behind.oldest_ms), why=why)


def _reason(reason: str | None) -> str:
    key = f"reason.{reason}" if reason else "doctor.overdue.no_reason"
    return say(key) if key in catalogue() else str(reason)


async def _of_people(connection: AsyncConnection, now_ms: int) -> list[Finding]:
    """What waits for a person, and what came in and was not dealt with."""
    found = []
    waiting = int(await connection.scalar(_UNHANDLED, {"before_ms": now_ms - _LATE_MS}) or 0)
    if waiting:
        found.append(Finding.of(Level.WARNING, "inbox", "unhandled", count=waiting))
    repairs = await noted_repairs(connection)
    for repair in repairs[:_REPAIRS_SHOWN]:
        found.append(Finding(Level.WARNING, "repair", repair.text, repair.mend))
    if len(repairs) > _REPAIRS_SHOWN:
        found.append(Finding.of(Level.WARNING, "repair", "more", count=len(repairs) - _REPAIRS_SHOWN))
    return found
