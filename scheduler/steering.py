"""Pause, resume, cancel: the same words for a push and for a campaign of several phases."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler import campaigns, pushes
from scheduler.campaign_state import CampaignState
from storage.tables import Campaign


async def pause(tx: AsyncConnection, campaign: int, now_ms: int, reason: str | None = None) -> None:
    """Nothing more leaves until `resume`. Raises NoSuchCampaign, MoveRefused."""
    steer = campaigns.pause if await campaigns.is_campaign(tx, campaign) else pushes.pause
    await steer(tx, campaign, now_ms, reason)


async def resume(tx: AsyncConnection, campaign: int, now_ms: int) -> None:
    """Go on; of a campaign that runs, with the phase that stopped. Raises NoSuchCampaign, MoveRefused."""
    if not await campaigns.is_campaign(tx, campaign):
        await pushes.resume(tx, campaign, now_ms)
        return
    stopped = (CampaignState.HOLDING.value, CampaignState.PAUSED.value)  # for a word, or by its error budget
    waiting = await tx.scalar(
        select(Campaign.id).where(Campaign.parent == campaign, Campaign.state.in_(stopped)).limit(1)
    )
    if waiting is not None and await _state(tx, campaign) == CampaignState.RUNNING.value:
        await pushes.resume(tx, waiting, now_ms)
        return
    await campaigns.resume(tx, campaign, now_ms)


async def cancel(tx: AsyncConnection, campaign: int, now_ms: int) -> int:
    """Nothing more leaves, for good. Returns how many messages. Raises NoSuchCampaign, MoveRefused."""
    steer = campaigns.cancel if await campaigns.is_campaign(tx, campaign) else pushes.cancel
    return await steer(tx, campaign, now_ms)


async def _state(tx: AsyncConnection, campaign: int) -> str | None:
    return await tx.scalar(select(Campaign.state).where(Campaign.id == campaign))
