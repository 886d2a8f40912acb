"""Commands that bring tables in: import orders, import customers, import list, import undo."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy import Row

from customers.customer_columns import COLUMNS as CUSTOMER_COLUMNS
from customers.customer_files import CustomerOptions
from customers.customer_import import KIND, import_customers
from customers.import_batches import batches
from customers.import_result import ImportResult
from customers.import_undo import undo_import
from customers.ladder import load_ladder
from customers.levels import adopt_ladder
from customers.mappings import mapping_of, save_mapping, saved_mapping
from customers.order_columns import COLUMNS
from customers.order_files import OrderOptions
from customers.orders import import_orders
from operations.requests import ImportCustomers, ImportOrders, Request, UndoImport
from rules.quiet_hours import local
from storage.engine import Database
from storage.strides import Breathe, no_need
from texts.catalogue import say
from texts.nearest import nearest
from texts.problem import ExitCode
from texts.table_files import tables_in
from wxfleet.acting import AsStaff, done_at_terminal
from wxfleet.cli_fleet import shop_now_ms
from wxfleet.error_report import report_place, write_report
from wxfleet.errors import NoSuchAccount
from wxfleet.import_progress import import_progress
from wxfleet.lock import is_held
from wxfleet.service import data_folder
from wxfleet.settings import Settings
from wxfleet.terminal import Terminal, command, table

_ERRORS_SHOWN = 10
_TURN_S = 0.03  # SQLite asks again after at most 25 ms in the first 100 ms of waiting

Files = Annotated[list[Path], typer.Argument(help=say("imports.files"))]
DryRun = Annotated[bool, typer.Option("--dry-run", help=say("cli.dry_run"))]
Mapped = Annotated[list[str] | None, typer.Option("--map", help=say("imports.map"))]
MappedCustomers = Annotated[list[str] | None, typer.Option("--map", help=say("imports.map_customers"))]
SaveMapping = Annotated[bool, typer.Option("--save-mapping", help=say("imports.save_mapping"))]
ErrorFile = Annotated[Path | None, typer.Option("--errors", help=say("imports.errors"))]
Batch = Annotated[int, typer.Argument(help=say("imports.batch"))]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the command line."""
    imports = typer.Typer(help=say("cli.import"), no_args_is_help=True)
    command(imports, "orders", "cli.import.orders")(orders)
    command(imports, "customers", "imports.customers")(customers)
    command(imports, "list", "imports.list")(list_)
    command(imports, "undo", "imports.undo")(undo)
    app.add_typer(imports, name="import")


async def orders(
    terminal: Terminal,
    files: Files,
    dry_run: DryRun = False,
    mapped: Mapped = None,
    save: SaveMapping = False,
    shop: Annotated[str, typer.Option("--shop", help=say("imports.shop"))] = "",
    other_shop: Annotated[bool, typer.Option("--other-shop", help=say("imports.other_shop"))] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help=say("imports.overwrite"))] = False,
    errors: ErrorFile = None,
    as_: AsStaff = "",
) -> int:
    settings = terminal.settings(strict=False)
    paths = tables_in(files)
    report_place(errors, paths[0])  # refused before anything is read
    said = mapping_of(mapped or [], COLUMNS)
    whose = shop or settings.shop.name
    async with terminal.database(settings) as db:
        now_ms = await _ladder_adopted(db, settings)
        async with db.read() as connection:
            mapping = {**await saved_mapping(connection, "orders", whose), **said}
        options = OrderOptions(mapping, shop=shop, any_shop=other_shop, overwrite=overwrite)
        act = partial(import_orders, db, paths, options, dry_run=dry_run, now_ms=now_ms)
        wanted = ImportOrders(_named(paths), overwrite)
        result = await _carried_out(terminal, db, settings, wanted, now_ms, act, dry_run=dry_run, as_staff=as_)
        if save and said and not dry_run:
            await _keep_mapping(terminal, db, "orders", whose, mapping, now_ms)
    place = report_place(errors, _first_refused(paths, result)) if errors or not dry_run else None
    return show_result(terminal, result, place, dry_run=dry_run)


async def customers(
    terminal: Terminal,
    files: Files,
    dry_run: DryRun = False,
    mapped: MappedCustomers = None,
    save: SaveMapping = False,
    account: Annotated[str, typer.Option("--account", help=say("imports.account"))] = "",
    errors: ErrorFile = None,
    as_: AsStaff = "",
) -> int:
    settings = terminal.settings(strict=False)
    paths = tables_in(files)
    report_place(errors, paths[0])  # refused before anything is read
    said = mapping_of(mapped or [], CUSTOMER_COLUMNS)
    _require_account(settings, account)
    async with terminal.database(settings) as db:
        now_ms = await _ladder_adopted(db, settings)
        async with db.read() as connection:
            mapping = {**await saved_mapping(connection, KIND, settings.shop.name), **said}
        today = local(now_ms, settings.shop.time_zone).date()
        ids = [one.id for one in settings.accounts]
        # With one account there is no doubt whose friends they are.
        whose = account or (ids[0] if len(ids) == 1 else "")
        options = CustomerOptions(today, mapping, whose, ids, settings.channels)
        act = partial(import_customers, db, paths, options, dry_run=dry_run, now_ms=now_ms)
        wanted = ImportCustomers(_named(paths))
        result = await _carried_out(terminal, db, settings, wanted, now_ms, act, dry_run=dry_run, as_staff=as_)
        if save and said and not dry_run:
            await _keep_mapping(terminal, db, KIND, settings.shop.name, mapping, now_ms)
    place = report_place(errors, _first_refused(paths, result)) if errors or not dry_run else None
    return show_result(terminal, result, place, dry_run=dry_run)


async def _carried_out(
    terminal: Terminal,
    db: Database,
    settings: Settings,
    wanted: Request,
    now_ms: int,
    act: Callable[..., Awaitable[ImportResult]],
    *,
    dry_run: bool,
    as_staff: str,
) -> ImportResult:
    """Import with a bar on the screen; in the name of somebody and in the log, unless it is only tried."""
    with import_progress(quiet=terminal.json) as on_progress:
        doing = partial(act, on_progress=on_progress, breathe=_breathing(settings))
        if dry_run:
            return await doing()
        return await done_at_terminal(db, settings, wanted, now_ms, doing, as_staff=as_staff, told=_counted)


async def _keep_mapping(
    terminal: Terminal, db: Database, kind: str, whose: str, mapping: Mapping[str, str], now_ms: int
) -> None:
    async with db.write() as tx:
        await save_mapping(tx, kind, whose, mapping, now_ms)
    terminal.note(say("imports.mapping_saved"))


def _first_refused(paths: Sequence[Path], result: ImportResult) -> Path:
    """Beside which file the report belongs: the first that has refused rows."""
    wrong = {error.file for error in result.errors}
    return next((path for path in paths if str(path) in wrong), paths[0])


def _named(paths: Sequence[Path]) -> str:
    return say("texts.comma").join(path.name for path in paths)


def _require_account(settings: Settings, account: str) -> None:
    """Raises NoSuchAccount when `account` is named and config.yaml has none of that id."""
    ids = [one.id for one in settings.accounts]
    if account and account not in ids:
        raise NoSuchAccount(account, nearest(account, ids))


def _counted(result: ImportResult) -> str:
    """What the log says of an import."""
    return say("cli.import.did", **result.counts())


def _breathing(settings: Settings) -> Breathe:
    """While a fleet runs beside us it gets its turn to write; alone there is nobody to wait for."""
    if not is_held(data_folder(settings)):
        return no_need
    return lambda: asyncio.sleep(_TURN_S)


async def _ladder_adopted(db: Database, settings: Settings) -> int:
    """Everybody's level follows the ladder as it is written now. Returns now, in the shop."""
    async with db.write() as tx:
        now_ms = await shop_now_ms(tx, settings)
        ladder, _ = load_ladder(settings.ladder)
        if ladder is not None:
            await adopt_ladder(tx, ladder, now_ms)
    return now_ms


def show_result(terminal: Terminal, result: ImportResult, report: Path | None, *, dry_run: bool) -> int:
    """Say what an import did, write its report to `report` where rows were refused. Returns the exit code."""
    if result.errors and report is not None:
        why_not = write_report(report, result.errors)
        if why_not:
            terminal.note(say("imports.report_failed", file=report, error=why_not))
        else:
            result.error_file = str(report)
    terminal.show(result.as_json(), _told(result, dry_run=dry_run))
    return ExitCode.PARTLY_DONE if result.refused else ExitCode.OK


def _told(result: ImportResult, *, dry_run: bool) -> str:
    lines = [say("cli.import.would" if dry_run else "cli.import.did", **result.counts())]
    if result.older:
        lines.append(say("imports.older", older=result.older))
    if result.masked:
        lines.append(say("imports.masked", masked=result.masked))
    lines += [
        say("cli.import.error", file=error.file, row=error.row, column=error.column, reason=error.reason)
        for error in result.errors[:_ERRORS_SHOWN]
    ]
    if result.refused > _ERRORS_SHOWN:
        lines.append(say("cli.import.more_errors", count=result.refused - _ERRORS_SHOWN))
    if result.error_file:
        lines.append(say("imports.report_at", file=result.error_file))
    if result.batch is not None:
        lines.append(say("imports.batch_is", batch=result.batch))
    elif not dry_run:
        lines.append(say("imports.all_refused" if 0 < result.rows == result.refused else "imports.nothing_new"))
    return "\n".join(lines)


async def list_(terminal: Terminal) -> int:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.read() as connection:
        found = await batches(connection)
    if not found and not terminal.json:
        terminal.note(say("imports.none"))
        return ExitCode.OK
    terminal.show([_batch_json(batch) for batch in found], _batch_table(found, settings.shop.time_zone))
    return ExitCode.OK


def _batch_json(batch: Row[Any]) -> dict[str, Any]:
    counts = {name: batch.counts.get(name, 0) for name in ("rows", "new", "changed", "unchanged", "refused")}
    return {
        "batch": batch.id, "kind": batch.kind, "files": batch.files, **counts, "by": batch.imported_by,
        "created_ms": batch.created_ms, "finished_ms": batch.finished_ms, "undone_ms": batch.undone_ms,
        "state": _state(batch),
    }  # fmt: skip


def _state(batch: Row[Any]) -> str:
    if batch.undone_ms is not None:
        return "undone"
    # Those of former versions were finished without saying when.
    return "done" if batch.finished_ms is not None or "rows" in batch.counts else "open"


def _batch_table(found: Sequence[Row[Any]], zone: str) -> Table:
    shown = table(*(say(f"imports.col.{name}") for name in ("batch", "when", "kind", "file", "counts", "state")))
    for batch in found:
        state = say(f"imports.state.{_state(batch)}")
        counts = {name: batch.counts.get(name, "—") for name in ("new", "changed", "refused")}
        shown.add_row(
            str(batch.id), f"{local(batch.created_ms, zone):%Y-%m-%d %H:%M}", say(f"imports.kind.{batch.kind}"),
            say("texts.comma").join(batch.files), say("imports.counts", **counts), state,
        )  # fmt: skip
    return shown


async def undo(terminal: Terminal, batch: Batch, dry_run: DryRun = False, as_: AsStaff = "") -> int:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db:
        async with db.read() as connection:
            now_ms = await shop_now_ms(connection, settings)

        async def act() -> int:
            return await undo_import(db, batch, by="cli", now_ms=now_ms, dry_run=dry_run, breathe=_breathing(settings))

        wanted = UndoImport(batch)
        count = await (
            act() if dry_run else done_at_terminal(db, settings, wanted, now_ms, act, as_staff=as_, told=str)
        )
    said = say("imports.would_undo" if dry_run else "imports.undid", batch=batch, count=count)
    terminal.show({"batch": batch, "restored": count, "dry_run": dry_run}, said)
    return ExitCode.OK
