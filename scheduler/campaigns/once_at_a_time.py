"""One campaign of a name at a time: begun twice, its posts and what it says in groups would be seen twice."""

import zlib

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.campaign_state import OPEN
from storage.campaign_tables import CAMPAIGN, Campaign
from texts.catalogue import say

_BEGINNING = 0x77_78_63_70  # 'wxcp': the first key of PostgreSQL's advisory locks for campaigns that begin


async def hold_name(tx: AsyncConnection, name: str) -> None:
    """Nobody else begins a campaign of that name before `tx` ends. SQLite has one writer anyway."""
    if tx.dialect.name == "postgresql":
        # Half of it: the key of a lock is a signed number.
        await tx.execute(select(func.pg_advisory_xact_lock(_BEGINNING, zlib.crc32(name.encode()) >> 1)))


async def under_way_words(tx: AsyncConnection, name: str, *, beside: int | None = None) -> str:
    """Which campaign of that name is under way, and what to do; '' where none is. `beside`: that one is not meant."""
    query = select(Campaign.id, Campaign.title).where(
        Campaign.name == name,
        Campaign.kind == CAMPAIGN,
        Campaign.parent.is_(None),
        Campaign.state.in_([state.value for state in OPEN]),
        Campaign.id != (beside or 0),
    )
    row = (await tx.execute(query.limit(1))).first()
    return "" if row is None else say("scheduler.campaign.under_way", title=row.title, id=row.id)
