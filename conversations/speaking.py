"""Putting an account's words on their way to a customer: one voice, a human pace, never twice for one message."""

from dataclasses import dataclass
from random import Random

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.acquaintance import Acquaintance
from personas.book import Book
from personas.model import Occasion, Persona, Shop
from personas.speech import names, speak
from rules.kinds import Kind
from storage.outbox import Content, DeliveryState, NewDelivery, plan
from storage.tables import Delivery

DELAY_MS = (2_000, 6_000)
"""A person needs a moment to read and type. Ours."""
STALE_MS = 12 * 3_600_000
"""An answer older than this is odder than none. Ours."""
BURST_MS = 20_000
"""Messages this close together are one question. Ours."""
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


async def about_to_say(tx: AsyncConnection, who: Acquaintance, entry: str, now_ms: int) -> bool:
    """Is this very answer on its way to them already, unsent, from the same burst?"""
    statement = select(func.count()).where(
        Delivery.person == who.person,
        Delivery.state == DeliveryState.PENDING.value,
        Delivery.account == who.account,
        Delivery.kind.in_(_REPLIES),
        Delivery.created_ms > now_ms - BURST_MS,
        Delivery.source.endswith(f":{entry}", autoescape=True),
    )
    return bool(await tx.scalar(statement))


async def said_since(tx: AsyncConnection, who: Acquaintance, entry: str, since_ms: int) -> bool:
    """Was this answer given to them (or planned) since then?"""
    statement = select(func.count()).where(
        Delivery.person == who.person,
        Delivery.account == who.account,
        Delivery.created_ms > since_ms,
        Delivery.source.endswith(f":{entry}", autoescape=True),
    )
    return bool(await tx.scalar(statement))


async def replies_since(tx: AsyncConnection, who: Acquaintance, since_ms: int) -> int:
    """How many replies this account planned for them since then."""
    statement = select(func.count()).where(
        Delivery.person == who.person,
        Delivery.account == who.account,
        Delivery.kind.in_(_REPLIES),
        Delivery.created_ms > since_ms,
    )
    return int(await tx.scalar(statement) or 0)


async def newest_words(tx: AsyncConnection, who: Acquaintance, since_ms: int) -> str:
    """The last text that this account wrote to them since then, '' if none."""
    statement = (
        select(Delivery.text, Delivery.content)
        .where(Delivery.person == who.person, Delivery.account == who.account, Delivery.created_ms > since_ms)
        .order_by(Delivery.id.desc())
        .limit(1)
    )
    row = (await tx.execute(statement)).one_or_none()
    return "" if row is None else str(row.text or row.content.get("text") or "")
