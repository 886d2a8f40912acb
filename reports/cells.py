"""How the cells of a report are written for people: the name of a column says what stands in it."""

from reports.report import Cell, Report, header
from rules.quiet_hours import local
from texts.catalogue import say

NOTHING = "—"


def shown(column: str, cell: Cell, zone: str) -> str:
    """The cell in words: 1,234.50 for fen, 38.0% for a part of 1, a day and a clock time in `zone` for a moment."""
    if cell is None:
        return NOTHING
    if isinstance(cell, bool):
        return say("reports.cell.yes") if cell else NOTHING
    if isinstance(cell, str):
        return cell
    if column.endswith("_fen"):
        return f"{cell / 100:,.2f}"
    if column.endswith("_share"):
        return f"{cell:.1%}"
    if column.endswith("_ms"):
        return f"{local(int(cell), zone):%Y-%m-%d %H:%M}"
    if column.endswith("_s"):
        return _duration(round(cell))
    return f"{cell:,}" if isinstance(cell, int) else f"{cell:,.2f}"


def totals_line(report: Report) -> str:
    """All totals in one line, without what can't be told."""
    return " · ".join(
        f"{header(column)} {shown(column, cell, report.period.zone)}"
        for column, cell in report.totals.items()
        if cell is not None
    )


def is_number(column: str, report: Report) -> bool:
    """Do numbers stand in this column?"""
    return not any(isinstance(row.get(column), str | bool) for row in report.rows)


def _duration(seconds: int) -> str:
    if seconds < 60:
        return say("reports.cell.seconds", seconds=seconds)
    if seconds < 3600:
        return say("reports.cell.minutes", minutes=seconds // 60, seconds=seconds % 60)
    return say("reports.cell.hours", hours=seconds // 3600, minutes=seconds % 3600 // 60)
