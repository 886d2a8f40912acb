"""Commands that bring tables in: import orders, import customers, import list, import undo."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.imports.customer_columns import COLUMNS as CUSTOMER_COLUMNS
from customers.imports.customer_files import CustomerOptions
from customers.imports.customer_import import KIND, import_customers
from customers.imports.import_batches import batches, counts_of
from customers.imports.import_undo import undo_import
from customers.imports.mappings import mapping_of
from customers.imports.order_columns import COLUMNS
from customers.imports.order_files import OrderOptions
from customers.imports.orders import import_orders
from customers.merging.undo_merges import resting_on
from operations.requests.house import ImportCustomers, ImportOrders, UndoImport
from rules.quiet_hours import local
from texts.catalogue import say
from texts.nearest import nearest
from texts.problem import ExitCode
from wxfleet.errors import NoSuchAccount
from wxfleet.reading.settings import Settings
from wxfleet.running.shop_now import shop_now_ms
from wxfleet.terminal.acting import AsStaff, done_at_terminal
from wxfleet.terminal.bringing import Bringing, breathing
from wxfleet.terminal.terminal import Terminal, command, table

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
    bringing = Bringing(terminal, files, errors, dry_run=dry_run, as_staff=as_)
    said = mapping_of(mapped or [], COLUMNS)

    def options(mapping: Mapping[str, str], now_ms: int) -> OrderOptions:
        return OrderOptions(mapping, shop, other_shop, overwrite, bringing.optional)

    wanted = ImportOrders(bringing.named, overwrite)
    whose = shop or bringing.settings.shop.name
    return await bringing.bring(import_orders, wanted, options, kind="orders", whose=whose, said=said, save=save)


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
    bringing = Bringing(terminal, files, errors, dry_run=dry_run, as_staff=as_)
    settings = bringing.settings
    said = mapping_of(mapped or [], CUSTOMER_COLUMNS)
    _require_account(settings, account)
    ids = [one.id for one in settings.accounts]
    # With one account there is no doubt whose friends they are.
    whose_friends = account or (ids[0] if len(ids) == 1 else "")

    def options(mapping: Mapping[str, str], now_ms: int) -> CustomerOptions:
        today = local(now_ms, settings.shop.time_zone).date()
        return CustomerOptions(today, mapping, whose_friends, ids, settings.channels, bringing.optional)

    wanted = ImportCustomers(bringing.named)
    whose = settings.shop.name
    return await bringing.bring(import_customers, wanted, options, kind=KIND, whose=whose, said=said, save=save)


def _require_account(settings: Settings, account: str) -> None:
    """Raises NoSuchAccount when `account` is named and config.yaml has none of that id."""
    ids = [one.id for one in settings.accounts]
    if account and account not in ids:
        raise NoSuchAccount(account, nearest(account, ids))


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
            return await undo_import(db, batch, by="cli", now_ms=now_ms, dry_run=dry_run, breathe=breathing(settings))

        wanted = UndoImport(batch)
        count = await (
            act() if dry_run else done_at_terminal(db, settings, wanted, now_ms, act, as_staff=as_, told=str)
        )
        async with db.read() as connection:
            parted, still_one = await _merges_of(connection, batch, dry_run=dry_run)
    said = say("imports.would_undo" if dry_run else "imports.undid", batch=batch, count=count)
    if parted:
        said += say("imports.would_part" if dry_run else "imports.parted", count=parted)
    if still_one:
        said += say("imports.still_one", numbers=say("texts.comma").join(map(str, still_one)))
    document = {"batch": batch, "restored": count, "dry_run": dry_run, "parted": parted, "still_one": still_one}
    terminal.show(document, said)
    return ExitCode.OK


async def _merges_of(connection: AsyncConnection, batch: int, *, dry_run: bool) -> tuple[int, list[int]]:
    """How many merges went, or would go, with the import, and which had to stay."""
    if dry_run:
        return len(await resting_on(connection, batch)), []
    counts = await counts_of(connection, batch)
    return counts.get("parted", 0), counts.get("still_one", [])
