"""What happened in the world, one JSON line each: enough to build it again after a restart."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from simulator.errors import JournalUnusable

Entry = dict[str, Any]
"""One thing that happened. `do` names it; times are epoch milliseconds."""


class Journal:
    """An append-only file. A line is on its way to the disk before the world moves on; a torn last line is dropped."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: TextIO | None = None

    def read(self) -> Iterator[Entry]:
        """Everything written so far. Raises JournalUnusable for a file that is something else."""
        if not self.path.exists():
            return
        with self.path.open(encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(lines, 1):
                if not line.endswith("\n"):
                    return  # the process died while it wrote this one
                yield self._entry(line, number)

    def open(self) -> None:
        """Make ready for writing, behind the last whole line."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _cut_torn_line(self.path)
            self._file = self.path.open("a", encoding="utf-8", buffering=1, newline="\n")
        except OSError as error:
            raise JournalUnusable(f"{self.path}: {error}") from error

    def write(self, entry: Entry) -> None:
        if self._file is None:
            raise JournalUnusable(f"{self.path}: the journal is not open")
        self._file.write(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _entry(self, line: str, number: int) -> Entry:
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise JournalUnusable(f"{self.path}:{number}: this is not a line of a simulator journal") from error
        if not isinstance(entry, dict) or "do" not in entry:
            raise JournalUnusable(f"{self.path}:{number}: this is not a line of a simulator journal")
        return entry


def _cut_torn_line(path: Path) -> None:
    """A last line without its end would swallow the next one."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        step = 4096
        while size:
            start = max(0, size - step)
            file.seek(start)
            end = file.read(size - start).rfind(b"\n")
            if end >= 0:
                file.truncate(start + end + 1)
                return
            size = start
        file.truncate(0)
