"""What the texts of many customers ask first, read for all of them at once: who they are, what they were told lately.

Nothing here knows which of them will be answered simply. Each is handled as always, with `Ahead` for its transaction;
whoever asks more of it (an opt-out, an order, a person's help) is handled alone after the others.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bots.gateway import MessageKind
from conversations import acquaintance, speaking, talkers
from customers import ladder
from scheduler import campaign_answers
from storage.ahead import Ahead
from storage.inbox import Received

_NAMES = ("talker", "listener", "contact")
"""Under which a payload names those whom it is about."""


async def read_ahead(tx: AsyncConnection, arrivals: Sequence[Received], now_ms: int) -> tuple[Ahead, set[int]]:
    """What was read, and the ids of the arrivals that are worth a try with it at `now_ms`.

    Of each conversation the first at most: whoever goes on speaking is answered after what was said before.
    """
    ahead = Ahead(tx)
    first = _first_texts(arrivals)
    customers = await talkers.read_ahead(tx, ahead, {contact for _, contact in first}) if first else set()
    theirs = [conversation for conversation in first if conversation[1] in customers]
    if not theirs:
        return ahead, set()
    met = await acquaintance.read_ahead(tx, ahead, theirs)
    await speaking.read_ahead(tx, ahead, met.values(), now_ms)
    await campaign_answers.read_ahead(tx, ahead)
    await ladder.read_ahead(tx, ahead)
    return ahead, {first[conversation] for conversation in met}


def _first_texts(arrivals: Sequence[Received]) -> dict[tuple[str, str], int]:
    """(account, talker) → id of private texts of people about whom nothing else came to that account before."""
    named: set[tuple[str, str]] = set()
    found = {}
    for received in arrivals:
        account, payload = received.account, received.payload
        talker = (account, str(payload.get("talker", "")))
        if received.kind == "message" and talker not in named and _is_private_text(payload):
            found[talker] = received.id
        named |= {(account, str(payload.get(name, ""))) for name in _NAMES}
    return found


def _is_private_text(payload: Mapping[str, Any]) -> bool:
    return payload["kind"] == MessageKind.TEXT.value and not payload["room"]
