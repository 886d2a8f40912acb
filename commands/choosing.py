"""A number after a list: two customers were meant by one word, and staff answer `#17` instead of writing it all again.

Nothing is kept for it. The question stands in the inbox, and whether `#17` was one of its answers is looked up again:
so it is never somebody whom the word did not mean, and nothing personal is written down a second time.
"""

import re
import unicodedata
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.gateway import MessageKind
from bots.payloads import message_of
from commands.catalogue import Said, request_of
from commands.errors import NotUnderstood
from commands.grammar import parse
from conversations.arrivals import StaffMessage
from conversations.intake import without_mention
from customers.people import find, meant
from operations.requests import Customer, Request
from storage.tables import Arrival

_NUMBER = re.compile(r"\s*[/#]?\s*#?([0-9]{1,15})\s*")
_LONGEST = 40
_LOOKED_AT = 40
"""Messages of one account that are looked at, the newest first: staff answer at once. Ours."""
_NAMES = ("who", "old")
"""The fields of requests that mean a customer."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was asked, with the numbers put in; `words` tells one choice from the next."""

    request: Request
    words: str


def number_in(text: str) -> int | None:
    """The number, where a message is nothing else: 17, #17, /17. Never raises."""
    found = _NUMBER.fullmatch(unicodedata.normalize("NFKC", text[:_LONGEST]))
    return int(found[1]) if found else None


async def chosen(tx: AsyncConnection, message: StaffMessage, zone: str, *, life_ms: int) -> Chosen | None:
    """The command that the number completes; None when none of the last `life_ms` waits for one."""
    line, numbers = await _question(tx, message, life_ms)
    parsed = parse(line)
    if parsed is None:
        return None
    try:
        request = request_of(Said(parsed, message.at_ms, zone, message.room, message.account))
    except NotUnderstood:
        return None
    for number in numbers:
        answered = await _with(tx, request, number)
        if answered is None:
            return None
        request = answered
    return Chosen(request, "\0".join((line, *map(str, numbers))))


async def _question(tx: AsyncConnection, message: StaffMessage, life_ms: int) -> tuple[str, list[int]]:
    """The last line that is more than a number, and the numbers since, this one last."""
    numbers = [number_in(message.text) or 0]
    newest = (
        select(Arrival.payload)
        .where(
            Arrival.account == message.account,
            Arrival.kind == "message",
            Arrival.id < message.arrival,
            Arrival.received_ms > message.at_ms - life_ms,
        )
        .order_by(Arrival.id.desc())
        .limit(_LOOKED_AT)
    )
    for (payload,) in (await tx.execute(newest)).all():
        said = message_of(payload) if payload else None
        if said is None or said.kind is not MessageKind.TEXT:
            continue
        if (said.talker, said.room) != (message.contact, message.room):
            continue
        text = without_mention(said.text)
        number = number_in(text)
        if number is None:
            return text, numbers
        if number != numbers[0]:  # a number that was tapped twice is said once
            numbers.insert(0, number)
    return "", numbers


async def _with(tx: AsyncConnection, request: Request, number: int) -> Request | None:
    """`request` about that very customer, where its words could mean them and somebody else."""
    for name in _NAMES:
        word = getattr(request, name, "")
        if not word:
            continue
        people = [person.id for person in await (find if isinstance(request, Customer) else meant)(tx, word)]
        if len(people) > 1:
            return replace(request, **{name: f"#{number}"}) if number in people else None
    return None
