"""What a channel cost, and how often it was shown, as staff write it down: by day, added up by the reports."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.customer_tables import ChannelCost


@dataclass(frozen=True, slots=True)
class Cost:
    """One entry. `day`: ISO date in the shop's zone; `shown`: cards printed, texts sent; the amount is in fen."""

    day: str
    shown: int
    cost_fen: int
    note: str = ""


async def write_cost(tx: AsyncConnection, channel: str, cost: Cost, *, by: str, now_ms: int) -> None:
    """Add an entry; a day may have several (the print, the postage)."""
    await tx.execute(
        insert(ChannelCost).values(
            channel=channel, day=cost.day, shown=cost.shown, cost_fen=cost.cost_fen, note=cost.note, by=by, at_ms=now_ms
        )
    )


async def drop_costs(tx: AsyncConnection, channel: str, day: str) -> int:
    """Forget the entries of one day, to write them anew. Returns how many."""
    gone = await tx.execute(delete(ChannelCost).where(ChannelCost.channel == channel, ChannelCost.day == day))
    return gone.rowcount


async def costs_of(tx: AsyncConnection, channel: str) -> Sequence[Cost]:
    """All entries of a channel, the oldest day first."""
    rows = await tx.execute(
        select(ChannelCost.day, ChannelCost.shown, ChannelCost.cost_fen, ChannelCost.note)
        .where(ChannelCost.channel == channel)
        .order_by(ChannelCost.day, ChannelCost.id)
    )
    return [Cost(*row) for row in rows]
