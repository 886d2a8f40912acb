"""Who kept their word: found in the orders of the campaign's days, or said by staff."""

from typing import Any

from sqlalchemy import ColumnElement, Row, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.order import PURCHASES
from rules.pacing import DAY_MS
from scheduler.campaign_files.campaign_file import CampaignFile, campaign_of
from scheduler.campaign_files.campaign_timeline import timeline
from scheduler.participants.participants import Answer, Standing, settle
from storage.campaign_tables import CAMPAIGN, Campaign, Participant
from storage.order_tables import ImportBatch, Order
from storage.settings import put_setting

EVERYTHING = frozenset({"全店", "all"})
"""Written under `items`: whatever they buy counts."""
LATE_ORDERS_MS = 30 * DAY_MS
"""So long after its end an import may still show who came. Ours."""
_SEEN = "campaigns_orders_seen"
ORDERS_ARRIVED = f"""
    EXISTS (SELECT 1 FROM campaigns WHERE kind = '{CAMPAIGN}')
    AND EXISTS (SELECT 1 FROM import_batches b
                WHERE b.finished_ms IS NOT NULL AND b.kind = 'orders' AND b.id > COALESCE(
                    (SELECT CAST(value AS BIGINT) FROM settings WHERE key = '{_SEEN}'), 0))"""
"""SQL: were orders imported that no campaign has looked at?"""


async def settle_by_orders(tx: AsyncConnection, now_ms: int, shop_zone: str) -> int:
    """Whoever was asked or said yes, and bought within the campaign's days, took part. Returns how many are new."""
    newest = await tx.scalar(select(func.max(ImportBatch.id)).where(ImportBatch.finished_ms.is_not(None)))
    await put_setting(tx, _SEEN, str(newest or 0), now_ms)
    query = select(Campaign.id, Campaign.spec, Campaign.starts_ms).where(
        Campaign.kind == CAMPAIGN,
        Campaign.state.in_(("running", "paused", "finished")),
        Campaign.valid_until_ms > now_ms - LATE_ORDERS_MS,
    )
    return sum([await _settle_one(tx, found, now_ms, shop_zone) for found in (await tx.execute(query)).all()])


async def stayed_away(tx: AsyncConnection, campaign: int, file: CampaignFile, now_ms: int) -> int:
    """At the end: who had a place, or said yes, and did not come. Returns how many.

    Where saying yes is all there is to it, everybody who said so kept their word.
    """
    promised = (Standing.PROMISED.value, Standing.YES.value)
    query = select(Participant.person).where(Participant.campaign == campaign, Participant.state.in_(promised))
    people = (await tx.scalars(query)).all()
    if file.took_part == "said":
        await settle(tx, campaign, people, Answer.CAME, "said", now_ms)
        return 0
    return await settle(tx, campaign, people, Answer.STAYED_AWAY, "orders", now_ms)


async def _settle_one(tx: AsyncConnection, row: Row[Any], now_ms: int, shop_zone: str) -> int:
    file = campaign_of(row.spec)
    if file.took_part != "orders":
        return 0
    line = timeline(file, row.starts_ms, shop_zone)
    came = [standing.value for standing in Standing if standing is not Standing.KEPT]
    query = (
        select(Participant.person)
        .join(Order, Order.person == Participant.person)
        .where(
            Participant.campaign == row.id, Participant.state.in_(came), Order.status.in_(PURCHASES),
            Order.paid_fen > Order.refund_fen,
            func.coalesce(Order.paid_ms, Order.created_ms).between(line.from_ms, line.until_ms),
            _of_items(file),
        )
        .distinct()
    )  # fmt: skip
    return await settle(tx, row.id, (await tx.scalars(query)).all(), Answer.CAME, "orders", now_ms)


def _of_items(file: CampaignFile) -> ColumnElement[bool]:
    if EVERYTHING & {item.casefold() for item in file.items}:
        return true()
    return or_(*(Order.items.contains(item, autoescape=True) for item in file.items))
