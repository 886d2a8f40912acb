"""What the texts of many customers ask first, read for all of them at once: who they are, what they were told lately.

Nothing here knows which of them will be answered simply. Each is handled as always, with `Ahead` for its transaction;
whoever asks more of it (an opt-out, an order, a person's help) is handled alone after the others.
"""

from collections.abc import Collection, Iterable, Sequence
from itertools import takewhile

from sqlalchemy.ext.asyncio import AsyncConnection

from bots.gateway import MessageKind
from conversations import acquaintance, speaking, talkers, who_waits
from conversations.intake import is_command, without_mention
from customers.standing import ladder
from scheduler.campaigns import campaign_answers
from storage.ahead import Ahead
from storage.inbox import Received

_NAMES = ("talker", "listener", "contact")
"""Under which a payload names those whom it is about."""


async def read_ahead(tx: AsyncConnection, arrivals: Sequence[Received], now_ms: int) -> tuple[Ahead, set[int]]:
    """What was read, and the ids of the arrivals that are worth a try with it at `now_ms`.

    Of each conversation the first at most: whoever goes on speaking is answered after what was said before. And none
    after a command of staff: it may take over anybody's conversation.
    """
    ahead = Ahead(tx)
    speakers = {str(received.payload["talker"]) for received in arrivals if _is_text(received)}
    customers = await talkers.read_ahead(tx, ahead, speakers) if speakers else set()
    first = _first_texts(takewhile(lambda received: not _commands(received, customers), arrivals))
    theirs = [conversation for conversation in first if conversation[1] in customers]
    if not theirs:
        return ahead, set()
    met = await acquaintance.read_ahead(tx, ahead, theirs)
    await speaking.read_ahead(tx, ahead, met.values(), now_ms)
    await campaign_answers.read_ahead(tx, ahead)
    await ladder.read_ahead(tx, ahead)
    worth = {first[conversation] for conversation in met}
    who_waits.tell_ahead(ahead, (received for received in arrivals if received.id in worth))
    return ahead, worth


def _first_texts(arrivals: Iterable[Received]) -> dict[tuple[str, str], int]:
    """(account, talker) → id of private texts of people about whom nothing else came to that account before."""
    named: set[tuple[str, str]] = set()
    found = {}
    for received in arrivals:
        account, payload = received.account, received.payload
        talker = (account, str(payload.get("talker", "")))
        if _is_text(received) and not payload["room"] and talker not in named:
            found[talker] = received.id
        named |= {(account, str(payload.get(name, ""))) for name in _NAMES}
    return found


def _is_text(received: Received) -> bool:
    return received.kind == "message" and received.payload["kind"] == MessageKind.TEXT.value


def _commands(received: Received, customers: Collection[str]) -> bool:
    payload = received.payload
    return _is_text(received) and payload["talker"] not in customers and is_command(without_mention(payload["text"]))
