"""How far somebody has come with the shop: which words are for them."""

from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.acquaintance import Acquaintance
from customers.standing.ladder import current
from personas.model import Stage

PARTNER = "partner"
_FIRST_BUYERS = 1
"""The rank of whoever bought once: above it stand members."""


async def stage_of(tx: AsyncConnection, who: Acquaintance) -> Stage:
    """新朋友 → 已认领 → 复购 → 会员 → 合伙人. Most have not bought: the ladder is read for the others only."""
    if who.level == PARTNER:
        return Stage.PARTNER
    if not who.orders and who.level == "friend":
        return Stage.FRIEND
    rank = (await current(tx)).rank(who.level)
    if rank > _FIRST_BUYERS:
        return Stage.MEMBER
    if who.orders > 1:
        return Stage.REPEAT
    return Stage.CLAIMED if who.orders or rank == _FIRST_BUYERS else Stage.FRIEND
