"""`wxfleet staff log`: who asked for what, by which door, and what came of it."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from commands.catalogue import COMMANDS
from operations.audit import Outcome
from operations.log_book import MOST, Entry, log_book
from rules.pacing import DAY_MS
from rules.quiet_hours import local
from texts.catalogue import say
from wxfleet.reading.settings import Settings
from wxfleet.terminal.terminal import Terminal, command, table

Now = Callable[[AsyncConnection, Settings], Awaitable[int]]
"""What time it is in the shop, epoch ms."""


def add_to(staff: typer.Typer, now: Now) -> None:
    """Put this command among those about staff."""

    async def staff_log(
        terminal: Terminal,
        who: Annotated[str, typer.Argument(help=say("cli.staff.log.who"))] = "",
        days: Annotated[int, typer.Option("--days", min=1, max=3660, help=say("cli.staff.log.days"))] = 7,
        refused: Annotated[bool, typer.Option("--refused", help=say("cli.staff.log.refused"))] = False,
        most: Annotated[int, typer.Option("--most", min=1, max=MOST, help=say("cli.staff.log.most"))] = 50,
    ) -> None:
        settings = terminal.settings(strict=False)
        async with terminal.database(settings) as db, db.read() as connection:
            since_ms = await now(connection, settings) - days * DAY_MS
            entries = await log_book(connection, since_ms=since_ms, staff=who, refused=refused, most=most)
        shown = _table(entries, settings.shop.time_zone) if entries else say("cli.staff.log.empty", days=days)
        terminal.show([entry.as_json() for entry in entries], shown)

    command(staff, "log", "cli.staff.log")(staff_log)


def _table(entries: list[Entry], zone: str) -> Table:
    shown = table(
        say("cli.col.when"), say("cli.col.name"), say("cli.col.door"), say("cli.col.command"), say("cli.col.given"),
        say("cli.col.outcome"), say("cli.col.detail"),
    )  # fmt: skip
    for entry in entries:
        why = entry.detail.partition("\n")[0] if entry.outcome in (Outcome.REFUSED, Outcome.FAILED) else ""
        shown.add_row(
            f"{local(entry.at_ms, zone):%m-%d %H:%M}", entry.name or entry.staff, say(f"cli.door.{entry.door}"),
            _NAMES.get(entry.verb, entry.verb), entry.words(zone) or "—", say(_OUTCOMES[entry.outcome]), why or "—",
        )  # fmt: skip
    return shown


_OUTCOMES = {
    Outcome.DONE: "cli.staff.log.done",
    Outcome.SAME: "cli.staff.log.same",
    Outcome.ASKED: "cli.staff.log.asked",
    Outcome.REFUSED: "cli.staff.log.outcome_refused",
    Outcome.FAILED: "cli.staff.log.failed",
}
_NAMES = {command.verb.value: f"/{command.names[0]}" for command in reversed(COMMANDS)}
