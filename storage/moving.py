"""A whole database elsewhere: moved for good, backed up to a file, restored from one.

Each is one transaction of the database that is written: a process that dies in the middle leaves it as it was.
A move takes the right to send with it: the source says so before the target can be used.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy import delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.engine import Database
from storage.errors import CopyDiffers, DataMoved, TargetOccupied
from storage.fleet_tables import Shard, Worker
from storage.row_copy import (
    PROCESSES,
    Copied,
    Progress,
    advance_ids,
    all_tables,
    clear_rows,
    copy_rows,
    count_rows,
    digests_of,
)
from storage.row_estimates import learn_anew
from storage.schema import require_fit, upgrade
from storage.settings import put_setting
from storage.tables import Setting
from texts.catalogue import say

MOVED_TO = "moved_to"
"""Setting of a database that was moved: where it lives now. Nothing may be sent from here any more."""
TAKEN_MS = "backup_taken_ms"
"""Setting in a backup: when it was taken, by the shop's clock."""
RESTORED_MS = "restored_ms"
"""Setting: when the last restore was, by the shop's clock. What fell due before may have left: it is not planned."""

Idle = Callable[[AsyncConnection], Awaitable[None]]
"""Called when nobody else can write any more; raises FleetRunning when a fleet lives by its heartbeat."""
AfterRestore = Callable[[AsyncConnection, dict[str, str]], Awaitable[None]]
"""(tx, settings of what was replaced): called in the transaction of the restore, before it is committed."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a database holds. `taken_ms`: when it was taken, if it is a backup that knows."""

    tables: dict[str, int]
    taken_ms: int | None
    moved_to: str | None

    @property
    def rows(self) -> int:
        return sum(self.tables.values())

    @property
    def occupied(self) -> bool:
        return any(count for name, count in self.tables.items() if name not in PROCESSES)


async def contents(tx: AsyncConnection) -> Contents:
    known = await _settings(tx)
    taken = known.get(TAKEN_MS)
    return Contents(await count_rows(tx), int(taken) if taken else None, known.get(MOVED_TO))


async def require_not_moved(tx: AsyncConnection) -> None:
    """Raises DataMoved. A process that begins asks after it has said so, so that a move can't slip in between."""
    elsewhere = (await tx.execute(select(Setting.value).where(Setting.key == MOVED_TO))).scalar_one_or_none()
    if elsewhere:
        raise DataMoved(say("database.moved_away", url=elsewhere), hint=say("database.moved_away.hint"))


async def require_vacant(db: Database) -> None:
    """Looks only. Raises TargetOccupied when there are rows of ours in it, DatabaseUnfit when it can't keep them."""
    async with db.read() as connection:
        await require_fit(connection, db.url)
        if any(count for name, count in (await count_rows(connection)).items() if name not in PROCESSES):
            raise _occupied(db, "database.occupied.copy_hint")


def _occupied(db: Database, hint: str) -> TargetOccupied:
    return TargetOccupied(say("database.occupied"), hint=say(hint), where=db.url)


async def move(source: Database, target: Database, *, idle: Idle, now_ms: int, on_progress: Progress) -> Copied:
    """Everything of `source` into `target`, which must be migrated and hold no rows of ours.

    Nobody writes to `source` meanwhile. It is marked as moved before the target is committed: at no moment could both
    send. A move that ended between the two is simply done again, to the same target.
    Raises TargetOccupied, DataMoved, CopyDiffers, RowRefused and what `Database.write` raises.
    """
    async with target.write() as into:
        await _alone(into, reading=False)
        if (await contents(into)).occupied:
            raise _occupied(target, "database.occupied.copy_hint")
        async with source.write() as out:
            await _alone(out, reading=True)
            await idle(out)
            if (await _settings(out)).get(MOVED_TO, target.url) != target.url:
                await require_not_moved(out)
            copied = await _copy_checked(out, into, target.url, on_progress)
            await _settle_in(into)
            await put_setting(out, MOVED_TO, target.url, now_ms)
    await learn_anew(target)
    return copied


async def archive(source: Database, target: Database, *, now_ms: int, on_progress: Progress) -> Copied:
    """Everything of `source` as it is at one moment, while others go on writing, into the new database `target`."""
    await upgrade(target)
    async with source.read() as out, target.write() as into:
        if source.dialect == "postgresql":
            await out.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            await _patient(out)
        copied = await _copy_checked(out, into, target.url, on_progress)
        await put_setting(into, TAKEN_MS, str(now_ms), now_ms)
    return copied


async def restore(
    backup: Database, target: Database, *, replace: bool, idle: Idle, on_progress: Progress, after: AfterRestore
) -> Copied:
    """Everything of `backup` into `target`, both migrated, instead of what is there.

    `after` sees to it that nothing leaves twice. Raises TargetOccupied unless `replace`, CopyDiffers, RowRefused and
    what `Database.write` raises; the target is then as it was.
    """
    async with target.write() as into:
        await _alone(into, reading=False)
        await idle(into)
        if not replace and (await contents(into)).occupied:
            raise _occupied(target, "database.occupied.restore_hint")
        replaced = await _settings(into)
        async with backup.read() as out:
            copied = await _copy_checked(out, into, target.url, on_progress)
        await _settle_in(into)
        await after(into, replaced)
    await learn_anew(target)
    return copied


async def _copy_checked(out: AsyncConnection, into: AsyncConnection, url: str, on_progress: Progress) -> Copied:
    await clear_rows(into)
    copied = await copy_rows(out, into, url, on_progress)
    written = await digests_of(into, on_progress)
    differ = [name for name, digest in copied.tables.items() if written[name] != digest]
    if differ:
        tables = say("texts.comma").join(differ)
        raise CopyDiffers(say("database.differs", tables=tables), hint=say("database.differs.hint"), where=url)
    return copied


async def _settle_in(tx: AsyncConnection) -> None:
    """What was true of the old place only is forgotten."""
    await tx.execute(delete(Setting).where(Setting.key.in_((MOVED_TO, TAKEN_MS))))
    await tx.execute(update(Shard).values(owner=None))
    await tx.execute(delete(Worker))
    await advance_ids(tx)


async def _alone(tx: AsyncConnection, *, reading: bool) -> None:
    """Nobody else writes until `tx` ends; on SQLite a writer is alone anyway."""
    if tx.dialect.name != "postgresql":
        return
    await tx.execute(text("SET LOCAL lock_timeout = '5s'"))
    names = ", ".join(one.name for one in all_tables())
    await tx.execute(text(f"LOCK TABLE {names} IN {'SHARE' if reading else 'EXCLUSIVE'} MODE"))
    await _patient(tx)


async def _patient(tx: AsyncConnection) -> None:
    """A copy takes as long as it takes, and one side waits while the other works."""
    for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
        await tx.execute(text(f"SET LOCAL {name} = 0"))


async def _settings(tx: AsyncConnection) -> dict[str, str]:
    return {row.key: row.value for row in await tx.execute(select(Setting.key, Setting.value))}
