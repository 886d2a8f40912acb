"""矩阵老客成交占比: how much of the shop's sales came from old customers through the matrix, and how it came."""

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from reports.purchase_rows import BOUGHT, FRIENDS_SINCE, LEFT_FEN, MOMENT, give_room, whole, within
from reports.report import Asked, Cell, Report, Row, share_of
from rules.kinds import GATES, Kind
from rules.pacing import DAY_MS
from storage.order_tables import Order
from storage.outbox import DeliveryState
from storage.tables import Delivery, Friendship, Person
from texts.catalogue import say

DIRECT_DAYS = 7
"""An order so soon after a push or a conversation is counted as its work. Source: the house's definition ("ours")."""

STRONG_SHARE = 0.38
"""What a strong shop reaches. Source: folklore of the trade."""

DIRECT_KINDS = tuple(
    sorted(
        kind.value
        for kind, gate in GATES.items()
        if gate.weekly or kind in (Kind.REMINDER, Kind.REPLY, Kind.CLAIM_ANSWER, Kind.STAFF_MESSAGE)
    )
)
"""Pushes and what was said in a conversation; a welcome or a greeting sells nothing."""

_DIRECT, _INDIRECT = "direct", "indirect"
SOURCES = (_DIRECT, _INDIRECT, "first", "before", "stranger", "unmatched")
"""Where an order can come from; each has exactly one."""

_COLUMNS = ("source_name", "orders", "net_fen", "net_share")


async def share(connection: AsyncConnection, asked: Asked) -> Report:
    """The shop's whole of the period, by where each order came from."""
    await give_room(connection)
    source = _source()
    counted = await connection.execute(
        select(source.label("source"), func.count().label("orders"), whole(LEFT_FEN).label("net_fen"))
        .select_from(Order)
        .outerjoin(FRIENDS_SINCE, FRIENDS_SINCE.c.person == Order.person)
        .outerjoin(Person, Person.id == Order.person)
        .where(BOUGHT, within(asked.period))
        .group_by(source)
    )
    found = {row.source: (row.orders, row.net_fen) for row in counted}
    orders = sum(each for each, _ in found.values())
    net_fen = sum(each for _, each in found.values())
    rows: list[Row] = [
        {
            "source": name,
            "source_name": say(f"reports.share.{name}"),
            **_part(*found.get(name, (0, 0)), net_fen, orders),
        }
        for name in SOURCES
    ]
    return Report("share", asked.period, _COLUMNS, rows, _totals(found, net_fen, orders))


def _source() -> ColumnElement[str]:
    """The first of these that fits. The costly question comes last: databases look no further than they must."""
    return case(
        (Order.person.is_(None), "unmatched"),
        (FRIENDS_SINCE.c.since_ms.is_(None), "stranger"),
        (Order.created_ms < FRIENDS_SINCE.c.since_ms, "before"),
        (Person.first_order_ms >= MOMENT, "first"),
        (_spoken_to(), _DIRECT),
        else_=_INDIRECT,
    )


def _spoken_to() -> ColumnElement[bool]:
    """Was there a push or a conversation in the days before the order was made?"""
    earliest_ms = Order.created_ms - DIRECT_DAYS * DAY_MS
    sent = and_(
        Delivery.person == Order.person,
        Delivery.sent_ms.between(earliest_ms, Order.created_ms),
        Delivery.state == DeliveryState.ACCEPTED.value,
        Delivery.kind.in_(DIRECT_KINDS),
    )
    wrote = and_(
        Friendship.person == Order.person,
        Friendship.last_in_ms.between(earliest_ms, Order.created_ms),
    )
    return or_(exists().where(sent), exists().where(wrote))


def _part(orders: int, net_fen: int, whole_fen: int, whole_orders: int) -> Row:
    return {"orders": orders, "net_fen": net_fen, "net_share": share_of(net_fen, whole_fen, whole_orders)}


def _totals(found: dict[str, tuple[int, int]], net_fen: int, orders: int) -> Row:
    def fen(*sources: str) -> int:
        return sum(found.get(source, (0, 0))[1] for source in sources)

    def part(*sources: str) -> Cell:
        return share_of(fen(*sources), net_fen, orders)

    return {
        "orders": orders,
        "net_fen": net_fen,
        "matrix_net_fen": fen(_DIRECT, _INDIRECT),
        "matrix_share": part(_DIRECT, _INDIRECT),
        "direct_share": part(_DIRECT),
        "indirect_share": part(_INDIRECT),
        "unmatched_share": part("unmatched"),
        "strong_share": STRONG_SHARE,
    }
