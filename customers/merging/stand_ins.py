"""Orders under a name that is nobody's: the export masked it (t***7), or it stands for somebody who was erased.

Such a name is no evidence of who anybody is, and leads to no other order. Whoever shows the whole number of an order
gets that one order, unless somebody has it. Whose order was erased with them is told nothing of it by anybody else's
claim; they themselves get it again once they are friends anew: the same WeChat id came back, and they say so.
"""

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.do_not_contact import contact_sign, is_pseudonym, pseudonyms_of
from customers.standing.purchases import recompute
from storage.order_tables import Claim, Order
from storage.tables import Friendship, Person

_MARK = "*"


def is_masked(member_name: str) -> bool:
    return _MARK in member_name


def is_stand_in(member_name: str) -> bool:
    """Is it no member's name, so that nobody may be called by it?"""
    return is_masked(member_name) or is_pseudonym(member_name)


async def take_order(tx: AsyncConnection, person: int, number: str, now_ms: int) -> bool:
    """That one order is the person's from now on, if nobody else has it. Is it?"""
    before = await former_selves(tx, person)
    free = or_(Order.person.is_(None), Order.person == person, Order.person.in_(before))
    taken = await tx.execute(update(Order).where(Order.number == number, free).values(person=person))
    if not taken.rowcount:
        return False
    await tx.execute(delete(Claim).where(Claim.order_number == number, Claim.person.in_(before)))
    await recompute(tx, sorted({person} | before), now_ms=now_ms)
    return True


async def let_go(tx: AsyncConnection, number: str, now_ms: int) -> bool:
    """It was not theirs after all: takes back `take_order`. False for an order that its member's name makes theirs."""
    order = (await tx.execute(select(Order.member_name, Order.person).where(Order.number == number))).one_or_none()
    if order is None or not is_stand_in(order.member_name):
        return order is None
    await tx.execute(update(Order).where(Order.number == number).values(person=None))
    await recompute(tx, [order.person] if order.person else [], now_ms=now_ms)
    return True


async def former_selves(tx: AsyncConnection, person: int) -> set[int]:
    """Erased entries that had the WeChat id by which `person` is known now."""
    contacts = await tx.scalars(select(Friendship.contact).where(Friendship.person == person).distinct())
    signs = [sign for contact in contacts.all() if (sign := contact_sign(contact)) is not None]
    if not signs:
        return set()
    known = list((await pseudonyms_of(tx, signs)).values())
    erased = (
        select(Person.id)
        .join(Friendship, Friendship.person == Person.id)
        .where(Friendship.contact.in_(known), Person.erased_ms.is_not(None), Person.merged_into.is_(None))
    )
    return set((await tx.scalars(erased)).all())
