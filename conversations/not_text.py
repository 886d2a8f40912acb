"""What is not words: pictures, voices, files, cards and money. A person looks; the customer hears so, in character."""

from sqlalchemy.ext.asyncio import AsyncConnection

from bots.gateway import MessageKind
from conversations.bursts import answer_burst
from conversations.heard import Heard
from conversations.photos import keep_photo
from conversations.speaking import Voices
from conversations.to_people import to_a_person
from personas.model import Occasion

_SILENT = (MessageKind.EMOTICON, MessageKind.GROUP_NOTE)
"""A sticker ends a conversation, it asks for nothing."""
_OCCASIONS = {
    MessageKind.IMAGE: Occasion.MEDIA,
    MessageKind.VIDEO: Occasion.MEDIA,
    MessageKind.AUDIO: Occasion.VOICE,
    MessageKind.CARD: Occasion.CARD,
    MessageKind.RED_ENVELOPE: Occasion.MONEY,
    MessageKind.TRANSFER: Occasion.MONEY,
}
_WHY = {Occasion.MONEY: "money", Occasion.CARD: "card"}


async def hear_not_text(tx: AsyncConnection, voices: Voices, heard: Heard) -> str:
    """The outcome in a word."""
    kind = heard.message.kind
    if kind in _SILENT:
        return "ignored"
    occasion = _OCCASIONS.get(kind, Occasion.RECEIVED)
    await to_a_person(tx, voices, heard, _WHY.get(occasion, "media"), tell_customer=False)
    if kind is MessageKind.IMAGE:
        await keep_photo(tx, heard.who, heard.message.id, arrival=heard.arrival, now_ms=heard.now_ms)
    text = voices.on(occasion, heard.who, seed=heard.arrival)
    await answer_burst(tx, heard, text, occasion.value)
    return "handed_over"
