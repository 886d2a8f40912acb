"""What the imported orders say of somebody's last purchases: for whoever asks where their parcel is."""

from dataclasses import dataclass

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.order import OrderStatus
from storage.order_tables import ImportBatch, Order

LATELY_MS = 30 * 86_400_000
"""Nobody asks for an older parcel. Ours."""
_MOST = 5


@dataclass(frozen=True, slots=True)
class OrderNews:
    """One order. Times are epoch ms; `titles` of its goods, each once."""

    number: str
    status: OrderStatus
    titles: tuple[str, ...]
    created_ms: int
    paid_ms: int | None


_LATELY = (
    select(Order.number, Order.status, Order.titles, Order.items, Order.created_ms, Order.paid_ms)
    .where(
        Order.person == bindparam("person"),
        Order.created_ms > bindparam("since_ms"),
        Order.status != OrderStatus.CLOSED.value,
        Order.refund_fen == 0,
    )
    .order_by(Order.created_ms.desc(), Order.number)
    .limit(_MOST)
)
_IMPORTED = select(func.max(ImportBatch.finished_ms)).where(
    ImportBatch.kind == "orders", ImportBatch.undone_ms.is_(None)
)


async def news_of(tx: AsyncConnection, person: int, now_ms: int) -> list[OrderNews]:
    """Their orders of the last weeks that somebody may ask for: those on the way, else the last that arrived.

    What was closed or refunded is for a person to explain.
    """
    rows = (await tx.execute(_LATELY, {"person": person, "since_ms": now_ms - LATELY_MS})).all()
    orders = [
        OrderNews(row.number, OrderStatus(row.status), tuple(row.titles or (row.items,)), row.created_ms, row.paid_ms)
        for row in rows
    ]
    for wanted in ((OrderStatus.PAID, OrderStatus.SHIPPED), (OrderStatus.UNPAID,), (OrderStatus.DONE,)):
        found = [order for order in orders if order.status in wanted]
        if found:
            return found if wanted[0] is OrderStatus.PAID else found[:1]
    return []


async def imported_ms(tx: AsyncConnection) -> int | None:
    """How fresh the orders are: when the last import ended, epoch ms."""
    return await tx.scalar(_IMPORTED)
