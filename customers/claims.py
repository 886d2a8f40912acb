"""A person says: this order is mine."""

import re
import unicodedata
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.linking import link_or_ask
from customers.merging import survivor
from storage.outbox import insert_ignoring
from storage.tables import Claim, Order

_WHOLE = re.compile(r"(?<!\d)\d{16,21}(?!\d)")
_GROUPED = re.compile(r"(?<!\d)\d{4,}(?:[ -]\d{4,})*(?:[ -]\d{1,4})?(?!\d)")
_INVISIBLE = re.compile(r"[\u200b-\u200f\u2060\ufeff]")


class ClaimOutcome(StrEnum):
    """What came of a claim."""

    CLAIMED = "claimed"
    """The order is theirs, and all others under its member name."""
    ALREADY_YOURS = "already_yours"
    TAKEN = "taken"
    """Somebody else's, or staff must look whose. Nobody is told who."""
    UNKNOWN_YET = "unknown_yet"
    """Not in our list. It is remembered, and theirs when an import brings it."""


def find_order_number(text: str) -> str | None:
    """The first order number (16 to 21 digits) in what somebody wrote; blanks and dashes between groups are fine."""
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    whole = _WHOLE.search(plain)
    if whole:
        return whole[0]
    for found in _GROUPED.finditer(plain):
        digits = re.sub(r"\D", "", found[0])
        if 16 <= len(digits) <= 21:
            return digits
    return None


async def claim(tx: AsyncConnection, person: int, account: str, number: str, now_ms: int) -> ClaimOutcome:
    """`person` said to `account` that the order is theirs. Links the order's member, merging where they are one.

    The person keeps their id. Raises NoSuchPerson.
    """
    person = await survivor(tx, person)
    claimed_by = (await tx.execute(select(Claim.person).where(Claim.order_number == number))).scalar_one_or_none()
    if claimed_by is not None and await survivor(tx, claimed_by) != person:
        return ClaimOutcome.TAKEN
    query = select(Order.member_name, Order.person).where(Order.number == number)
    order = (await tx.execute(query)).first()
    outcome = ClaimOutcome.UNKNOWN_YET
    if order is not None and order.person == person:
        outcome = ClaimOutcome.ALREADY_YOURS
    elif order is not None:
        if await link_or_ask(tx, person, order.member_name, f"order {number}", now_ms) is None:
            return ClaimOutcome.TAKEN
        outcome = ClaimOutcome.CLAIMED
    row = {"order_number": number, "person": person, "account": account, "evidence": "chat", "claimed_ms": now_ms}
    await tx.execute(insert_ignoring(tx, Claim).values(row))
    return outcome


async def settle_remembered(tx: AsyncConnection, batch: int, now_ms: int) -> int:
    """Orders that an import brought and somebody had claimed before become theirs. Returns how many people."""
    query = (
        select(Claim.person, Order.member_name, Order.number)
        .join(Order, Order.number == Claim.order_number)
        .where(Order.batch == batch, Order.person.is_distinct_from(Claim.person))
        .order_by(Claim.claimed_ms)
    )
    people: set[int | None] = set()
    for row in (await tx.execute(query)).all():
        linked = await link_or_ask(tx, row.person, row.member_name, f"order {row.number}", now_ms)
        people |= {linked} - {None}  # what contradicts itself is a repair now
    return len(people)
