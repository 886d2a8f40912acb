"""How long the sheets of a workbook are, counted before it is loaded: a large one would fill the memory."""

import zipfile
from pathlib import Path

from texts.table_kinds import problem

MAX_ROWS = 100_000
"""Rows of data in a sheet (ours): 24 columns of that many are 260 MB in memory."""
_ABOVE = 50  # titles and the header
_MAX_UNPACKED = 1 << 30  # bytes; a sheet of 100,000 rows unpacks to some 100 MB
_CHUNK = 1 << 20
_SHEETS = {"xl/worksheets/": b"<row", "content.xml": b"<table:table-row"}


def require_not_too_long(path: Path) -> None:
    """Raises TableUnreadable for a workbook with a sheet that we can't hold. An XLS can't have so many rows."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > _MAX_UNPACKED:
                raise problem("too_long", path, rows=f"{MAX_ROWS:,}")
            for part in archive.infolist():
                mark = next((mark for name, mark in _SHEETS.items() if part.filename.startswith(name)), None)
                if mark and _count(archive, part, mark) > MAX_ROWS + _ABOVE:
                    raise problem("too_long", path, rows=f"{MAX_ROWS:,}")
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise problem("damaged", path, error=str(error) or type(error).__name__) from error


def _count(archive: zipfile.ZipFile, part: zipfile.ZipInfo, mark: bytes) -> int:
    """How often `mark` stands in the part; no further than what is too often."""
    found, tail = 0, b""
    with archive.open(part) as file:
        while found <= MAX_ROWS + _ABOVE and (chunk := file.read(_CHUNK)):
            block = tail + chunk
            found += block.count(mark)
            tail = block[-(len(mark) - 1) :]
    return found
