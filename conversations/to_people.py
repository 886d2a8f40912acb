"""The way to a person, and what the customer hears meanwhile: once an hour, with the rest of their burst."""

from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.bursts import answer_burst
from conversations.handover import HAND_OVER, hand_over
from conversations.heard import Heard, words_of
from conversations.speaking import Voices
from personas.model import Occasion


async def to_a_person(
    tx: AsyncConnection, voices: Voices, heard: Heard, why: str, *, tell_customer: bool = True
) -> None:
    """A person must look; `why` as in `handover.hand_over`. Whoever is held by a person hears nothing of it."""
    await hand_over(
        tx, voices, heard.who, heard.said, arrival=heard.arrival, why=why, words=words_of(heard.message),
        now_ms=heard.now_ms, tell_customer=False,
    )  # fmt: skip
    if not tell_customer or heard.who.held(heard.now_ms) or heard.said.includes(HAND_OVER):
        return
    occasion = Occasion.UNKNOWN if why == "unknown" else Occasion.HAND_OVER
    text = voices.on(occasion, heard.who, seed=heard.arrival)
    await answer_burst(tx, heard, text, HAND_OVER, small_talk=voices.small_talk(heard.who))
