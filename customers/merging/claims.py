"""A person says: this order is mine."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Row, Select, and_, func, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.merging.claim_tries import may_try, note_try
from customers.merging.claim_words import Hint
from customers.merging.hinted import HINT, give_way
from customers.merging.linking import ask_if_one, link_or_ask
from customers.merging.merging import survivor
from customers.merging.stand_ins import former_selves, is_stand_in, take_order
from customers.one_at_a_time import hold
from rules.quiet_hours import to_ms, zone
from storage.order_tables import Claim, Order
from storage.outbox import insert_ignoring
from storage.tables import NUMBER_END, Person


class ClaimOutcome(StrEnum):
    """What came of a claim."""

    CLAIMED = "claimed"
    """The order is theirs; by its whole number all others under its member name, too."""
    ALREADY_YOURS = "already_yours"
    TAKEN = "taken"
    """Somebody else's, or staff must look whose. Nobody is told who."""
    UNKNOWN_YET = "unknown_yet"
    """Not in our list. It is remembered, and theirs when an import brings it."""
    ASK_MORE = "ask_more"
    """Last digits alone: a date or an amount is needed."""
    NOT_ONE = "not_one"
    """No order, or several, end and cost and date so: the whole number is needed."""
    TOO_MANY = "too_many"
    """They named several in vain today: nothing more is looked up, a person helps."""


async def claim(tx: AsyncConnection, person: int, account: str, number: str, now_ms: int) -> ClaimOutcome:
    """`person` said to `account` that the order is theirs. Links the order's member, merging where they are one.

    The person keeps their id. An order under no member's name, masked or erased, becomes theirs alone: nobody is
    merged for it. Who was erased has no other way back than to become friends anew and to claim again; for everybody
    else their orders are taken. See `customers.merging.stand_ins`. Raises NoSuchPerson.
    """
    await hold(tx, [person])
    person = await survivor(tx, person)
    if not await may_try(tx, person, now_ms):
        return ClaimOutcome.TOO_MANY
    outcome, new = await _claimed(tx, person, number, now_ms)
    if new:
        row = {"order_number": number, "person": person, "account": account, "evidence": "chat", "claimed_ms": now_ms}
        await tx.execute(insert_ignoring(tx, Claim).values(row))
    if outcome is ClaimOutcome.TAKEN or (outcome is ClaimOutcome.UNKNOWN_YET and new):
        await note_try(tx, person, account, now_ms)
    return outcome


async def _claimed(tx: AsyncConnection, person: int, number: str, now_ms: int) -> tuple[ClaimOutcome, bool]:
    """What comes of it, and is it a claim that nobody made before? Whoever said but its end gives way."""
    # Of two who name one order at once, the second must see the first.
    await tx.execute(select(Order.number).where(Order.number == number).with_for_update())
    before = (await tx.execute(select(Claim.person, Claim.evidence).where(Claim.order_number == number))).first()
    if before is not None and before.evidence == HINT:
        await give_way(tx, Order.number == number, now_ms)
        before = None
    if before is not None and await survivor(tx, before.person) not in {person} | await former_selves(tx, person):
        return ClaimOutcome.TAKEN, False
    query = select(Order.member_name, Order.person).where(Order.number == number)
    order = (await tx.execute(query)).first()
    if order is None:
        return ClaimOutcome.UNKNOWN_YET, before is None
    if order.person == person:
        return ClaimOutcome.ALREADY_YOURS, True
    if not await _becomes_theirs(tx, person, number, order.member_name, now_ms):
        return ClaimOutcome.TAKEN, False
    return ClaimOutcome.CLAIMED, True


async def claim_by_hint(
    tx: AsyncConnection, person: int, account: str, hint: Hint, zone: str, now_ms: int
) -> ClaimOutcome:
    """As `claim`, by the last digits of the order and what else was said of it: exactly one order must fit.

    Several orders of one buyer are one, too. It becomes theirs alone, and only while it is nobody's: an end can be
    guessed, so that nobody is merged for it, nor named. Whose it seems to be is asked of staff. Raises NoSuchPerson.
    """
    await hold(tx, [person])
    person = await survivor(tx, person)
    if not await may_try(tx, person, now_ms):
        return ClaimOutcome.TOO_MANY
    if not hint.enough:
        return ClaimOutcome.ASK_MORE
    fitting = (await tx.execute(_fitting(hint, zone))).all()
    outcome = ClaimOutcome.NOT_ONE
    if len(fitting) == 1:
        outcome = await _hinted(tx, person, account, fitting[0].number, hint, now_ms)
    if outcome in (ClaimOutcome.NOT_ONE, ClaimOutcome.TAKEN):
        await note_try(tx, person, account, now_ms)
    return outcome


async def _hinted(tx: AsyncConnection, person: int, account: str, number: str, hint: Hint, now_ms: int) -> ClaimOutcome:
    await tx.execute(select(Order.number).where(Order.number == number).with_for_update())
    query = (
        select(Order.person, Claim.person.label("claimed_by"))
        .outerjoin(Claim, Claim.order_number == Order.number)
        .where(Order.number == number)
    )
    order = (await tx.execute(query)).one()
    owner = order.person or order.claimed_by
    if owner is not None:
        owner = await survivor(tx, owner)
    if owner == person:
        return ClaimOutcome.ALREADY_YOURS
    if owner is not None and owner not in await former_selves(tx, person):
        await ask_if_one(tx, person, owner, hint.end, now_ms)
        return ClaimOutcome.TAKEN
    if not await take_order(tx, person, number, now_ms):
        return ClaimOutcome.TAKEN
    row = {"order_number": number, "person": person, "account": account, "evidence": HINT, "claimed_ms": now_ms}
    await tx.execute(insert_ignoring(tx, Claim).values(row))
    return ClaimOutcome.CLAIMED


def _fitting(hint: Hint, zone_name: str) -> Select[str, str]:
    ends: ColumnElement[str] = literal_column(NUMBER_END)
    # The newest order of each buyer.
    query = select(func.max(Order.number).label("number"), Order.member_name).where(
        ends == hint.end[-4:], Order.number.like("%" + hint.end)
    )
    if hint.amount_fen is not None:
        # Who says 259 may have paid 258.90 or 259.50.
        about = 1 if hint.exact else 100
        query = query.where(Order.paid_fen > hint.amount_fen - about, Order.paid_fen < hint.amount_fen + about)
    if hint.day is not None:
        begin = to_ms(datetime.combine(hint.day, time(), tzinfo=zone(zone_name)))
        end = to_ms(datetime.combine(hint.day + timedelta(days=1), time(), tzinfo=zone(zone_name)))
        query = query.where(or_(*(and_(moment >= begin, moment < end) for moment in (Order.created_ms, Order.paid_ms))))
    return query.group_by(Order.member_name).limit(2)


async def remembered(tx: AsyncConnection, batch: int) -> Sequence[Row[int, str, str]]:
    """Orders that an import brought and somebody had claimed before: (person, member_name, number)."""
    query = (
        select(Claim.person, Order.member_name, Order.number)
        .join(Order, Order.number == Claim.order_number)
        .join(Person, Person.id == Claim.person)
        .where(
            Order.batch == batch, Order.person.is_distinct_from(Claim.person), Person.erased_ms.is_(None),
            Claim.evidence != HINT,
        )
        .order_by(Claim.claimed_ms)
    )  # fmt: skip
    return (await tx.execute(query)).all()


async def settle_remembered(tx: AsyncConnection, claims: Sequence[Row[int, str, str]], now_ms: int) -> int:
    """These become orders of those who claimed them. Returns how many people that concerns."""
    people = set()
    for row in claims:
        if await _becomes_theirs(tx, row.person, row.number, row.member_name, now_ms):
            people.add(row.person)
    return len(people)


async def _becomes_theirs(tx: AsyncConnection, person: int, number: str, member: str, now_ms: int) -> bool:
    """With all others under its member name, where it bears one. What contradicts itself is a repair now."""
    if is_stand_in(member):
        return await take_order(tx, await survivor(tx, person), number, now_ms)
    return await link_or_ask(tx, person, member, f"order {number}", now_ms) is not None
