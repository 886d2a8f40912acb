"""滚雪球: new buyers become friends, buy again, bring others, who are new buyers again."""

from collections import Counter

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from reports.buyers import buyers, halves
from reports.purchase_rows import friends, give_room, within
from reports.report import Asked, Report, Row, share_of
from storage.customer_tables import Referral
from storage.tables import Person
from texts.catalogue import say

STAGES = ("new", "friends", "repeat", "referrers", "brought", "brought_bought")
"""From somebody's first purchase to the purchases of those they brought."""

_COLUMNS = ("stage_name", "people", "of_new_share")


async def snowball(connection: AsyncConnection, asked: Asked) -> Report:
    """What became, until now, of those whose first purchase lies in the period."""
    await give_room(connection)
    counted = {**await _new_ones(connection, asked), **await _brought(connection, asked)}
    new = counted["new"]
    rows: list[Row] = [
        {
            "stage": stage,
            "stage_name": say(f"reports.snowball.{stage}"),
            "people": counted[stage],
            "of_new_share": share_of(counted[stage], new, new),
        }
        for stage in STAGES
    ]
    totals: Row = {
        **{stage: counted[stage] for stage in STAGES},
        "repeat_share": share_of(counted["repeat"], new, new),
        "growth": share_of(counted["brought_bought"], new, new),
    }
    return Report("snowball", asked.period, _COLUMNS, rows, totals)


async def _new_ones(connection: AsyncConnection, asked: Asked) -> dict[str, int]:
    found: Counter[str] = Counter()
    for half in halves(connection):
        who = buyers(half, asked.period)
        counts = {"new": func.count(), "repeat": func.count(case((who.c.last_ms > who.c.first_ms, 1)))}
        if half.matched:
            counts["friends"] = func.count(case((who.c.buyer.in_(friends()), 1)))
            counts["referrers"] = func.count(case((who.c.buyer.in_(select(Referral.referrer)), 1)))
        statement = select(*(count.label(name) for name, count in counts.items())).select_from(who)
        row = (await connection.execute(statement.where(who.c.first_ms >= asked.period.start_ms))).one()
        found.update(row._asdict())
    return found


async def _brought(connection: AsyncConnection, asked: Asked) -> dict[str, int]:
    """Those whom the new buyers of the period brought, and who of them bought."""
    new_one = aliased(Person)
    row = (
        await connection.execute(
            select(func.count().label("brought"), func.count(case((new_one.orders > 0, 1))).label("brought_bought"))
            .select_from(Referral)
            .join(Person, Person.id == Referral.referrer)
            .join(new_one, new_one.id == Referral.person)
            .where(within(asked.period, Person.first_order_ms))
        )
    ).one()
    return {"brought": row.brought, "brought_bought": row.brought_bought}
