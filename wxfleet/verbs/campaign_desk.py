"""`wxfleet campaigns …`: which there are, how one stands, who came, an override."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from operations.errors import NotFound
from operations.requests.pushes import Came, Cancel, Override, Push
from reports.campaigns import progress
from rules.quiet_hours import local
from scheduler.campaigns.series import running
from storage.campaign_tables import CAMPAIGN
from texts.catalogue import say
from texts.problem import ExitCode
from wxfleet.reading.settings import Settings
from wxfleet.terminal.acting import asked
from wxfleet.terminal.terminal import Terminal, command, table
from wxfleet.verbs import campaigns
from wxfleet.verbs.campaign_arrivals import arrivals_part
from wxfleet.verbs.campaign_draw import campaigns_draw, kind_part
from wxfleet.verbs.campaign_new import campaigns_new

Part = Callable[[AsyncConnection, dict[str, Any], Settings], Awaitable[tuple[dict[str, Any], list[str]]]]
"""More of one campaign for `show`, by its row: what goes into the document, and the lines for people."""
PARTS: tuple[Part, ...] = (kind_part, arrivals_part)
"""What the kinds of campaigns have to say beside their phases, in this order."""


def add_to(app: typer.Typer) -> None:
    """Put these commands into the command line."""
    family = typer.Typer(help=say("cli.campaigns"), no_args_is_help=True)
    for name, function in (
        ("list", campaigns_list), ("new", campaigns_new), ("show", campaigns_show), ("came", campaigns_came),
        ("override", campaigns_override), ("start", campaigns_start), ("stop", campaigns_stop),
        ("draw", campaigns_draw),
    ):  # fmt: skip
        command(family, name, f"cli.campaigns.{name}")(function)
    app.add_typer(family, name="campaigns")


async def campaigns_list(terminal: Terminal) -> None:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.read() as connection:
        rows = [row for row in await progress(connection) if row["kind"] == CAMPAIGN]
        coming = {row.name: row.next_ms for row in await running(connection)}
    held = {row["name"] for row in rows}
    files = [file for name, file in campaigns.campaign_files(settings).items() if name not in held]
    shown = table("#", say("cli.col.name"), say("cli.col.title"), say("cli.col.state"), say("cli.col.sent"),
                  say("cli.col.pending"))  # fmt: skip
    for row in rows:
        state = say(f"cli.push.state.{row['state']}")
        shown.add_row(str(row["id"]), row["name"], row["title"], state, *_sent(row))
    for file in files:
        shown.add_row("", file.name, file.title, say("cli.campaigns.only_file"), "", "")
    for name, next_ms in coming.items():
        at = f"{local(next_ms, settings.shop.time_zone):%m-%d %H:%M}"
        terminal.note(say("operations.series.line", name=name, at=at))
    only_files = ({"id": None, "name": file.name, "title": file.title, "state": None} for file in files)
    document = [{**row, "next_ms": coming.get(row["name"])} for row in (*rows, *only_files)]
    terminal.show(document, shown if document else say("cli.campaigns.none"))


def _sent(row: dict[str, Any]) -> tuple[str, str]:
    return str(row["counts"]["accepted"]), str(row["counts"]["pending"])


async def campaigns_show(
    terminal: Terminal, name: Annotated[str, typer.Argument(help=say("cli.campaigns.name"))]
) -> None:
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.read() as connection:
        row = await _named(connection, name)
        found = await campaigns.progress_of(connection, row["id"])
        lines = await campaigns.progress_lines(connection, found, settings.shop.time_zone, row["id"])
        for part in PARTS:
            document, more = await part(connection, row, settings)
            found |= document
            lines += more
    head = [say("cli.push.changed", title=row["title"], state=say(f"cli.push.state.{row['state']}"))]
    head.append(say("screen.sum.pushes", **{**row["counts"], "skipped": sum(row["skipped"].values())}))
    head += campaigns.why_lines(row)
    terminal.show(row | found, "\n".join([*head, *lines]))


async def _named(connection: AsyncConnection, word: str) -> dict[str, Any]:
    """The newest campaign of that number, name or title. Raises NotFound."""
    for row in await progress(connection):
        if row["kind"] == CAMPAIGN and word in (str(row["id"]), row["name"], row["title"]):
            return row
    raise NotFound(say("operations.no_campaign", campaign=word), hint=say("cli.campaigns.no_such.hint"))


async def campaigns_start(
    terminal: Terminal,
    name: Annotated[str, typer.Argument(help=say("cli.campaigns.name"))],
    yes: Annotated[bool, typer.Option("--yes", "-y", help=say("cli.yes_option"))] = False,
) -> int:
    reply = await asked(terminal, Push(push=name), confirmed=yes)
    terminal.show(reply.as_json(), reply.text)
    return ExitCode.OK if reply.ok else reply.exit_code


async def campaigns_stop(
    terminal: Terminal, name: Annotated[str, typer.Argument(help=say("cli.campaigns.name"))]
) -> int:
    reply = await asked(terminal, Cancel(push=name))
    terminal.show(reply.as_json(), reply.text)
    return ExitCode.OK if reply.ok else reply.exit_code


async def campaigns_came(
    terminal: Terminal,
    name: Annotated[str, typer.Argument(help=say("cli.campaigns.name"))],
    who: Annotated[str, typer.Argument(help=say("cli.campaigns.who"))],
    stayed_away: Annotated[bool, typer.Option("--not", help=say("cli.campaigns.stayed_away"))] = False,
) -> int:
    reply = await asked(terminal, Came(campaign=name, who=who, came=not stayed_away))
    terminal.show(reply.as_json(), reply.text)
    return ExitCode.OK if reply.ok else reply.exit_code


async def campaigns_override(
    terminal: Terminal,
    name: Annotated[str, typer.Argument(help=say("cli.campaigns.name"))],
    reason: Annotated[str, typer.Argument(help=say("cli.campaigns.reason"))],
    yes: Annotated[bool, typer.Option("--yes", "-y", help=say("cli.yes_option"))] = False,
) -> int:
    reply = await asked(terminal, Override(campaign=name, reason=reason), confirmed=yes)
    terminal.show(reply.as_json(), reply.text)
    return ExitCode.OK if reply.ok else reply.exit_code
