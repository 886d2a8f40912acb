"""One line for each buyer: when they first came, and when again. Orders of one moment are one visit."""

from sqlalchemy import CTE, ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import aliased

from reports.period import Period
from reports.purchase_rows import BOUGHT, BUYER, MOMENT, bought, came_in, moment_of
from storage.tables import Order


def buyers(period: Period) -> CTE:
    """Who bought in the period, and perhaps others who did before.

    Columns: person (None where unmatched), member_name (None where matched),
    purchases, first_ms and last_ms of them all until now, and until_ms, the last one before the end of the period.
    """
    return (
        select(
            func.max(Order.person).label("person"),
            func.max(case((Order.person.is_(None), Order.member_name))).label("member_name"),
            func.count().label("purchases"),
            func.min(MOMENT).label("first_ms"),
            func.max(MOMENT).label("last_ms"),
            func.max(case((period.end_ms > MOMENT, MOMENT))).label("until_ms"),
        )
        .where(BOUGHT, came_in(period))
        .group_by(BUYER)
        .having(func.min(MOMENT) < period.end_ms)
        .cte("buyers")
        .prefix_with("MATERIALIZED")
    )


def with_second(who: CTE, period: Period) -> CTE:
    """`buyers` with the moment of the second visit. Columns: person, first_ms, until_ms, second_ms (None where there is
    none yet, and where the first visit was before the period).

    Of two purchases the second is the last one; only where there are more, the orders are asked again.
    """
    second_ms = case(
        (or_(who.c.first_ms < period.start_ms, who.c.last_ms == who.c.first_ms), None),
        (who.c.purchases == 2, who.c.last_ms),
        else_=func.coalesce(_next(who, matched=True), _next(who, matched=False)),
    )
    return (
        select(who.c.person, who.c.first_ms, who.c.until_ms, second_ms.label("second_ms"))
        .cte("with_second")
        .prefix_with("MATERIALIZED")
    )


def _next(who: CTE, *, matched: bool) -> ColumnElement[int]:
    """The moment of the first purchase after the first visit."""
    later = aliased(Order)
    # Not `IS NULL`: SQLite would rather read all unmatched orders than those of the member.
    unmatched = and_(later.member_name == who.c.member_name, func.coalesce(later.person, 0) == 0)
    whose = later.person == who.c.person if matched else unmatched
    moment = moment_of(later)
    return select(func.min(moment)).where(bought(later), whose, moment > who.c.first_ms).scalar_subquery()
