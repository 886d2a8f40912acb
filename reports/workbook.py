"""A report as a workbook: the table as people read it, and a sheet that says what is counted and how."""

import os
from pathlib import Path
from typing import Any

from reports.cells import is_number
from reports.errors import CannotWrite
from reports.report import Cell, Report, header
from rules.quiet_hours import local
from texts.catalogue import say
from texts.masking import masked
from texts.os_words import os_reason
from texts.problem import ExitCode

_FORMATS = {"_fen": "#,##0.00", "_share": "0.0%", "_ms": "yyyy-mm-dd hh:mm", "_s": "#,##0"}
_NARROWEST, _WIDEST = 8, 40
_TABLE_ROW = 3
"""The title, the period, an empty line; then the headers."""


def write_workbook(place: Path, report: Report, now_ms: int) -> None:
    """Write `report`, made at `now_ms` (epoch ms), as XLSX to `place`, whole or not at all. Raises CannotWrite."""
    if place.suffix.lower() != ".xlsx":
        raise CannotWrite("not_xlsx", place, exit_code=ExitCode.USAGE)
    from xlsxwriter.exceptions import FileCreateError  # only where somebody wants a workbook: it takes a while to load

    part = place.with_name(f".{place.name}.part")
    try:
        _write(part, report, now_ms)
        os.replace(part, place)
    except FileCreateError as error:
        raise CannotWrite("cannot_write", place, os_reason(error.args[0])) from error
    except OSError as error:
        raise CannotWrite("cannot_write", place, os_reason(error)) from error
    finally:
        part.unlink(missing_ok=True)


def _write(place: Path, report: Report, now_ms: int) -> None:
    import xlsxwriter

    # Whatever begins with = + - @ or looks like a link stays the text it is.
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(str(place), options) as book:
        _table(book, report)
        _explanation(book, report, now_ms)


def _table(book: Any, report: Report) -> None:
    sheet = book.add_worksheet(say("reports.sheet.table"))
    bold = book.add_format({"bold": True})
    head = book.add_format({"bold": True, "bottom": 1, "bg_color": "#F2F2F2", "text_wrap": True, "valign": "top"})
    sheet.write_string(0, 0, report.title, book.add_format({"bold": True, "font_size": 14}))
    sheet.write_string(1, 0, str(report.period))
    formats = {ending: book.add_format({"num_format": form}) for ending, form in _FORMATS.items()}
    formats[""] = book.add_format({"num_format": "General"})
    for place, column in enumerate(report.columns):
        sheet.write_string(_TABLE_ROW, place, _headed(column), head)
        sheet.set_column(place, place, _width(column, report))
        for number, row in enumerate(report.rows, _TABLE_ROW + 1):
            _cell(sheet, number, place, column, row.get(column), formats, report.period.zone)
    last = _TABLE_ROW + len(report.rows)
    if report.rows:
        sheet.autofilter(_TABLE_ROW, 0, last, len(report.columns) - 1)
    sheet.freeze_panes(_TABLE_ROW + 1, 0)
    if report.totals:
        sheet.write_string(last + 2, 0, say("reports.sheet.totals"), bold)
    for number, (column, cell) in enumerate(report.totals.items(), last + 3):
        sheet.write_string(number, 0, _headed(column))
        _cell(sheet, number, 1, column, cell, formats, report.period.zone)


def _explanation(book: Any, report: Report, now_ms: int) -> None:
    sheet = book.add_worksheet(say("reports.sheet.explanation"))
    sheet.set_column(0, 0, 14)
    sheet.set_column(1, 1, 90, book.add_format({"text_wrap": True, "valign": "top"}))
    top = book.add_format({"bold": True, "valign": "top"})
    made = f"{local(now_ms, report.period.zone):%Y-%m-%d %H:%M}"
    lines = [
        (say("reports.sheet.report"), report.title),
        (say("reports.sheet.period"), f"{report.period} ({report.period.zone})"),
        (say("reports.sheet.definition"), report.definition),
        *((say("reports.sheet.remark"), remark) for remark in report.remarks),
        (say("reports.sheet.made"), made),
    ]
    for number, (name, words) in enumerate(lines):
        sheet.write_string(number, 0, name, top)
        sheet.write_string(number, 1, masked(words))


def _cell(sheet: Any, row: int, place: int, column: str, cell: Cell, formats: dict[str, Any], zone: str) -> None:
    if cell is None:
        return
    if isinstance(cell, bool):
        sheet.write_string(row, place, say("reports.cell.yes") if cell else "")
        return
    if isinstance(cell, str):
        sheet.write_string(row, place, masked(cell))
        return
    form = formats[_ending(column)]
    if column.endswith("_fen"):
        sheet.write_number(row, place, cell / 100, form)
    elif column.endswith("_ms"):
        sheet.write_datetime(row, place, local(int(cell), zone).replace(tzinfo=None), form)
    else:
        sheet.write_number(row, place, cell, form)


def _headed(column: str) -> str:
    unit = say("reports.sheet.seconds") if _ending(column) == "_s" else ""
    return header(column) + unit


def _ending(column: str) -> str:
    return next((ending for ending in _FORMATS if column.endswith(ending)), "")


def _width(column: str, report: Report) -> int:
    """Wide enough for the header and most cells; a Chinese sign is as wide as two others."""
    longest = max([_space(_headed(column)), *(_space(str(row.get(column) or "")) for row in report.rows[:200])])
    return min(_WIDEST, max(_NARROWEST, longest + (4 if is_number(column, report) else 2)))


def _space(text: str) -> int:
    return sum(2 if ord(sign) > 0x2E80 else 1 for sign in text)
