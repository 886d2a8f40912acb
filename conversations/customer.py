"""A customer wrote: their consent first, then their order, then their question; and what needs a person goes to one."""

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.gateway import Message, MessageKind
from conversations.account_wishes import AccountWishes
from conversations.acquaintance import acquaintance, heard
from conversations.answers import UNCLEAR_MUTE_MS, Answers, Ask, nobody_to_ask
from conversations.campaign_talk import CampaignTalk
from conversations.claiming import hear_claim
from conversations.concerns import Concern, concern_of
from conversations.handover import wrote_to_a_person
from conversations.heard import Heard
from conversations.intents import Wish, wish_of
from conversations.machines import by_a_machine, by_wechat_itself
from conversations.not_text import hear_not_text
from conversations.photos import hear_photo_consent
from conversations.products import NO_PRODUCTS, Products
from conversations.referring import answer_referral
from conversations.speaking import Lately, Voices, lately, reply
from conversations.to_people import to_a_person
from customers.consent import mute, opt_in, opt_out
from customers.merging.claim_words import find_hint, find_order_number
from customers.merging.claims import claim
from customers.referrals.referral_words import recognise
from personas.model import Occasion, Stage
from rules.kinds import Kind
from scheduler.care import lesson_marks
from scheduler.care.lesson_marks import Mark
from storage.tables import Person
from texts.catalogue import say

MINUTE_MS = 60_000
MOST_REPLIES_A_MINUTE = 6
"""More than this to one contact is a flood: they get silence until it is over. Ours."""
MOST_REPLIES_AN_HOUR = 30
"""Somebody who gets more is a machine that answers ours, or needs a person. Ours."""
CHOICE_OPEN_MS = 30 * MINUTE_MS
"""A question of size or a vote of ours stays open this long. Ours."""

_PICTURES = (MessageKind.IMAGE, MessageKind.VIDEO)
_CHOICES = ("码", "身高", "体重", "投票", "选哪", "哪一款", "选几", "size")

_TROUBLE = (Concern.ABUSE, Concern.COMPLAINT, Concern.AFTER_SALE)
"""What nothing that is said beside it may hide from staff."""


class CustomerTalk:
    """Answers customers in the voice of the account they wrote to."""

    def __init__(self, voices: Voices, products: Products = NO_PRODUCTS, ask: Ask = nobody_to_ask) -> None:
        self._voices = voices
        self._campaigns = CampaignTalk(voices)
        self._accounts = AccountWishes(voices)
        self._answers = Answers(voices, products, ask)

    async def hear(
        self, tx: AsyncConnection, account: str, message: Message, arrival: int, now_ms: int, *, late: bool
    ) -> str:
        """Everything that follows from one message; the outcome in a word."""
        if message.kind is MessageKind.RECALLED or by_wechat_itself(message):
            return "ignored"
        who = await acquaintance(tx, account, message.talker, now_ms)
        heard_now = Heard.of(who, await lately(tx, who, now_ms), message, arrival, now_ms)
        await heard(tx, who, now_ms, photo=message.kind in _PICTURES)
        outcome = await self._wishes(tx, heard_now, late=late)
        if outcome:
            return outcome
        if late:
            await to_a_person(tx, self._voices, heard_now, "late", tell_customer=False)
            return "handed_over"
        if who.held(now_ms):
            return await self._while_held(tx, heard_now)
        if heard_now.said.answers_since(now_ms - MINUTE_MS) >= MOST_REPLIES_A_MINUTE:
            return "flood"
        if heard_now.said.answers_since(now_ms - 60 * MINUTE_MS) >= MOST_REPLIES_AN_HOUR:
            await to_a_person(tx, self._voices, heard_now, "loop", tell_customer=False)
            return "handed_over"
        if message.kind is not MessageKind.TEXT:
            return await hear_not_text(tx, self._voices, heard_now)
        return await self._text(tx, heard_now)

    async def _while_held(self, tx: AsyncConnection, heard_now: Heard) -> str:
        """A person talks with them: not a word of ours. An order that they name is theirs all the same."""
        who, words = heard_now.who, heard_now.words
        await wrote_to_a_person(
            tx, who, heard_now.said, self._voices.shop.time_zone, arrival=heard_now.arrival, words=words,
            now_ms=heard_now.now_ms,
        )  # fmt: skip
        order = find_order_number(words)
        if order is not None:
            await claim(tx, who.person, who.account, order, heard_now.now_ms)
        return "held"

    async def _wishes(self, tx: AsyncConnection, heard_now: Heard, *, late: bool) -> str:
        """What counts whoever answers, and however late it is read: consent, answers to what we asked. '' for none."""
        who, arrival, now_ms = heard_now.who, heard_now.arrival, heard_now.now_ms
        if heard_now.message.kind is MessageKind.TEXT:
            said = await hear_photo_consent(tx, who, heard_now.words, arrival=arrival, now_ms=now_ms)
            outcome = await self._consent(tx, heard_now) or said
            if outcome:
                return outcome
        spoken = replace(heard_now.message, text=heard_now.words)
        outcome = await self._campaigns.hear(tx, who, heard_now.said, spoken, arrival=arrival, now_ms=now_ms)
        if outcome:
            return outcome
        if by_a_machine(heard_now.words):
            return "ignored"
        if who.stage is Stage.PARTNER and await self._of_a_lesson(tx, heard_now, late=late):
            return "answered"
        return ""

    async def _text(self, tx: AsyncConnection, heard_now: Heard) -> str:
        """Who brought them, which order is theirs, and only then what they ask."""
        who, words, arrival, now_ms = heard_now.who, heard_now.words, heard_now.arrival, heard_now.now_ms
        zone = self._voices.shop.time_zone
        concern = concern_of(words)
        told = await recognise(tx, who.person, words, by=f"inbox:{arrival}", now_ms=now_ms)
        if told is not None and concern not in _TROUBLE:
            return await answer_referral(tx, who, heard_now.said, told, zone, arrival=arrival, now_ms=now_ms)
        order = find_order_number(words) or find_hint(words, now_ms, zone)
        if concern in _TROUBLE or (order is not None and concern is Concern.PERSON):
            # "订单 … 破了个洞，找小林": whatever else they say, staff hear of the trouble; the number is noted.
            outcome = await self._answers.concerned(tx, heard_now, concern, quiet=order is not None)
            if order is not None:
                await hear_claim(tx, self._voices, heard_now, order)
            return outcome
        if order is not None:
            return await hear_claim(tx, self._voices, heard_now, order)
        return await self._accounts.hear(tx, heard_now) or await self._answered(tx, heard_now)

    async def _answered(self, tx: AsyncConnection, heard_now: Heard) -> str:
        outcome = await self._answers.answer(tx, heard_now)
        if outcome == "answered":
            await self._accounts.after_answer(tx, heard_now)
        return outcome

    async def _of_a_lesson(self, tx: AsyncConnection, heard_now: Heard, *, late: bool) -> bool:
        """Mark the lesson they were given. A mere "read" is thanked for; their work is answered like anything else."""
        who, message, now_ms = heard_now.who, heard_now.message, heard_now.now_ms
        words = heard_now.words if message.kind is MessageKind.TEXT else ""
        mark = await lesson_marks.heard(tx, who.person, who.account, words, now_ms)
        if mark is not Mark.READ or late or who.held(now_ms):
            return False
        if not heard_now.said.includes("lesson_read"):
            text = say("conversations.lesson_read", lang="zh")
            await reply(tx, who, text, arrival=heard_now.arrival, entry="lesson_read", now_ms=now_ms)
        return True

    async def _consent(self, tx: AsyncConnection, heard_now: Heard) -> str:
        """What they say about being written to; '' when nothing."""
        who, text, now_ms = heard_now.who, heard_now.words, heard_now.now_ms
        wish = wish_of(text)
        if wish is Wish.OPT_OUT and len(text.strip()) <= 3 and _choice_open(heard_now.said, now_ms):
            wish = wish_of(text, choice_open=True)
        if wish is Wish.OPT_OUT:
            return await self._opted_out(tx, heard_now)
        if wish is Wish.UNCLEAR:
            until_ms = now_ms + UNCLEAR_MUTE_MS
            await mute(tx, who.person, until_ms, by=f"inbox:{heard_now.arrival}", words=text, now_ms=now_ms)
            await to_a_person(tx, self._voices, heard_now, "unclear_opt_out")
            return "handed_over"
        if wish is Wish.OPT_IN:
            return await self._back(tx, heard_now)
        return ""

    async def _back(self, tx: AsyncConnection, heard_now: Heard) -> str:
        """By their own words: from an opt-out, or from the rest that unclear words of theirs gave them."""
        who, arrival, now_ms = heard_now.who, heard_now.arrival, heard_now.now_ms
        by = f"inbox:{arrival}"
        if who.opted_out_ms is not None:
            await opt_in(tx, who.person, by=by, words=heard_now.words, now_ms=now_ms)
        muted_by = await tx.scalar(
            select(Person.muted_by).where(Person.id == who.person, Person.muted_until_ms > now_ms)
        )
        rests = bool(muted_by and muted_by.startswith("inbox:"))  # what staff set stays
        if rests:
            await mute(tx, who.person, 0, by, words=heard_now.words, now_ms=now_ms)
        if who.opted_out_ms is None and not rests:
            return ""
        if who.held(now_ms):
            return "opted_in"
        text = say("conversations.opted_in", lang="zh", shop=self._voices.shop.name)
        await reply(tx, who, text, arrival=arrival, entry="opted_in", now_ms=now_ms)
        return "opted_in"

    async def _opted_out(self, tx: AsyncConnection, heard_now: Heard) -> str:
        """Binds now, for every account; the confirmation goes once."""
        who, now_ms = heard_now.who, heard_now.now_ms
        words = heard_now.message.text
        await opt_out(tx, who.person, by=f"inbox:{heard_now.arrival}", words=words, now_ms=now_ms)
        if who.opted_out_ms is not None:
            return "opted_out_before"
        await reply(
            tx,
            who,
            self._voices.on(Occasion.OPTED_OUT, who, seed=heard_now.arrival),
            arrival=heard_now.arrival,
            entry="opted_out",
            now_ms=now_ms,
            kind=Kind.OPT_OUT_CONFIRMATION,
            key=f"optout:{who.person}",
        )
        return "opted_out"


def _choice_open(said: Lately, now_ms: int) -> bool:
    """Did we just ask for a size or a vote? Then a lone "T" may be the answer."""
    words = said.newest_words(now_ms - CHOICE_OPEN_MS)
    return "退订" not in words and any(choice in words for choice in _CHOICES)
