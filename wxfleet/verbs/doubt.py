"""Commands about messages that may or may not have arrived: doubt list, doubt resolve."""

from typing import Annotated

import typer

from operations.asking import Reply
from operations.requests.pushes import Doubt, ResolveDoubt
from storage.doubts import Ending
from texts.catalogue import say
from texts.problem import ExitCode
from wxfleet.terminal.acting import asked
from wxfleet.terminal.terminal import Terminal, command

AccountOption = Annotated[str, typer.Option("--account", help=say("cli.doubt.account"))]
CampaignOption = Annotated[str, typer.Option("--campaign", help=say("cli.doubt.campaign"))]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the command line."""
    doubt = typer.Typer(help=say("cli.doubt"), no_args_is_help=True)
    command(doubt, "list", "cli.doubt.list")(doubt_list)
    command(doubt, "resolve", "cli.doubt.resolve")(doubt_resolve)
    app.add_typer(doubt, name="doubt")


async def doubt_list(terminal: Terminal, account: AccountOption = "", campaign: CampaignOption = "") -> int:
    reply = await asked(terminal, Doubt(account=account, campaign=campaign))
    if reply.ok and terminal.json:
        terminal.show(reply.data, "")
        return ExitCode.OK
    return _told(terminal, reply)


async def doubt_resolve(
    terminal: Terminal,
    as_: Annotated[Ending, typer.Option("--as", help=say("cli.doubt.as"))],
    account: AccountOption = "",
    campaign: CampaignOption = "",
    ids: Annotated[list[int] | None, typer.Option("--id", help=say("cli.doubt.id"))] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help=say("cli.doubt.yes"))] = False,
) -> int:
    wish = ResolveDoubt(ending=as_.value, account=account, campaign=campaign, ids=tuple(ids or ()))
    return _told(terminal, await asked(terminal, wish, confirmed=yes))


def _told(terminal: Terminal, reply: Reply) -> int:
    if not reply.ok and not terminal.json:
        terminal.note(reply.text)
        return reply.exit_code
    terminal.show(reply.as_json(), reply.text)
    return ExitCode.OK if reply.ok else reply.exit_code
