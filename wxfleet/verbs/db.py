"""Commands about the database as a whole: upgrade, backup, restore, copy."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from customers.finding.search import catch_up_all
from operations import restored
from rules.quiet_hours import local
from storage import moving
from storage.backup_file import back_up, opened
from storage.engine import Database, open_database
from storage.errors import DatabaseNewer, DatabaseUnreadable
from storage.row_copy import Copied
from storage.schema import upgrade
from storage.shape import require_newest, shape_of
from texts.catalogue import say
from wxfleet.reading.settings import Settings
from wxfleet.running.idleness import require_idle
from wxfleet.running.service import data_folder
from wxfleet.running.shop_now import shop_now_ms
from wxfleet.running.standstill import standstill
from wxfleet.terminal.database_address import Address, address_of
from wxfleet.terminal.set_aside import set_aside
from wxfleet.terminal.terminal import Terminal, command
from wxfleet.terminal.transfer_progress import transfer_progress

DryRun = Annotated[bool, typer.Option("--dry-run", help=say("cli.dry_run"))]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the command line."""
    db = typer.Typer(help=say("database.help"), no_args_is_help=True)
    command(db, "upgrade", "database.upgrade.help")(db_upgrade)
    command(db, "backup", "database.backup.help")(db_backup)
    command(db, "restore", "database.restore.help")(db_restore)
    command(db, "copy", "database.copy.help")(db_copy)
    app.add_typer(db, name="db")


async def db_upgrade(terminal: Terminal, dry_run: DryRun = False) -> None:
    settings = terminal.settings(strict=False)
    async with _opened(settings) as db:
        shape = await shape_of(db)
        values = {"found": shape.found or say("database.empty"), "wanted": shape.wanted}
        kept = None
        if shape.newest:
            if not dry_run:
                await upgrade(db)  # procrastinate's tables have versions of their own
            said = say("database.upgrade.newest", **values)
        elif dry_run:
            said = say("database.upgrade.would", **values)
        else:
            kept = await _upgrade(terminal, settings, db, empty=shape.found is None)
            said = "\n".join([say("database.upgraded", **values), *([say("database.kept", file=kept)] if kept else [])])
        if not dry_run:
            await catch_up_all(db, await _now_ms(db, settings))  # whoever can't be found by name yet
    document = {
        "database": db.dialect, "from": shape.found, "to": shape.wanted, "backup": kept and str(kept),
        "dry_run": dry_run,
    }  # fmt: skip
    terminal.show(document, said)


async def _upgrade(terminal: Terminal, settings: Settings, db: Database, *, empty: bool) -> Path | None:
    """Under a standstill. Returns the backup of what was there."""
    with standstill(settings):
        async with db.read() as connection:
            await require_idle(connection)
        kept = None
        if not empty and db.dialect == "sqlite":
            kept = await _back_up_beside(terminal, settings, db, "before-upgrade")
        await upgrade(db)
    return kept


async def db_backup(
    terminal: Terminal,
    file: Annotated[Path, typer.Argument(help=say("database.backup.file"))],
    overwrite: Annotated[bool, typer.Option("--overwrite", help=say("database.backup.overwrite"))] = False,
) -> None:
    settings = terminal.settings(strict=False)
    async with _opened(settings) as db:
        now_ms = await _now_ms(db, settings)
        with transfer_progress(quiet=terminal.json) as on_progress:
            made = await back_up(db, file.absolute(), now_ms=now_ms, overwrite=overwrite, on_progress=on_progress)
    document = {"file": str(made.path), "size": made.size, "database": db.dialect, "taken_ms": now_ms}
    terminal.show(document, say("database.backed_up", file=made.path, megabytes=f"{made.size / 1e6:.1f}"))


async def db_restore(
    terminal: Terminal,
    file: Annotated[Path, typer.Argument(help=say("database.restore.file"))],
    replace: Annotated[bool, typer.Option("--replace", help=say("database.restore.replace"))] = False,
    nothing_sent: Annotated[
        bool, typer.Option("--nothing-sent-since", help=say("database.restore.nothing_sent"))
    ] = False,
    dry_run: DryRun = False,
) -> None:
    settings = terminal.settings(strict=False)
    data = data_folder(settings)
    with standstill(settings):
        data.mkdir(parents=True, exist_ok=True)
        async with opened(file.absolute(), data) as (backup, shape):
            async with backup.read() as connection:
                held = await moving.contents(connection)
            document: dict[str, Any] = {
                "file": str(file), "taken_ms": held.taken_ms, "version": shape.found, "rows": held.rows,
                "dry_run": dry_run, "kept": None,
            }  # fmt: skip
            taken = _moment(held.taken_ms, settings)
            if dry_run:
                terminal.show(document, say("database.restore.would", rows=held.rows, taken=taken))
                return
            async with _target(terminal, settings, replace=replace) as (target, kept):
                document["kept"] = kept and str(kept)
                outcome = await _restore(terminal, settings, backup, target, replace, nothing_sent)
    document |= outcome
    terminal.show(document, _restored_text(document, taken))


async def db_copy(
    terminal: Terminal,
    url: Annotated[str, typer.Argument(help=say("database.copy.url"))],
    dry_run: DryRun = False,
) -> None:
    settings = terminal.settings(strict=False)
    address = address_of(url, terminal.config, terminal.home, settings)
    with standstill(settings):
        async with _opened(settings) as source, _opened_at(address) as target:
            await require_newest(source)
            now_ms = await _now_ms(source, settings)
            async with source.read() as connection:
                held = await moving.contents(connection)
                await require_idle(connection)
            document: dict[str, Any] = {"to": address.shown, "rows": held.rows, "tables": held.tables,
                                        "texts_mended": 0, "dry_run": dry_run}  # fmt: skip
            if dry_run:
                await moving.require_vacant(target)
                terminal.show(document, say("database.copy.would", rows=held.rows, url=address.shown))
                return
            await upgrade(target)
            with transfer_progress(quiet=terminal.json, total=2 * held.rows) as on_progress:
                copied = await moving.move(source, target, idle=require_idle, now_ms=now_ms, on_progress=on_progress)
    document |= _counts(copied)
    told = [say("database.copied", rows=copied.rows, tables=len(copied.tables), url=address.shown), _mended(copied)]
    terminal.show(document, "\n".join(line for line in (*told, say("database.copied.next", url=address.shown)) if line))


async def _restore(
    terminal: Terminal, settings: Settings, backup: Database, target: Database, replace: bool, nothing_sent: bool
) -> dict[str, Any]:
    outcome: dict[str, Any] = {"in_doubt": 0, "campaigns_paused": 0, "stopped": not nothing_sent}

    async def after(tx: Any, replaced: dict[str, str]) -> None:
        known = replaced.get("world_now_ms")
        now_ms = await _shop_now(tx, settings, known)
        if not nothing_sent:
            clock_known = not settings.all_simulated or known is not None
            held = await restored.hold_back(tx, now_ms=now_ms, clock_known=clock_known)
            outcome.update(in_doubt=held.in_doubt, campaigns_paused=held.campaigns)
        await restored.keep_clock(tx, int(known) if known else None, now_ms)
        await restored.record(tx, "db_restore", say("database.audit.restored"), now_ms)

    with transfer_progress(quiet=terminal.json) as on_progress:
        copied = await moving.restore(
            backup, target, replace=replace, idle=require_idle, on_progress=on_progress, after=after
        )
    return outcome | _counts(copied)


async def _shop_now(tx: Any, settings: Settings, replaced: str | None) -> int:
    """Now in the shop; of a simulated one the later of what the backup and the replaced database showed."""
    now_ms = await shop_now_ms(tx, settings)
    return max(now_ms, int(replaced)) if settings.all_simulated and replaced else now_ms


def _restored_text(document: dict[str, Any], taken: str) -> str:
    lines = [say("database.restored", rows=document["rows"], taken=taken)]
    if document["kept"]:
        lines.append(say("database.kept", file=document["kept"]))
    if document["stopped"]:
        lines.append(
            say("database.restored.held", doubt=document["in_doubt"], campaigns=document["campaigns_paused"])
        )  # fmt: skip
        lines.append(say("database.restored.next"))
    return "\n".join(lines)


def _counts(copied: Copied) -> dict[str, Any]:
    tables = {name: digest.rows for name, digest in copied.tables.items()}
    return {"rows": copied.rows, "tables": tables, "texts_mended": copied.mended}


def _mended(copied: Copied) -> str:
    return say("database.mended", count=copied.mended) if copied.mended else ""


def _moment(at_ms: int | None, settings: Settings) -> str:
    return say("database.unknown_time") if at_ms is None else f"{local(at_ms, settings.shop.time_zone):%Y-%m-%d %H:%M}"


async def _now_ms(db: Database, settings: Settings) -> int:
    """Now in the shop, whatever shape the database has: one without our tables has no clock of its own."""
    if (await shape_of(db)).found is None:
        return round(time.time() * 1000)
    async with db.read() as connection:
        return await shop_now_ms(connection, settings)


@asynccontextmanager
async def _target(
    terminal: Terminal, settings: Settings, *, replace: bool
) -> AsyncIterator[tuple[Database, Path | None]]:
    """The database to restore into, migrated, and where what was there is kept."""
    kept = None
    try:
        async with _opened(settings) as db:
            await upgrade(db)
    except (DatabaseUnreadable, DatabaseNewer):
        if not replace or not settings.database_url.startswith("sqlite"):
            raise
        kept = set_aside(Path(settings.database_url.removeprefix("sqlite:///")))
    async with _opened(settings) as db:
        await upgrade(db)
        async with db.read() as connection:
            occupied = (await moving.contents(connection)).occupied
        if occupied and replace:
            kept = await _back_up_beside(terminal, settings, db, "before-restore")
        yield db, kept


async def _back_up_beside(terminal: Terminal, settings: Settings, db: Database, why: str) -> Path:
    """What is there now, in `backups` beside the data."""
    folder, name = data_folder(settings) / "backups", f"{time.strftime('%Y%m%d-%H%M%S')}-{why}"
    names = (f"{name}.db", *(f"{name}-{number}.db" for number in range(2, 100)))  # two in one second
    path = next((folder / each for each in names if not (folder / each).exists()), folder / names[-1])
    now_ms = await _now_ms(db, settings)
    with transfer_progress(quiet=terminal.json) as on_progress:
        made = await back_up(db, path.absolute(), now_ms=now_ms, overwrite=False, on_progress=on_progress)
    return made.path


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Database]:
    """As it is: not migrated, moved away or not."""
    db = open_database(settings.database_url)
    try:
        yield db
    finally:
        await db.close()


@asynccontextmanager
async def _opened_at(address: Address) -> AsyncIterator[Database]:
    db = open_database(address.url)
    try:
        yield db
    finally:
        await db.close()
