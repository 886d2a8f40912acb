"""One message of a customer with all that an answer needs to know."""

from dataclasses import dataclass

from bots.gateway import Message, MessageKind
from conversations.acquaintance import Acquaintance
from conversations.own_words import OwnWords, own_words
from conversations.speaking import Lately
from texts.catalogue import say


@dataclass(frozen=True, slots=True)
class Heard:
    """Who wrote what, and what they were told lately. `own`: their words without quotes and links."""

    who: Acquaintance
    said: Lately
    message: Message
    own: OwnWords
    arrival: int
    now_ms: int

    @classmethod
    def of(cls, who: Acquaintance, said: Lately, message: Message, arrival: int, now_ms: int) -> "Heard":
        own = own_words(message.text) if message.kind is MessageKind.TEXT else OwnWords("")
        return cls(who, said, message, own, arrival, now_ms)

    @property
    def words(self) -> str:
        """What they typed; '' for anything but a text."""
        return self.own.text


def words_of(message: Message) -> str:
    """What they wrote, or what it was."""
    if message.kind is MessageKind.TEXT:
        return message.text
    return say(f"conversations.kind.{message.kind.value}")
