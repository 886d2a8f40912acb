"""Tables that people export: CSV in whatever encoding, XLSX, XLS, ODS. Rows come with their number in the sheet."""

import csv
import datetime as dt
import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import python_calamine as calamine

from texts.errors import TableUnreadable
from texts.file_text import shown_path
from texts.table_columns import Columns, places
from texts.table_kinds import FileKind, encoding_of, kind_of, problem
from texts.workbook_size import require_not_too_long

Cell = str | float | None
"""Text without the blanks around it; a number as the spreadsheet holds it, rounded to 53 bits; None when empty."""

_HEADER_WITHIN = 50  # rows; above it stand titles and dates of the report
_SAMPLE = 250  # rows
_INVISIBLE = ("\u200b", "\ufeff", "\0")
_EDGES = " \t\r\n\u3000\xa0" + "".join(_INVISIBLE)
_DELIMITERS = ",\t;"
_NO_WORDS: Mapping[str, str] = MappingProxyType({})

Record = tuple[int, Sequence[object]]


class Row(NamedTuple):
    """`number` is the row a spreadsheet program shows beside it, the first is 1. `cells` by our columns' names."""

    number: int
    cells: dict[str, Cell]


@dataclass(slots=True)
class Reading:
    """How far the reading of a table is: from 0 to 1."""

    done: float = 0.0


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose header was found.

    `headers` as they are written; `found`: our columns, each with its header; `sample`: its first rows.
    """

    file: str
    headers: tuple[str, ...]
    found: Mapping[str, str]
    sample: tuple[Row, ...]
    _places: Mapping[str, int]
    _begins: int  # the number of the header's row
    _records: Callable[[Reading], Iterator[Record]]
    reading: Reading = field(default_factory=Reading)

    def rows(self) -> Iterator[Row]:
        """All rows from the first one, empty ones left out; read while they are taken, as often as anybody likes.

        Raises TableUnreadable when the file turns out to be damaged further down.
        """
        below = (record for record in self._records(self.reading) if record[0] > self._begins)
        return _rows(self._places, below)


def read_table(path: Path, columns: Columns, mapping: Mapping[str, str] = _NO_WORDS) -> Table:
    """Open the table at `path` and find its header: the row with most of our `columns`, by any of their names.

    `mapping` is somebody's own word: {header in the file: our column}. Raises TableUnreadable.
    """
    sheets = _text_table(path) if kind_of(path) is FileKind.TEXT else _sheets(path)
    for sheet in sheets:
        top = list(itertools.islice(sheet(Reading()), _SAMPLE))
        scored = [places(values, columns, mapping) for _, values in top[:_HEADER_WITHIN]]
        best = max(scored, key=len, default={})
        if len(best) < min(2, len(columns)):
            continue
        at = scored.index(best)
        number, values = top[at]
        sample = tuple(_rows(best, top[at + 1 :]))
        headers = [value.strip(_EDGES) if isinstance(value, str) else "" for value in values]
        found = {column: headers[place] for column, place in best.items()}
        named = tuple(dict.fromkeys(header for header in headers if header))
        return Table(shown_path(path), named, found, sample, best, number, sheet)
    raise problem("no_header", path, wanted="、".join(list(columns)[:4]))


def _rows(where: Mapping[str, int], records: Iterable[Record]) -> Iterator[Row]:
    names = tuple(where)
    width = max(where.values()) + 1
    pick = itemgetter(*where.values()) if len(where) > 1 else None
    only = next(iter(where.values()))
    for number, values in records:
        if len(values) < width:
            values = [*values, *itertools.repeat(None, width - len(values))]
        cells = dict(zip(names, map(_cell, pick(values) if pick else (values[only],)), strict=True))
        if any(cells.values()):
            yield Row(number, cells)


def _cell(value: object) -> Cell:
    if isinstance(value, str):
        text = value.strip()
        if text[:1] in _INVISIBLE or text[-1:] in _INVISIBLE:
            text = text.strip(_EDGES)
        if text[:2] == '="' and text[-1:] == '"':
            text = text[2:-1].strip()
        return (text.replace("\0", "") if "\0" in text else text) or None
    return _typed(value)


def _typed(value: object) -> Cell:
    """What a spreadsheet holds with a type of its own."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return str(value)


Sheet = Callable[[Reading], Iterator[Record]]


def _text_table(path: Path) -> Iterator[Sheet]:
    encoding = encoding_of(path)
    delimiter = _delimiter(path, encoding)
    yield lambda reading: _csv_rows(path, encoding, delimiter, reading)


def _csv_rows(path: Path, encoding: str, delimiter: str, reading: Reading) -> Iterator[Record]:
    size = max(1, path.stat().st_size)
    with path.open("rb") as raw, io.TextIOWrapper(raw, encoding, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter)
        try:
            for number, values in enumerate(reader, 1):
                if not number & 0x3FF:
                    reading.done = raw.tell() / size
                yield number, values
        except csv.Error as error:
            raise problem("too_wide", path, line=reader.line_num) from error
        except OSError as error:
            raise _damaged(path, error) from error
    reading.done = 1.0


def _delimiter(path: Path, encoding: str) -> str:
    """The character that stands most often in the first lines."""
    with path.open(encoding=encoding, newline="") as file:
        top = "".join(itertools.islice(file, 5))
    return max(_DELIMITERS, key=lambda delimiter: (top.count(delimiter), delimiter == ","))


def _sheets(path: Path) -> Iterator[Sheet]:
    require_not_too_long(path)
    try:
        with calamine.load_workbook(str(path)) as book:
            names = book.sheet_names
    except (calamine.CalamineError, OSError, ValueError) as error:
        raise _damaged(path, error) from error
    for name in names:
        yield lambda reading, name=name: _sheet_rows(path, name, reading)  # type: ignore[misc]


def _sheet_rows(path: Path, name: str, reading: Reading) -> Iterator[Record]:
    try:
        with calamine.load_workbook(str(path)) as book:
            sheet = book.get_sheet_by_name(name)
            height = max(1, sheet.total_height)
            for number, values in enumerate(sheet.iter_rows(), 1):
                reading.done = number / height
                yield number, values
    except (calamine.CalamineError, OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> TableUnreadable:
    if isinstance(error, calamine.PasswordError):
        return problem("password", path)
    return problem("damaged", path, error=str(error) or type(error).__name__)
