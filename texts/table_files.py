"""The files that somebody meant: some of them, or folders with all that lies in them."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from texts.catalogue import say
from texts.file_text import shown_path
from texts.problem import Problem
from texts.table_kinds import problem

_ENDINGS = frozenset({".csv", ".txt", ".tsv", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"})
_NOTES = ".txt"
_T = TypeVar("_T")
REPORT_MARK = ".没导入的行"
"""Stands in the names of reports that we write beside somebody's files: `orders.没导入的行.csv`."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something in a folder that is not read. `doubtful`: by its name it may have been meant."""

    file: str
    reason: str
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """`files` are to be read; those `optional` came out of a folder, where other things may lie, too."""

    files: tuple[Path, ...]
    optional: frozenset[Path]
    left_out: tuple[LeftOut, ...]


def tables_in(paths: Iterable[Path]) -> Chosen:
    """The files themselves, and of a folder every table in it by name, each once.

    What else lies in a folder is told, but for our own reports. Raises TableUnreadable for a folder without tables.
    """
    paths = list(paths)
    named = {path for path in paths if not path.is_dir()}
    files: list[Path] = []
    left_out: list[LeftOut] = []
    for path in paths:
        if path in named:
            files.append(path)
            continue
        inside = sorted(file for file in path.iterdir() if REPORT_MARK not in file.name)
        why_not = {file: _why_not(file) for file in inside}
        tables = [file for file in inside if not why_not[file]]
        if not tables:
            raise problem("no_tables", path)
        files += tables
        left_out += [LeftOut(shown_path(file), say(f"texts.left_out.{why}")) for file, why in why_not.items() if why]
    files = list(dict.fromkeys(files))
    return Chosen(tuple(files), frozenset(files) - named, tuple(dict.fromkeys(left_out)))


def _why_not(file: Path) -> str:
    """Why this is no table, by its name; '' when it may be one."""
    if file.name.startswith("~$"):
        return "lock"
    if file.name.startswith("."):
        return "hidden"
    if file.is_dir():
        return "folder"
    return "" if file.suffix.lower() in _ENDINGS and file.is_file() else "kind"


def opened(
    files: Sequence[Path], open_one: Callable[[Path], _T], optional: Collection[Path]
) -> tuple[list[tuple[Path, _T]], list[LeftOut]]:
    """Open these; of those `optional`, what turns out to be something else is left out with the reason.

    Raises what `open_one` raises when a file was named, or nothing is left.
    """
    found: list[tuple[Path, _T]] = []
    left_out: list[LeftOut] = []
    first: Problem | None = None
    for file in files:
        try:
            found.append((file, open_one(file)))
        except Problem as refused:
            if file not in optional:
                raise
            first = first or refused
            name = shown_path(file)
            reason = refused.message.removeprefix(name).strip()  # the sentence begins with the file
            left_out.append(LeftOut(name, reason, file.suffix.lower() != _NOTES))
    if first is not None and not found:
        raise first
    return found, left_out
