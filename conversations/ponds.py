"""In a group of customers: newcomers are welcomed together, a question put to one of us is answered by one of us.

Several of our accounts sit in one room and hear the same. Whoever handles it first takes it, under the lock of the
pond's row; what is said is said by the account that was spoken to, or by the pond's owner.
"""

from dataclasses import replace

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.gateway import Message, MessageKind, RoomChanged
from bots.staff_line import tell_staff
from conversations.acquaintance import Acquaintance, acquaintance
from conversations.intents import Wish, wish_of
from conversations.pond_words import calls, digest_of, newcomers_words, same_message, same_words, words_of
from conversations.speaking import DELAY_MS, Voices
from conversations.talkers import Talker, who_is
from customers.consent import mute, opt_out
from personas.model import Occasion, Persona, ReplyEntry
from personas.replies import answer
from personas.speech import names
from personas.voice import render
from rules.kinds import Kind
from rules.pacing import DAY_MS, MINUTE_MS
from scheduler.ponds.ponds import PondNow, pond_in
from storage.engine import touch
from storage.outbox import Content, DeliveryState, NewDelivery, insert_ignoring, plan
from storage.pond_tables import Pond, PondAnswer, PondMember
from storage.tables import Account, Delivery, Friendship
from texts.catalogue import say

GATHER_MS = 20_000
"""So long a first newcomer is waited for others. Ours."""
SAME_QUESTION_MS = 2 * MINUTE_MS
"""The same words by the same person within it are one question, however many of us heard them. Ours."""
_HEARD_LATE_MS = 20 * MINUTE_MS
"""So much later one of our accounts may hear what another has answered: nothing that waited longer is answered."""
MOST_ANSWERS_A_MINUTE = 3
"""More than that in one group is a flood. Ours."""
UNCLEAR_MUTE_MS = 7 * DAY_MS
"""Pushes stop this long when an opt-out was perhaps meant; a person decides meanwhile. Ours."""
KEPT_MS = DAY_MS
"""Who asked what is forgotten after a day. Ours."""
ANSWER_VALID_MS = 10 * MINUTE_MS
WELCOME_VALID_MS = 2 * 60 * MINUTE_MS


class PondTalk:
    """What follows from something in a room that is one of our ponds."""

    def __init__(self, voices: Voices) -> None:
        self._voices = voices

    async def changed(self, tx: AsyncConnection, change: RoomChanged, now_ms: int) -> str:
        """Somebody came or left; the outcome in a word."""
        pond = await pond_in(tx, change.room, lock=True)
        if pond is None or change.what not in ("join", "leave"):
            return "ignored"
        if change.what == "leave":
            await self._without_owner(tx, pond, change, now_ms)
            gone = await tx.execute(
                delete(PondMember).where(PondMember.pond == pond.name, PondMember.contact.in_(change.contacts))
            )
            await _count(tx, pond, -gone.rowcount)
            return "left"
        came = await self._newcomers(tx, pond, change, now_ms)
        if not came:
            return "ignored"
        await _count(tx, pond, len(came))
        await self._welcome(tx, pond, came, now_ms)
        return "welcomed" if pond.file.welcome else "joined"

    async def said(
        self, tx: AsyncConnection, message: Message, *, arrival: int, account: str, now_ms: int, late: bool
    ) -> str:
        """A customer wrote into a room; the outcome in a word."""
        if message.kind is not MessageKind.TEXT:
            return "ignored"
        pond = await pond_in(tx, message.room, lock=True)
        if pond is None:
            return "ignored"
        if outcome := await self._consent(tx, pond, message, arrival, now_ms):
            return outcome
        speaker = await self._spoken_to(tx, message, account)
        if speaker is None or late:
            return "ignored"
        return await self._answer(tx, pond, speaker, message, arrival, now_ms)

    async def _without_owner(self, tx: AsyncConnection, pond: PondNow, change: RoomChanged, now_ms: int) -> None:
        """Whoever speaks in it sits in it no more: staff hear of that, however many of us saw it."""
        owner = await tx.scalar(select(Account.self_contact).where(Account.id == pond.account))
        if not owner or owner not in change.contacts:
            return
        text = say("ponds.owner_left", title=pond.file.title, account=pond.account)
        key = f"pond_owner_left:{pond.name}:{change.at_ms // DAY_MS}"
        await tell_staff(tx, text, account=pond.account, staff=(), key=key, now_ms=now_ms)

    # --- newcomers --------------------------------------------------------------------------------------------------

    async def _newcomers(self, tx: AsyncConnection, pond: PondNow, change: RoomChanged, now_ms: int) -> list[str]:
        """Those whom nobody saw coming yet; neither staff nor our own."""
        came = []
        for contact in dict.fromkeys(change.contacts):
            if (await who_is(tx, pond.account, contact)).talker is not Talker.CUSTOMER:
                continue
            row = insert_ignoring(tx, PondMember).values(pond=pond.name, contact=contact, joined_ms=now_ms)
            if await tx.scalar(row.returning(PondMember.contact)) is not None:
                came.append(contact)
        return came

    async def _welcome(self, tx: AsyncConnection, pond: PondNow, came: list[str], now_ms: int) -> None:
        """One for all who come while it waits; the next no sooner than its file allows."""
        welcome = pond.file.welcome
        if welcome is None:
            return
        waiting = None
        if pond.welcome_id is not None:
            query = select(Delivery.content).where(
                Delivery.id == pond.welcome_id, Delivery.state == DeliveryState.PENDING.value
            )
            waiting = await tx.scalar(query)
        everybody = tuple(dict.fromkeys((*((waiting or {}).get("mentions") or ()), *came)))
        content = Content(text=await self._welcome_words(tx, pond, everybody), mentions=everybody)
        if waiting is not None:
            joined = await tx.execute(
                update(Delivery)
                .where(Delivery.id == pond.welcome_id, Delivery.state == DeliveryState.PENDING.value)
                .values(content=content.as_json())
            )
            if joined.rowcount:
                touch(tx, [pond.account])  # the courier may have read it already
                return
            content = replace(content, text=await self._welcome_words(tx, pond, tuple(came)), mentions=tuple(came))
        every_ms = round(welcome.every.total_seconds() * 1000)
        due_ms = max(now_ms + GATHER_MS, (pond.welcome_ms or 0) + every_ms)
        row = _in_room(
            pond, pond.account, Kind.WELCOME, content, f"pond_welcome:{pond.name}:{now_ms}:{came[0]}", due_ms
        )
        await plan(tx, [replace(row, valid_until_ms=due_ms + WELCOME_VALID_MS)], now_ms=now_ms)
        id = await tx.scalar(select(Delivery.id).where(Delivery.key == row.key))
        if welcome.picture:
            picture = replace(
                row, content=Content(image=welcome.picture), key=f"{row.key}:picture", due_ms=due_ms + 1,
                valid_until_ms=due_ms + WELCOME_VALID_MS,
            )  # fmt: skip
            await plan(tx, [picture], now_ms=now_ms)
        await tx.execute(update(Pond).where(Pond.name == pond.name).values(welcome_id=id, welcome_ms=due_ms))

    async def _welcome_words(self, tx: AsyncConnection, pond: PondNow, contacts: tuple[str, ...]) -> str:
        assert pond.file.welcome is not None  # noqa: S101  # whoever calls it looked
        known = {
            row.contact: row.nickname
            for row in await tx.execute(
                select(Friendship.contact, func.max(Friendship.nickname).label("nickname"))
                .where(Friendship.contact.in_(contacts), Friendship.nickname != "")
                .group_by(Friendship.contact)
            )
        }
        called = [known[contact] for contact in contacts if contact in known]
        values = await self._values(tx, pond, pond.account)
        return render(pond.file.welcome.text, {**values, "newcomers": newcomers_words(called, len(contacts))})

    async def _values(self, tx: AsyncConnection, pond: PondNow, account: str) -> dict[str, str]:
        persona, position = await self._persona(tx, account)
        return {**names(persona, self._voices.shop, position=position), "pond": pond.file.title}

    async def _persona(self, tx: AsyncConnection, account: str) -> tuple[Persona, str | None]:
        row = (await tx.execute(select(Account.persona, Account.position).where(Account.id == account))).one()
        return self._voices.book.resolved(row.persona), row.position

    # --- wishes -----------------------------------------------------------------------------------------------------

    async def _consent(self, tx: AsyncConnection, pond: PondNow, message: Message, arrival: int, now_ms: int) -> str:
        """Who does not want to be written to said so before everybody: it binds all the same. '' when nothing."""
        words = words_of(message.text)
        wish = wish_of(words)
        if wish not in (Wish.OPT_OUT, Wish.UNCLEAR):
            return ""
        who = await acquaintance(tx, pond.account, message.talker, now_ms)
        by = f"inbox:{arrival}"
        if wish is Wish.UNCLEAR:
            if who.opted_out_ms is not None:
                return "opted_out_before"
            await mute(tx, who.person, now_ms + UNCLEAR_MUTE_MS, by=by, words=words, now_ms=now_ms)
            await _tell(tx, pond, "unclear_opt_out", words, now_ms, who=who)
            return "handed_over"
        await opt_out(tx, who.person, by=by, words=words, now_ms=now_ms)
        if who.opted_out_ms is not None:
            return "opted_out_before"
        await self._confirm(tx, who, arrival, now_ms)
        return "opted_out"

    async def _confirm(self, tx: AsyncConnection, who: Acquaintance, arrival: int, now_ms: int) -> None:
        """In private, and only to a friend: nobody is answered on this before a whole group."""
        state = await tx.scalar(select(Friendship.state).where(Friendship.id == who.friendship))
        if state != "friend":
            return
        row = NewDelivery(
            kind=Kind.OPT_OUT_CONFIRMATION,
            account=who.account,
            to=who.contact,
            person=who.person,
            content=Content(text=self._voices.on(Occasion.OPTED_OUT, who, seed=arrival)),
            key=f"optout:{who.person}",
            due_ms=now_ms + DELAY_MS[0],
            source=f"inbox:{arrival}:opted_out",
        )
        await plan(tx, [row], now_ms=now_ms)

    # --- questions --------------------------------------------------------------------------------------------------

    async def _spoken_to(self, tx: AsyncConnection, message: Message, account: str) -> str | None:
        """Which of our accounts a message names: the first, in its own order; where a gateway tells no ids, the one
        that heard its own name.
        """
        if not message.mentions:
            persona, _ = await self._persona(tx, account)
            called = {persona.name, persona.profile.nickname if persona.profile else None}
            return account if calls(message.text, called) else None
        ours = select(Account.self_contact, Account.id).where(
            Account.self_contact.in_(message.mentions), Account.removed.is_(False)
        )
        found = {row.self_contact: row.id for row in await tx.execute(ours)}
        return next((found[contact] for contact in message.mentions if contact in found), None)

    async def _answer(
        self, tx: AsyncConnection, pond: PondNow, speaker: str, message: Message, arrival: int, now_ms: int
    ) -> str:
        words = words_of(message.text)
        digest = digest_of(words, message.sent_ms)
        asked = select(PondAnswer.contact, PondAnswer.words, PondAnswer.answered, PondAnswer.asked_ms).where(
            PondAnswer.pond == pond.name, PondAnswer.asked_ms > now_ms - _HEARD_LATE_MS
        )
        before = (await tx.execute(asked)).all()
        lately = [row for row in before if row.asked_ms > now_ms - SAME_QUESTION_MS]
        theirs = [row for row in before if row.contact == message.talker]
        if any(same_message(row.words, digest) for row in theirs) or any(
            same_words(row.words, digest) for row in theirs if row in lately
        ):
            return "answered_by_another"
        await tx.execute(delete(PondAnswer).where(PondAnswer.pond == pond.name, PondAnswer.asked_ms < now_ms - KEPT_MS))
        persona, _ = await self._persona(tx, speaker)
        entries = tuple(
            ReplyEntry(name=f"faq-{number}", keywords=question.ask, questions=question.ask, answers=(question.answer,))
            for number, question in enumerate(pond.file.faq)
        )
        values = await self._values(tx, pond, speaker)
        found = answer(
            persona.model_copy(update={"replies": entries}), words, shop=self._voices.shop, values=values, seed=arrival
        )
        flood = sum(row.answered for row in lately) >= MOST_ANSWERS_A_MINUTE * SAME_QUESTION_MS // MINUTE_MS
        answered = found is not None and not flood
        await tx.execute(
            insert(PondAnswer).values(
                pond=pond.name, contact=message.talker, words=digest, asked_ms=now_ms, answered=answered
            )
        )
        if found is None:
            await _tell(tx, pond, "unanswered", words, now_ms)
            return "handed_over"
        if flood:
            return "flood"
        content = Content(text=found.text, mentions=(message.talker,))
        row = _in_room(pond, speaker, Kind.REPLY, content, f"pond_answer:{arrival}", now_ms + DELAY_MS[0])
        await plan(tx, [replace(row, valid_until_ms=now_ms + ANSWER_VALID_MS)], now_ms=now_ms)
        return "answered"


def _in_room(pond: PondNow, account: str, kind: Kind, content: Content, key: str, due_ms: int) -> NewDelivery:
    return NewDelivery(
        kind=kind, account=account, to=pond.room or "", content=content, key=key, due_ms=due_ms,
        source=f"pond:{pond.name}",
    )  # fmt: skip


async def _count(tx: AsyncConnection, pond: PondNow, more: int) -> None:
    """Keep the number of members between two looks at the gateway's list, where there was one."""
    if pond.members is not None:
        await tx.execute(update(Pond).where(Pond.name == pond.name).values(members=max(0, pond.members + more)))


async def _tell(
    tx: AsyncConnection, pond: PondNow, what: str, words: str, now_ms: int, *, who: Acquaintance | None = None
) -> None:
    """Staff hear of it, at most once in ten minutes of each group; of `who` it is about each time it is another."""
    person, name = (who.person, who.known_as) if who else ("", "")
    text = say(f"ponds.{what}", title=pond.file.title, words=words[:60], person=person, name=name)
    key = f"pond_{what}:{pond.name}:{person}:{now_ms // ANSWER_VALID_MS}"
    await tell_staff(tx, text, account=pond.account, staff=(), key=key, now_ms=now_ms)
