"""`wxfleet worker`: one of several processes on PostgreSQL."""

from typing import Annotated

import typer

from texts.catalogue import say
from wxfleet.reading.settings import examine_strictly
from wxfleet.running import logs
from wxfleet.running.lock import place_of_its_own
from wxfleet.running.screen import Screen, summary_text
from wxfleet.running.service import data_folder
from wxfleet.running.worker import SharingWorker, require_shareable
from wxfleet.terminal.terminal import Terminal, command
from wxfleet.verbs.fleet import span_s


def add_to(app: typer.Typer) -> None:
    """Put this command into the command line."""
    command(app, "worker", "cli.worker")(worker)


async def worker(
    terminal: Terminal,
    for_: Annotated[str | None, typer.Option("--for", help=say("cli.run.for"), metavar="60s")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help=say("cli.run.quiet"))] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help=say("cli.run.verbose"))] = False,
) -> None:
    wall_s = None if for_ is None else span_s(for_)
    examination = examine_strictly(terminal.config, terminal.home)
    settings = examination.settings
    assert settings is not None  # noqa: S101  # examine_strictly raises otherwise
    require_shareable(settings)
    folder = data_folder(settings)
    with place_of_its_own(folder, "worker") as number:  # several on one machine turn over a log each
        name = f"worker-{number}.log"
        logs.set_up(folder, verbose=verbose, secrets=settings.secrets(), config=settings.log, name=name)
        document = await SharingWorker(examination, Screen(settings, examination.book, quiet=quiet)).run(wall_s)
    done = say("worker.done", id=document["worker"])
    terminal.show(document, f"{summary_text(document)}\n{done}")
