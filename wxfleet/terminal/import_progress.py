"""How far an import is, on stderr."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from customers.imports.import_result import OnProgress
from texts.catalogue import say
from wxfleet.plain_console import PlainConsole, harmless


@contextmanager
def import_progress(*, quiet: bool) -> Iterator[OnProgress]:
    """A bar while somebody watches; nothing for a script."""
    if quiet or not sys.stderr.isatty():
        yield lambda file, done, rows: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=PlainConsole(stderr=True), transient=True) as bar:
        task = bar.add_task(say("imports.reading"), total=1.0)

        def show(file: str, done: float, rows: int) -> None:
            words = f"{say('imports.reading')} {harmless(PurePath(file).name)}  {rows:,}"
            bar.update(task, completed=done, description=words if file else say("imports.counting"))

        yield show
