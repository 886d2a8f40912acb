"""Purchases in the line of their buyer's history: which one it is, and when the next one came."""

from sqlalchemy import ColumnElement, Subquery, func, or_, select

from reports.period import Period
from reports.purchase_rows import BOUGHT, BUYER, MOMENT, within
from storage.tables import Order


def visits(period: Period) -> Subquery:
    """The purchases of the period. Columns: person (None where unmatched), moment, place (1 for the buyer's first ever)
    and next_ms (None where no other followed until now). Purchases of one moment stand in any order.
    """
    every = (
        select(
            Order.person,
            MOMENT.label("moment"),
            func.row_number().over(partition_by=BUYER, order_by=MOMENT).label("place"),
            func.lead(MOMENT).over(partition_by=BUYER, order_by=MOMENT).label("next_ms"),
        )
        .where(BOUGHT)
        .subquery()
    )
    return select(every).where(within(period, every.c.moment)).subquery("visits")


def is_last(visit: Subquery, period: Period) -> ColumnElement[bool]:
    """Is it the last one of its buyer in the period? Each buyer of the period has exactly one."""
    return or_(visit.c.next_ms.is_(None), visit.c.next_ms >= period.end_ms)
