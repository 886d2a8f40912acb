"""New arrivals (上新): how soon a new item found its first buyer (破零), and how many of the first are friends."""

from collections.abc import Sequence

from sqlalchemy import JSON, Select, case, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from reports.first_orders import shown_by_campaigns
from reports.purchase_rows import BOUGHT, FRIENDS_SINCE, MOMENT, give_room, texts_in, titles_of
from reports.report import Asked, Report, Row, share_of
from rules.pacing import DAY_MS
from storage.campaign_tables import Post
from storage.order_tables import Order

FIRST_DAYS = 7
_COLUMNS = ("title", "announced_ms", "first_ms", "to_first_days", "orders", "friend_orders", "friend_share")


async def arrivals(connection: AsyncConnection, asked: Asked) -> Report:
    """Items whose first purchase ever lies in the period, the newest first."""
    await give_room(connection)
    found = sorted(await connection.execute(_first_days(connection, asked)), key=lambda row: (-row.first_ms, row.title))
    titles = [row.title for row in found]
    announced = {row.title: row.at_ms for row in await connection.execute(_announced(connection, titles, asked))}
    for title, shown_ms in (await shown_by_campaigns(connection, titles, asked.now_ms)).items():
        announced[title] = min(shown_ms, announced.get(title, shown_ms))
    rows = [_row(row.title, row.first_ms, announced.get(row.title), row.orders, row.friend_orders) for row in found]
    waited = [row["to_first_days"] for row in rows if isinstance(row["to_first_days"], float)]
    orders, friend_orders = sum(row.orders for row in found), sum(row.friend_orders for row in found)
    totals: Row = {
        "new_items": len(rows),
        "announced_items": len(waited),
        "to_first_days": round(sum(waited) / len(waited), 2) if waited else None,
        "orders": orders,
        "friend_orders": friend_orders,
        "friend_share": share_of(friend_orders, orders, orders),
    }
    return Report("arrivals", asked.period, _COLUMNS, rows, totals)


def _first_days(connection: AsyncConnection, asked: Asked) -> Select[tuple[str, int, int, int]]:
    """Titles that nobody bought before the period, with the orders of their first days, and how many are of friends."""
    title, older = titles_of(connection), titles_of(connection)
    before = select(older.c.value).select_from(Order, older).where(BOUGHT, asked.period.start_ms > MOMENT)
    known = before.distinct().cte("known")
    after_ms = FIRST_DAYS * DAY_MS
    sold = (
        select(
            title.c.value.label("title"),
            MOMENT.label("moment"),
            Order.created_ms,
            Order.person,
            func.min(MOMENT).over(partition_by=title.c.value).label("first_ms"),
        )
        .select_from(Order, title)
        .where(BOUGHT, asked.period.start_ms <= MOMENT, asked.period.end_ms + after_ms > MOMENT)
        .where(title.c.value.not_in(select(known.c.value)))
        .subquery()
    )
    of_friends = func.count(case((FRIENDS_SINCE.c.since_ms <= sold.c.created_ms, 1)))
    return (
        select(sold.c.title, sold.c.first_ms, func.count().label("orders"), of_friends.label("friend_orders"))
        .outerjoin(FRIENDS_SINCE, FRIENDS_SINCE.c.person == sold.c.person)
        .where(sold.c.first_ms < asked.period.end_ms, sold.c.moment < sold.c.first_ms + after_ms)
        .group_by(sold.c.title, sold.c.first_ms)
    )


def _announced(connection: AsyncConnection, titles: Sequence[str], asked: Asked) -> Select[tuple[str, int]]:
    """When each of these was first named, as the shop calls it, in a Moments post about products.

    Where people voted on it before, it was known by then: see `shown_by_campaigns`.
    """
    title = texts_in(connection, literal(list(titles), JSON))
    names_it = func.replace(Post.text, title.c.value, "") != Post.text
    return (
        select(title.c.value.label("title"), func.min(Post.due_ms).label("at_ms"))
        .select_from(Post, title)
        .where(Post.kind == "product", Post.due_ms <= asked.now_ms, names_it)
        .group_by(title.c.value)
    )


def _row(title: str, first_ms: int, announced_ms: int | None, orders: int, friend_orders: int) -> Row:
    known = announced_ms is not None and announced_ms <= first_ms
    return {
        "title": title,
        "announced_ms": announced_ms,
        "first_ms": first_ms,
        "to_first_days": round((first_ms - (announced_ms or 0)) / DAY_MS, 2) if known else None,
        "orders": orders,
        "friend_orders": friend_orders,
        "friend_share": share_of(friend_orders, orders, orders),
    }
