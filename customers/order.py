"""An order as this house speaks of it: its states, which of them are purchases, and the row of an import."""

from enum import StrEnum
from typing import NamedTuple


class OrderStatus(StrEnum):
    """What became of an order. The order of these is the order of its life."""

    UNPAID = "unpaid"
    PAID = "paid"
    SHIPPED = "shipped"
    DONE = "done"
    CLOSED = "closed"


PURCHASES = frozenset({OrderStatus.PAID, OrderStatus.SHIPPED, OrderStatus.DONE})
"""Only these are purchases, and only what was not refunded."""


class OrderRow(NamedTuple):
    """An order as the export has it now. Amounts in fen, times in epoch ms; `titles` is a JSON list.

    A member name that the export masked is nobody's: it stands with the order's own number behind it.
    """

    number: str
    member_name: str
    status: str
    paid_fen: int
    refund_fen: int
    items: str
    titles: str
    item_count: int
    receiver: str
    phone: str
    shop: str
    created_ms: int
    paid_ms: int | None
