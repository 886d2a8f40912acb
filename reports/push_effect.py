"""Push results: did more of those buy who got the push than of the control group that was held back?"""

from dataclasses import dataclass

from sqlalchemy import case, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from reports.interval import difference
from reports.purchase_rows import BOUGHT, within
from reports.report import FEW, Asked, Cell, Report, Row, share_of
from rules.kinds import GATES
from storage.campaign_tables import Campaign
from storage.order_tables import Order
from storage.outbox import DeliveryState
from storage.tables import Delivery
from texts.catalogue import say

CONTROL = "control_group"
"""The reason beside the rows of those who were held back on purpose."""

AFTER_DAYS = 7
"""A purchase so soon after is counted. Source: the house's definition ("ours")."""

_AFTER_MS = AFTER_DAYS * 86_400_000
_WEEKLY = tuple(sorted(kind.value for kind, gate in GATES.items() if gate.weekly))
_COLUMNS = (
    "push_title", "started_ms", "got", "got_bought", "got_bought_share", "control", "control_bought",
    "control_bought_share", "extra_share", "extra_low_share", "extra_high_share", "verdict",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Group:
    people: int = 0
    bought: int = 0


async def push(connection: AsyncConnection, asked: Asked) -> Report:
    """Pushes that started in the period, the newest first."""
    found = await connection.execute(
        select(Campaign.id, Campaign.title, Campaign.starts_ms)
        .where(within(asked.period, Campaign.starts_ms), Campaign.kind.in_(_WEEKLY), Campaign.state != "draft")
        .order_by(Campaign.starts_ms.desc(), Campaign.id.desc())
    )
    campaigns = found.all()
    groups = await _groups(connection, asked)
    rows: list[Row] = [
        {"campaign": row.id, "push_title": row.title, "started_ms": row.starts_ms, **_result(groups, row.id)}
        for row in campaigns
    ]
    totals: Row = {
        name: sum(cell for row in rows if isinstance(cell := row[name], int))
        for name in ("got", "got_bought", "control", "control_bought")
    }
    totals["extra_buyers"] = _extra_buyers(rows)
    fresh = [row.title for row in campaigns if row.starts_ms + _AFTER_MS > asked.now_ms]
    remarks = [say("reports.push.fresh", titles=say("texts.comma").join(fresh), days=AFTER_DAYS)] if fresh else []
    return Report("push", asked.period, _COLUMNS, rows, totals, remarks)


async def _groups(connection: AsyncConnection, asked: Asked) -> dict[tuple[int, bool], _Group]:
    """(Campaign, held back?) → its people, each once, and who of them bought."""
    held_back = (Delivery.state == DeliveryState.SKIPPED.value) & (Delivery.reason == CONTROL)
    got = Delivery.state == DeliveryState.ACCEPTED.value
    member = (
        select(
            Delivery.campaign,
            Delivery.person,
            case((held_back, 1), else_=0).label("control"),
            func.min(func.coalesce(Delivery.sent_ms, Delivery.settled_ms, Delivery.due_ms)).label("at_ms"),
        )
        .join(Campaign, Campaign.id == Delivery.campaign)
        .where(within(asked.period, Campaign.starts_ms), Campaign.kind.in_(_WEEKLY))
        .where(Delivery.kind == Campaign.kind, Delivery.person.is_not(None), or_(got, held_back))
        .group_by(Delivery.campaign, Delivery.person, "control")
        .subquery()
    )
    bought = exists().where(
        Order.person == member.c.person, BOUGHT, Order.created_ms.between(member.c.at_ms, member.c.at_ms + _AFTER_MS)
    )
    found = await connection.execute(
        select(
            member.c.campaign, member.c.control, func.count().label("people"),
            func.count(case((bought, 1))).label("bought"),
        ).group_by(member.c.campaign, member.c.control)
    )  # fmt: skip
    return {(row.campaign, bool(row.control)): _Group(row.people, row.bought) for row in found}


def _result(groups: dict[tuple[int, bool], _Group], campaign: int) -> Row:
    got, control = groups.get((campaign, False), _Group()), groups.get((campaign, True), _Group())
    row: Row = {
        "got": got.people,
        "got_bought": got.bought,
        "got_bought_share": share_of(got.bought, got.people, got.people),
        "control": control.people,
        "control_bought": control.bought,
        "control_bought_share": share_of(control.bought, control.people, control.people),
    }
    extra, low, high = (None, None, None)
    if min(got.people, control.people) >= FEW:
        extra, low, high = difference(got.bought, got.people, control.bought, control.people)
    row |= {"extra_share": _four(extra), "extra_low_share": _four(low), "extra_high_share": _four(high)}
    return {**row, "verdict": say(f"reports.push.{_verdict(control, low, high)}")}


def _verdict(control: _Group, low: float | None, high: float | None) -> str:
    if not control.people:
        return "no_control"
    if low is None or high is None:
        return "too_few"
    if low > 0:
        return "more"
    return "less" if high < 0 else "unclear"


def _extra_buyers(rows: list[Row]) -> Cell:
    """How many bought beyond what the control groups let expect; None without one that is large enough."""
    known = [
        extra * got
        for row in rows
        if isinstance(extra := row["extra_share"], float) and isinstance(got := row["got"], int)
    ]
    return round(sum(known)) if known else None


def _four(number: float | None) -> float | None:
    return None if number is None else round(number, 4)
