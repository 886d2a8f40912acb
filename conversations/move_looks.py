"""Offers of other accounts some days later: they came, hear of it once more, or are left in peace."""

from collections.abc import Sequence

from sqlalchemy import Row, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.acquaintance import Acquaintance, find
from conversations.coming_over import came_over
from conversations.move_targets import has_place, leads_nowhere
from conversations.moves import a_person_talks, key_of, move_on, row_of
from conversations.speaking import Voices
from personas.model import Occasion
from rules.kinds import Kind
from rules.moves import REST_AFTER_MS, Aim, MoveState
from scheduler.care.kindness import had_enough
from storage.move_tables import Move
from storage.outbox import MAY_HAVE_LEFT, Content, plan
from storage.tables import Account, Delivery, Friendship, Person

_MOST = 50

Due = Row[int, int, str, str, str, str, int]


async def looks_due(tx: AsyncConnection, now_ms: int, *, most: int = _MOST) -> Sequence[Due]:
    """Offers that are to be looked at now, the oldest first. Not those of a lost account, nor while one of us
    talks with them. Writes nothing."""
    query = select(
        Move.id, Move.person, Move.aim, Move.from_account, Move.to_account, Move.state, Move.offered_ms
    ).where(Move.look_ms.is_not(None), Move.look_ms <= now_ms, ~leads_nowhere(), ~a_person_talks(Move.person, now_ms))
    return (await tx.execute(query.order_by(Move.look_ms, Move.id).limit(most))).all()


async def look_at(tx: AsyncConnection, voices: Voices, offer: Due, now_ms: int) -> None:
    """Who is a friend of such an account has followed, though nobody saw them come. Others are reminded once, if they
    ever got the card; then the offer rests.
    """
    if await _came_unseen(tx, offer, voices.shop.time_zone, now_ms):
        return
    rest_ms = offer.offered_ms + REST_AFTER_MS
    if offer.state != MoveState.OFFERED or now_ms >= rest_ms or not await _was_shown(tx, offer.id):
        await move_on(tx, offer.id, MoveState.RESTED, look_ms=None, now_ms=now_ms)
        return
    who = await _still_open_to_it(tx, offer, now_ms)
    if who is None:
        await move_on(tx, offer.id, MoveState.RESTED, look_ms=None, now_ms=now_ms)
        return
    if await move_on(tx, offer.id, MoveState.REMINDED, look_ms=rest_ms, now_ms=now_ms):
        persona = await tx.scalar(select(Account.persona).where(Account.id == offer.to_account)) or ""
        sibling = voices.book.resolved(persona).name
        text = voices.on(Occasion.HAND_ON_AGAIN, who, seed=offer.id, sibling=sibling)
        again = row_of(offer.id, "again", who, Content(text=text), due_ms=now_ms, kind=Kind.LEVEL_UP)
        await plan(tx, [again], now_ms=now_ms)


async def _came_unseen(tx: AsyncConnection, offer: Due, zone: str, now_ms: int) -> bool:
    """Their request was confirmed while nobody listened, or on the phone."""
    query = (
        select(Friendship.account, Friendship.contact)
        .join(Account, Account.id == Friendship.account)
        .where(
            Friendship.person == offer.person, Friendship.state == "friend", Account.removed.is_(False),
            or_(Friendship.account == offer.to_account, Account.role == offer.aim),
        )
        .order_by(Friendship.since_ms.desc())
    )  # fmt: skip
    for row in (await tx.execute(query)).all():
        who = await find(tx, row.account, row.contact)
        if who is not None and await came_over(tx, who, zone, now_ms) is not None:
            return True
    return False


async def _was_shown(tx: AsyncConnection, move: int) -> bool:
    """Did the card leave? It may stand under the words of a level-up."""
    card = select(Delivery.id).where(Delivery.key == key_of(move, "card"), Delivery.state.in_(MAY_HAVE_LEFT))
    return await tx.scalar(card) is not None


async def _still_open_to_it(tx: AsyncConnection, offer: Due, now_ms: int) -> Acquaintance | None:
    """Who may hear of it once more: not where somebody looks after them now, nor where no place is left, nor where an
    entry that turned out to be theirs had its own answer to the same.
    """
    if offer.aim == Aim.PERSONA or await had_enough(tx, [offer.person], now_ms):
        return None
    twin = select(Move.id).join(Person, Person.id == Move.person).where(
        Person.merged_into == offer.person, Move.aim == offer.aim
    )  # fmt: skip
    if await tx.scalar(twin.limit(1)) is not None or not await has_place(tx, offer.to_account, Aim(offer.aim)):
        return None
    query = (
        select(Friendship.contact)
        .join(Person, Person.id == Friendship.person)
        .join(Account, Account.id == Friendship.account)
        .where(
            Friendship.person == offer.person, Friendship.account == offer.from_account, Friendship.state == "friend",
            Friendship.waiting_since_ms.is_(None), Account.removed.is_(False), Account.paused_by.is_(None),
            Person.opted_out_ms.is_(None), Person.erased_ms.is_(None),
            or_(Person.muted_until_ms.is_(None), Person.muted_until_ms <= now_ms),
        )
    )  # fmt: skip
    contact = await tx.scalar(query.limit(1))
    who = await find(tx, offer.from_account, contact) if contact else None
    return None if who is None or who.held(now_ms) else who
