"""One item or the whole shop: how many different things do those have who come back?"""

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from reports.purchase_rows import BOUGHT, BUYER, MOMENT, give_room, titles_of, whole
from reports.report import Asked, Report, Row, share_of
from storage.tables import Order

_MOST = 5
_COLUMNS = ("distinct_items", "buyers", "buyers_share")


async def breadth(connection: AsyncConnection, asked: Asked) -> Report:
    """Repeat buyers of the period by the number of different items in their whole history until its end."""
    await give_room(connection)
    until = asked.period.end_ms > MOMENT
    repeat = (
        select(BUYER)
        .where(BOUGHT, until)
        .group_by(BUYER)
        .having(func.max(MOMENT) > func.min(MOMENT), func.max(MOMENT) >= asked.period.start_ms)
        .correlate(None)
    )
    title = titles_of(connection)
    each = (
        select(func.count(title.c.value.distinct()).label("kinds"))
        .select_from(Order, title)
        .where(BOUGHT, until, BUYER.in_(repeat))
        .group_by(BUYER)
        .subquery()
    )
    bucket = case((each.c.kinds < _MOST, each.c.kinds), else_=_MOST)
    counted = await connection.execute(
        select(bucket.label("bucket"), func.count().label("buyers"), whole(each.c.kinds).label("kinds")).group_by(
            "bucket"
        )
    )
    found = {row.bucket: (row.buyers, row.kinds) for row in counted}
    buyers = sum(people for people, _ in found.values())
    kinds = sum(each_kinds for _, each_kinds in found.values())
    rows = [_row(number, found.get(number, (0, 0))[0], buyers) for number in range(1, _MOST + 1)]
    totals: Row = {
        "repeat_buyers": buyers,
        "one_item_buyers": found.get(1, (0, 0))[0],
        "one_item_share": share_of(found.get(1, (0, 0))[0], buyers, buyers),
        "distinct_items_per_buyer": round(kinds / buyers, 2) if buyers else None,
    }
    return Report("breadth", asked.period, _COLUMNS, rows, totals)


def _row(number: int, people: int, buyers: int) -> Row:
    return {
        "distinct_items": f"{number}+" if number == _MOST else str(number),
        "buyers": people,
        "buyers_share": share_of(people, buyers, buyers),
    }
