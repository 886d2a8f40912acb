"""A customer speaks of our accounts themselves: gets the card of whom they ask for, or is left where they are."""

from functools import cached_property

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.account_words import asks_to_buy, declines, names_of, wants_to_meet
from conversations.acquaintance import Acquaintance
from conversations.bursts import answer_burst
from conversations.heard import Heard
from conversations.move_candidates import REST_MS
from conversations.move_targets import Target, knows, target_for
from conversations.moves import CARD_AFTER_MS, VALID_MS, is_open_to, move_of, move_on, note_offer, offer_rows, row_of
from conversations.speaking import Voices, reply
from customers.profiles.profile import NewValue, set_profiles
from personas.model import Occasion
from rules.kinds import Kind
from rules.moves import Aim, MoveReason, MoveState
from rules.roles import Role
from storage.move_tables import Move
from storage.outbox import Content, NewDelivery, plan
from storage.tables import Delivery, Friendship
from texts.catalogue import say

AFTER_ANSWER_MS = 10_000
"""An offer comes behind the answer to what they asked. Ours."""
_DECLINED = "move_declined"
_MET = "move_choice"


class AccountWishes:
    """`hear` before anything is answered, `after_answer` when they asked how to buy."""

    def __init__(self, voices: Voices) -> None:
        self._voices = voices

    @cached_property
    def _names(self) -> dict[str, str]:
        return dict(names_of(self._voices.book.all()))

    async def hear(self, tx: AsyncConnection, heard: Heard) -> str:
        """The outcome in a word; '' when it was about something else, or nobody can be shown."""
        if declines(heard.words):
            return await self._declined(tx, heard)
        persona = wants_to_meet(heard.words, self._names)
        return await self._meet(tx, heard, persona) if persona else ""

    async def after_answer(self, tx: AsyncConnection, heard: Heard) -> bool:
        """Who asks an acquisition account how to buy is shown who sells, once, if no person is asked for or talks with
        them. Was it done?
        """
        who, now_ms = heard.who, heard.now_ms
        if not asks_to_buy(heard.words) or who.role != Role.ACQUISITION:
            return False
        if await _waits(tx, who.person) or not await is_open_to(tx, who.person, Aim.SALES):
            return False
        lately = select(Move.id).where(Move.person == who.person, Move.offered_ms > now_ms - REST_MS)
        if await tx.scalar(lately.limit(1)) is not None:
            return False
        target = await target_for(tx, Aim.SALES, who.person, who.account, suits=None)
        move = await note_offer(tx, who, Aim.SALES, MoveReason.ASKED, target, now_ms) if target else None
        if target is None or move is None:
            return False
        text = self._voices.on(Occasion.HAND_ON, who, seed=move, sibling=self._name(target.persona))
        rows = offer_rows(move, who, text, target, kind=Kind.OFFER, now_ms=now_ms + AFTER_ANSWER_MS)
        return await plan(tx, rows, now_ms=now_ms) > 0

    async def _meet(self, tx: AsyncConnection, heard: Heard, persona: str) -> str:
        """Their own choice stands in their profile, and the card is the answer, however often they ask."""
        who, now_ms = heard.who, heard.now_ms
        sibling = self._name(persona)
        if await knows(tx, who.person, persona):
            if persona == (self._voices.persona_of(who).mirror_of or who.persona):
                return ""  # they talk to them right now
            await self._say(tx, heard, say("conversations.move.known", lang="zh", sibling=sibling))
            return "answered"
        target = await target_for(tx, Aim.PERSONA, who.person, who.account, suits=persona)
        if target is None:
            return ""
        by = f"inbox:{heard.arrival}"
        await set_profiles(tx, [NewValue(who.person, "preferred_persona", persona)], by, now_ms)
        move = await note_offer(tx, who, Aim.PERSONA, MoveReason.CHOICE, target, now_ms)
        await self._say(tx, heard, say("conversations.move.choice", lang="zh", sibling=sibling))
        await plan(tx, [_card(who, target, move, heard)], now_ms=now_ms)
        return "answered"

    async def _declined(self, tx: AsyncConnection, heard: Heard) -> str:
        """A no to an offer of ours that was the last we said to them; whatever else they refuse, is not for us."""
        who = heard.who
        newest = (
            select(Delivery.key)
            .where(Delivery.person == who.person, Delivery.account == who.account, Delivery.sent_ms.is_not(None))
            .order_by(Delivery.sent_ms.desc(), Delivery.id.desc())
            .limit(1)
        )
        move = move_of(await tx.scalar(newest) or "")
        if move is None or not await move_on(tx, move, MoveState.DECLINED, look_ms=None, now_ms=heard.now_ms):
            return ""
        text = say("conversations.move.declined", lang="zh")
        await reply(tx, who, text, arrival=heard.arrival, entry=_DECLINED, now_ms=heard.now_ms)
        return "declined"

    async def _say(self, tx: AsyncConnection, heard: Heard, text: str) -> None:
        await answer_burst(tx, heard, text, _MET, small_talk=self._voices.small_talk(heard.who))

    def _name(self, persona: str) -> str:
        return self._voices.book.resolved(persona).name


async def _waits(tx: AsyncConnection, person: int) -> bool:
    """For a person, at whatever account. Asked anew: the answer just now may have begun it."""
    waiting = select(Friendship.id).where(Friendship.person == person, Friendship.waiting_since_ms.is_not(None))
    return await tx.scalar(waiting.limit(1)) is not None


def _card(who: Acquaintance, target: Target, move: int | None, heard: Heard) -> NewDelivery:
    """Of the offer, or, where one was made before, of this question alone."""
    card, due_ms = Content(card=target.contact), heard.now_ms + CARD_AFTER_MS
    if move is not None:
        return row_of(move, "card", who, card, due_ms=due_ms, kind=Kind.NAME_CARD)
    return NewDelivery(
        kind=Kind.NAME_CARD, account=who.account, to=who.contact, person=who.person, content=card,
        key=f"card:{heard.arrival}", due_ms=due_ms, valid_until_ms=due_ms + VALID_MS,
        source=f"inbox:{heard.arrival}:{_MET}",
    )  # fmt: skip
