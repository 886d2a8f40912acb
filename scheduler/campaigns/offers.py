"""What is on for one person now: the campaigns that wrote to them, or are open to whoever stands at their level.

Welfare is for those it was made for: nobody else hears of it, whatever they ask.
"""

from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from scheduler.campaign_files.campaign_file import CampaignFile, campaign_of
from scheduler.campaign_files.campaign_pushes import values_of
from scheduler.campaign_files.campaign_timeline import timeline
from scheduler.look import SHOP_ZONE
from storage.campaign_tables import CAMPAIGN, Campaign
from storage.outbox import MAY_HAVE_LEFT
from storage.statements import both, rows_of
from storage.tables import Delivery

_RUNNING = both(f"SELECT id FROM campaigns WHERE kind = '{CAMPAIGN}' AND state IN ('running', 'paused') ORDER BY id")
_SPEC = select(Campaign.id, Campaign.spec, Campaign.starts_ms).where(Campaign.id.in_(bindparam("ids", expanding=True)))
_CHILD = aliased(Campaign)
_WROTE = (
    select(_CHILD.parent)
    .select_from(Delivery)
    .join(_CHILD, _CHILD.id == Delivery.campaign)
    .where(
        Delivery.person == bindparam("person"),
        Delivery.sent_ms.is_not(None),
        Delivery.state.in_(MAY_HAVE_LEFT),
        _CHILD.parent.in_(bindparam("ids", expanding=True)),
    )
    .distinct()
)


@dataclass(frozen=True, slots=True)
class Offer:
    """A campaign that somebody may hear of. `values`: the names of its texts, `ends_ms` when it is over."""

    campaign: int
    values: dict[str, str]
    ends_ms: int


async def offers_for(tx: AsyncConnection, person: int, level: str, now_ms: int, zone: str = SHOP_ZONE) -> list[Offer]:
    """What is on for `person` of this level at `now_ms`, what ends first first."""
    running = [row[0] for row in await rows_of(tx, _RUNNING, {})]
    if not running:
        return []
    wrote = set((await tx.scalars(_WROTE, {"person": person, "ids": running})).all())
    offers = []
    for row in (await tx.execute(_SPEC, {"ids": running})).all():
        file = campaign_of(row.spec)
        line = timeline(file, row.starts_ms, zone)
        if line.from_ms <= now_ms <= line.until_ms and (row.id in wrote or _is_open(file, level)):
            offers.append(Offer(row.id, values_of(file), line.until_ms))
    return sorted(offers, key=lambda offer: (offer.ends_ms, offer.campaign))


def _is_open(file: CampaignFile, level: str) -> bool:
    return file.join.open and level in file.who.levels
