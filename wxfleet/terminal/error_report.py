"""Rows that were not imported, as a table beside the input: which, where and why."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from customers.imports.import_result import RowError
from texts.catalogue import say
from texts.masking import masked
from texts.problem import ExitCode, Problem
from texts.table_files import REPORT_MARK
from wxfleet.terminal.csv_sheet import put_in_place, write_csv, write_sheet

_WIDTHS = (28, 9, 18, 80)


class ReportFormat(Problem):
    """A report that is neither CSV nor XLSX."""

    exit_code = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__(say("imports.report_format"), hint=say("imports.report_format.hint"))


def report_place(given: Path | None, first: Path) -> Path:
    """Where the report goes: where it was asked for, else beside the first file. Raises ReportFormat."""
    if given is not None:
        if given.suffix.lower() not in (".csv", ".xlsx"):
            raise ReportFormat
        return given
    return first.with_name(f"{first.stem}{REPORT_MARK}.csv")


def write_report(place: Path, errors: Sequence[RowError]) -> str:
    """Write the report, CSV with the mark by which Excel knows UTF-8, or XLSX. Returns why not, '' when it is there."""
    if place.suffix.lower() == ".xlsx":
        return put_in_place(place, lambda part: write_sheet(part, _lines(errors), _WIDTHS))
    return put_in_place(place, lambda part: write_csv(part, _lines(errors)))


def _lines(errors: Sequence[RowError]) -> Iterator[tuple[str, int | str, str, str]]:
    yield tuple(say(f"imports.col.{name}") for name in ("file", "row", "column", "reason"))  # type: ignore[misc]
    for error in errors:
        yield error.file, error.row, error.column, masked(error.reason)
