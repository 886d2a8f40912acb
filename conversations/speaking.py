"""Putting an account's words on their way to a customer: one voice, a human pace, never twice for one message."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from random import Random
from typing import Any

from sqlalchemy import BigInteger, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.acquaintance import Acquaintance
from personas.book import Book
from personas.model import Occasion, Persona, Shop
from personas.speech import names, speak
from rules.kinds import Kind
from storage.ahead import Ahead
from storage.many import over_many
from storage.outbox import Content, DeliveryState, NewDelivery, plan
from storage.statements import ready
from storage.tables import Delivery

DELAY_MS = (2_000, 6_000)
"""A person needs a moment to read and type. Ours."""
STALE_MS = 12 * 3_600_000
"""An answer older than this is odder than none. Ours."""
BURST_MS = 20_000
"""Messages this close together are one question. Ours."""
LATELY_MS = 3_600_000
"""How far back we remember what was said, when choosing what to say. Ours."""
JOINED = "joined"
"""Why a row was not sent: its words went with the next one's (`conversations.bursts`)."""
_JOINED_COUNT = 4
"""So many rows that were taken back weigh as one answer: a flood of them is a flood, too."""
_MOST_ROWS = 50
_REPLIES = (Kind.REPLY.value, Kind.CLAIM_ANSWER.value)


@dataclass(frozen=True, slots=True)
class Voices:
    """Every persona, and the shop they speak for."""

    book: Book
    shop: Shop

    def persona_of(self, who: Acquaintance) -> Persona:
        """Who speaks to them. Raises NoSuchPersona."""
        return self.book.resolved(who.persona)

    def values_for(self, who: Acquaintance) -> dict[str, str]:
        """The names that this persona's templates may use with them."""
        return names(self.persona_of(who), self.shop, who.call_me or who.nickname, position=who.position)

    def small_talk(self, who: Acquaintance) -> frozenset[str]:
        """The names of the entries that give way to business."""
        return frozenset(entry.name for entry in self.persona_of(who).replies if entry.small_talk)

    def on(self, occasion: Occasion, who: Acquaintance, *, seed: int, **more: str) -> str:
        """What their persona says on an occasion."""
        return speak(self.persona_of(who), occasion, {**self.values_for(who), **more}, seed=seed)


async def reply(
    tx: AsyncConnection,
    who: Acquaintance,
    text: str,
    *,
    arrival: int,
    entry: str,
    now_ms: int,
    kind: Kind = Kind.REPLY,
    key: str = "",
) -> None:
    """Answer the inbox row `arrival` with `text`. `entry` names the prepared answer or occasion.

    A repeated event finds the row of the first one and adds nothing.
    """
    row = NewDelivery(
        kind=kind,
        account=who.account,
        to=who.contact,
        person=who.person,
        content=Content(text=text),
        key=key or f"reply:{arrival}:{entry}",
        due_ms=now_ms + Random(f"{who.account}:{arrival}:{entry}").randint(*DELAY_MS),
        valid_until_ms=now_ms + STALE_MS,
        source=f"inbox:{arrival}:{entry}",
    )
    await plan(tx, [row], now_ms=now_ms)


@dataclass(frozen=True, slots=True)
class Said:
    """One thing an account planned to tell somebody. `entry` names the prepared answer or the occasion."""

    id: int
    entry: str
    kind: str
    at_ms: int
    unsent: bool
    joined: bool
    words: str

    @property
    def answers(self) -> bool:
        return self.kind in _REPLIES


@dataclass(frozen=True, slots=True)
class Lately:
    """What one account planned to tell one person within the last hour, the newest first."""

    said: tuple[Said, ...]

    def about_to_say(self, entry: str, now_ms: int) -> bool:
        """Is this very answer on its way to them already, unsent, from the same burst?"""
        return any(one.entry == entry and one.unsent and one.at_ms > now_ms - BURST_MS for one in self.said)

    def about_to_answer(self, now_ms: int) -> list[Said]:
        """Answers to the same burst that are not sent yet, the newest first."""
        return [one for one in self.said if one.answers and one.unsent and one.at_ms > now_ms - BURST_MS]

    def includes(self, entry: str) -> bool:
        """Was this said within the hour?"""
        return any(one.entry == entry for one in self.said)

    def times(self, entry: str, since_ms: int) -> int:
        """How often was this said since then?"""
        return sum(one.entry == entry and one.at_ms > since_ms for one in self.said)

    def times_of(self, kind: Kind, since_ms: int) -> int:
        """How many of that kind since then?"""
        return sum(one.kind == kind.value and one.at_ms > since_ms for one in self.said)

    def answers_since(self, since_ms: int) -> int:
        """How many answers they got since then."""
        lately = [one for one in self.said if one.answers and one.at_ms > since_ms]
        joined = sum(one.joined for one in lately)
        return len(lately) - joined + joined // _JOINED_COUNT

    def newest_words(self, since_ms: int) -> str:
        """The last text to them since then, '' if none."""
        return next((one.words for one in self.said if one.at_ms > since_ms and one.words), "")


_PLANNED = select(
    Delivery.id, Delivery.source, Delivery.kind, Delivery.state, Delivery.reason, Delivery.created_ms,
    Delivery.text, Delivery.content,
)  # fmt: skip
_LATELY = ready(
    _PLANNED.where(
        Delivery.person == bindparam("person"),
        Delivery.account == bindparam("account"),
        Delivery.created_ms > bindparam("since_ms"),
    )
    .order_by(Delivery.id.desc())
    .limit(_MOST_ROWS)
)
_TO_THESE = over_many(
    lambda them: (
        _PLANNED.add_columns(Delivery.person, Delivery.account)
        .join(them, Delivery.person == them.c.person)
        .where(Delivery.created_ms > them.c.since_ms)
        .order_by(Delivery.id.desc())
    ),
    person=BigInteger(),
    since_ms=BigInteger(),
)


async def lately(tx: AsyncConnection, who: Acquaintance, now_ms: int) -> Lately:
    """What the account they write to planned to tell them; read once for a message."""
    since_ms = now_ms - LATELY_MS
    rows = await _LATELY.rows(tx, person=who.person, account=who.account, since_ms=since_ms)
    return Lately(
        tuple(
            Said(
                id=id,
                entry=source.rpartition(":")[2],
                kind=kind,
                at_ms=created_ms,
                unsent=state == DeliveryState.PENDING.value,
                joined=reason == JOINED,
                words=str(text or _text_in(content)),
            )
            for id, source, kind, state, reason, created_ms, text, content in rows
        )
    )


async def read_ahead(tx: AsyncConnection, ahead: Ahead, them: Collection[Acquaintance], now_ms: int) -> None:
    """`lately` finds what each of `them` was told once in `ahead`, at `now_ms`."""
    since_ms = now_ms - LATELY_MS
    found: dict[tuple[int, str], list[Any]] = {(who.person, who.account): [] for who in them}
    asked = [{"person": person, "since_ms": since_ms} for person in {who.person for who in them}]
    for *said, person, account in await _TO_THESE.rows(tx, asked):
        if (person, account) in found:
            found[person, account].append(said)
    for (person, account), rows in found.items():
        _LATELY.tell(ahead, rows[:_MOST_ROWS], once=True, person=person, account=account, since_ms=since_ms)


def _text_in(content: object) -> str:
    """SQLite hands JSON out as text."""
    document = json.loads(content) if isinstance(content, str) else content
    return str(document.get("text") or "") if isinstance(document, dict) else ""
