"""How many items people buy at their first, second, third purchase: does knowing the shop fill the basket?"""

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from reports.purchase_rows import BOUGHT, BUYER, MOMENT, came_in, give_room, whole
from reports.report import Asked, Report, Row
from storage.order_tables import Order

HEALTHY = {1: 1.1, 2: 1.6, 3: 2.5, 4: 4.0}
"""Items per order at the n-th purchase, 4 for the fourth and all later ones. Source: folklore of the trade."""

_LAST = max(HEALTHY)
_COLUMNS = ("purchase", "orders", "items", "items_per_order", "healthy_items_per_order")


async def items(connection: AsyncConnection, asked: Asked) -> Report:
    """Purchases of the period by their place in the buyer's whole history."""
    await give_room(connection)
    place = func.row_number().over(partition_by=BUYER, order_by=(MOMENT, Order.number))
    placed = (
        select(place.label("place"), MOMENT.label("moment"), Order.item_count)
        .where(BOUGHT, came_in(asked.period))
        .subquery()
    )
    nth = case((placed.c.place < _LAST, placed.c.place), else_=_LAST)
    counted = await connection.execute(
        select(nth.label("nth"), func.count().label("orders"), whole(placed.c.item_count).label("items"))
        .where(placed.c.moment >= asked.period.start_ms, placed.c.moment < asked.period.end_ms)
        .group_by(nth)
    )
    found = {row.nth: (row.orders, row.items) for row in counted}
    rows: list[Row] = [
        {
            "purchase": f"{n}+" if n == _LAST else str(n),
            **_basket(*found.get(n, (0, 0))),
            "healthy_items_per_order": healthy,
        }
        for n, healthy in HEALTHY.items()
    ]
    totals = _basket(*(sum(part) for part in zip(*found.values(), strict=True)) if found else (0, 0))
    return Report("items", asked.period, _COLUMNS, rows, totals)


def _basket(orders: int, pieces: int) -> Row:
    return {"orders": orders, "items": pieces, "items_per_order": round(pieces / orders, 2) if orders else None}
