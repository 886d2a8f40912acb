"""Codes for the many: into the rows of a push while they are written, and back from those that were never sent."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    FromClause,
    Row,
    Select,
    Subquery,
    and_,
    bindparam,
    case,
    func,
    not_,
    null,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from scheduler.benefits.coupon_shortage import Shortage, note_shortage
from scheduler.benefits.coupons import held, in_turn, is_free, settle_shortages, used
from scheduler.pushes.push_file import COUPON, PushFile
from storage.campaign_tables import CouponCode, CouponUse
from storage.outbox import DeliveryState
from storage.statements import both, rows_of
from storage.tables import Delivery

NO_COUPON = "no_coupon"
"""Why a row is skipped that there was no code for."""
_ROWS_A_TURN = 5_000
_OVER = both("""
    SELECT u.campaign FROM coupon_uses u JOIN campaigns c ON c.id = u.campaign
      LEFT JOIN push_plans p ON p.campaign = u.campaign
     WHERE u.over IS FALSE AND c.state IN ('finished', 'cancelled')
       AND (p.stage IS NULL OR p.stage NOT IN ('checking', 'planning', 'opening', 'closing'))
     ORDER BY u.campaign""")


@dataclass(frozen=True, slots=True)
class Dealt:
    """`people`, each with a `code`: NULL where somebody wants none, and where they `lack` one."""

    people: FromClause
    code: ColumnElement[Any]
    lack: ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Supply:
    """Which codes the rows of a push take: of its pool, for the whole campaign `root`, valid beyond `until_ms`."""

    push: PushFile
    campaign: int
    root: int
    pool: str
    until_ms: int

    def dealt(self, tx: AsyncConnection, everybody: Subquery, held_back: ColumnElement[bool]) -> Dealt:
        """The people who are reached, each with a code: their own in this campaign, else the next free one.

        Parameter `codes` of the statement: so many new ones at most.
        """
        own = aliased(CouponCode)
        theirs = and_(own.person == everybody.c.person, own.campaign == self.root, own.pool == self.pool)
        wants = everybody.c.level.in_(self.push.levels_with_coupon())
        reached = _once(
            select(everybody, own.code.label("coupon_before"), wants.label("wants"),
                   and_(wants, own.code.is_(None), ~held_back).label("needs"))
            .outerjoin(own, theirs)
            .where(everybody.c.reason.is_(None)),
            "reached",
        )  # fmt: skip
        place = func.row_number().over(partition_by=reached.c.needs, order_by=reached.c.person)
        people = _once(select(reached, place.label("place")), "people_in_turn")
        found = _with_free(tx, people, self._free())
        wanted = and_(found.c.wants, found.c.coupon.is_(None))
        return Dealt(found, case((found.c.wants, found.c.coupon), else_=None), wanted)

    def _free(self) -> CTE:
        order = (CouponCode.expires_ms, CouponCode.id)
        free = select(CouponCode.code, func.row_number().over(order_by=order).label("place"))
        some = free.where(is_free(self.pool, self.until_ms)).order_by(*order)
        return _once(some.limit(bindparam("codes", type_=BigInteger)), "free_codes")

    async def begin(self, tx: AsyncConnection, people: int) -> "Dealing":
        """Before rows of so many people are written, in their transaction."""
        await in_turn(tx, self.pool)
        after = await tx.scalar(select(func.max(Delivery.id)).where(Delivery.campaign == self.campaign))
        return Dealing(self, int(after or 0), min(people, await held(tx, self.campaign)))


def _once(query: Select[Any], name: str) -> CTE:
    """Worked out a single time, whatever the databases think of it."""
    return query.cte(name).prefix_with("MATERIALIZED")


def _with_free(tx: AsyncConnection, people: CTE, free: CTE) -> CTE:
    """`people` with `coupon`: the one they have, else the free one whose place is theirs."""
    if tx.dialect.name == "sqlite":  # makes itself an index for this form only
        same = select(free.c.code).where(free.c.place == people.c.place).scalar_subquery()
        new: ColumnElement[Any] = case((people.c.needs, same), else_=None)
        rows: FromClause = people
    else:
        new, rows = free.c.code, people.outerjoin(free, and_(people.c.needs, free.c.place == people.c.place))
    return _once(select(people, func.coalesce(people.c.coupon_before, new).label("coupon")).select_from(rows), "dealt")


@dataclass(frozen=True, slots=True)
class Dealing:
    """One transaction's share: at most so many `codes`, into rows behind `after`."""

    supply: Supply
    after: int
    codes: int

    async def end(self, tx: AsyncConnection, now_ms: int) -> None:
        """After the rows are written: the codes that stand in them are theirs."""
        supply = self.supply
        row, code = Delivery, Delivery.content["values"][COUPON].as_string()
        which = and_(row.campaign == supply.campaign, row.id > self.after, row.state == DeliveryState.PENDING.value)
        nobodys = func.coalesce(CouponCode.person, 0) == 0  # said so that no index of free ones is read for it
        taken = await tx.execute(
            update(CouponCode)
            .where(which, CouponCode.code == code, nobodys)
            .values(campaign=supply.root, person=row.person, given_ms=now_ms)
        )
        if taken.rowcount:
            await used(tx, supply.campaign, supply.pool, taken.rowcount, now_ms)
        lack = and_(row.campaign == supply.campaign, row.id > self.after, row.reason == NO_COUPON)
        if without := int(await tx.scalar(select(func.count()).where(lack)) or 0):  # they became more since the count
            await note_shortage(tx, Shortage(supply.pool, supply.campaign, without, 0), now_ms)


def supply_of(push: PushFile, row: Row[Any]) -> Supply | None:
    """For the push of that row of `campaigns`; None where its words name no code."""
    if push.coupons is None or not push.levels_with_coupon():
        return None
    return Supply(push, row.id, row.parent or row.id, push.coupons, row.valid_until_ms)


class CouponReturns:
    """A step of the planner: codes of rows that were never sent go back to their pool once a push is over."""

    async def due(self, tx: AsyncConnection, now_ms: int) -> bool:
        """Is a push over whose codes nobody has looked at? Writes nothing."""
        return bool(await rows_of(tx, _OVER, {}))

    async def act(self, tx: AsyncConnection, now_ms: int) -> None:
        """The next of their rows; a push at its end sets nothing aside any more. Doing it again changes nothing."""
        for (campaign,) in await rows_of(tx, _OVER, {}):
            use = (await tx.execute(select(CouponUse.__table__).where(CouponUse.campaign == campaign))).one()
            await in_turn(tx, use.pool)
            rows = select(Delivery.id).where(Delivery.campaign == campaign, Delivery.id > use.swept_to)
            some = rows.order_by(Delivery.id).limit(_ROWS_A_TURN).subquery()
            number, last = (await tx.execute(select(func.count(), func.max(some.c.id)))).one()
            values: dict[str, Any] = {"held": 0, "changed_ms": now_ms, "over": number < _ROWS_A_TURN}
            if number:
                await _give_back(tx, use, last)
                values["swept_to"] = last
            await tx.execute(update(CouponUse).where(CouponUse.campaign == campaign).values(values))
        await settle_shortages(tx, now_ms)


async def _give_back(tx: AsyncConnection, use: Row[Any], last: int) -> None:
    """Of the next rows up to `last`: what was skipped. Not where any row of the campaign may have told the code: one
    that was tried and released from doubt may have been read.
    """
    skipped = DeliveryState.SKIPPED.value
    unsent = select(Delivery.person).where(
        Delivery.campaign == use.campaign, Delivery.id > use.swept_to, Delivery.id <= last, Delivery.state == skipped
    )
    with_codes = select(CouponUse.campaign).where(CouponUse.root == use.root)
    other = aliased(Delivery)
    told = select(other.id).where(
        other.person == CouponCode.person,
        other.campaign.in_(with_codes),
        (other.state != skipped) | (other.attempts > 0),
    )
    await tx.execute(
        update(CouponCode)
        .where(
            CouponCode.pool == use.pool, CouponCode.campaign == use.root, CouponCode.told.is_(False),
            CouponCode.person.in_(unsent), not_(told.exists()),
        )
        .values(campaign=null(), person=null(), given_ms=null())
    )  # fmt: skip
