"""What is in the pools of coupon codes, for people: counted, and code by code."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.benefits.coupons import NEVER_MS
from scheduler.errors import NoSuchPool
from storage.campaign_tables import Campaign, CouponCode, CouponPool, CouponUse
from storage.tables import Person

_SHOWN = 2
"""Characters at each end of a code that a list shows."""


@dataclass(frozen=True, slots=True)
class Pool:
    """How many codes there are; `codes` is the sum of the rest but `held`, which are `free` ones that a push waits for.

    `next_expiry_ms` of the free ones; None where none of them ends.
    """

    pool: str
    codes: int
    free: int
    given: int
    expired: int
    held: int
    next_expiry_ms: int | None


async def pools(tx: AsyncConnection, now_ms: int) -> list[Pool]:
    """All of them, by name. Writes nothing."""
    free = CouponCode.person.is_(None) & (CouponCode.expires_ms > now_ms)
    expired = CouponCode.person.is_(None) & (CouponCode.expires_ms <= now_ms)
    counted = (
        select(
            CouponCode.pool,
            func.count().label("codes"),
            func.count(case((free, 1))).label("free"),
            func.count(CouponCode.person).label("given"),
            func.count(case((expired, 1))).label("expired"),
            func.min(case((free, CouponCode.expires_ms))).label("ends"),
        )
        .group_by(CouponCode.pool)
        .subquery()
    )
    held = select(CouponUse.pool, func.sum(CouponUse.held).label("held")).group_by(CouponUse.pool).subquery()
    query = (
        select(CouponPool.name, counted, held.c.held)
        .outerjoin(counted, counted.c.pool == CouponPool.name)
        .outerjoin(held, held.c.pool == CouponPool.name)
        .order_by(CouponPool.name)
    )
    return [
        Pool(
            row.name, row.codes or 0, row.free or 0, row.given or 0, row.expired or 0, int(row.held or 0),
            None if row.ends in (None, NEVER_MS) else row.ends,
        )
        for row in (await tx.execute(query)).all()
    ]  # fmt: skip


async def codes_in(tx: AsyncConnection, pool: str, limit: int) -> Sequence[Row[Any]]:
    """The codes of a pool, given ones first: code, expires_ms, person, who, campaign, title, given_ms, told.

    Raises NoSuchPool.
    """
    known = (await tx.scalars(select(CouponPool.name))).all()
    if pool not in known:
        raise NoSuchPool(pool, known)
    name = func.coalesce(func.nullif(Person.call_me, ""), func.nullif(Person.name, ""), Person.member_name, "")
    query = (
        select(CouponCode.__table__, name.label("who"), Campaign.title)
        .outerjoin(Person, Person.id == CouponCode.person)
        .outerjoin(Campaign, Campaign.id == CouponCode.campaign)
        .where(CouponCode.pool == pool)
        .order_by(case((CouponCode.person.is_(None), 1), else_=0), CouponCode.given_ms.desc(), CouponCode.id)
    )
    return (await tx.execute(query.limit(limit))).all()


def masked_code(code: str) -> str:
    """As lists and logs show it: enough to tell two apart, not enough to use. A short one is hidden whole."""
    if len(code) <= 3 * _SHOWN:
        return "*" * len(code)
    return f"{code[:_SHOWN]}{'*' * 4}{code[-_SHOWN:]}"
