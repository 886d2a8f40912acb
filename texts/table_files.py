"""The files that somebody meant: some of them, or a folder with all of them."""

from collections.abc import Iterable
from pathlib import Path

from texts.table_kinds import problem

_ENDINGS = frozenset({".csv", ".txt", ".tsv", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"})
REPORT_MARK = ".没导入的行"
"""Stands in the names of reports that we write beside somebody's files: `orders.没导入的行.csv`."""


def tables_in(paths: Iterable[Path]) -> list[Path]:
    """The files themselves, and of a folder every table in it by name, each once.

    Hidden files, those that Excel has open and our own reports are left out. Raises TableUnreadable for a folder
    without tables.
    """
    found: list[Path] = []
    for path in paths:
        inside = sorted(file for file in path.iterdir() if _is_table(file)) if path.is_dir() else [path]
        if not inside:
            raise problem("no_tables", path)
        found += inside
    return list(dict.fromkeys(found))


def _is_table(file: Path) -> bool:
    if file.name.startswith((".", "~$")) or REPORT_MARK in file.name:
        return False
    return file.suffix.lower() in _ENDINGS and file.is_file()
