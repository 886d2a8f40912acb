"""One answer to a burst: who types three messages in a row hears one, not three.

What was not sent yet is taken back by a compare-and-set and said again with the rest; what is under way already stands.
"""

from collections.abc import Collection

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.heard import Heard
from conversations.speaking import JOINED, Said, reply
from rules.kinds import Kind
from storage.outbox import DeliveryState
from storage.tables import Delivery

MOST_TOGETHER = 3
"""Answers in one message; more would be a leaflet. Ours."""
LONGEST_TOGETHER = 400
"""Characters of them. Ours."""


async def answer_burst(
    tx: AsyncConnection, heard: Heard, text: str, entry: str, *, small_talk: Collection[str] = ()
) -> None:
    """Say `text` for the entry `entry`, together with what else the burst is about to be told.

    `small_talk` are the entries that give way to business: said only where nothing else is.
    """
    waiting = [one for one in heard.said.about_to_answer(heard.now_ms) if one.kind == Kind.REPLY.value]
    if any(one.entry == entry for one in waiting):
        return
    business = [one for one in waiting if one.entry not in small_talk]
    if entry in small_talk and waiting:
        return
    together = len(business) < MOST_TOGETHER and sum(len(one.words) for one in business) + len(text) < LONGEST_TOGETHER
    parts = [text]
    for one in waiting:  # the newest first
        is_business = one in business
        if (together or not is_business) and await _take_back(tx, one, heard.now_ms) and is_business:
            parts.insert(0, one.words)
    await reply(tx, heard.who, "\n".join(parts), arrival=heard.arrival, entry=entry, now_ms=heard.now_ms)


async def _take_back(tx: AsyncConnection, one: Said, now_ms: int) -> bool:
    """Nobody sends it any more. False when it is under way."""
    taken = await tx.execute(
        update(Delivery)
        .where(Delivery.id == one.id, Delivery.state == DeliveryState.PENDING.value)
        .values(state=DeliveryState.SKIPPED.value, reason=JOINED, settled_ms=now_ms)
    )
    return taken.rowcount > 0
