"""New arrivals (上新): how soon a new item found its first buyer (破零), and how many of the first are friends."""

from sqlalchemy import CTE, Select, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from reports.purchase_rows import BOUGHT, FRIENDS_SINCE, MOMENT, titles_of, within
from reports.report import Asked, Report, Row, share_of
from storage.tables import Order, Post

FIRST_DAYS = 7
_DAY_MS = 86_400_000
_COLUMNS = ("title", "announced_ms", "first_ms", "to_first_days", "orders", "friend_orders", "friend_share")


async def arrivals(connection: AsyncConnection, asked: Asked) -> Report:
    """Items whose first purchase ever lies in the period, the newest first."""
    new = _new_items(connection, asked)
    announced = {row.title: row.at_ms for row in await connection.execute(_announced(new, asked))}
    rows = [
        _row(row.title, row.first_ms, announced.get(row.title), row.orders, row.friend_orders)
        for row in await connection.execute(_first_days(connection, new, asked))
    ]
    waited = [row["to_first_days"] for row in rows if isinstance(row["to_first_days"], float)]
    orders = sum(int(row["orders"] or 0) for row in rows)
    friends = sum(int(row["friend_orders"] or 0) for row in rows)
    totals: Row = {
        "new_items": len(rows),
        "announced_items": len(waited),
        "to_first_days": round(sum(waited) / len(waited), 2) if waited else None,
        "orders": orders,
        "friend_orders": friends,
        "friend_share": share_of(friends, orders, orders),
    }
    return Report("arrivals", asked.period, _COLUMNS, rows, totals)


def _new_items(connection: AsyncConnection, asked: Asked) -> CTE:
    """Columns: title, first_ms. Nobody bought them before the period."""
    title, older = titles_of(connection), titles_of(connection)
    known = select(older.c.value).select_from(Order, older).where(BOUGHT, asked.period.start_ms > MOMENT)
    return (
        select(title.c.value.label("title"), func.min(MOMENT).label("first_ms"))
        .select_from(Order, title)
        .where(BOUGHT, within(asked.period), title.c.value.not_in(known.distinct()))
        .group_by(title.c.value)
        .cte("new_items")
    )


def _first_days(connection: AsyncConnection, new: CTE, asked: Asked) -> Select[tuple[str, int, int, int]]:
    """The new items with the orders of their first days, and how many of these are of friends."""
    title = titles_of(connection)
    first_days_ms = FIRST_DAYS * _DAY_MS
    sold = (
        select(title.c.value.label("title"), MOMENT.label("moment"), Order.created_ms, Order.person)
        .select_from(Order, title)
        .where(BOUGHT, asked.period.start_ms <= MOMENT, asked.period.end_ms + first_days_ms > MOMENT)
        .subquery()
    )
    return (
        select(
            new.c.title,
            new.c.first_ms,
            func.count().label("orders"),
            func.count(case((FRIENDS_SINCE.c.since_ms <= sold.c.created_ms, 1))).label("friend_orders"),
        )
        .select_from(sold)
        .join(new, and_(new.c.title == sold.c.title, sold.c.moment < new.c.first_ms + first_days_ms))
        .outerjoin(FRIENDS_SINCE, FRIENDS_SINCE.c.person == sold.c.person)
        .group_by(new.c.title, new.c.first_ms)
        .order_by(new.c.first_ms.desc(), new.c.title)
    )


def _announced(new: CTE, asked: Asked) -> Select[tuple[str, int]]:
    """When an item was first named, as the shop calls it, in a Moments post about products."""
    names_it = func.replace(Post.text, new.c.title, "") != Post.text
    return (
        select(new.c.title, func.min(Post.due_ms).label("at_ms"))
        .select_from(new)
        .join(Post, names_it)
        .where(Post.kind == "product", Post.due_ms <= asked.now_ms)
        .group_by(new.c.title)
    )


def _row(title: str, first_ms: int, announced_ms: int | None, orders: int, friend_orders: int) -> Row:
    known = announced_ms is not None and announced_ms <= first_ms
    return {
        "title": title,
        "announced_ms": announced_ms,
        "first_ms": first_ms,
        "to_first_days": round((first_ms - (announced_ms or 0)) / _DAY_MS, 2) if known else None,
        "orders": orders,
        "friend_orders": friend_orders,
        "friend_share": share_of(friend_orders, orders, orders),
    }
