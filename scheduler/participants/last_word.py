"""Was a campaign the last thing we said to somebody? Then a picture without a word is for it, and no complaint."""

from sqlalchemy import BigInteger, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from rules.kinds import Kind
from scheduler.pushes.answer_rows import answers_one_of
from storage.campaign_tables import Campaign
from storage.outbox import DeliveryState
from storage.tables import Delivery

_CHILD = aliased(Campaign)
_AT_MS = func.coalesce(Delivery.sent_ms, Delivery.created_ms)
_SAID = or_(Delivery.sent_ms.is_not(None), Delivery.kind == Kind.REPLY.value)
"""A reply that is on its way counts; a push that still waits does not."""
# Built once: every picture of a customer asks it while a campaign runs.
_NEWEST = (
    select(Delivery.campaign, Delivery.source, _CHILD.parent)
    .outerjoin(_CHILD, _CHILD.id == Delivery.campaign)
    .where(
        Delivery.person == bindparam("person", type_=BigInteger), Delivery.state != DeliveryState.SKIPPED.value, _SAID
    )
    .order_by(_AT_MS.desc(), Delivery.id.desc())
    .limit(1)
)


async def spoke_last(tx: AsyncConnection, campaign: int, person: int) -> bool:
    """Is our newest message to them a push of it, or an answer to what they said to it?"""
    newest = (await tx.execute(_NEWEST, {"person": person})).first()
    if newest is None:
        return False
    return campaign in (newest.campaign, newest.parent) or answers_one_of(newest.source, [campaign])
