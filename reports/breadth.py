"""One item or the whole shop: how many different things do those have who come back?"""

from sqlalchemy import Select, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from reports.buyers import Half, halves
from reports.purchase_rows import BOUGHT, MOMENT, give_room, titles_of, whole
from reports.report import Asked, Report, Row, share_of
from storage.tables import Order

_MOST = 5
_COLUMNS = ("distinct_items", "buyers", "buyers_share")


async def breadth(connection: AsyncConnection, asked: Asked) -> Report:
    """Repeat buyers of the period by the number of different items in their whole history until its end."""
    await give_room(connection)
    found: dict[int, tuple[int, int]] = {}
    for half in halves(connection):
        for row in await connection.execute(_counted(connection, asked, half)):
            people, kinds = found.get(row.bucket, (0, 0))
            found[row.bucket] = people + row.buyers, kinds + row.kinds
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


def _counted(connection: AsyncConnection, asked: Asked, half: Half) -> Select[int, int, int]:
    """Repeat buyers of one half by how many kinds they bought; `_MOST` stands for so many and more."""
    buyer, until = half.buyer(), asked.period.end_ms > MOMENT
    repeat = (
        select(buyer)
        .where(BOUGHT, half.has(), until)
        .group_by(buyer)
        .having(func.max(MOMENT) > func.min(MOMENT), func.max(MOMENT) >= asked.period.start_ms)
        .correlate(None)
    )
    title = titles_of(connection)
    each = (
        select(func.count(title.c.value.distinct()).label("kinds"))
        .select_from(Order, title)
        .where(BOUGHT, half.has(), until, buyer.in_(repeat))
        .group_by(buyer)
        .subquery()
    )
    bucket = case((each.c.kinds < _MOST, each.c.kinds), else_=_MOST)
    counts = func.count().label("buyers"), whole(each.c.kinds).label("kinds")
    return select(bucket.label("bucket"), *counts).group_by("bucket")


def _row(number: int, people: int, buyers: int) -> Row:
    return {
        "distinct_items": f"{number}+" if number == _MOST else str(number),
        "buyers": people,
        "buyers_share": share_of(people, buyers, buyers),
    }
