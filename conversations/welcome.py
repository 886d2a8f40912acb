"""The first words to a new friend, once, by name, with who we are and how to say no."""

from random import Random

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.acquaintance import Acquaintance, find
from conversations.coming_over import CameOver, came_over
from conversations.speaking import DELAY_MS, Voices
from conversations.talkers import Talker, who_is
from personas.model import Occasion
from personas.speech import welcome as welcome_words
from rules.kinds import Kind
from storage.outbox import Content, NewDelivery, plan
from storage.tables import Friendship
from texts.catalogue import say

VALID_MS = 36 * 3_600_000
"""A welcome a day and a half late is no welcome. Ours; it may wait for the end of one night's quiet hours."""


class Welcome:
    """Called by whoever confirms a friendship, in the same transaction."""

    def __init__(self, voices: Voices) -> None:
        self._voices = voices

    async def __call__(self, tx: AsyncConnection, friendship: int, now_ms: int) -> bool:
        """Plan the welcome of this friendship. False when it was welcomed before, or is staff or one of ours."""
        row = (
            await tx.execute(
                select(Friendship.account, Friendship.contact).where(
                    Friendship.id == friendship, Friendship.welcomed_ms.is_(None)
                )
            )
        ).one_or_none()
        if row is None or (await who_is(tx, row.account, row.contact)).talker is not Talker.CUSTOMER:
            return False
        who = await find(tx, row.account, row.contact)
        came = await came_over(tx, who, self._voices.shop.time_zone, now_ms) if who is not None else None
        if who is None or who.opted_out_ms is not None:
            return False
        await tx.execute(update(Friendship).where(Friendship.id == friendship).values(welcomed_ms=now_ms))
        await plan(tx, [self._row(who, came, now_ms)], now_ms=now_ms)
        return True

    def _row(self, who: Acquaintance, came: CameOver | None, now_ms: int) -> NewDelivery:
        persona = self._voices.persona_of(who)
        text = welcome_words(persona, self._voices.values_for(who), seed=who.friendship)
        if came is not None and (sender := self._voices.book.resolved(came.persona).name) != persona.name:
            text += "\n" + self._voices.on(Occasion.TAKEN_ON, who, seed=who.friendship, sibling=sender)
        if "退订" not in text:
            # The law asks for a way to refuse in every first message.
            text += "\n" + say("conversations.how_to_refuse", lang="zh")
        return NewDelivery(
            kind=Kind.WELCOME,
            account=who.account,
            to=who.contact,
            person=who.person,
            content=Content(text=text),
            key=f"welcome:{who.account}:{who.contact}",
            due_ms=now_ms + Random(f"welcome:{who.friendship}").randint(*DELAY_MS),
            valid_until_ms=now_ms + VALID_MS,
            source=f"friendship:{who.friendship}",
        )
