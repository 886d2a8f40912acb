"""How many a push reaches and leaves out: its audience, counted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Subquery, and_, case, false, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.look import Look
from scheduler.pushes.audience import REASONS, audience
from scheduler.pushes.push_file import PushFile
from storage.campaign_tables import CouponCode
from storage.tables import Person

_PEOPLE_A_STATEMENT = 50_000


@dataclass(frozen=True, slots=True)
class Tally:
    """Who is reached: by account and by level, those who are held back among them; and who is left out, by reason.

    `lacking`: of those who are reached, by level and variable, how many have no value of their own; and how many no
    member name, under `member_name`. `coupons`: how many need a code that they do not have yet; who is held back is
    counted in `coupons_held` instead.
    """

    excluded: Mapping[str, int]
    by_account: Mapping[str, int]
    held_back: Mapping[str, int]
    levels: Mapping[str, int]
    lacking: Mapping[tuple[str, str], int]
    coupons: int = 0
    coupons_held: int = 0

    @property
    def reached(self) -> int:
        return sum(self.by_account.values())


async def tally(tx: AsyncConnection, push: PushFile, look: Look) -> Tally:
    """Count everybody, a part of them in each statement: sorting all at once would cost several times as much."""
    last = int(await tx.scalar(select(func.max(Person.id))) or 0)
    excluded, accounts, held, by_level, lacking, coupons = (Counter[Any]() for _ in range(6))
    for start in range(0, last, _PEOPLE_A_STATEMENT):
        part = replace(look, people=(start, start + _PEOPLE_A_STATEMENT))
        for row in await _tally_part(tx, push, part):
            if row["reason"] is not None:
                excluded[row["reason"]] += row["people"]
                continue
            accounts[row["account"]] += row["people"]
            held[row["account"]] += row["held_back"]
            by_level[row["level"]] += row["people"]
            coupons[True] += row["coupons"]
            coupons[False] += row["coupons_held"]
            for name in ("member_name", *push.of_each()):
                lacking[row["level"], name] += row["people"] - row[f"has_{name}"]
    ordered = {reason: excluded[reason] for reason in REASONS if reason in excluded}
    return Tally(ordered, dict(sorted(accounts.items())), held, by_level, lacking, coupons[True], coupons[False])


async def _tally_part(tx: AsyncConnection, push: PushFile, look: Look) -> Sequence[RowMapping]:
    everybody = audience(push, look)
    own = {name: everybody.c[f"own_{name}"] for name in push.of_each()}
    by = (everybody.c.reason, everybody.c.account, everybody.c.level)
    needs = _needs_coupon(push, look, everybody)
    query = select(
        *by,
        func.count().label("people"),
        func.count(case((everybody.c.held_back, 1))).label("held_back"),
        func.count(everybody.c.member_name).label("has_member_name"),
        func.count(case((and_(needs, ~everybody.c.held_back), 1))).label("coupons"),
        func.count(case((and_(needs, everybody.c.held_back), 1))).label("coupons_held"),
        *(func.count(column).label(f"has_{name}") for name, column in own.items()),
    ).group_by(*by)
    return (await tx.execute(query)).mappings().all()


def _needs_coupon(push: PushFile, look: Look, everybody: Subquery) -> ColumnElement[bool]:
    """Their words name a code, and they have none of this campaign."""
    if not (levels := push.levels_with_coupon()):
        return false()
    has = select(CouponCode.person).where(
        CouponCode.campaign == look.root, CouponCode.pool == push.coupons, CouponCode.person == everybody.c.person
    )
    return and_(everybody.c.level.in_(levels), ~has.exists()) if look.root else everybody.c.level.in_(levels)
