"""The way to a person, and what the customer hears meanwhile: once an hour, with the rest of their burst."""

from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.bursts import answer_burst
from conversations.handover import wait_for_a_person
from conversations.heard import Heard
from conversations.speaking import Voices
from personas.model import Occasion

_ENTRY = "hand_over"
"""What the source of such an answer ends with: said at most once within what is remembered, an hour."""


async def to_a_person(
    tx: AsyncConnection, voices: Voices, heard: Heard, why: str, *, tell_customer: bool = True
) -> None:
    """A person must look; `why` as in `wait_for_a_person`. Whoever is held by a person hears nothing of it."""
    zone = voices.shop.time_zone
    await wait_for_a_person(tx, heard.who, zone, arrival=heard.arrival, why=why, now_ms=heard.now_ms)
    if not tell_customer or heard.who.held(heard.now_ms) or heard.said.includes(_ENTRY):
        return
    occasion = Occasion.UNKNOWN if why == "unknown" else Occasion.HAND_OVER
    text = voices.on(occasion, heard.who, seed=heard.arrival)
    await answer_burst(tx, heard, text, _ENTRY, small_talk=voices.small_talk(heard.who))
