"""Referrals (老带新): who was brought by whom, once each, and when the thanks for it are due.

The thanks are due while the new one has a completed order without any refund, paid at the earliest `NEW_FOR_MS` before
the referral was registered. A refund, also of a part, takes that order out; another such order takes its place. What
was handed over already and then refunded is `reversed` with its day of delivery beside it: the shop decides what then,
and it is never due twice.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, case, delete, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.errors import NoSuchPerson, ReferralRefused
from customers.one_at_a_time import hold
from customers.order import OrderStatus
from storage.customer_tables import Referral
from storage.order_tables import Order
from storage.tables import Person

NEW_FOR_MS = 30 * 24 * 3_600_000
"""Whoever first bought longer ago is nobody new. A card in the first parcel still counts. Ours."""
_ONE_AT_A_TIME = 0x77_78_72_66  # 'wxrf': the key of PostgreSQL's advisory lock


class ReferralState(StrEnum):
    REGISTERED = "registered"
    """No completed order yet."""
    DUE = "due"
    """The old member has earned their thanks; somebody must hand them over."""
    DELIVERED = "delivered"
    REVERSED = "reversed"
    """What had made it due was refunded or undone."""


TRANSITIONS: Mapping[ReferralState, frozenset[ReferralState]] = {
    ReferralState.REGISTERED: frozenset({ReferralState.DUE}),
    ReferralState.DUE: frozenset({ReferralState.DELIVERED, ReferralState.REVERSED}),
    ReferralState.DELIVERED: frozenset({ReferralState.REVERSED, ReferralState.DUE}),  # back to due: a delivery undone
    ReferralState.REVERSED: frozenset({ReferralState.DUE, ReferralState.DELIVERED}),  # an order takes its place
}


async def register(
    tx: AsyncConnection, person: int, referrer: int, *, evidence: str, by: str, now_ms: int, benefit: str = ""
) -> int:
    """`person` was brought by `referrer`; either may be an entry that was merged. Returns the referral.

    Saying the same again changes nothing. Raises ReferralRefused (same, loop, already, not_new, not_customer) and
    NoSuchPerson.
    """
    await _one_at_a_time(tx)
    await hold(tx, (person, referrer))
    new, old = await _customer(tx, person), await _customer(tx, referrer)
    if new == old:
        raise ReferralRefused("same")
    known = (await tx.execute(select(Referral.id, Referral.referrer).where(Referral.person == new))).first()
    if known is not None:
        if known.referrer == old:
            return int(known.id)
        raise ReferralRefused("already")
    if await brought_by(tx, old, new):
        raise ReferralRefused("loop")
    first_ms = await tx.scalar(select(Person.first_order_ms).where(Person.id == new))
    if first_ms is not None and first_ms < now_ms - NEW_FOR_MS:
        raise ReferralRefused("not_new")
    row = {
        "person": new, "referrer": old, "evidence": evidence, "by": by, "at_ms": now_ms, "benefit": benefit,
        "state": ReferralState.REGISTERED.value,
    }  # fmt: skip
    id = (await tx.execute(insert(Referral).values(row).returning(Referral.id))).scalar_one()
    await refresh_referrals(tx, now_ms, Person.id == new)
    return int(id)


async def unregister(tx: AsyncConnection, person: int, *, by: str, at_ms: int) -> bool:
    """Take back exactly that registration, unless its thanks were handed over. Was it still there?"""
    gone = await tx.execute(
        delete(Referral)
        .where(
            Referral.person == person, Referral.by == by, Referral.at_ms == at_ms, Referral.delivered_ms.is_(None)
        )
        .returning(Referral.referrer)
    )  # fmt: skip
    referrers = gone.scalars().all()
    await count_referred(tx, referrers)
    return bool(referrers)


async def referral_of(tx: AsyncConnection, person: int) -> int | None:
    """The referral by which `person` came."""
    id: int | None = await tx.scalar(select(Referral.id).where(Referral.person == person))
    return id


async def brought_by(tx: AsyncConnection, person: int, elder: int) -> bool:
    """Was `person` brought by `elder`, or by somebody whom `elder` brought, however far up?"""
    up = select(Referral.referrer.label("elder")).where(Referral.person == person).cte("up", recursive=True)
    up = up.union(select(Referral.referrer).where(Referral.person == up.c.elder))
    return await tx.scalar(select(literal(1)).select_from(up).where(up.c.elder == elder).limit(1)) is not None


async def deliver(tx: AsyncConnection, referral: int, *, by: str, now_ms: int, benefit: str = "") -> None:
    """The thanks were handed over. Raises ReferralRefused ('not_due') when they were not due."""
    values = {"state": ReferralState.DELIVERED.value, "delivered_ms": now_ms, "delivered_by": by}
    if benefit:
        values["benefit"] = benefit
    done = await tx.execute(
        update(Referral).where(Referral.id == referral, Referral.state == ReferralState.DUE.value).values(values)
    )
    if done.rowcount == 0:
        raise ReferralRefused("not_due")


async def take_back_delivery(tx: AsyncConnection, referral: int, *, by: str, at_ms: int) -> bool:
    """It was not handed over after all: undoes exactly that delivery. Was it still so?"""
    back = await tx.execute(
        update(Referral)
        .where(
            Referral.id == referral, Referral.state == ReferralState.DELIVERED.value,
            Referral.delivered_by == by, Referral.delivered_ms == at_ms,
        )
        .values(state=ReferralState.DUE.value, delivered_ms=None, delivered_by=None)
    )  # fmt: skip
    return back.rowcount == 1


async def refresh_referrals(tx: AsyncConnection, now_ms: int, who: ColumnElement[bool] | None = None) -> None:
    """Follow the orders: what is due, what is reversed, and what those whom somebody brought paid.

    `who`: a condition on `people`, the new ones whose purchases were counted anew; None is everybody. A few
    statements, whatever the size; repeated, it changes nothing.
    """
    whose = literal(True) if who is None else Referral.person.in_(select(Person.id).where(who))
    # Most people were brought by nobody: one look spares them three statements.
    if await tx.scalar(select(Referral.id).where(whose).limit(1)) is None:
        return
    await _follow(tx, now_ms, whose)
    await count_referred(tx, select(Referral.referrer).where(whose))


async def count_referred(tx: AsyncConnection, referrers: Select[int] | Collection[int]) -> None:
    """What those whom `referrers` brought have paid, net, into `people.referred_net_fen`."""
    await hold(tx, referrers)
    brought = select(Person.id, Person.net_paid_fen).subquery()
    paid = (
        select(func.coalesce(func.sum(brought.c.net_paid_fen), 0))
        .select_from(Referral)
        .join(brought, brought.c.id == Referral.person)
        .where(Referral.referrer == Person.id)
        .correlate(Person)
        .scalar_subquery()
    )
    await tx.execute(
        update(Person)
        .where(Person.id.in_(referrers), Person.referred_net_fen.is_distinct_from(paid))
        .values(referred_net_fen=paid)
    )


async def _follow(tx: AsyncConnection, now_ms: int, whose: ColumnElement[bool]) -> None:
    order = _earning_order()
    await tx.execute(
        update(Referral).where(whose, Referral.order_number.is_distinct_from(order)).values(order_number=order)
    )
    earned, state = Referral.order_number.is_not(None), Referral.state
    handed_over = Referral.delivered_ms.is_not(None)
    lost = state.in_((ReferralState.DUE.value, ReferralState.DELIVERED.value)) & ~earned
    won = state.in_((ReferralState.REGISTERED.value, ReferralState.REVERSED.value)) & earned
    await tx.execute(
        update(Referral)
        .where(whose, lost | won)
        .values(
            state=case(
                (~earned, ReferralState.REVERSED.value),
                (handed_over, ReferralState.DELIVERED.value),
                else_=ReferralState.DUE.value,
            ),
            due_ms=case((earned & ~handed_over, now_ms), else_=Referral.due_ms),
            reversed_ms=case((earned, None), else_=now_ms),
        )
    )


def _earning_order() -> ColumnElement[str]:
    """The first order of the new one that earns the thanks."""
    moment = func.coalesce(Order.paid_ms, Order.created_ms)
    return (
        select(Order.number)
        .where(
            Order.person == Referral.person,
            Order.status == OrderStatus.DONE.value,
            Order.paid_fen > 0,
            Order.refund_fen == 0,
            moment >= Referral.at_ms - NEW_FOR_MS,
        )
        .order_by(moment, Order.number)
        .limit(1)
        .correlate(Referral)
        .scalar_subquery()
    )


async def _customer(tx: AsyncConnection, person: int) -> int:
    """Who they are today. Raises NoSuchPerson; ReferralRefused for staff, our own accounts, and who was erased."""
    row = (
        await tx.execute(select(Person.merged_into, Person.kind, Person.erased_ms).where(Person.id == person))
    ).first()
    if row is None:
        raise NoSuchPerson(person)
    if row.merged_into is not None:
        return await _customer(tx, row.merged_into)
    if row.kind != "customer" or row.erased_ms is not None:
        raise ReferralRefused("not_customer")
    return person


async def _one_at_a_time(tx: AsyncConnection) -> None:
    """Of two at once, A by B and B by A, the second must see the first. SQLite has one writer anyway."""
    if tx.dialect.name == "postgresql":
        await tx.execute(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
