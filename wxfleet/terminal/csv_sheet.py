"""Tables that we write beside somebody's files: whole or not at all, and harmless where they are opened."""

import csv
import os
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from texts.os_words import os_reason

_FORMULA = ("=", "+", "-", "@")
_BREAKS = ("\t", "\r", "\n")
_NO_INK = {"Cc", "Cf", "Zl", "Zp", "Zs"}
"""Categories of blanks and of signs that nobody sees: a spreadsheet may skip them."""


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


def write_sheet(place: Path, lines: Iterable[Sequence[str | int]], widths: Sequence[int]) -> None:
    """As XLSX; what looks like a formula or a link stays the text it is. `widths`: of the columns. Raises OSError."""
    import xlsxwriter  # only where somebody wants it: it takes a while to load
    from xlsxwriter.exceptions import FileCreateError

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    place.touch()  # where nothing can be written, the library would leave its own files open
    try:
        with xlsxwriter.Workbook(place, options) as book:
            sheet = book.add_worksheet()
            for column, width in enumerate(widths):
                sheet.set_column(column, column, width)
            for number, line in enumerate(lines):
                sheet.write_row(number, 0, line)
    except FileCreateError as error:
        raise error.args[0] from error


def _harmless(cell: str | int) -> str | int:
    """What somebody wrote must not become a formula where the sheet is opened."""
    return f"'{cell}" if isinstance(cell, str) and _may_be_a_formula(cell) else cell


def _may_be_a_formula(text: str) -> bool:
    """Full-width signs count as their narrow ones: with a Chinese keyboard Excel reads them so."""
    first = next((sign for sign in text if unicodedata.category(sign) not in _NO_INK), "")
    return text.startswith(_BREAKS) or unicodedata.normalize("NFKC", first).startswith(_FORMULA)
