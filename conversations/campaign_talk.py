"""A customer answers a campaign: counted, and told in the persona's voice; whoever has a place now hears of it too."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from bots.gateway import Message, MessageKind
from bots.staff_line import tell_staff
from conversations.acquaintance import Acquaintance, find
from conversations.speaking import DELAY_MS, STALE_MS, Lately, Voices, reply
from personas.voice import render, variables
from rules.kinds import Kind
from scheduler.benefits.coupons import take
from scheduler.campaigns.campaign_answers import Answered, CampaignAnswers
from scheduler.participants.participants import Guest
from scheduler.participants.said import Photo
from scheduler.pushes.answer_rows import entry_of
from scheduler.pushes.push_file import COUPON
from storage.outbox import Content, NewDelivery, plan
from texts.catalogue import say
from texts.unbroken import unbroken

_PICTURE_EVERY_MS = 2_000
"""Pictures follow the words that announce them, one after the other. Ours."""


class CampaignTalk:
    """Hears answers before anything else is looked for in a short message."""

    def __init__(self, voices: Voices) -> None:
        self._voices = voices
        self._answers = CampaignAnswers(voices.shop.time_zone)

    async def hear(
        self, tx: AsyncConnection, who: Acquaintance, said: Lately, message: Message, *, arrival: int, now_ms: int
    ) -> str:
        """The outcome in a word, '' when it is no answer to any campaign.

        Whoever is looked after by a person is counted in silence.
        """
        is_photo = message.kind is MessageKind.IMAGE
        if not is_photo and message.kind is not MessageKind.TEXT:
            return ""
        guest = Guest(who.person, who.account, who.contact)
        photo = Photo(message.id, who.call_me or unbroken(who.nickname)) if is_photo else None
        text = "" if is_photo else message.text
        answered = await self._answers.hear(tx, guest, text, arrival, now_ms, photo=photo, unheard=who.held(now_ms))
        if answered is None:
            return ""
        entry = entry_of(answered.campaign, answered.outcome)
        if not who.held(now_ms) and not said.about_to_say(entry, now_ms):
            words = await self._words(tx, who, answered, answered.template, now_ms)
            await reply(tx, who, words, arrival=arrival, entry=entry, now_ms=now_ms)
            await _show(tx, who, answered.pictures, entry, arrival, now_ms)
        await self.tell(tx, answered, now_ms)
        if answered.notice:
            words = say(f"scheduler.event.{answered.notice}", title=answered.title, id=answered.campaign,
                        who=who.known_as)  # fmt: skip
            key = f"campaign:{answered.campaign}:{answered.notice}:{who.person}"
            await tell_staff(tx, words, account=who.account, staff=(), key=key, now_ms=now_ms)
        return f"campaign_{answered.outcome}"

    async def tell(self, tx: AsyncConnection, answered: Answered, now_ms: int) -> None:
        """Those who have a place now, each by the account they answered."""
        rows = []
        for guest in answered.moved_up:
            who = await find(tx, guest.account, guest.contact)
            if who is None:
                continue
            rows.append(
                NewDelivery(
                    kind=Kind.REMINDER,
                    account=who.account,
                    to=who.contact,
                    person=who.person,
                    campaign=answered.campaign,
                    content=Content(text=await self._words(tx, who, answered, answered.told, now_ms)),
                    key=f"campaign:{answered.campaign}:moved_up:{who.person}",
                    due_ms=now_ms,
                    valid_until_ms=answered.until_ms,
                    source=f"campaign:{answered.campaign}",
                )
            )
        if rows:
            await plan(tx, rows, now_ms=now_ms)

    async def _words(
        self, tx: AsyncConnection, who: Acquaintance, answered: Answered, template: str, now_ms: int
    ) -> str:
        """With a code of their own where the words name one; without one left, a promise to fetch more."""
        values = {**self._voices.values_for(who), **answered.values}
        if COUPON in variables(template):
            pool = answered.coupons
            code = pool and await take(tx, pool=pool, campaign=answered.campaign, person=who.person, now_ms=now_ms)
            if not code:
                return render(say("scheduler.campaign_answer.no_coupon", lang="zh"), values)
            values[COUPON] = code
        return render(template, values)


async def _show(
    tx: AsyncConnection, who: Acquaintance, pictures: Sequence[str], entry: str, arrival: int, now_ms: int
) -> None:
    """The pictures they asked to see, in their order."""
    rows = [
        NewDelivery(
            kind=Kind.REPLY,
            account=who.account,
            to=who.contact,
            person=who.person,
            content=Content(image=picture),
            key=f"reply:{arrival}:picture:{number}",
            due_ms=now_ms + DELAY_MS[1] + _PICTURE_EVERY_MS * number,
            valid_until_ms=now_ms + STALE_MS,
            source=f"inbox:{arrival}:{entry}:picture",
        )
        for number, picture in enumerate(pictures, 1)
    ]
    if rows:
        await plan(tx, rows, now_ms=now_ms)
