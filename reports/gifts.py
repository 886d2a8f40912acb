"""The ledger of red packets and gifts: who got what in the period, for which occasion, from whose hands."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from reports.report import Asked, Report, Row
from storage.tables import Person
from storage.task_tables import Gift
from texts.catalogue import say

SHOWN = 500
"""The newest lines in the rows; the totals count all."""

_COLUMNS = ("gift_day", "gift_who", "gift_what", "gift_fen", "gift_occasion", "gift_by", "gift_state")
_STATES = ("planned", "given", "dropped")


async def gifts(connection: AsyncConnection, asked: Asked) -> Report:
    """What was planned in the period, by its day in the shop's zone."""
    within = Gift.day.between(asked.period.first.isoformat(), asked.period.last.isoformat())
    name = func.coalesce(func.nullif(Person.call_me, ""), func.nullif(Person.name, ""), Person.member_name, "")
    query = (
        select(Gift.__table__, name.label("name"))
        .outerjoin(Person, Person.id == Gift.person)
        .where(within)
        .order_by(Gift.id.desc())
        .limit(SHOWN)
    )
    rows = [_row(found) for found in (await connection.execute(query)).all()]
    sums = {
        found.state: (found.number, found.fen)
        for found in await connection.execute(
            select(Gift.state, func.count().label("number"), func.coalesce(func.sum(Gift.amount_fen), 0).label("fen"))
            .where(within)
            .group_by(Gift.state)
        )
    }
    totals: Row = {}
    for state in _STATES:
        number, fen = sums.get(state, (0, 0))
        totals |= {f"gifts_{state}": number, f"gifts_{state}_fen": int(fen)}
    return Report("gifts", asked.period, _COLUMNS, rows, totals)


def _row(found: Any) -> Row:
    return {
        "gift": found.id,
        "person": found.person,
        "gift_day": found.day,
        "gift_who": f"{found.name} #{found.person}",
        "gift_what": say(f"reports.gift.{found.kind}"),
        "gift_fen": found.amount_fen,
        "gift_occasion": found.occasion,
        "gift_by": found.done_by or found.planned_by.removeprefix("staff:"),
        "gift_state": say(f"reports.gift.{found.state}"),
    }
