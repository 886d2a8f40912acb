"""Commands about files: init, check, schema; and the personas."""

from pathlib import Path
from typing import Annotated

import typer

from texts.catalogue import say
from texts.problem import ExitCode
from wxfleet.reading.check import as_document, errors_in, everything_about, overridden_lines, verdict
from wxfleet.reading.pool_notes import pool_notes
from wxfleet.reading.schema import write_schemas
from wxfleet.reading.settings import examine, require_config
from wxfleet.terminal.init import Stage, start
from wxfleet.terminal.terminal import Terminal, command
from wxfleet.verbs import personas


def add_to(app: typer.Typer) -> None:
    """Put these commands into the command line."""
    command(app, "init", "cli.init")(init)
    command(app, "check", "cli.check")(check_)
    command(app, "schema", "cli.schema")(schema)
    personas.add_to(app)


def init(
    terminal: Terminal,
    folder: Annotated[Path, typer.Argument(help=say("cli.init.folder"))] = Path(),
    stage: Annotated[Stage, typer.Option("--stage", help=say("cli.init.stage"))] = Stage.MATRIX,
) -> None:
    started = start(folder, stage)
    document = {"folder": str(started.folder), "files": [str(path) for path in started.files]}
    terminal.show(document, started.next_steps)


async def check_(terminal: Terminal) -> int:
    require_config(terminal.config)
    examination = examine(terminal.config, terminal.home)
    mistakes = sorted({*everything_about(examination), *await pool_notes(examination)})
    lines = [*overridden_lines(examination.overridden), *(str(mistake) for mistake in mistakes)]
    if errors_in(mistakes) and not terminal.json:
        for line in (*lines, verdict(mistakes)):
            terminal.note(line)
    else:
        terminal.show(as_document(mistakes, examination.overridden), "\n".join([*lines, verdict(mistakes)]))
        if examination.ladder is not None and examination.ladder.discounted():
            terminal.note(examination.ladder.reminder())
    return ExitCode.CONFIGURATION_INVALID if errors_in(mistakes) else ExitCode.OK


def schema(terminal: Terminal) -> None:
    written = write_schemas(terminal.home or terminal.config.parent)
    terminal.show([str(path) for path in written], "\n".join(str(path) for path in written))
