"""Channels (渠道): who came by each, how far they went, and what each step cost."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, case, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from reports.channel_names import channel_names
from reports.purchase_rows import BOUGHT, MOMENT, whole, within
from reports.report import Asked, Cell, Report, Row, share_of
from storage.customer_tables import ChannelCost
from storage.order_tables import Claim, Order
from storage.tables import Friendship, Person
from texts.catalogue import say

STEPS = ("added", "replied", "claimed", "bought", "bought_again")
"""After it was shown: each counted in people."""

_COLUMNS = (
    "channel_name", "shown", *STEPS, "added_share", "again_of_added_share", "cost_fen", "cost_per_added_fen",
    "cost_per_bought_fen", "cost_per_bought_again_fen",
)  # fmt: skip


async def channels(connection: AsyncConnection, asked: Asked) -> Report:
    """Those whose first friendship with any of our accounts began in the period, by its channel."""
    names = await channel_names(connection)
    people = await _people(connection, asked)
    costs = await _costs(connection, asked)
    codes = sorted({*names, *people, *costs} - {""}) + ([""] if "" in people else [])
    rows: list[Row] = [
        {"channel": code, "channel_name": _name(code, names), **_row(people.get(code, {}), costs.get(code, (0, 0)))}
        for code in codes
    ]
    rows.sort(key=lambda row: (row["channel"] == "", -_whole(row["added"]), str(row["channel"])))
    together = {step: sum(found[step] for found in people.values()) for step in STEPS}
    spent = sum(shown for shown, _ in costs.values()), sum(fen for _, fen in costs.values())
    return Report("channels", asked.period, _COLUMNS, rows, _row(together, spent), _remarks(people, costs))


async def _people(connection: AsyncConnection, asked: Asked) -> dict[str, dict[str, int]]:
    channel = func.coalesce(Friendship.channel, "").label("code")
    of_theirs = aliased(Friendship)
    wrote = exists().where(
        of_theirs.person == Friendship.person, or_(of_theirs.replies > 0, of_theirs.last_in_ms.is_not(None))
    )
    again = exists().where(
        Order.person == Friendship.person, BOUGHT, Order.created_ms >= Friendship.since_ms,
        Person.first_order_ms < MOMENT,
    )  # fmt: skip
    reached: Mapping[str, ColumnElement[bool]] = {
        "replied": wrote,
        "claimed": exists().where(Claim.person == Friendship.person),
        "bought": Person.orders > 0,
        "bought_again": (Person.orders > 1) & again,
    }
    found = await connection.execute(
        select(
            channel,
            func.count().label("added"),
            *(func.count(case((test, 1))).label(step) for step, test in reached.items()),
        )
        .join(Person, Person.id == Friendship.person)
        .where(within(asked.period, Friendship.since_ms), Friendship.origin != "listed", _is_first())
        .where(Friendship.state != "stranger", Person.kind == "customer", Person.merged_into.is_(None))
        .group_by("code")
    )
    return {row.code: {step: getattr(row, step) for step in STEPS} for row in found}


def _is_first() -> ColumnElement[bool]:
    """Did this person know none of our accounts before?"""
    other = aliased(Friendship)
    before = or_(
        other.since_ms < Friendship.since_ms, (other.since_ms == Friendship.since_ms) & (other.id < Friendship.id)
    )
    return ~exists().where(other.person == Friendship.person, other.state != "stranger", before)


async def _costs(connection: AsyncConnection, asked: Asked) -> dict[str, tuple[int, int]]:
    """Channel → how often it was shown in the period, and what that cost in fen."""
    first, last = asked.period.first.isoformat(), asked.period.last.isoformat()
    found = await connection.execute(
        select(ChannelCost.channel, whole(ChannelCost.shown).label("shown"), whole(ChannelCost.cost_fen).label("fen"))
        .where(ChannelCost.day.between(first, last))
        .group_by(ChannelCost.channel)
    )
    return {row.channel: (row.shown, row.fen) for row in found}


def _row(people: Mapping[str, int], spent: tuple[int, int]) -> Row:
    shown, fen = spent
    counted = {step: people.get(step, 0) for step in STEPS}
    return {
        "shown": shown or None,
        **counted,
        "added_share": share_of(counted["added"], shown, shown) if counted["added"] <= shown else None,
        "again_of_added_share": share_of(counted["bought_again"], counted["added"], counted["added"]),
        "cost_fen": fen or None,
        **{f"cost_per_{step}_fen": round(fen / count) if fen and count else None for step, count in counted.items()},
    }


def _remarks(people: Mapping[str, Any], costs: Mapping[str, tuple[int, int]]) -> Sequence[str]:
    unpriced = [code for code in people if code and code not in costs]
    return [say("reports.channels.unpriced")] if unpriced else []


def _name(code: str, names: Mapping[str, str]) -> str:
    return names.get(code, code) or say("reports.channels.unknown")


def _whole(cell: Cell) -> int:
    return cell if isinstance(cell, int) else 0
