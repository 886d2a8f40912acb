"""From the bot to a person and back: who waits, who holds a conversation, and for how long."""

from functools import partial

from sqlalchemy import BigInteger, case, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations import waits
from conversations.acquaintance import Acquaintance
from conversations.duty import crew_of, who_looks
from conversations.history import history_of
from conversations.speaking import Lately
from conversations.wait_notices import Notice, Word, tell
from conversations.waits import WaitState
from conversations.who_waits import begins_to_wait
from conversations.withdrawn_offers import give_back_offers
from conversations.wording import is_a_last_word
from rules.kinds import Kind, gate_of
from storage.engine import touch
from storage.many import over_many
from storage.outbox import DeliveryState
from storage.tables import Delivery, Friendship

IDLE_MS = 30 * 60_000
"""A conversation that a person holds goes back to the bot after this long without a word of theirs. Ours."""
ON_THE_PHONE = "phone"
"""Holds a conversation when somebody typed on the phone itself: no staff id is known then."""
TALKING_MS = 10 * 60_000
"""Whoever wrote to the customer within so long is looking at that phone: they need not be told of each answer. Ours."""
HELD = "held"
"""Why a customer waits who writes while a person has the conversation; why a row of the bot's did not leave then."""
_ANSWERS = (Kind.REPLY.value, Kind.CLAIM_ANSWER.value)
_WAITS = over_many(
    lambda they: (
        update(Friendship)
        .where(Friendship.id == they.c.friendship, Friendship.waiting_since_ms.is_(None))
        .values(waiting_since_ms=they.c.since_ms)
    ),
    friendship=BigInteger(),
    since_ms=BigInteger(),
)


async def wrote_to_a_person(
    tx: AsyncConnection, who: Acquaintance, said: Lately, zone: str, *, arrival: int, words: str, now_ms: int
) -> None:
    """They wrote while a person has the conversation: whoever talks with them this minute sees it without a notice.

    A word of thanks ends a talk; nobody need answer it.
    """
    if is_a_last_word(words):
        return
    talking = said.times_of(Kind.STAFF_MESSAGE, now_ms - TALKING_MS) > 0
    await wait_for_a_person(tx, who, zone, arrival=arrival, why=HELD, now_ms=now_ms, tell_now=not talking)


async def wait_for_a_person(
    tx: AsyncConnection,
    who: Acquaintance,
    zone: str,
    *,
    arrival: int,
    why: str,
    now_ms: int,
    tell_now: bool = True,
) -> None:
    """A person must look: put them on the list of who waits; staff hear once per wait.

    `why` is a word of the catalogue (`conversations.why.<word>`). Their last words are read from the inbox row.
    """
    if who.waiting_since_ms is None:
        waits_now = await _WAITS.surely(tx, friendship=who.friendship, since_ms=now_ms)
        if waits_now and await _begin(tx, who, zone, arrival=arrival, why=why, now_ms=now_ms, tell_now=tell_now):
            return
    await waits.wrote_again(tx, who.friendship, arrival=arrival, why=why)


async def _begin(
    tx: AsyncConnection, who: Acquaintance, zone: str, *, arrival: int, why: str, now_ms: int, tell_now: bool
) -> bool:
    """False when a wait is open already: somebody took them on and has not written yet."""
    before = await history_of(tx, who, now_ms)
    crew = await crew_of(tx, who.account, zone, holder=who.holder, limits=who.limits)
    member = await who_looks(tx, crew, has=(who.held_by, before.answered_by), now_ms=now_ms)
    begin = partial(waits.begin, tx, who, arrival=arrival, why=why, staff=member.id if member else None, now_ms=now_ms)
    begun = await begin(waits=before.waits)
    if not begun and who.held_by is None:  # left over: nobody had them, and they did not wait
        await waits.end(tx, who.friendship, WaitState.DROPPED, by=None, now_ms=now_ms)
        begun = await begin(waits=False)
    if begun and tell_now:
        waiting = await begins_to_wait(tx, who, before, member, arrival=arrival, why=why, now_ms=now_ms)
        notice = Notice(Word.TOLD, [waiting], member, f"waiting:{arrival}")
        await tell(tx, notice, holder=who.holder, zone=zone, now_ms=now_ms)
    return begun


async def take_over(tx: AsyncConnection, friendship: int, by: str, now_ms: int, *, idle_ms: int = IDLE_MS) -> None:
    """`by` (a staff id) holds the conversation, and is the one who is reminded until their first word."""
    await tx.execute(
        update(Friendship)
        .where(Friendship.id == friendship)
        .values(held_by=by, held_until_ms=now_ms + idle_ms, waiting_since_ms=None)
    )
    await waits.take_on(tx, friendship, by, now_ms)
    where = (
        await tx.execute(
            select(Friendship.account, Friendship.contact, Friendship.person).where(Friendship.id == friendship)
        )
    ).first()
    if where is not None:
        await _fall_silent(tx, where.account, where.contact, where.person, now_ms)


async def typed_on_the_phone(tx: AsyncConnection, who: Acquaintance, now_ms: int) -> None:
    """A person wrote to them: each word holds the conversation for as long again, and nobody waits now.

    Whoever took it over by command keeps it, by name and at least as long as they have it.
    """
    by_name = (Friendship.held_by != ON_THE_PHONE) & (Friendship.held_until_ms > now_ms)
    until_ms = now_ms + IDLE_MS
    longer = case((by_name & (Friendship.held_until_ms > until_ms), Friendship.held_until_ms), else_=until_ms)
    await tx.execute(
        update(Friendship)
        .where(Friendship.id == who.friendship)
        .values(
            held_by=case((by_name, Friendship.held_by), else_=ON_THE_PHONE),
            held_until_ms=longer,
            waiting_since_ms=None,
        )
    )
    named = who.held_by if who.held(now_ms) and who.held_by != ON_THE_PHONE else None
    by = named or who.holder or ON_THE_PHONE
    await waits.end(tx, who.friendship, WaitState.ANSWERED, by=by, now_ms=now_ms)
    await _fall_silent(tx, who.account, who.contact, who.person, now_ms)


async def give_back(tx: AsyncConnection, friendship: int, by: str, now_ms: int) -> bool:
    """The bot answers again, and nobody need answer what was asked. Was it held, or did somebody wait?"""
    result = await tx.execute(
        update(Friendship)
        .where(
            Friendship.id == friendship,
            Friendship.held_by.is_not(None) | Friendship.waiting_since_ms.is_not(None),
        )
        .values(held_by=None, held_until_ms=None, waiting_since_ms=None)
    )
    ended = await waits.end(tx, friendship, WaitState.RETURNED, by=by, now_ms=now_ms)
    if result.rowcount:
        await _speak_again(tx, friendship, now_ms)
    return ended or result.rowcount > 0


async def _speak_again(tx: AsyncConnection, friendship: int, now_ms: int) -> None:
    """What waited for the end of the talk is due: it ended earlier than was thought."""
    here = (
        await tx.execute(
            select(Friendship.account, Friendship.contact, Friendship.person).where(Friendship.id == friendship)
        )
    ).one()
    woken = await tx.scalars(
        update(Delivery)
        .where(
            Delivery.person == here.person,
            Delivery.account == here.account,
            Delivery.to == here.contact,
            Delivery.state == DeliveryState.PENDING.value,
            Delivery.reason == HELD,
        )
        .values(due_ms=now_ms, reason=None)
        .returning(Delivery.account)
    )
    touch(tx, set(woken.all()))


async def _fall_silent(tx: AsyncConnection, account: str, contact: str, person: int, now_ms: int) -> None:
    """Answers that are not sent yet stay unsaid: a person is speaking. What a campaign promised them is told. No other
    account is offered meanwhile.
    """
    await tx.execute(
        update(Delivery)
        .where(
            Delivery.account == account,
            Delivery.priority == gate_of(Kind.REPLY).priority,
            Delivery.to == contact,
            Delivery.state == DeliveryState.PENDING.value,
            Delivery.kind.in_(_ANSWERS),
            Delivery.source.not_like("%:campaign_%"),
            Delivery.source.not_like("%:picture"),
        )
        .values(state=DeliveryState.SKIPPED.value, reason=HELD, settled_ms=now_ms)
    )
    await give_back_offers(tx, person, HELD, now_ms)
