"""Commands about lessons: list, start, pause, resume."""

from typing import Annotated

import typer

from operations.requests.people import Lesson
from texts.catalogue import say
from texts.problem import ExitCode
from wxfleet.terminal.acting import asked
from wxfleet.terminal.terminal import Terminal, command

Who = Annotated[str, typer.Argument(help=say("lessons.who"))]
Sequence = Annotated[str, typer.Argument(help=say("lessons.sequence"))]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the command line."""
    group = typer.Typer(help=say("lessons.help"), no_args_is_help=True)
    for name, function in (("list", list_), ("start", start), ("pause", pause), ("resume", resume)):
        command(group, name, f"lessons.{name}")(function)
    app.add_typer(group, name="lessons")


async def list_(terminal: Terminal, who: Who = "") -> int:
    return await _ask(terminal, Lesson(who=who))


async def start(terminal: Terminal, who: Who, sequence: Sequence = "") -> int:
    return await _ask(terminal, Lesson(act="start", who=who, sequence=sequence))


async def pause(terminal: Terminal, who: Who, sequence: Sequence = "") -> int:
    return await _ask(terminal, Lesson(act="pause", who=who, sequence=sequence))


async def resume(terminal: Terminal, who: Who, sequence: Sequence = "") -> int:
    return await _ask(terminal, Lesson(act="resume", who=who, sequence=sequence))


async def _ask(terminal: Terminal, request: Lesson) -> int:
    reply = await asked(terminal, request)
    terminal.show(reply.as_json(), reply.text)
    return ExitCode.OK if reply.ok else reply.exit_code
