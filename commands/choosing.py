"""A number after a list: two customers were meant by one word, and staff answer `#17` instead of writing it all again.

Nothing is kept for it. The question stands in the inbox, and whether `#17` was one of its answers is looked up again:
so it is never somebody whom the word did not mean, and nothing personal is written down a second time.
"""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.gateway import MessageKind
from bots.payloads import message_of
from commands.catalogue import request_of
from commands.errors import NotUnderstood
from commands.grammar import parse
from commands.said import Said
from conversations.arrivals import StaffMessage
from conversations.intake import without_mention
from conversations.who_waits import who_waits
from customers.finding.people import find, meant
from operations.requests.people import Customer, Release, TakeOver
from operations.requests.request import Request
from operations.taking_over import held_by
from storage.tables import Arrival
from texts.catalogue import say

_NUMBER = re.compile(r"\s*[/#]?\s*#?([0-9]{1,15})\s*")
_LONGEST = 40
_LINE_SHOWN = 40
_LOOKED_AT = 40
"""Messages of one account that are looked at, the newest first: staff answer at once. Ours."""
_WAITING_READ = 200
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
    """The command that the number completes; None when none of the last `life_ms` waits for one.

    Raises NotUnderstood for another number of a list from which one was chosen already.
    """
    line, numbers = await _question(tx, message, life_ms)
    parsed = parse(line)
    if parsed is None:
        return None
    try:
        request = request_of(Said(parsed, message.at_ms, zone, message.room, message.account))
    except NotUnderstood:
        return None
    asked, taken = request, 0
    for number in numbers:
        answered = await _with(tx, request, number, message.staff, message.at_ms)
        if answered is None:
            if taken and await _with(tx, asked, numbers[-1], message.staff, message.at_ms):
                raise _taken_already(taken, numbers[-1], line)
            return None
        asked, request, taken = request, answered, number
    return Chosen(request, "\0".join((line, *map(str, numbers))))


def _taken_already(taken: int, number: int, line: str) -> NotUnderstood:
    return NotUnderstood(
        say("commands.chosen_already", taken=taken, number=number),
        hint=say("commands.chosen_already.hint", number=number, line=" ".join(line.split())[:_LINE_SHOWN]),
    )


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


async def _with(tx: AsyncConnection, request: Request, number: int, staff: str, now_ms: int) -> Request | None:
    """`request` about that very customer, where its words could mean them and somebody else."""
    if isinstance(request, TakeOver | Release) and not request.who:
        listed = await _listed(tx, request, staff, now_ms)
        return replace(request, who=f"#{number}") if number in listed else None
    for name in _NAMES:
        word = getattr(request, name, "")
        if not word:
            continue
        people = [person.id for person in await (find if isinstance(request, Customer) else meant)(tx, word)]
        if len(people) > 1:
            return replace(request, **{name: f"#{number}"}) if number in people else None
    return None


async def _listed(tx: AsyncConnection, request: TakeOver | Release, staff: str, now_ms: int) -> Collection[int]:
    """Whom the list named that a bare /接手 or /交回 shows."""
    if isinstance(request, TakeOver):
        return {one.person for one in await who_waits(tx, most=_WAITING_READ)}
    return await held_by(tx, staff, now_ms)
