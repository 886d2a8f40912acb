"""The referral tree (老带新): who brought whom, who of them bought, and what thanks are due."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Integer, Select, Subquery, case, cast, func, literal, select
from sqlalchemy import Row as Found
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from customers.referrals.referrals import ReferralState
from reports.purchase_rows import whole, within
from reports.report import Asked, Report, Row, share_of
from storage.customer_tables import Referral
from storage.tables import Person
from texts.catalogue import say

SHOWN = 200
"""Members in the rows, those first whose friends bought most; the totals count all."""

_DEEPEST = 100
_COLUMNS = (
    "member", "brought", "brought_bought", "brought_on", "brought_net_fen", "thanks_due", "thanks_delivered",
    "thanks_reversed",
)  # fmt: skip


async def referrals(connection: AsyncConnection, asked: Asked) -> Report:
    """Referrals that were registered in the period, as a tree: below each member those who brought others in turn."""
    counted = (await connection.execute(_members(asked))).all()
    totals = await _totals(connection, asked)
    rows = _as_tree(counted)
    remarks = [say("reports.referrals.due", count=totals["thanks_due"])] if totals["thanks_due"] else []
    if isinstance(all_members := totals["referrers"], int) and all_members > len(rows):
        remarks.append(say("reports.referrals.more", shown=len(rows), all=all_members))
    return Report("referrals", asked.period, _COLUMNS, rows, totals, remarks)


def _edges(asked: Asked) -> Subquery:
    """The referrals of the period with what the new one bought."""
    new_one = aliased(Person)
    return (
        select(
            Referral.referrer,
            Referral.person,
            Referral.state,
            case((new_one.orders > 0, 1), else_=0).label("bought"),
            func.coalesce(new_one.net_paid_fen, 0).label("fen"),
        )
        .outerjoin(new_one, new_one.id == Referral.person)
        .where(within(asked.period, Referral.at_ms))
        .subquery()
    )


def _members(asked: Asked) -> Select[Any]:
    edge = _edges(asked)
    own = (
        select(
            edge.c.referrer,
            func.count().label("brought"),
            whole(edge.c.bought).label("bought"),
            whole(edge.c.fen).label("fen"),
            *(_count_of(edge, state).label(state.value) for state in ReferralState),
        )
        .group_by(edge.c.referrer)
        .subquery()
    )
    first, second = _edges(asked), _edges(asked)
    on = (
        select(first.c.referrer, func.count().label("people"))
        .join(second, second.c.referrer == first.c.person)
        .group_by(first.c.referrer)
        .subquery()
    )
    above = _edges(asked)
    name = func.coalesce(func.nullif(Person.call_me, ""), func.nullif(Person.name, ""), Person.member_name, "")
    return (
        select(own, func.coalesce(on.c.people, 0).label("on"), above.c.referrer.label("above"), name.label("name"))
        .outerjoin(on, on.c.referrer == own.c.referrer)
        .outerjoin(above, above.c.person == own.c.referrer)
        .outerjoin(Person, Person.id == own.c.referrer)
        .order_by(own.c.fen.desc(), own.c.brought.desc(), own.c.referrer)
        .limit(SHOWN)
    )


def _count_of(edge: Subquery, state: ReferralState) -> Any:
    return func.count(case((edge.c.state == state.value, 1)))


def _as_tree(found: Sequence[Found[Any]]) -> list[Row]:
    """Members one below the other as they were brought; the order of `found` among those at one place."""
    members = {one.referrer: one for one in found}
    below: dict[int | None, list[Found[Any]]] = {}
    for one in found:
        below.setdefault(one.above if one.above in members else None, []).append(one)
    rows: list[Row] = []
    open_ = [(one, 1) for one in reversed(below.get(None, []))]
    while open_:
        one, depth = open_.pop()
        rows.append(_row(one, depth))
        open_ += [(child, depth + 1) for child in reversed(below.get(one.referrer, []))]
    return rows


def _row(one: Found[Any], depth: int) -> Row:
    name = one.name or say("reports.referrals.nameless", id=one.referrer)
    return {
        "person": one.referrer,
        "brought_by": one.above,
        "depth": depth,
        "member": "　" * (depth - 1) + ("└ " if depth > 1 else "") + name,
        "brought": one.brought,
        "brought_bought": one.bought,
        "brought_on": one.on,
        "brought_net_fen": one.fen,
        "thanks_due": one.due,
        "thanks_delivered": one.delivered,
        "thanks_reversed": one.reversed,
    }


async def _totals(connection: AsyncConnection, asked: Asked) -> Row:
    edge = _edges(asked)
    row = (
        await connection.execute(
            select(
                func.count(edge.c.referrer.distinct()).label("referrers"),
                func.count().label("brought"),
                whole(edge.c.bought).label("bought"),
                whole(edge.c.fen).label("fen"),
                *(_count_of(edge, state).label(state.value) for state in ReferralState),
            )
        )
    ).one()
    return {
        "referrers": row.referrers,
        "brought": row.brought,
        "brought_bought": row.bought,
        "brought_bought_share": share_of(row.bought, row.brought, row.brought),
        "brought_net_fen": row.fen,
        "thanks_due": row.due,
        "thanks_delivered": row.delivered,
        "thanks_reversed": row.reversed,
        "deepest": await _deepest(connection, asked),
    }


async def _deepest(connection: AsyncConnection, asked: Asked) -> int:
    """The longest chain: 1 is somebody who brought people who brought nobody."""
    edge, top = _edges(asked), _edges(asked)
    brought = select(top.c.person)
    start = select(edge.c.person, cast(literal(1), Integer).label("depth")).where(edge.c.referrer.not_in(brought))
    tree = start.cte("tree", recursive=True)
    more = _edges(asked)
    tree = tree.union_all(
        select(more.c.person, tree.c.depth + 1)
        .join(tree, more.c.referrer == tree.c.person)
        .where(tree.c.depth < _DEEPEST)
    )
    return int(await connection.scalar(select(func.max(tree.c.depth))) or 0)
