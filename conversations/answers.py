"""What a customer is told: what must go to a person first, then what is known, then what was prepared."""

from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.bursts import answer_burst
from conversations.concerns import Concern, concern_of
from conversations.heard import Heard
from conversations.knowledge import Knowledge
from conversations.products import NO_PRODUCTS, Products
from conversations.speaking import Voices
from conversations.stages import stage_of
from conversations.to_people import to_a_person
from customers.consent import mute
from personas.model import About, Occasion, Persona
from personas.replies import Answer, answer
from rules.pacing import DAY_MS

HOUR_MS = 3_600_000
SAME_ANSWER_AN_HOUR = 3
"""Somebody who gets the same again and again is a machine that answers ours, or needs a person. Ours."""
UNCLEAR_MUTE_MS = 7 * DAY_MS
"""Pushes stop this long when an opt-out was perhaps meant; a person decides meanwhile. Ours."""
LANDING = "landing"
ORDER_STATUS = "order_status"

Ask = Callable[[AsyncConnection, Heard, Persona], Awaitable[bool]]
"""Somebody else is asked for an answer, which comes later and in a transaction of its own; False: they can't."""


async def nobody_to_ask(tx: AsyncConnection, heard: Heard, persona: Persona) -> bool:
    """Without a language model there is nobody between what was prepared and a person."""
    return False


class Answers:
    """Answers texts in the voice of the account they were written to."""

    def __init__(self, voices: Voices, products: Products = NO_PRODUCTS, ask: Ask = nobody_to_ask) -> None:
        self._voices = voices
        self._knowledge = Knowledge(voices, products)
        self._ask = ask

    async def answer(self, tx: AsyncConnection, heard: Heard) -> str:
        """The outcome in a word."""
        if not heard.words:
            return await self._link(tx, heard)
        concern = concern_of(heard.words)
        if concern is Concern.ORDER_STATUS:
            known = await self._knowledge.order(tx, heard)
            if known is not None:
                return await self._say(tx, heard, known.text, ORDER_STATUS, look=known.look, why=ORDER_STATUS)
        elif concern is not Concern.NONE:
            return await self.concerned(tx, heard, concern)
        return await self._prepared(tx, heard)

    async def concerned(self, tx: AsyncConnection, heard: Heard, concern: Concern, *, quiet: bool = False) -> str:
        """A person looks; meanwhile the persona's own words for it, where it has some. `quiet`: they heard enough."""
        if concern is Concern.ABUSE:
            until_ms = heard.now_ms + UNCLEAR_MUTE_MS
            by = f"inbox:{heard.arrival}"
            await mute(tx, heard.who.person, until_ms, by=by, words=heard.message.text, now_ms=heard.now_ms)
        prepared = None if quiet or concern is Concern.ABUSE else await self._find(tx, heard)
        if prepared is not None and prepared.hand_over and not heard.said.includes(prepared.entry):
            await answer_burst(tx, heard, prepared.text, prepared.entry, small_talk=self._voices.small_talk(heard.who))
            quiet = True
        await to_a_person(tx, self._voices, heard, concern.value, tell_customer=not quiet)
        return "handed_over"

    async def _link(self, tx: AsyncConnection, heard: Heard) -> str:
        """A link to goods, and not a word with it; or nothing at all."""
        if heard.own.shared is None:
            return "ignored"
        text = self._knowledge.shared(heard)
        if text is None:
            await to_a_person(tx, self._voices, heard, "shared")
            return "handed_over"
        await answer_burst(tx, heard, text, "shared", small_talk=self._voices.small_talk(heard.who))
        return "answered"

    async def _prepared(self, tx: AsyncConnection, heard: Heard) -> str:
        """What was prepared, with what is known put in; without either, somebody is asked."""
        prepared = await self._find(tx, heard)
        if prepared is None:
            return await self._unknown(tx, heard)
        entry = prepared.why.entry
        known = await self._knowledge.about(tx, heard, entry.about) if entry.about else None
        text, look = (known.text, known.look) if known else (prepared.text, prepared.hand_over)
        if entry.landing and not heard.said.includes(LANDING):
            text = self._with_the_way(heard, text)
        why = ORDER_STATUS if entry.about is About.ORDER else "asked_for"
        return await self._say(tx, heard, text, prepared.entry, look=look, why=why)

    async def _say(self, tx: AsyncConnection, heard: Heard, text: str, entry: str, *, look: bool, why: str) -> str:
        if heard.said.times(entry, heard.now_ms - HOUR_MS) >= SAME_ANSWER_AN_HOUR:
            await to_a_person(tx, self._voices, heard, "loop", tell_customer=False)
            return "handed_over"
        await answer_burst(tx, heard, text, entry, small_talk=self._voices.small_talk(heard.who))
        if look:
            await to_a_person(tx, self._voices, heard, why, tell_customer=False)
            return "handed_over"
        return "answered"

    async def _unknown(self, tx: AsyncConnection, heard: Heard) -> str:
        if await self._ask(tx, heard, self._voices.persona_of(heard.who)):
            return "asked"
        await to_a_person(tx, self._voices, heard, "unknown")
        return "handed_over"

    async def _find(self, tx: AsyncConnection, heard: Heard) -> Answer | None:
        return answer(
            self._voices.persona_of(heard.who),
            heard.words,
            stage=await stage_of(tx, heard.who),
            shop=self._voices.shop,
            values=self._voices.values_for(heard.who),
            seed=heard.arrival,
        )

    def _with_the_way(self, heard: Heard, text: str) -> str:
        """Unless they can see it already."""
        way = self._voices.on(Occasion.LANDING, heard.who, seed=heard.arrival)
        seen = self._voices.shop.search_words in text + heard.said.newest_words(heard.now_ms - HOUR_MS)
        return text if seen else f"{text}\n{way}"
