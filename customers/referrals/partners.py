"""Partners (合伙人): whom they brought, two tiers deep, and what those completed in a month.

No deeper: more than two tiers is pyramid selling before the law (传销). A statement is arithmetic, no payment: what a
partner gets for it, and paying it out, is the shop's business. The month of an order is the month it was paid in, in
the shop's zone: exports do not say when an order was completed. An order counts once it is completed, with what is
left after refunds; so a month settles when its orders have.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, cast, func, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from customers.order import OrderStatus
from customers.referrals.referral_list import shown_name
from storage.customer_tables import Referral
from storage.order_tables import Order
from storage.tables import Person

PARTNER = "partner"
"""The top level of the ladder."""


@dataclass(frozen=True, slots=True)
class StatementRow:
    """What one person whom a partner brought has completed in the month. `tier` 1: brought by the partner."""

    partner: int
    partner_name: str
    tier: int
    person: int
    person_name: str
    orders: int
    net_fen: int


def month_bounds(month: str, zone: str) -> tuple[int, int]:
    """A month like 2026-10 as [from, until) in epoch ms, in that zone. Raises ValueError."""
    first = datetime.strptime(month, "%Y-%m").replace(tzinfo=ZoneInfo(zone))
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return round(first.timestamp() * 1000), round(following.timestamp() * 1000)


async def statement(tx: AsyncConnection, from_ms: int, until_ms: int) -> Sequence[StatementRow]:
    """Everybody whom a partner brought and who completed something in that time: by partner, tier, amount."""
    partner, person = aliased(Person), aliased(Person)
    first, second = aliased(Referral), aliased(Referral)
    direct = select(first.referrer.label("partner"), first.person.label("person"), literal(1).label("tier"))
    indirect = select(first.referrer, second.person, literal(2)).join(second, second.referrer == first.person)
    brought = union_all(direct, indirect).subquery()
    moment = func.coalesce(Order.paid_ms, Order.created_ms)
    left = Order.paid_fen - Order.refund_fen
    done = (
        select(
            Order.person.label("person"),
            func.count().label("orders"),
            cast(func.sum(left), BigInteger).label("net"),
        )
        .where(Order.status == OrderStatus.DONE.value, left > 0, moment >= from_ms, moment < until_ms)
        .where(Order.person.in_(select(brought.c.person)))
        .group_by(Order.person)
        .subquery()
    )
    query = (
        select(
            partner.id, shown_name(partner), brought.c.tier, person.id, shown_name(person), done.c.orders, done.c.net
        )
        .select_from(brought)
        .join(done, done.c.person == brought.c.person)
        .join(partner, (partner.id == brought.c.partner) & (partner.level == PARTNER))
        .join(person, person.id == brought.c.person)
        .order_by(partner.id, brought.c.tier, done.c.net.desc(), person.id)
    )
    return [StatementRow(*row) for row in (await tx.execute(query)).all()]
