"""One line for each buyer: when they first came, when again, and how often."""

from sqlalchemy import Subquery, case, func, select

from reports.period import Period
from reports.purchase_rows import BOUGHT, BUYER, MOMENT
from storage.tables import Order


def buyers(period: Period) -> Subquery:
    """Columns: buyer, person (None where unmatched), first_ms, second_ms (None), purchases until the end of the period,
    in_period. Only those who bought at all until then; first and second purchase may be any time.
    """
    place = func.row_number().over(partition_by=BUYER, order_by=(MOMENT, Order.number))
    placed = (
        select(BUYER.label("buyer"), Order.person, MOMENT.label("moment"), place.label("place"))
        .where(BOUGHT)
        .subquery()
    )
    until = placed.c.moment < period.end_ms
    inside = until & (placed.c.moment >= period.start_ms)
    return (
        select(
            placed.c.buyer,
            func.max(placed.c.person).label("person"),
            func.min(placed.c.moment).label("first_ms"),
            func.max(case((placed.c.place == 2, placed.c.moment))).label("second_ms"),
            func.count(case((until, 1))).label("purchases"),
            func.count(case((inside, 1))).label("in_period"),
        )
        .group_by(placed.c.buyer)
        .having(func.count(case((until, 1))) > 0)
        .subquery("buyers")
    )
