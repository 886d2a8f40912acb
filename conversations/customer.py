"""A customer wrote: their consent first, then their order, then their question; and what needs a person goes to one."""

from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from bots.gateway import Message, MessageKind
from conversations.acquaintance import Acquaintance, acquaintance, find, heard
from conversations.campaign_talk import CampaignTalk
from conversations.handover import hand_over, wait_for_a_person
from conversations.intents import Wish, wish_of
from conversations.photos import hear_photo_consent, keep_photo
from conversations.referring import answer_referral
from conversations.speaking import Lately, Voices, lately, reply
from customers.claim_words import Hint, find_hint, find_order_number
from customers.claims import ClaimOutcome, claim, claim_by_hint
from customers.consent import mute, opt_in, opt_out
from customers.ladder import current
from customers.referral_words import recognise
from personas.model import Occasion, Stage
from personas.replies import answer
from rules.kinds import Kind
from scheduler import lesson_marks
from scheduler.lesson_marks import Mark
from texts.catalogue import say

MINUTE_MS = 60_000
MOST_REPLIES_A_MINUTE = 6
"""More than this to one contact is a flood: they get silence until it is over. Ours."""
MOST_REPLIES_AN_HOUR = 30
SAME_ANSWER_AN_HOUR = 3
"""Somebody who gets more, or the same again and again, is a machine that answers ours, or needs a person. Ours."""
UNCLEAR_MUTE_MS = 7 * 24 * 3_600_000
"""Pushes stop this long when an opt-out was perhaps meant; a person decides meanwhile. Ours."""
CHOICE_OPEN_MS = 30 * MINUTE_MS
"""A question of size or a vote of ours stays open this long. Ours."""

_OPENING_LINES = (
    "我通过了你的朋友验证请求", "我通过了你的好友验证请求", "以上是打招呼的内容", "你已添加了", "现在可以开始聊天了",
    "I've accepted your friend request",
)  # fmt: skip
"""What WeChat itself writes in their name when a friendship begins."""
_PICTURES = (MessageKind.IMAGE, MessageKind.VIDEO)
_CHOICES = ("码", "身高", "体重", "投票", "选哪", "哪一款", "选几", "size")


@dataclass(frozen=True, slots=True)
class Heard:
    """One message of a customer, with who they are and what they were told lately."""

    who: Acquaintance
    said: Lately
    message: Message
    arrival: int
    now_ms: int


class CustomerTalk:
    """Answers customers in the voice of the account they wrote to."""

    def __init__(self, voices: Voices) -> None:
        self._voices = voices
        self._campaigns = CampaignTalk(voices)

    async def hear(
        self, tx: AsyncConnection, account: str, message: Message, arrival: int, now_ms: int, *, late: bool
    ) -> str:
        """Everything that follows from one message; the outcome in a word."""
        if message.kind is MessageKind.RECALLED or _by_wechat_itself(message):
            return "ignored"
        who = await acquaintance(tx, account, message.talker, now_ms)
        heard_now = Heard(who, await lately(tx, who, now_ms), message, arrival, now_ms)
        await heard(tx, who.friendship, now_ms, photo=message.kind in _PICTURES)
        if message.kind is MessageKind.TEXT:
            said = await hear_photo_consent(tx, who, message.text, arrival=arrival, now_ms=now_ms)
            outcome = await self._consent(tx, heard_now) or said
            if outcome:
                return outcome
        outcome = await self._campaigns.hear(tx, who, heard_now.said, message, arrival=arrival, now_ms=now_ms)
        if outcome:
            return outcome
        if who.stage is Stage.PARTNER and await self._of_a_lesson(tx, heard_now, late=late):
            return "answered"
        if late:
            await self._to_a_person(tx, heard_now, "late", tell_customer=False)
            return "handed_over"
        if who.held(now_ms):
            await wait_for_a_person(tx, who, arrival=arrival, why="held", words=_words_of(message), now_ms=now_ms)
            return "held"
        if heard_now.said.answers_since(now_ms - MINUTE_MS) >= MOST_REPLIES_A_MINUTE:
            return "flood"
        if heard_now.said.answers_since(now_ms - 60 * MINUTE_MS) >= MOST_REPLIES_AN_HOUR:
            await self._to_a_person(tx, heard_now, "loop", tell_customer=False)
            return "handed_over"
        if message.kind is not MessageKind.TEXT:
            return await self._not_a_text(tx, heard_now)
        told = await recognise(tx, who.person, message.text, by=f"inbox:{arrival}", now_ms=now_ms)
        if told is not None:
            words = message.text
            return await answer_referral(tx, who, heard_now.said, told, arrival=arrival, words=words, now_ms=now_ms)
        order = find_order_number(message.text) or find_hint(message.text, now_ms, self._voices.shop.time_zone)
        return await (self._claim(tx, heard_now, order) if order else self._answer(tx, heard_now))

    async def _of_a_lesson(self, tx: AsyncConnection, heard_now: Heard, *, late: bool) -> bool:
        """Mark the lesson they were given. A mere "read" is thanked for; their work is answered like anything else."""
        who, message, now_ms = heard_now.who, heard_now.message, heard_now.now_ms
        words = message.text if message.kind is MessageKind.TEXT else ""
        mark = await lesson_marks.heard(tx, who.person, who.account, words, now_ms)
        if mark is not Mark.READ or late or who.held(now_ms):
            return False
        if not heard_now.said.includes("lesson_read"):
            text = say("conversations.lesson_read", lang="zh")
            await reply(tx, who, text, arrival=heard_now.arrival, entry="lesson_read", now_ms=now_ms)
        return True

    async def _consent(self, tx: AsyncConnection, heard_now: Heard) -> str:
        """What they say about being written to; '' when nothing."""
        who, text, now_ms = heard_now.who, heard_now.message.text, heard_now.now_ms
        wish = wish_of(text)
        if wish is Wish.OPT_OUT and len(text.strip()) <= 3 and _choice_open(heard_now.said, now_ms):
            wish = wish_of(text, choice_open=True)
        if wish is Wish.OPT_OUT:
            return await self._opted_out(tx, heard_now)
        if wish is Wish.UNCLEAR:
            until_ms = now_ms + UNCLEAR_MUTE_MS
            await mute(tx, who.person, until_ms, by=f"inbox:{heard_now.arrival}", words=text, now_ms=now_ms)
            await self._to_a_person(tx, heard_now, "unclear_opt_out")
            return "handed_over"
        if wish is Wish.OPT_IN and who.opted_out_ms is not None:
            await opt_in(tx, who.person, by=f"inbox:{heard_now.arrival}", words=text, now_ms=now_ms)
            text = say("conversations.opted_in", lang="zh", shop=self._voices.shop.name)
            await reply(tx, who, text, arrival=heard_now.arrival, entry="opted_in", now_ms=now_ms)
            return "opted_in"
        return ""

    async def _opted_out(self, tx: AsyncConnection, heard_now: Heard) -> str:
        """Binds now, for every account; the confirmation goes once."""
        who, now_ms = heard_now.who, heard_now.now_ms
        if who.opted_out_ms is not None:
            return "opted_out_before"
        words = heard_now.message.text
        await opt_out(tx, who.person, by=f"inbox:{heard_now.arrival}", words=words, now_ms=now_ms)
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

    async def _not_a_text(self, tx: AsyncConnection, heard_now: Heard) -> str:
        """A sticker needs no answer; what only eyes and ears understand goes to a person."""
        kind = heard_now.message.kind
        if kind in (MessageKind.EMOTICON, MessageKind.GROUP_NOTE):
            return "ignored"
        if kind in (MessageKind.RED_ENVELOPE, MessageKind.TRANSFER):
            await self._to_a_person(tx, heard_now, "money")
            return "handed_over"
        await self._to_a_person(tx, heard_now, "media", tell_customer=False)
        who, now_ms = heard_now.who, heard_now.now_ms
        if kind is MessageKind.IMAGE:
            await keep_photo(tx, who, heard_now.message.id, arrival=heard_now.arrival, now_ms=now_ms)
        if not heard_now.said.about_to_say("media", now_ms):
            text = self._voices.on(Occasion.MEDIA, who, seed=heard_now.arrival)
            await reply(tx, who, text, arrival=heard_now.arrival, entry="media", now_ms=now_ms)
        return "handed_over"

    async def _claim(self, tx: AsyncConnection, heard_now: Heard, order: str | Hint) -> str:
        """An order, by its number or by its last digits: theirs from now on, unless it is somebody else's."""
        who, arrival, now_ms = heard_now.who, heard_now.arrival, heard_now.now_ms
        if isinstance(order, Hint):
            zone = self._voices.shop.time_zone
            outcome = await claim_by_hint(tx, who.person, who.account, order, zone, now_ms)
            if outcome in (ClaimOutcome.ASK_MORE, ClaimOutcome.NOT_ONE):
                return await self._ask_which_order(tx, heard_now, outcome)
        else:
            outcome = await claim(tx, who.person, who.account, order, now_ms)
        # The claim may have merged two people, and their level may have risen.
        who = await find(tx, who.account, who.contact) or who
        if outcome is ClaimOutcome.TAKEN:
            await self._to_a_person(tx, replace(heard_now, who=who), "order_taken")
            return "handed_over"
        entry = f"claim_{order.end if isinstance(order, Hint) else order}"
        if heard_now.said.about_to_say(entry, now_ms):
            return "claimed"
        if outcome is ClaimOutcome.UNKNOWN_YET:
            words = heard_now.message.text
            await wait_for_a_person(tx, who, arrival=arrival, why="order_unknown", words=words, now_ms=now_ms)
            text = self._voices.on(Occasion.CLAIM_UNKNOWN, who, seed=arrival)
        else:
            level = (await current(tx)).name_of(who.level)
            text = self._voices.on(Occasion.CLAIMED, who, seed=arrival, level=level)
        await reply(tx, who, text, arrival=arrival, entry=entry, now_ms=now_ms, kind=Kind.CLAIM_ANSWER)
        return "claimed"

    async def _ask_which_order(self, tx: AsyncConnection, heard_now: Heard, outcome: ClaimOutcome) -> str:
        """Each question once within the hour; then somebody helps."""
        entry = outcome.value
        if heard_now.said.includes(entry):
            await self._to_a_person(tx, heard_now, "order_unclear")
            return "handed_over"
        text = say(f"conversations.claim.{outcome}", lang="zh")
        arrival, now_ms = heard_now.arrival, heard_now.now_ms
        await reply(tx, heard_now.who, text, arrival=arrival, entry=entry, now_ms=now_ms, kind=Kind.CLAIM_ANSWER)
        return "asked_which_order"

    async def _answer(self, tx: AsyncConnection, heard_now: Heard) -> str:
        """A prepared answer in the persona's voice; without one, a person."""
        who, arrival, now_ms = heard_now.who, heard_now.arrival, heard_now.now_ms
        prepared = answer(
            self._voices.persona_of(who),
            heard_now.message.text,
            stage=who.stage,
            shop=self._voices.shop,
            values=self._voices.values_for(who),
            seed=arrival,
        )
        if prepared is None:
            await self._to_a_person(tx, heard_now, "unknown")
            return "handed_over"
        if heard_now.said.times(prepared.entry, now_ms - 60 * MINUTE_MS) >= SAME_ANSWER_AN_HOUR:
            await self._to_a_person(tx, heard_now, "loop", tell_customer=False)
            return "handed_over"
        if not heard_now.said.about_to_say(prepared.entry, now_ms):
            await reply(tx, who, prepared.text, arrival=arrival, entry=prepared.entry, now_ms=now_ms)
        if prepared.hand_over:
            await self._to_a_person(tx, heard_now, "asked_for", tell_customer=False)
            return "handed_over"
        return "answered"

    async def _to_a_person(
        self, tx: AsyncConnection, heard_now: Heard, why: str, *, tell_customer: bool = True
    ) -> None:
        await hand_over(
            tx,
            self._voices,
            heard_now.who,
            heard_now.said,
            arrival=heard_now.arrival,
            why=why,
            words=_words_of(heard_now.message),
            now_ms=heard_now.now_ms,
            tell_customer=tell_customer and not heard_now.who.held(heard_now.now_ms),
        )


def _by_wechat_itself(message: Message) -> bool:
    return message.kind is MessageKind.TEXT and message.text.strip().startswith(_OPENING_LINES)


def _choice_open(said: Lately, now_ms: int) -> bool:
    """Did we just ask for a size or a vote? Then a lone "T" may be the answer."""
    words = said.newest_words(now_ms - CHOICE_OPEN_MS)
    return "退订" not in words and any(choice in words for choice in _CHOICES)


def _words_of(message: Message) -> str:
    """What they wrote, or what it was."""
    if message.kind is MessageKind.TEXT:
        return message.text
    return say(f"conversations.kind.{message.kind.value}")
