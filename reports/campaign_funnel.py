"""Campaign funnel (活动漏斗): invited → got it → wrote → bought, with what they paid, and what was not sent."""

from sqlalchemy import ColumnElement, case, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from reports.purchase_rows import BOUGHT, LEFT_FEN, whole, within
from reports.push_effect import AFTER_DAYS, CONTROL
from reports.report import Asked, Report, Row, share_of
from storage.campaign_tables import Campaign
from storage.order_tables import Order
from storage.outbox import DeliveryState
from storage.tables import Delivery, Friendship
from texts.catalogue import say

_AFTER_MS = AFTER_DAYS * 86_400_000
_PEOPLE = ("invited", "got", "wrote", "after_buyers")
_COUNTS = (*_PEOPLE, "after_orders", "after_net_fen", "held_back", "left_out", "failed", "in_doubt", "pending")
_COLUMNS = (
    "push_title", "started_ms", "campaign_state", *_PEOPLE, "wrote_share", "after_buyers_share", "after_orders",
    "after_net_fen", "left_out", "failed", "in_doubt", "pending",
)  # fmt: skip
_DOUBTFUL = (DeliveryState.IN_DOUBT.value, DeliveryState.SENDING.value, DeliveryState.UNKNOWN.value)
_WAITING = (DeliveryState.PENDING.value, DeliveryState.HANDED.value)


async def campaigns(connection: AsyncConnection, asked: Asked) -> Report:
    """Campaigns that started in the period, the newest first."""
    listed = await connection.execute(
        select(Campaign.id, Campaign.title, Campaign.starts_ms, Campaign.state)
        .where(within(asked.period, Campaign.starts_ms), Campaign.state != "draft")
        .order_by(Campaign.starts_ms.desc(), Campaign.id.desc())
    )
    rows_of_outbox = await _rows_of_outbox(connection, asked)
    purchases = await _purchases(connection, asked)
    rows: list[Row] = []
    together = dict.fromkeys(_COUNTS, 0)
    for one in listed:
        counts = dict.fromkeys(_COUNTS, 0) | rows_of_outbox.get(one.id, {}) | purchases.get(one.id, {})
        together = {name: together[name] + counts[name] for name in _COUNTS}
        rows.append(
            {
                "campaign": one.id,
                "push_title": one.title,
                "started_ms": one.starts_ms,
                "campaign_state": say(f"reports.campaign_state.{one.state}"),
                **_with_shares(counts),
            }
        )
    return Report("campaigns", asked.period, _COLUMNS, rows, _with_shares(together))


async def _rows_of_outbox(connection: AsyncConnection, asked: Asked) -> dict[int, dict[str, int]]:
    state = Delivery.state
    got = state == DeliveryState.ACCEPTED.value
    held_back = (state == DeliveryState.SKIPPED.value) & (Delivery.reason == CONTROL)
    wrote = exists().where(Friendship.person == Delivery.person, Friendship.last_in_ms > Delivery.sent_ms)

    def people(test: ColumnElement[bool]) -> ColumnElement[int]:
        return func.count(case((test, Delivery.person)).distinct())

    def rows(test: ColumnElement[bool]) -> ColumnElement[int]:
        return func.count(case((test, 1)))

    counts: dict[str, ColumnElement[int]] = {
        "invited": func.count(Delivery.person.distinct()),
        "got": people(got),
        "wrote": people(got & wrote),
        "held_back": rows(held_back),
        "left_out": rows((state == DeliveryState.SKIPPED.value) & ~held_back),
        "failed": rows(state == DeliveryState.FAILED.value),
        "in_doubt": rows(state.in_(_DOUBTFUL)),
        "pending": rows(state.in_(_WAITING)),
    }
    found = await connection.execute(
        select(Delivery.campaign, *(count.label(name) for name, count in counts.items()))
        .join(Campaign, Campaign.id == Delivery.campaign)
        .where(within(asked.period, Campaign.starts_ms))
        .group_by(Delivery.campaign)
    )
    return {row.campaign: {name: getattr(row, name) for name in counts} for row in found}


async def _purchases(connection: AsyncConnection, asked: Asked) -> dict[int, dict[str, int]]:
    """What those who got it bought in the days after, each order once for each campaign."""
    bought = (
        select(Delivery.campaign, Order.number, func.max(Order.person).label("person"), func.max(LEFT_FEN).label("fen"))
        .join(Campaign, Campaign.id == Delivery.campaign)
        .join(Order, Order.person == Delivery.person)
        .where(within(asked.period, Campaign.starts_ms), Delivery.state == DeliveryState.ACCEPTED.value)
        .where(BOUGHT, Order.created_ms.between(Delivery.sent_ms, Delivery.sent_ms + _AFTER_MS))
        .group_by(Delivery.campaign, Order.number)
        .subquery()
    )
    found = await connection.execute(
        select(
            bought.c.campaign,
            func.count(bought.c.person.distinct()).label("after_buyers"),
            func.count().label("after_orders"),
            whole(bought.c.fen).label("after_net_fen"),
        ).group_by(bought.c.campaign)
    )
    return {
        row.campaign: {
            "after_buyers": row.after_buyers,
            "after_orders": row.after_orders,
            "after_net_fen": row.after_net_fen,
        }
        for row in found
    }


def _with_shares(counts: dict[str, int]) -> Row:
    got = counts["got"]
    return {
        **counts,
        "wrote_share": share_of(counts["wrote"], got, got),
        "after_buyers_share": share_of(counts["after_buyers"], got, got),
    }
