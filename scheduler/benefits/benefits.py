"""What campaigns give away: a stock that can't be promised twice, and a ledger of who got what, when, by whose hand.

Nothing in the ledger is ever changed: what was given by mistake is taken back by a line of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.benefits import coupons
from scheduler.benefits.benefit_file import Benefit
from scheduler.errors import BenefitRefused
from storage.campaign_tables import BenefitGiven, BenefitOffered, Campaign, CouponCode
from storage.outbox import insert_ignoring
from storage.tables import Person


@dataclass(frozen=True, slots=True)
class Stock:
    """How much of a benefit there is. `units`, `left`: None where it has no end."""

    benefit: str
    title: str
    units: int | None
    given: int
    left: int | None
    per_person: int
    value_fen: int | None


@dataclass(frozen=True, slots=True)
class Given:
    """A line of the ledger. `code`: of the benefit's pool; `again`: it was written before, by the same act."""

    id: int
    benefit: str
    title: str
    units: int
    left: int | None
    code: str | None
    again: bool


async def open_for(tx: AsyncConnection, campaign: int, benefits: Sequence[Benefit]) -> None:
    """The campaign starts: these are its benefits. Doing it again changes nothing."""
    for benefit in benefits:
        row = {
            "campaign": campaign, "name": benefit.name, "title": benefit.title, "units": benefit.units,
            "per_person": benefit.per_person, "value_fen": benefit.value_fen, "pool": benefit.coupons,
        }  # fmt: skip
        await tx.execute(insert_ignoring(tx, BenefitOffered).values(row))


async def give(
    tx: AsyncConnection,
    *,
    campaign: int,
    benefit: str,
    person: int,
    by: str,
    now_ms: int,
    units: int = 1,
    key: str | None = None,
    note: str = "",
) -> Given:
    """One line of the ledger; with the `key` of an act it is the same line however often that is done.

    Raises BenefitRefused, with the numbers, and has written nothing then.
    """
    offered = await _offered(tx, campaign, benefit, lock=True)
    before = select(BenefitGiven.__table__).where(BenefitGiven.key == key)
    if key is not None and (line := (await tx.execute(before)).one_or_none()) is not None:
        return await _as_given(tx, offered, line, again=True)
    person = await _customer(tx, person)
    await _require(tx, offered, units)
    has = await _given(tx, offered.id, person)
    if has + units > offered.per_person:
        raise BenefitRefused("per_person", title=offered.title, per_person=offered.per_person, has=has, wanted=units)
    code = await _code(tx, offered, person, now_ms)
    values = {
        "key": key, "benefit": offered.id, "campaign": offered.campaign, "person": person, "units": units,
        "code": code, "by": by, "at_ms": now_ms, "note": note,
    }  # fmt: skip
    line = (await tx.execute(insert(BenefitGiven).values(values).returning(*BenefitGiven.__table__.columns))).one()
    return await _as_given(tx, offered, line, again=False)


async def undo(tx: AsyncConnection, given: int, *, by: str, now_ms: int, note: str = "") -> int:
    """Take a line back by another one; its units can be given again, a code that was told can't. Returns its number.

    Raises BenefitRefused.
    """
    line = (await tx.execute(select(BenefitGiven.__table__).where(BenefitGiven.id == given))).one_or_none()
    if line is None:
        raise BenefitRefused("unknown_line", line=given)
    values = {
        "benefit": line.benefit, "campaign": line.campaign, "person": line.person, "units": -line.units,
        "reverses": given, "by": by, "at_ms": now_ms, "note": note,
    }  # fmt: skip
    if line.reverses is not None:
        raise BenefitRefused("undone", line=given)
    id = await tx.scalar(insert_ignoring(tx, BenefitGiven).values(values).returning(BenefitGiven.id))
    if id is None:
        raise BenefitRefused("undone", line=given)
    return int(id)


async def stock(tx: AsyncConnection, campaign: int, benefit: str) -> Stock:
    """Raises BenefitRefused for a benefit that the campaign has not. Writes nothing."""
    return await _stock(tx, await _offered(tx, campaign, benefit))


async def stocks(tx: AsyncConnection, campaign: int | None = None) -> list[tuple[int, str, Stock]]:
    """All benefits, or those of one campaign: (campaign, its title, stock), the newest campaign first."""
    query = select(BenefitOffered.__table__, Campaign.title.label("of")).join(
        Campaign, Campaign.id == BenefitOffered.campaign
    )
    if campaign is not None:
        query = query.where(BenefitOffered.campaign == campaign)
    rows = (await tx.execute(query.order_by(BenefitOffered.campaign.desc(), BenefitOffered.id))).all()
    return [(row.campaign, row.of, await _stock(tx, row)) for row in rows]


async def require(tx: AsyncConnection, campaign: int, benefit: str, units: int) -> None:
    """Before so many are promised. Raises BenefitRefused with the numbers."""
    await _require(tx, await _offered(tx, campaign, benefit, lock=True), units)


async def given_to(tx: AsyncConnection, campaign: int, person: int) -> Sequence[Row[Any]]:
    """Lines of that person in that campaign, in order."""
    root = await coupons.root_of(tx, campaign)
    query = select(BenefitGiven.__table__, BenefitOffered.name, BenefitOffered.title).join(
        BenefitOffered, BenefitOffered.id == BenefitGiven.benefit
    )
    mine = query.where(BenefitGiven.campaign == root, BenefitGiven.person == person)
    return (await tx.execute(mine.order_by(BenefitGiven.id))).all()


async def ledger(tx: AsyncConnection, limit: int, campaign: int | None = None) -> Sequence[Row[Any]]:
    """The newest lines, with the name of who got it and the code, if there is one."""
    name = func.coalesce(func.nullif(Person.call_me, ""), func.nullif(Person.name, ""), Person.member_name, "")
    query = (
        select(BenefitGiven.__table__, BenefitOffered.name, BenefitOffered.title, BenefitOffered.value_fen,
               name.label("who"), CouponCode.code.label("coupon"))
        .join(BenefitOffered, BenefitOffered.id == BenefitGiven.benefit)
        .outerjoin(Person, Person.id == BenefitGiven.person)
        .outerjoin(CouponCode, CouponCode.id == BenefitGiven.code)
    )  # fmt: skip
    if campaign is not None:
        query = query.where(BenefitGiven.campaign == campaign)
    return (await tx.execute(query.order_by(BenefitGiven.id.desc()).limit(limit))).all()


async def _offered(tx: AsyncConnection, campaign: int, benefit: str, *, lock: bool = False) -> Row[Any]:
    """`lock`: on PostgreSQL two who give of it do so one after the other. SQLite has one writer."""
    root = await coupons.root_of(tx, campaign)
    query = select(BenefitOffered.__table__).where(BenefitOffered.campaign == root, BenefitOffered.name == benefit)
    row = (await tx.execute(query.with_for_update() if lock else query)).one_or_none()
    if row is None:
        raise BenefitRefused("unknown", benefit=benefit)
    return row


async def _customer(tx: AsyncConnection, person: int) -> int:
    """The person they are today, after merging. Raises BenefitRefused for staff, our own, and nobody."""
    row = (await tx.execute(select(Person.kind, Person.merged_into).where(Person.id == person))).one_or_none()
    if row is None or row.kind != "customer":
        raise BenefitRefused("customer")
    return row.merged_into or person


async def _code(tx: AsyncConnection, offered: Row[Any], person: int, now_ms: int) -> int | None:
    if offered.pool is None:
        return None
    code = await coupons.take(tx, pool=offered.pool, campaign=offered.campaign, person=person, now_ms=now_ms)
    if code is None:
        raise BenefitRefused("no_code", title=offered.title, pool=offered.pool)
    return await tx.scalar(select(CouponCode.id).where(CouponCode.code == code))


async def _as_given(tx: AsyncConnection, offered: Row[Any], line: Row[Any], *, again: bool) -> Given:
    code = await tx.scalar(select(CouponCode.code).where(CouponCode.id == line.code)) if line.code else None
    left = (await _stock(tx, offered)).left
    return Given(line.id, offered.name, offered.title, line.units, left, code, again)


async def _require(tx: AsyncConnection, offered: Row[Any], units: int) -> None:
    there = await _stock(tx, offered)
    if units < 1 or (there.left is not None and units > there.left):
        raise BenefitRefused(
            "stock", title=there.title, units=there.units, given=there.given, left=there.left, wanted=units
        )


async def _stock(tx: AsyncConnection, offered: Row[Any]) -> Stock:
    given = await _given(tx, offered.id)
    left = None if offered.units is None else offered.units - given
    return Stock(offered.name, offered.title, offered.units, given, left, offered.per_person, offered.value_fen)


async def _given(tx: AsyncConnection, offered: int, person: int | None = None) -> int:
    units = select(func.coalesce(func.sum(BenefitGiven.units), 0)).where(BenefitGiven.benefit == offered)
    return int(await tx.scalar(units if person is None else units.where(BenefitGiven.person == person)) or 0)
