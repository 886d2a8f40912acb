"""`wxfleet materials …` and `wxfleet moments post`: the photo library, and a post that somebody thinks of now."""

from typing import Annotated

import typer

from commands.errors import NotUnderstood
from commands.times import time_of
from operations.asking import Reply
from operations.requests.posts import Materials, Moment
from rules.roles import PostKind
from texts.catalogue import say
from texts.problem import ExitCode
from wxfleet.running.shop_now import shop_now_ms
from wxfleet.terminal.acting import asked
from wxfleet.terminal.terminal import Terminal, command

Number = Annotated[int, typer.Argument(help=say("cli.materials.number"), min=1)]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the command line."""
    materials = typer.Typer(help=say("cli.materials"), no_args_is_help=True)
    for name, function in (
        ("list", list_), ("show", show), ("add", add), ("ask", ask), ("agreed", agreed), ("refused", refused),
        ("remove", remove),
    ):  # fmt: skip
        command(materials, name, f"cli.materials.{name}")(function)
    app.add_typer(materials, name="materials")


async def list_(terminal: Terminal) -> int:
    return _told(terminal, await asked(terminal, Materials()))


async def show(terminal: Terminal, number: Number) -> int:
    return _told(terminal, await asked(terminal, Materials(act="show", number=number)))


async def add(terminal: Terminal, who: Annotated[str, typer.Argument(help=say("cli.materials.who"))]) -> int:
    return _told(terminal, await asked(terminal, Materials(act="add", who=who)))


async def ask(terminal: Terminal, number: Number) -> int:
    return _told(terminal, await asked(terminal, Materials(act="ask", number=number)))


async def agreed(terminal: Terminal, number: Number) -> int:
    return _told(terminal, await asked(terminal, Materials(act="given", number=number)))


async def refused(terminal: Terminal, number: Number) -> int:
    return _told(terminal, await asked(terminal, Materials(act="refused", number=number)))


async def remove(terminal: Terminal, number: Number) -> int:
    return _told(terminal, await asked(terminal, Materials(act="remove", number=number)))


async def post(
    terminal: Terminal,
    text: Annotated[str, typer.Argument(help=say("cli.moments.post.text"))],
    account: Annotated[str, typer.Option("--account", help=say("cli.moments.post.account"))] = "",
    at: Annotated[str, typer.Option("--at", help=say("cli.moments.post.at"))] = "",
    kind: Annotated[PostKind | None, typer.Option("--kind", help=say("cli.moments.post.kind"))] = None,
    picture: Annotated[list[str] | None, typer.Option("--picture", help=say("cli.moments.post.picture"))] = None,
    material: Annotated[list[int] | None, typer.Option("--material", help=say("cli.moments.post.material"))] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help=say("cli.yes_option"))] = False,
) -> int:
    wish = Moment(
        text=text, account=account, kind=kind.value if kind else "", at_ms=await _moment(terminal, at),
        media=tuple(picture or ()), materials=tuple(material or ()),
    )  # fmt: skip
    return _told(terminal, await asked(terminal, wish, confirmed=yes))


async def _moment(terminal: Terminal, written: str) -> int:
    """Epoch ms of what was written; 0 for now. Raises NotUnderstood."""
    if not written:
        return 0
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.read() as connection:
        now_ms = await shop_now_ms(connection, settings)
    at_ms = time_of(written, now_ms, settings.shop.time_zone)
    if at_ms is None:
        raise NotUnderstood(say("commands.moment_at", text=written), hint=say("commands.moment_at.hint"))
    return at_ms


def _told(terminal: Terminal, reply: Reply) -> int:
    terminal.show(reply.as_json(), reply.text)
    return ExitCode.OK if reply.ok else reply.exit_code
