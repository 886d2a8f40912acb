"""Tables that people export: CSV in whatever encoding, XLSX, XLS, ODS. Rows come with their number in the sheet."""

import csv
import datetime as dt
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import python_calamine as calamine

from texts.errors import TableUnreadable
from texts.file_text import shown_path
from texts.table_kinds import FileKind, encoding_of, kind_of, problem

Cell = str | float | None
"""Text without the blanks around it; a number as the spreadsheet holds it, rounded to 53 bits; None when empty."""

_HEADER_WITHIN = 50  # rows; above it stand titles and dates of the report
_FORMULA_TEXT = re.compile(r'="(.*)"', re.DOTALL)
_BLANKS = re.compile(r"[\s\u200b\ufeff]+")
_DELIMITERS = ",\t;"


@dataclass(frozen=True, slots=True)
class Row:
    """`number` is the row a spreadsheet program shows beside it, the first is 1."""

    number: int
    cells: dict[str, Cell]


@dataclass(frozen=True, slots=True)
class Table:
    """`headers` without any blanks, in the order of the file; `rows` can be read once."""

    file: str
    headers: tuple[str, ...]
    rows: Iterator[Row]


def read_table(path: Path, wanted_headers: set[str]) -> Table:
    """Open the table at `path` and find its header: the row with most of `wanted_headers`.

    Rows are read while they are taken; empty ones are left out. Raises TableUnreadable, also from `rows` when
    the file turns out to be damaged further down.
    """
    kind = kind_of(path)
    sheets = _csv_records(path) if kind is FileKind.TEXT else _sheets(path)
    for records in sheets:
        found = _header(records, wanted_headers)
        if found:
            headers, rest = found
            return Table(shown_path(path), tuple(dict.fromkeys(h for h in headers if h)), _rows(headers, rest))
    raise problem("no_header", path, wanted="、".join(sorted(wanted_headers)[:4]))


Record = tuple[int, Sequence[object]]


def _header(records: Iterator[Record], wanted: set[str]) -> tuple[list[str], Iterator[Record]] | None:
    """The header's names and the records below it; None when no row near the top looks like a header."""
    top = list(itertools.islice(records, _HEADER_WITHIN))
    names = {_BLANKS.sub("", name) for name in wanted}
    scored = [sum(_name(value) in names for value in values) for _, values in top]
    best = max(scored, default=0)
    if best < min(2, len(names)):
        return None
    at = scored.index(best)
    return [_name(value) for value in top[at][1]], itertools.chain(top[at + 1 :], records)


def _name(value: object) -> str:
    return _BLANKS.sub("", value) if isinstance(value, str) else ""


def _rows(headers: Sequence[str], records: Iterable[Record]) -> Iterator[Row]:
    for number, values in records:
        cells: dict[str, Cell] = {}
        for header, value in itertools.zip_longest(headers, values[: len(headers)]):
            if header and header not in cells:
                cells[header] = _cell(value)
        if any(cell is not None for cell in cells.values()):
            yield Row(number, cells)


def _cell(value: object) -> Cell:
    if value is None or isinstance(value, bool):
        return None if value is None else str(value).upper()
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    text = str(value).strip(" \t\r\n\u3000\xa0\u200b\ufeff")
    formula = _FORMULA_TEXT.fullmatch(text)
    return (formula[1].strip() if formula else text) or None


def _csv_records(path: Path) -> Iterator[Iterator[Record]]:
    encoding = encoding_of(path)
    yield _csv_rows(path, encoding, _delimiter(path, encoding))


def _csv_rows(path: Path, encoding: str, delimiter: str) -> Iterator[Record]:
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter)
        try:
            yield from enumerate(reader, 1)
        except csv.Error as error:
            raise problem("too_wide", path, line=reader.line_num) from error


def _delimiter(path: Path, encoding: str) -> str:
    """The character that stands most often in the first lines."""
    with path.open(encoding=encoding, newline="") as file:
        top = "".join(itertools.islice(file, 5))
    return max(_DELIMITERS, key=lambda delimiter: (top.count(delimiter), delimiter == ","))


def _sheets(path: Path) -> Iterator[Iterator[Record]]:
    try:
        with calamine.load_workbook(str(path)) as book:
            for name in book.sheet_names:
                yield enumerate(book.get_sheet_by_name(name).iter_rows(), 1)
    except (calamine.CalamineError, OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> TableUnreadable:
    return problem("damaged", path, error=str(error) or type(error).__name__)
