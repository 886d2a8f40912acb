"""How soon the styles of new arrivals found their first buyers (破零): of one campaign, or of all that were held."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from reports.purchase_rows import BOUGHT, MOMENT
from storage.campaign_tables import CAMPAIGN, Campaign
from storage.order_tables import Order

_ARRIVALS = "arrivals"  # scheduler.campaign_files.campaign_file.CampaignKind


@dataclass(frozen=True, slots=True)
class FirstOrder:
    """Of a style, by the word of its title: the first purchase since it was shown (epoch ms), and how many."""

    item: str
    first_ms: int | None
    orders: int


async def first_orders(connection: AsyncConnection, items: Sequence[str], since_ms: int) -> list[FirstOrder]:
    """In the order of `items`; one pass over the orders since that moment."""
    if not items:
        return []
    named = [Order.items.contains(item, autoescape=True) for item in items]
    columns = [
        column
        for number, is_it in enumerate(named)
        for column in (
            func.min(case((is_it, MOMENT))).label(f"first_{number}"), func.count(case((is_it, 1))).label(f"n_{number}"),
        )
    ]  # fmt: skip
    found = (await connection.execute(select(*columns).where(BOUGHT, since_ms <= MOMENT, or_(*named)))).one()
    return [
        FirstOrder(item, getattr(found, f"first_{number}"), getattr(found, f"n_{number}"))
        for number, item in enumerate(items)
    ]


async def shown_by_campaigns(connection: AsyncConnection, titles: Iterable[str], until_ms: int) -> dict[str, int]:
    """When each of these titles was first shown as a style of new arrivals, if it ever was (epoch ms)."""
    query = select(Campaign.spec, Campaign.starts_ms).where(
        Campaign.kind == CAMPAIGN, Campaign.state != "draft", Campaign.starts_ms <= until_ms
    )
    held = [
        (style.get("item") or style["name"], row.starts_ms)
        for row in (await connection.execute(query)).all()
        if row.spec.get("kind") == _ARRIVALS
        for style in row.spec["arrivals"]["styles"]
    ]
    shown: dict[str, int] = {}
    for title in titles if held else ():
        moments = [starts_ms for word, starts_ms in held if word in title]
        if moments:
            shown[title] = min(moments)
    return shown
