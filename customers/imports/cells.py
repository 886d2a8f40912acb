"""What stands in one cell of a shop's table: an amount, a moment, a text."""

import re
import unicodedata
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from rules.quiet_hours import to_ms, zone
from texts.catalogue import say
from texts.tables import Cell

EXPORT_ZONE = "Asia/Shanghai"
"""The platform writes Beijing time into its exports, wherever the shop is."""

_SHOWN = 40  # characters of a wrong value
_LARGEST_FEN = 1_000_000_000  # ten million yuan; more for one order is a slipped column
_PLAIN_YUAN = re.compile(r"(\d{1,9})(?:\.(\d{1,2}))?", re.ASCII)
_NO_AMOUNT = frozenset({"无", "-", "--", "无退款", "无退款申请", "没有申请退款", "null"})
_MOMENT = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})日?"
    r"(?:[T\s]*(上午|下午|晚上|AM|PM)?\s*(\d{1,2})[:时点](\d{1,2})分?(?::?(\d{1,2})(?:\.\d+)?秒?)?\s*(AM|PM)?)?",
    re.ASCII | re.IGNORECASE,
)
_EXPORTED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
"""As the platform writes it: nearly every moment there is, so the days and the times of day are remembered."""
_SERIAL = re.compile(r"\d{5}(\.\d+)?", re.ASCII)
_SERIAL_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001  # day 0 of spreadsheets, in the zone of whoever reads
_YEARS = range(2003, 2101)  # the platform opened in 2003


class RowRefused(Exception):
    """A row that can't be believed. `column` is our name of the cell's column, `reason` is for people."""

    def __init__(self, column: str, code: str, value: str = "") -> None:
        super().__init__(code)
        self.column = column
        self.reason = say(f"customers.orders.{code}", column=column, value=value[:_SHOWN])


def text_of(cell: Cell) -> str:
    """The cell as text; a number without the decimals that it lacks."""
    if isinstance(cell, str):
        return cell
    if cell is None:
        return ""
    return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)


def unquoted(text: str) -> str:
    """Without the signs by which exports keep Excel from making it a number."""
    if text[:2] == '="' and text[-1:] == '"':
        text = text[2:-1]
    return text.lstrip("'`‘’").strip()


def fen_of(column: str, cell: Cell, absent: int | None = None) -> int:
    """An amount of yuan, however it is decorated, in fen. Raises RowRefused."""
    found = _PLAIN_YUAN.fullmatch(cell) if isinstance(cell, str) else None
    if found:
        fen = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))
        if fen <= _LARGEST_FEN:
            return fen
    return _decorated_fen(column, cell, absent)


def _decorated_fen(column: str, cell: Cell, absent: int | None) -> int:
    text = unicodedata.normalize("NFKC", unquoted(text_of(cell)))
    text = re.sub(r"[\s,]|CNY|RMB", "", text, flags=re.IGNORECASE).strip("¥元")
    if absent is not None and (not text or text in _NO_AMOUNT):
        return absent
    try:
        yuan = Decimal(text)
    except InvalidOperation:
        raise RowRefused(column, "not_an_amount", text) from None
    if not yuan.is_finite() or not 0 <= yuan * 100 <= _LARGEST_FEN:
        raise RowRefused(column, "not_an_amount", text)
    return int((yuan * 100).to_integral_value())


def moment_of(column: str, cell: Cell) -> int:
    """A moment as people and spreadsheets write it, in epoch ms. Raises RowRefused."""
    if isinstance(cell, str) and _EXPORTED.fullmatch(cell):
        day_ms, clock_ms = _exported_day_ms(cell[:10]), _exported_clock_ms(cell[11:])
        if day_ms is not None and clock_ms is not None:
            return day_ms + clock_ms
    return _written_moment(column, cell)


@lru_cache(maxsize=16384)
def _exported_day_ms(day: str) -> int | None:
    """The midnight of `2026-03-05`; None when there is no such day."""
    try:
        return _day_ms(int(day[:4]), int(day[5:7]), int(day[8:]))
    except ValueError:
        return None


@lru_cache(maxsize=86_400)
def _exported_clock_ms(clock: str) -> int | None:
    """How long after midnight it is `09:01:02`; None when it never is."""
    hours, minutes, seconds = int(clock[:2]), int(clock[3:5]), int(clock[6:])
    return (hours * 3600 + minutes * 60 + seconds) * 1000 if hours < 24 and minutes < 60 and seconds < 60 else None


def _written_moment(column: str, cell: Cell) -> int:
    text = unquoted(text_of(cell))
    found = _MOMENT.fullmatch(text if text.isascii() else unicodedata.normalize("NFKC", text))
    if found is None and not _SERIAL.fullmatch(text):
        raise RowRefused(column, "not_a_time", text)
    try:
        return _moment_ms(found) if found else _serial_ms(float(text))
    except ValueError as error:  # the form is right, the day or the hour is none
        raise RowRefused(column, "not_a_time", text) from error


def _moment_ms(found: re.Match[str]) -> int:
    year, month, day, before, hour, minute, second, after = found.groups()
    midnight = _day_ms(int(year), int(month), int(day))
    hours, minutes, seconds = int(hour or 0), int(minute or 0), int(second or 0)
    half = (before or after or "").upper()
    if half:
        hours = hours % 12 + (12 if half in ("下午", "晚上", "PM") else 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        raise ValueError(found[0])
    return midnight + (hours * 3600 + minutes * 60 + seconds) * 1000


def _day_ms(year: int, month: int, day: int) -> int:
    if year not in _YEARS:
        raise ValueError(year)
    return to_ms(datetime(year, month, day, tzinfo=zone(EXPORT_ZONE)))


def _serial_ms(days: float) -> int:
    """A spreadsheet's own number for a moment: days, of which it keeps about a millisecond."""
    moment = _SERIAL_ZERO + timedelta(seconds=round(days * 86_400))
    if moment.year not in _YEARS:
        raise ValueError(days)
    return to_ms(moment.replace(tzinfo=zone(EXPORT_ZONE)))
