"""Tables that we write beside somebody's files: whole or not at all, and harmless where they are opened."""

import csv
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from texts.os_words import os_reason

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def put_in_place(place: Path, write: Callable[[Path], None]) -> str:
    """Let `write` make the file beside its place and move it there. Returns why not, '' when it is there."""
    part = place.with_name(f".{place.name}.part")
    try:
        write(part)
        os.replace(part, place)
    except OSError as error:
        part.unlink(missing_ok=True)
        return os_reason(error)
    return ""


def write_csv(place: Path, lines: Iterable[Sequence[str | int]]) -> None:
    """With the mark by which Excel knows UTF-8. Raises OSError."""
    with place.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([_harmless(cell) for cell in line] for line in lines)


def _harmless(cell: str | int) -> str | int:
    """What somebody wrote must not become a formula where the sheet is opened."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
