"""A table of any width on a screen of any width: a number is never broken over two lines."""

from collections.abc import Sequence

from rich.cells import cell_len
from rich.table import Table

from texts.catalogue import say
from wxfleet.terminal.terminal import table

_GAP = 2
_NARROWEST_NAME = 16
"""Cells that the first column keeps when the others need the room; its words may fold."""
_NARROWEST_HEADER = 6
"""Cells: three Chinese characters on a line."""


def fitting(headers: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[bool], width: int) -> Table | str:
    """The rows as a table of at most `width` cells; else with the columns as its rows; else a few lines for each row.

    `numbers`: which columns hold numbers, set to the right.
    """
    widths = [max(map(cell_len, column)) for column in zip(headers, *rows, strict=True)]
    if _total(widths) <= width:
        return _table(headers, rows, numbers, widths)
    bodies = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    least = [max(body, min(cell_len(header), _NARROWEST_HEADER)) for body, header in zip(bodies, headers, strict=True)]
    least[0] = min(widths[0], _NARROWEST_NAME)
    if _total(least) <= width:
        least[0] = min(widths[0], least[0] + width - _total(least))
        return _table(headers, rows, numbers, least)
    turned = list(zip(headers, *rows, strict=True))
    widths = [max(map(cell_len, column)) for column in zip(*turned, strict=True)]
    if _total(widths) <= width:
        return _table(turned[0], turned[1:], [False, *(True for _ in rows)], widths)
    return "\n".join(_line(headers, row) for row in rows)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[bool], widths: Sequence[int]
) -> Table:
    made = table(*headers)
    for column, number, width in zip(made.columns, numbers, widths, strict=True):
        column.width = width
        if number:
            column.justify = "right"
    for row in rows:
        made.add_row(*row)
    return made


def _line(headers: Sequence[str], row: Sequence[str]) -> str:
    cells = " · ".join(f"{header} {cell}" for header, cell in zip(headers[1:], row[1:], strict=True))
    return say("cli.report.row", name=row[0], cells=cells)
