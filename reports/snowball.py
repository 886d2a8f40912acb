"""滚雪球: new buyers become friends, buy again, bring others, who are new buyers again."""

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from reports.buyers import buyers
from reports.purchase_rows import FRIENDS_SINCE, give_room, within
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
    who = buyers(asked.period)
    brought_somebody = who.c.person.in_(select(Referral.referrer))
    counts = {
        "new": func.count(),
        "friends": func.count(FRIENDS_SINCE.c.since_ms),
        "repeat": func.count(case((who.c.last_ms > who.c.first_ms, 1))),
        "referrers": func.count(case((brought_somebody, 1))),
    }
    row = (
        await connection.execute(
            select(*(count.label(name) for name, count in counts.items()))
            .select_from(who)
            .outerjoin(FRIENDS_SINCE, FRIENDS_SINCE.c.person == who.c.person)
            .where(who.c.first_ms >= asked.period.start_ms)
        )
    ).one()
    return {name: getattr(row, name) for name in counts}


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
