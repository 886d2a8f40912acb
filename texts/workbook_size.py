"""How large the sheets of a workbook are, seen before it is loaded: a large one would fill the memory.

A sheet is held as the rectangle around all its cells, so one forgotten cell far out makes it as large as its address.
"""

import re
import zipfile
from pathlib import Path

from texts.table_kinds import problem

MAX_ROWS = 100_000
"""Rows of data in a sheet (ours): 24 columns of that many are 260 MB in memory."""
MAX_CELLS = 10_000_000
"""Of the rectangle (ours): some 300 MB. More is a forgotten cell."""
_ABOVE = 50  # titles and the header
_MAX_UNPACKED = 400 << 20  # bytes; a sheet of 100,000 rows unpacks to some 100 MB
_CHUNK = 1 << 20
_OVERLAP = 200  # bytes; the begin of a cell's element is shorter
_ROWS = {"xl/": re.compile(rb"<(?:\w+:)?row[\s>/]"), "content.xml": re.compile(rb"<table:table-row[\s>/]")}
_FAR_CELL = re.compile(rb'<(?:\w+:)?c\s[^>]*?\br="([A-Z]{2,3}\d{1,7}|[A-Z]\d{5,7})"[^>/]*>\s*<(?:\w+:)?(?:v|is|f)\b')
"""A cell with something in it beyond column Z or below row 9,999."""


def require_not_too_long(path: Path) -> None:
    """Raises TableUnreadable for a workbook with a sheet that we can't hold. An XLS can't have so many rows."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > _MAX_UNPACKED:
                raise problem("too_long", path, rows=f"{MAX_ROWS:,}")
            for part in archive.infolist():
                row = next((row for name, row in _ROWS.items() if part.filename.startswith(name)), None)
                if row and part.filename.endswith(".xml"):
                    _require_fitting(path, archive, part, row)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise problem("damaged", path, error=str(error) or type(error).__name__) from error


def _require_fitting(path: Path, archive: zipfile.ZipFile, part: zipfile.ZipInfo, row: re.Pattern[bytes]) -> None:
    rows = width = height = 0
    tail = b""
    with archive.open(part) as file:
        while chunk := file.read(_CHUNK):
            block = tail + chunk
            rows += sum(1 for found in row.finditer(block) if found.end() > len(tail))
            if rows > MAX_ROWS + _ABOVE:
                raise problem("too_long", path, rows=f"{MAX_ROWS:,}")
            for address in _FAR_CELL.findall(block):
                across, down = _place(address)
                width, height = max(width, across), max(height, down)
                if max(width, 26) * max(height, rows) > MAX_CELLS:
                    raise problem("too_far", path, cell=address.decode())
            tail = block[-_OVERLAP:]


def _place(address: bytes) -> tuple[int, int]:
    """Column and row of an address like `AB12`, both from 1."""
    letters = address.rstrip(b"0123456789")
    across = 0
    for letter in letters:
        across = across * 26 + letter - ord("A") + 1
    return across, int(address[len(letters) :])
