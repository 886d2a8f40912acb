"""What a campaign promises beside its words: coupon codes enough for all its phases, and benefits with their stock."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from personas.errors import TemplateRefused
from personas.voice import variables
from scheduler.benefits import benefits, coupons
from scheduler.benefits.coupon_shortage import Shortage
from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.pushes.pushes import Preview


def codes_wanted(campaign: CampaignFile, seen: Sequence[Preview | None]) -> int:
    """How many codes it may give away, as far as that can be known before: a person holds one for all its phases.

    `seen`: the previews of its phases that ask. Where its answers, reminder or thanks tell the code, everybody who is
    promised a place.
    """
    if campaign.coupons is None:
        return 0
    asked = max((view.coupons for view in seen if view is not None), default=0)
    later = [text for phase in campaign.phases if phase.kind.follows_up for text in phase.words.values()]
    later += campaign.answers.model_dump(exclude_none=True).values()
    promised = campaign.stock.places.promised if campaign.stock is not None else 0
    return max(asked, promised if any(map(names_coupon, later)) else 0)


async def wanting(
    tx: AsyncConnection, campaign: CampaignFile, codes: int, until_ms: int, *, id: int = 0
) -> Shortage | None:
    """None when the pool has so many, valid beyond the campaign's end (epoch ms). Writes nothing."""
    if campaign.coupons is None:
        return None
    there = await coupons.available(tx, campaign.coupons, until_ms, ours=(id,), enough=codes)
    return Shortage(campaign.coupons, id, codes, there) if there < codes else None


async def begin(
    tx: AsyncConnection, id: int, campaign: CampaignFile, codes: int, until_ms: int, now_ms: int
) -> list[str]:
    """It starts: its benefits stand in the table, its codes are set aside. Returns what keeps it from starting."""
    await benefits.open_for(tx, id, campaign.benefits)
    if campaign.coupons is None:
        return []
    there = await coupons.set_aside(
        tx, pool=campaign.coupons, campaign=id, root=id, codes=codes, until_ms=until_ms, now_ms=now_ms
    )
    return [Shortage(campaign.coupons, id, codes, there).words] if there < codes else []


def names_coupon(text: str) -> bool:
    """Does it put in the recipient's own code? Raises nothing."""
    try:
        return "coupon" in variables(text)
    except TemplateRefused:
        return False
