"""One item or the whole shop: how many different things do those have who come back?"""

from sqlalchemy import ColumnElement, Select, Subquery, case, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from reports.buyers import LAST_MS, Half, halves
from reports.purchase_rows import BOUGHT, MOMENT, give_room, titles_of, whole
from reports.report import Asked, Report, Row, share_of
from storage.order_tables import Order
from storage.tables import Person

_Buckets = Select[int, int, int]
_MOST = 5
_COLUMNS = ("distinct_items", "buyers", "buyers_share")


async def breadth(connection: AsyncConnection, asked: Asked) -> Report:
    """Repeat buyers of the period by the number of different items in their whole history until its end."""
    await give_room(connection)
    found: dict[int, tuple[int, int]] = {}
    for statement in await _statements(connection, asked):
        for row in await connection.execute(statement):
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


async def _statements(connection: AsyncConnection, asked: Asked) -> list[_Buckets]:
    """Of people what is counted of each says it; only whoever bought after the period, too, is looked up."""
    matched, strangers = halves(connection)
    later = select(Person.id).where(Person.orders > 0, Person.last_order_ms >= asked.period.end_ms)
    statements = [_people(asked), _counted(connection, asked, strangers)]
    if await connection.scalar(later.limit(1)) is not None:
        statements.append(_counted(connection, asked, matched, matched.buyer().in_(later)))
    return statements


def _people(asked: Asked) -> _Buckets:
    each = (
        select(Person.distinct_items.label("kinds"))
        .where(Person.orders > 0, Person.distinct_items > 0, Person.first_order_ms < LAST_MS)
        .where(asked.period.start_ms <= LAST_MS, asked.period.end_ms > LAST_MS)
    )
    return _in_buckets(each.subquery())


def _counted(connection: AsyncConnection, asked: Asked, half: Half, who: ColumnElement[bool] | None = None) -> _Buckets:
    """Repeat buyers of one half, from their orders; `who` leaves only some."""
    buyer, until = half.buyer(), asked.period.end_ms > MOMENT
    some = true() if who is None else who
    repeat = (
        select(buyer)
        .where(BOUGHT, half.has(), until, some)
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
    )
    return _in_buckets(each.subquery())


def _in_buckets(each: Subquery) -> _Buckets:
    """People by how many kinds they bought; `_MOST` stands for so many and more."""
    bucket = case((each.c.kinds < _MOST, each.c.kinds), else_=_MOST)
    counts = func.count().label("buyers"), whole(each.c.kinds).label("kinds")
    return select(bucket.label("bucket"), *counts).group_by("bucket")


def _row(number: int, people: int, buyers: int) -> Row:
    return {
        "distinct_items": f"{number}+" if number == _MOST else str(number),
        "buyers": people,
        "buyers_share": share_of(people, buyers, buyers),
    }
