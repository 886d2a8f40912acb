"""Pause, resume, cancel: the same words for a push and for a campaign of several phases."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.campaign_state import CampaignState
from scheduler.campaigns import campaigns
from scheduler.campaigns.called_off import joined
from scheduler.pushes import pushes, recalls
from scheduler.pushes.recalls import Recall
from storage.campaign_tables import Campaign


@dataclass(frozen=True, slots=True)
class Cancelled:
    """`waiting`: messages that do not leave any more; `recall`: what had left by then.

    `joined`: how many had said yes, and do not know; `first` of them, as `#17 花花`.
    """

    waiting: int
    recall: Recall
    joined: int = 0
    first: tuple[str, ...] = ()


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


async def cancel(tx: AsyncConnection, campaign: int, now_ms: int) -> Cancelled:
    """Nothing more leaves, for good; what left within two minutes is asked back. Raises NoSuchCampaign, MoveRefused."""
    steer = campaigns.cancel if await campaigns.is_campaign(tx, campaign) else pushes.cancel
    waiting = await steer(tx, campaign, now_ms)
    return Cancelled(waiting, await recalls.begin(tx, campaign, now_ms), *await joined(tx, campaign))


async def _state(tx: AsyncConnection, campaign: int) -> str | None:
    return await tx.scalar(select(Campaign.state).where(Campaign.id == campaign))
