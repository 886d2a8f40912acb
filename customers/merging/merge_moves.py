"""What belongs to a person and goes with them: moved in a merge, and exactly that moved back when it is undone."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute, aliased

from rules.kinds import Kind
from storage.campaign_tables import BenefitGiven, CouponCode, Participant
from storage.care_tables import Pupil
from storage.conversation_tables import Question, Wait
from storage.customer_tables import ClaimTry, Consent, LevelMove, PersonNote, PersonTag, ProfileChange
from storage.entry_tables import Entry, PrizeWon
from storage.move_tables import Move
from storage.order_tables import Claim, Order
from storage.outbox import DeliveryState
from storage.tables import Delivery, Friendship, Person
from storage.task_tables import Gift

_IDS_A_STATEMENT = 500
_Column = InstrumentedAttribute[Any]
_ONCE = (Kind.GREETING.value, Kind.CARE.value, Kind.LESSON.value)
"""Kinds whose rows say by their source what they are: the same one to the same person is one."""

# What is moved: by which column it is known, and which one says whose it is.
_MOVED: Mapping[str, tuple[_Column, _Column]] = {
    "friendships": (Friendship.id, Friendship.person),
    "orders": (Order.number, Order.person),
    "claims": (Claim.order_number, Claim.person),
    "claim_tries": (ClaimTry.id, ClaimTry.person),
    "entries": (Person.id, Person.merged_into),
    "notes": (PersonNote.id, PersonNote.person),
    "profile_changes": (ProfileChange.id, ProfileChange.person),
    "consents": (Consent.id, Consent.person),
    "level_moves": (LevelMove.id, LevelMove.person),
    "tags": (PersonTag.tag, PersonTag.person),
    "participants": (Participant.id, Participant.person),
    "pupils": (Pupil.id, Pupil.person),
    "gifts": (Gift.id, Gift.person),
    "coupons": (CouponCode.id, CouponCode.person),
    "benefits": (BenefitGiven.id, BenefitGiven.person),
    "entries_made": (Entry.id, Entry.person),
    "prizes": (PrizeWon.id, PrizeWon.person),
    "questions": (Question.id, Question.person),
    "waits": (Wait.id, Wait.person),
    "moves": (Move.id, Move.person),
}


async def move(tx: AsyncConnection, keep: int, gone: int, now_ms: int) -> dict[str, list[Any]]:
    """Everything of `gone` is `keep`'s; returns what was moved, plain enough for JSON.

    Of two pending deliveries of one campaign, or of one occasion, one is skipped. A tag that both have, a campaign
    that both take part in, are entered for or won at, or a sequence of lessons that both are in, stays at `gone`,
    where nobody looks.
    """
    # Where both have a line of one thing, the line of `gone` stays.
    once: Mapping[str, tuple[_Column, Select[Any]]] = {
        "participants": (Participant.campaign, select(Participant.campaign).where(Participant.person == keep)),
        "entries_made": (Entry.campaign, select(Entry.campaign).where(Entry.person == keep)),
        "prizes": (PrizeWon.campaign, select(PrizeWon.campaign).where(PrizeWon.person == keep)),
        "pupils": (Pupil.sequence, select(Pupil.sequence).where(Pupil.person == keep)),
        "moves": (Move.aim, select(Move.aim).where(Move.person == keep)),
        "tags": (PersonTag.tag, select(PersonTag.tag).where(PersonTag.person == keep)),
    }
    holds = select(CouponCode.campaign, CouponCode.pool).where(CouponCode.person == keep)
    moved: dict[str, list[Any]] = {}
    for name, (key, owner) in _MOVED.items():
        which: ColumnElement[bool] = owner == gone
        if name in once:
            of, both_have = once[name]
            which &= of.not_in((await tx.scalars(both_have)).all())
        if name == "coupons":
            which &= tuple_(CouponCode.campaign, CouponCode.pool).not_in(holds)
        changed = await tx.execute(update(key.class_).where(which).values({owner: keep}).returning(key))
        keys = changed.scalars().all()
        if keys:
            moved[name] = list(keys)
    await _once_an_occasion(tx, keep, gone, now_ms)
    await _offered_once(tx, gone, now_ms)
    await tx.execute(update(Delivery).where(Delivery.person == gone).values(person=keep))
    await _one_row_a_campaign(tx, keep, now_ms)
    return moved


async def move_back(tx: AsyncConnection, keep: int, gone: int, moved: Mapping[str, Sequence[Any]]) -> None:
    """What `move` moved goes back as far as it is still `keep`'s.

    With the friendships goes what bears the same WeChat id (a sibling met them meanwhile), and what was or will be sent
    to it. A tag that staff took away meanwhile stays away.
    """
    for name, (key, owner) in _MOVED.items():
        keys = moved.get(name, ())
        for start in range(0, len(keys), _IDS_A_STATEMENT):
            some = keys[start : start + _IDS_A_STATEMENT]
            await tx.execute(update(key.class_).where(owner == keep, key.in_(some)).values({owner: gone}))
    theirs = aliased(Friendship)
    same = select(theirs.contact).where(theirs.person == gone)
    await tx.execute(
        update(Friendship).where(Friendship.person == keep, Friendship.contact.in_(same)).values(person=gone)
    )
    lines = select(Friendship.account, Friendship.contact).where(Friendship.person == gone)
    await tx.execute(
        update(Delivery)
        .where(Delivery.person == keep, tuple_(Delivery.account, Delivery.to).in_(lines))
        .values(person=gone)
    )


async def claims_follow_orders(tx: AsyncConnection, people: Sequence[int]) -> None:
    """Of these people nobody holds a claim on an order that is another's of them: one order, one person."""
    owner = select(Order.person).where(Order.number == Claim.order_number).scalar_subquery()
    elsewhere = select(Order.number).join(Claim, Claim.order_number == Order.number).where(
        Claim.person.in_(people), Order.person.in_(people), Order.person != Claim.person
    )  # fmt: skip
    await tx.execute(update(Claim).where(Claim.order_number.in_(elsewhere)).values(person=owner))


async def _once_an_occasion(tx: AsyncConnection, keep: int, gone: int, now_ms: int) -> None:
    """Of a kindness or a lesson that both were to get, what one got or will get is skipped for the other."""
    for waits_for, other in ((keep, gone), (gone, keep)):
        theirs = aliased(Delivery)
        states = [DeliveryState.SKIPPED.value, *([DeliveryState.PENDING.value] if other == gone else [])]
        has = select(theirs.source).where(
            theirs.person == other, theirs.kind.in_(_ONCE), theirs.source != "", theirs.state.not_in(states)
        )
        await tx.execute(
            update(Delivery)
            .where(
                Delivery.person == waits_for, Delivery.kind.in_(_ONCE), Delivery.state == DeliveryState.PENDING.value,
                Delivery.source.in_(has),
            )
            .values(state=DeliveryState.SKIPPED.value, reason="merged_duplicate", settled_ms=now_ms)
        )  # fmt: skip


async def _offered_once(tx: AsyncConnection, gone: int, now_ms: int) -> None:
    """Of two offers for one thing the one that stays at `gone` is not made any more."""
    staying = (await tx.scalars(select(Move.id).where(Move.person == gone))).all()
    await tx.execute(
        update(Delivery)
        .where(
            Delivery.person == gone, Delivery.state == DeliveryState.PENDING.value,
            Delivery.source.in_([f"move:{id}" for id in staying]),
        )
        .values(state=DeliveryState.SKIPPED.value, reason="merged_duplicate", settled_ms=now_ms)
    )  # fmt: skip


async def _one_row_a_campaign(tx: AsyncConnection, person: int, now_ms: int) -> None:
    """Of the person's rows of one campaign and kind the furthest stays; others that still wait are skipped."""
    row = aliased(Delivery)
    waits = row.state == DeliveryState.PENDING.value
    rank = func.row_number().over(partition_by=(row.campaign, row.kind), order_by=(case((waits, 1), else_=0), row.id))
    ranked = (
        select(row.id, row.state, rank.label("rank"))
        .where(row.person == person, row.campaign.is_not(None), row.state != DeliveryState.SKIPPED.value)
        .subquery()
    )
    second = select(ranked.c.id).where(ranked.c.rank > 1, ranked.c.state == DeliveryState.PENDING.value)
    await tx.execute(
        update(Delivery)
        .where(Delivery.id.in_(second), Delivery.state == DeliveryState.PENDING.value)
        .values(state=DeliveryState.SKIPPED.value, reason="merged_duplicate", settled_ms=now_ms)
    )
