"""What `campaigns show` says of new arrivals: the votes, and how soon each style found its first buyer."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from reports.first_orders import first_orders
from scheduler.campaign_files.campaign_file import campaign_of
from scheduler.participants.votes import count_votes
from storage.campaign_tables import Campaign
from texts.catalogue import say
from wxfleet.reading.settings import Settings

_HOUR_MS = 3_600_000


async def arrivals_part(
    connection: AsyncConnection, row: dict[str, Any], settings: Settings
) -> tuple[dict[str, Any], list[str]]:
    """{styles: [{name, item, votes, orders, first_ms, to_first_hours}]}, most votes first; {} of anything else."""
    found = (await connection.execute(select(Campaign.spec, Campaign.starts_ms).where(Campaign.id == row["id"]))).one()
    file = campaign_of(found.spec)
    if file.arrivals is None:
        return {}, []
    titles = {style.name: style.title for style in file.arrivals.styles}
    votes = await count_votes(connection, row["id"], list(titles))
    orders = {one.item: one for one in await first_orders(connection, list(titles.values()), found.starts_ms)}
    styles = []
    for vote in votes:
        first = orders[titles[vote.choice]]
        hours = None if first.first_ms is None else round((first.first_ms - found.starts_ms) / _HOUR_MS, 1)
        styles.append({
            "name": vote.choice, "item": first.item, "votes": vote.votes, "orders": first.orders,
            "first_ms": first.first_ms, "to_first_hours": hours,
        })  # fmt: skip
    return {"styles": styles}, [_line(style) for style in styles]


def _line(style: dict[str, Any]) -> str:
    key = "cli.campaigns.style" if style["to_first_hours"] is not None else "cli.campaigns.style_unsold"
    return say(key, name=style["name"], votes=style["votes"], orders=style["orders"], hours=style["to_first_hours"])
