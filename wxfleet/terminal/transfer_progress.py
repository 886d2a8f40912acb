"""How far a copy of the database is, on stderr."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from storage.row_copy import Progress as OnProgress
from texts.catalogue import say
from wxfleet.plain_console import PlainConsole


@contextmanager
def transfer_progress(*, quiet: bool, total: int | None = None) -> Iterator[OnProgress]:
    """A bar while somebody watches; nothing for a script. `total`: how many rows it will be, read back included."""
    if quiet or not sys.stderr.isatty():
        yield lambda table, rows: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=PlainConsole(stderr=True), transient=True) as bar:
        task = bar.add_task(say("database.copying"), total=total, visible=total is not None)

        def show(table: str, rows: int) -> None:
            bar.update(task, advance=rows, description=f"{say('database.copying')} {table}", visible=True)

        yield show
