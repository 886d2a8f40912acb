"""The command `doctor`."""

from pathlib import Path
from typing import Annotated

import typer

from texts.catalogue import say
from texts.problem import ExitCode
from wxfleet.doctor.bundle import write_bundle
from wxfleet.doctor.doctor import as_document, as_text, diagnose
from wxfleet.terminal.terminal import Terminal, command


def add_to(app: typer.Typer) -> None:
    """Put this command into the command line."""
    command(app, "doctor", "doctor.help")(doctor)


async def doctor(
    terminal: Terminal,
    bundle: Annotated[Path | None, typer.Option("--bundle", help=say("doctor.bundle"), metavar="FILE")] = None,
) -> int:
    diagnosis = await diagnose(terminal.config, terminal.home)
    if bundle is not None:
        await write_bundle(bundle, terminal.config, diagnosis)
        terminal.note(say("doctor.bundled", file=bundle))
    terminal.show(as_document(diagnosis), as_text(diagnosis))
    return ExitCode.OK if diagnosis.well else ExitCode.FAILURE
