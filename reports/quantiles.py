"""Medians and the like inside the database: both kinds, nothing but windows."""

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, case, func, select

MEDIAN, MOST = 50, 90
"""Percent: half are quicker; nine of ten are quicker."""


def quantiles(source: FromClause, group: ColumnElement[Any], value: ColumnElement[int]) -> Select[Any]:
    """One row for each `group`: size, median, p90 (nearest rank) and the greatest of the values that are not NULL."""
    ranked = (
        select(
            group.label("grouped"),
            value.label("value"),
            func.row_number().over(partition_by=group, order_by=value).label("place"),
            func.count().over(partition_by=group).label("size"),
        )
        .select_from(source)
        .where(value.is_not(None))
        .subquery()
    )

    def at(percent: int) -> ColumnElement[int]:
        return func.min(case((ranked.c.place * 100 >= ranked.c.size * percent, ranked.c.value)))

    return select(
        ranked.c.grouped,
        func.count().label("size"),
        at(MEDIAN).label("median"),
        at(MOST).label("most"),
        func.max(ranked.c.value).label("greatest"),
    ).group_by(ranked.c.grouped)
