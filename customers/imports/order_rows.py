"""One row of the shop's order export, read with suspicion: what it says, or why it can't be believed."""

import json
import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from customers.imports.cells import RowRefused, fen_of, moment_of, text_of, unquoted
from customers.imports.order_columns import (
    CREATED,
    ITEM_COUNT,
    ITEMS,
    KINDS,
    MEMBER,
    MOBILE,
    NUMBER,
    PAID,
    PAID_AT,
    PHONE,
    RECEIVER,
    REFUND,
    SHOP,
    STATUS,
)
from customers.order import OrderRow, OrderStatus
from texts.tables import Cell

STATUSES: Mapping[str, OrderStatus] = {
    "等待买家付款": OrderStatus.UNPAID,
    "待付款": OrderStatus.UNPAID,
    "买家已付款,等待卖家发货": OrderStatus.PAID,
    "买家已付款/等待卖家发货": OrderStatus.PAID,
    "买家已付款": OrderStatus.PAID,
    "等待卖家发货": OrderStatus.PAID,
    "待发货": OrderStatus.PAID,
    "卖家部分发货": OrderStatus.PAID,
    "部分发货": OrderStatus.PAID,
    "卖家已发货,等待买家确认": OrderStatus.SHIPPED,
    "卖家已发货/等待买家确认": OrderStatus.SHIPPED,
    "卖家已发货": OrderStatus.SHIPPED,
    "已发货": OrderStatus.SHIPPED,
    "等待买家确认": OrderStatus.SHIPPED,
    "等待买家确认收货": OrderStatus.SHIPPED,
    "待收货": OrderStatus.SHIPPED,
    "交易成功": OrderStatus.DONE,
    "已完成": OrderStatus.DONE,
    "交易关闭": OrderStatus.CLOSED,
    "已关闭": OrderStatus.CLOSED,
    "交易自动关闭": OrderStatus.CLOSED,
    "卖家关闭交易": OrderStatus.CLOSED,
}

_NUMBER = re.compile(r"\d{12,21}", re.ASCII)
_ROUNDED = re.compile(r"\d(\.\d+)?[eE]\+?\d+", re.ASCII)
_KEPT_DIGITS = 15  # of a number in a spreadsheet
_MOBILE = re.compile(r"(?:\+?86)?(1\d{10})", re.ASCII)
_NOTHING = frozenset({"null", "无", "-", "--"})
_MOST_TITLES = 50
MASKED = "#"
"""Stands between a masked member name and the number of its order: two that look alike may be two people."""
_BETWEEN_TITLES = "，"


def read_row(cells: Mapping[str, Cell], *, rounded: bool = False) -> OrderRow:
    """The order of one row. `rounded`: the file's order numbers look as if a spreadsheet had rounded them all.

    Raises RowRefused; nothing is guessed.
    """
    get = cells.get
    items = text_of(get(ITEMS))
    number = order_number(get(NUMBER), rounded=rounded)
    return OrderRow(
        number,
        _member(get(MEMBER), number),
        _status(text_of(get(STATUS))),
        fen_of(PAID, get(PAID)),
        fen_of(REFUND, get(REFUND), absent=0),
        items[:500],
        _titles(items, text_of(get(KINDS))),
        _count(get(ITEM_COUNT)),
        text_of(get(RECEIVER))[:100],
        _phone(get(MOBILE)) or _phone(get(PHONE)),
        text_of(get(SHOP))[:100],
        moment_of(CREATED, get(CREATED)),
        None if get(PAID_AT) is None else moment_of(PAID_AT, get(PAID_AT)),
    )


def order_number(cell: Cell, *, rounded: bool = False) -> str:
    """The number as text. One that a spreadsheet has rounded lost its last digits: refused."""
    if cell is None:
        raise RowRefused(NUMBER, "empty")
    text = unquoted(text_of(cell))
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    if (isinstance(cell, float) and abs(cell) >= 10**_KEPT_DIGITS) or _ROUNDED.fullmatch(text):
        raise RowRefused(NUMBER, "rounded")
    if not _NUMBER.fullmatch(text):
        raise RowRefused(NUMBER, "not_a_number", text)
    if rounded and looks_rounded(text):
        raise RowRefused(NUMBER, "rounded")
    return text


def looks_rounded(number: str) -> bool:
    """Nothing but zeros after what a spreadsheet keeps. One such number proves nothing; a whole file of them does."""
    tail = number[_KEPT_DIGITS:]
    return len(tail) > 1 and not tail.strip("0")


def _member(cell: Cell, number: str) -> str:
    name = unquoted(text_of(cell))
    if not name:
        raise RowRefused(MEMBER, "empty")
    return f"{name}{MASKED}{number}" if "*" in name else name


@lru_cache(maxsize=256)
def _status(said: str) -> str:
    text = re.sub(r"\s", "", unicodedata.normalize("NFKC", said))
    if text not in STATUSES:
        raise RowRefused(STATUS, "unknown_status" if text else "empty", text)
    return STATUSES[text].value


def _titles(items: str, kinds: str) -> str:
    """Each title once. They stand apart by a full-width comma, which may also be part of the only one."""
    if _BETWEEN_TITLES not in items:
        return f"[{_quoted(items)}]" if items else "[]"
    each = list(dict.fromkeys(filter(None, map(str.strip, items.split(_BETWEEN_TITLES)))))
    if kinds in ("1", "1.0") and len(each) > 1:
        each = [items]
    # As the column's type writes a list: it is compared as text.
    return f"[{', '.join(map(_quoted, each[:_MOST_TITLES]))}]"


@lru_cache(maxsize=16384)
def _quoted(title: str) -> str:
    return json.dumps(title)


@lru_cache(maxsize=256)
def _count(cell: Cell) -> int:
    text = text_of(cell)
    try:
        return max(1, min(10_000, int(float(text)))) if text else 1
    except (ValueError, OverflowError):
        raise RowRefused(ITEM_COUNT, "not_a_count", text) from None


def _phone(cell: Cell) -> str:
    """A whole mobile number; a masked one is no evidence of anything and is left out."""
    text = unquoted(text_of(cell))
    if not text or "*" in text or text in _NOTHING:
        return ""
    found = _MOBILE.fullmatch(re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", text)))
    return found[1] if found else ""
