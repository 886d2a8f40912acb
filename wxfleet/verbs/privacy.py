"""Commands about what is known of somebody: customers wishes, export, erase."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from customers.consent import Wish, wishes
from customers.merging.merging import survivor
from customers.own_data.dossier import as_text, require_format, write_dossier
from customers.profiles.profile_words import said_by
from operations.personal_data import erase_person, export_person, preview_erasure
from operations.requests.request import Door
from rules.quiet_hours import local
from texts.catalogue import say
from texts.problem import ExitCode
from wxfleet.running.shop_now import shop_now_ms
from wxfleet.terminal.acting import AsStaff, acting_staff, keep_staff
from wxfleet.terminal.terminal import Terminal, command, table

_LARGEST_ID = 2**63 - 1
PersonId = Annotated[int, typer.Argument(metavar="ID", min=1, max=_LARGEST_ID, help=say("privacy.id"))]


def add_to(customers: typer.Typer) -> None:
    """Put these commands into the group `customers`."""
    command(customers, "wishes", "privacy.wishes")(wishes_)
    command(customers, "export", "privacy.export")(export)
    command(customers, "erase", "privacy.erase")(erase)


async def wishes_(terminal: Terminal, person: PersonId) -> int:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.read() as connection:
        found = await wishes(connection, await survivor(connection, person))
    if not found and not terminal.json:
        terminal.note(say("privacy.wishes.none"))
        return ExitCode.OK
    terminal.show([_wish_json(wish) for wish in found], _wish_table(found, settings.shop.time_zone))
    return ExitCode.OK


def _wish_json(wish: Wish) -> dict[str, Any]:
    return {
        "what": wish.what.value, "at_ms": wish.at_ms, "source": wish.source, "words": wish.words,
        "until_ms": wish.until_ms,
    }  # fmt: skip


def _wish_table(found: list[Wish], zone: str) -> Table:
    shown = table(*(say(f"privacy.col.{name}") for name in ("when", "what", "source", "words")))
    for wish in found:
        until = f"{local(wish.until_ms, zone):%Y-%m-%d %H:%M}" if wish.until_ms else ""
        what = say(f"privacy.wish.{wish.what.value}", until=until)
        shown.add_row(f"{local(wish.at_ms, zone):%Y-%m-%d %H:%M}", what, said_by(wish.source), wish.words or "—")
    return shown


async def export(
    terminal: Terminal,
    person: PersonId,
    output: Annotated[Path | None, typer.Option("--output", "-o", help=say("privacy.export.output"))] = None,
    as_: AsStaff = "",
) -> int:
    if output is not None:
        require_format(output)
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db:
        await keep_staff(db, settings)
        async with db.read() as connection:
            now_ms = await shop_now_ms(connection, settings)
        found = await export_person(db, as_ or acting_staff(settings), person, Door.CLI, now_ms)
    if output is None:
        terminal.show(found, as_text(found, settings.shop.time_zone), whole=True)
        return ExitCode.OK
    write_dossier(output, found, settings.shop.time_zone)
    rows = sum(len(rows) for rows in found.values())
    terminal.show(
        {"person": person, "file": str(output), "rows": rows}, say("privacy.exported", file=output, rows=rows)
    )
    return ExitCode.OK


async def erase(
    terminal: Terminal,
    person: PersonId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help=say("privacy.erase.yes"))] = False,
    as_: AsStaff = "",
) -> int:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db:
        await keep_staff(db, settings)
        async with db.read() as connection:
            now_ms = await shop_now_ms(connection, settings)
        staff = as_ or acting_staff(settings)
        if not yes:
            traces = await preview_erasure(db, staff, person, Door.CLI, now_ms)
            document = {"person": traces.who.entry, "rows": dict(traces.rows), "dry_run": True}
            text = say("privacy.erase.would", person=traces.who.entry, rows=_counted(traces.rows))
        else:
            erased = await erase_person(db, staff, person, Door.CLI, now_ms)
            document = {
                "person": erased.person, "rows": dict(erased.rows), "overwritten": erased.overwritten, "dry_run": False,
            }  # fmt: skip
            key = "privacy.erased" if erased.overwritten else "privacy.erased.leftovers"
            text = say(key, person=erased.person, rows=_counted(erased.rows))
    terminal.show(document, text)
    return ExitCode.OK


def _counted(rows: Any) -> str:
    return "\n".join(f"  {say(f'privacy.part.{name}')}  {count}" for name, count in rows.items())
