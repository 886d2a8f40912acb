"""One row of the shop's order export, read with suspicion: what it says, or why it can't be believed."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from rules.quiet_hours import to_ms, zone
from texts.catalogue import say
from texts.tables import Cell

EXPORT_ZONE = "Asia/Shanghai"
"""The platform writes Beijing time into its exports, wherever the shop is."""


class OrderStatus(StrEnum):
    """What became of an order."""

    UNPAID = "unpaid"
    PAID = "paid"
    SHIPPED = "shipped"
    DONE = "done"
    CLOSED = "closed"


PURCHASES = frozenset({OrderStatus.PAID, OrderStatus.SHIPPED, OrderStatus.DONE})
"""Only these are purchases, and only what was not refunded."""

STATUSES: Mapping[str, OrderStatus] = {
    "等待买家付款": OrderStatus.UNPAID,
    "买家已付款,等待卖家发货": OrderStatus.PAID,
    "买家已付款/等待卖家发货": OrderStatus.PAID,
    "买家已付款": OrderStatus.PAID,
    "等待卖家发货": OrderStatus.PAID,
    "卖家已发货,等待买家确认": OrderStatus.SHIPPED,
    "卖家已发货/等待买家确认": OrderStatus.SHIPPED,
    "卖家已发货": OrderStatus.SHIPPED,
    "等待买家确认": OrderStatus.SHIPPED,
    "等待买家确认收货": OrderStatus.SHIPPED,
    "交易成功": OrderStatus.DONE,
    "交易关闭": OrderStatus.CLOSED,
}

NUMBER, MEMBER, STATUS, PAID, CREATED = "订单编号", "买家会员名", "订单状态", "买家实际支付金额", "订单创建时间"
REFUND, PAID_AT, ITEMS, ITEM_COUNT = "退款金额", "订单付款时间", "宝贝标题", "宝贝总数量"
RECEIVER, MOBILE, PHONE = "收货人姓名", "联系手机", "联系电话"
NEEDED = (NUMBER, MEMBER, STATUS, PAID, CREATED)
COLUMNS = frozenset({*NEEDED, REFUND, PAID_AT, ITEMS, ITEM_COUNT, RECEIVER, MOBILE, PHONE})

_NUMBER = re.compile(r"\d{12,21}")
_ROUNDED = re.compile(r"\d(\.\d+)?[eE]\+?\d+")
_MOBILE = re.compile(r"(?:\+?86)?(1\d{10})")
_MOMENTS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y-%m-%d", "%Y/%m/%d")
_SHOWN = 40  # characters of a wrong value
_LARGEST = Decimal(10_000_000)  # yuan; more for one order is a slipped column


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order as the export has it now. Amounts in fen, times in epoch ms."""

    number: str
    member_name: str
    status: OrderStatus
    paid_fen: int
    refund_fen: int
    items: str
    item_count: int
    receiver: str
    phone: str
    created_ms: int
    paid_ms: int | None


class RowRefused(Exception):
    """A row that can't be believed. `column` is the header of the cell, `reason` is for people."""

    def __init__(self, column: str, code: str, value: str = "") -> None:
        super().__init__(code)
        self.column = column
        self.reason = say(f"customers.orders.{code}", column=column, value=value[:_SHOWN])


def read_row(cells: Mapping[str, Cell]) -> OrderRow:
    """The order of one row. Raises RowRefused; nothing is guessed."""
    paid_at = cells.get(PAID_AT)
    return OrderRow(
        number=order_number(cells.get(NUMBER)),
        member_name=_member(cells.get(MEMBER)),
        status=_status(cells.get(STATUS)),
        paid_fen=_fen(PAID, cells.get(PAID)),
        refund_fen=_fen(REFUND, cells.get(REFUND), absent=0),
        items=_text(cells.get(ITEMS))[:500],
        item_count=_count(cells.get(ITEM_COUNT)),
        receiver=_text(cells.get(RECEIVER))[:100],
        phone=_phone(cells.get(MOBILE)) or _phone(cells.get(PHONE)),
        created_ms=_moment(CREATED, cells.get(CREATED)),
        paid_ms=None if paid_at is None else _moment(PAID_AT, paid_at),
    )


def order_number(cell: Cell) -> str:
    """The number as text. A number that a spreadsheet holds as a number has lost its last digits: refused."""
    if cell is None:
        raise RowRefused(NUMBER, "empty")
    text = _unquoted(_text(cell))
    if isinstance(cell, float) or _ROUNDED.fullmatch(text):
        raise RowRefused(NUMBER, "rounded")
    if not _NUMBER.fullmatch(text):
        raise RowRefused(NUMBER, "not_a_number", text)
    return text


def _member(cell: Cell) -> str:
    name = _unquoted(_text(cell))
    if not name:
        raise RowRefused(MEMBER, "empty")
    if "*" in name:
        raise RowRefused(MEMBER, "masked", name)
    return name


def _status(cell: Cell) -> OrderStatus:
    text = re.sub(r"\s", "", unicodedata.normalize("NFKC", _text(cell)))
    if text not in STATUSES:
        code = "unknown_status" if text else "empty"
        raise RowRefused(STATUS, code, text)
    return STATUSES[text]


def _fen(column: str, cell: Cell, absent: int | None = None) -> int:
    text = unicodedata.normalize("NFKC", _unquoted(_text(cell))).strip("¥元 ").replace(",", "")
    if not text and absent is not None:
        return absent
    try:
        yuan = Decimal(text)
    except InvalidOperation:
        raise RowRefused(column, "not_an_amount", text) from None
    if not yuan.is_finite() or not 0 <= yuan <= _LARGEST:
        raise RowRefused(column, "not_an_amount", text)
    return int((yuan * 100).to_integral_value())


def _count(cell: Cell) -> int:
    text = _text(cell)
    try:
        return max(1, min(10_000, int(float(text)))) if text else 1
    except (ValueError, OverflowError):
        raise RowRefused(ITEM_COUNT, "not_a_count", text) from None


def _moment(column: str, cell: Cell) -> int:
    text = _unquoted(_text(cell))
    for form in _MOMENTS:
        try:
            moment = datetime.strptime(text, form)  # noqa: DTZ007  # the zone follows
        except ValueError:
            continue
        return to_ms(moment.replace(tzinfo=zone(EXPORT_ZONE)))
    raise RowRefused(column, "not_a_time", text)


def _phone(cell: Cell) -> str:
    """A whole mobile number; a masked one is no evidence of anything and is left out."""
    found = _MOBILE.fullmatch(re.sub(r"[\s-]", "", _unquoted(_text(cell))))
    return found[1] if found else ""


def _text(cell: Cell) -> str:
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    return (cell or "").strip()


def _unquoted(text: str) -> str:
    """Without the signs by which exports keep Excel from making it a number."""
    formula = re.fullmatch(r'="(.*)"', text)
    return (formula[1] if formula else text).lstrip("'`‘’").strip()
