"""Rows in doubt: what they are, and the word of a person that ends the doubt.

Every move is guarded by the state: an echo or a late answer that came first wins. A released row keeps the moment of
its first send (`sent_ms`): a receipt that comes before the second one still finds it, and it goes on counting.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, and_, case, func, null, or_, select, update
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.kinds import GATES, AfterOptOut, Surface
from storage.campaign_tables import Campaign
from storage.engine import touch
from storage.outbox import DeliveryState
from storage.tables import Account, Delivery, Friendship, Person
from texts.unbroken import unbroken

_ROWS_A_STATEMENT = 500
_TO_PEOPLE = {kind: gate for kind, gate in GATES.items() if gate.surface is Surface.MESSAGE and not gate.to_staff}
_REFUSABLE = [kind.value for kind, gate in _TO_PEOPLE.items() if gate.after_opt_out is not AfterOptOut.ALLOWED]
_MARKETING = [kind.value for kind, gate in _TO_PEOPLE.items() if gate.marketing]

# Written out, so that both databases see that the small index of open rows holds them all.
_IN_DOUBT = sql("outbox.state IN ('sending', 'in_doubt') AND outbox.state = 'in_doubt'")


class Ending(StrEnum):
    """What a person says about rows in doubt."""

    ARRIVED = "arrived"
    """Seen on the phone: they were sent."""
    RELEASE = "release"
    """Send them again, at the risk that somebody gets them twice."""
    UNKNOWN = "unknown"
    """Nobody will know; they are not sent again."""


_STATE = {
    Ending.ARRIVED: DeliveryState.ACCEPTED, Ending.RELEASE: DeliveryState.PENDING,
    Ending.UNKNOWN: DeliveryState.UNKNOWN,
}  # fmt: skip
_REASON = {Ending.ARRIVED: "seen_on_phone", Ending.RELEASE: "released", Ending.UNKNOWN: "given_up"}


@dataclass(frozen=True, slots=True)
class Doubt:
    """One row in doubt. `who` is '' for a post; times are epoch ms; `zone` is the account's.

    `blocked` says why it can't be sent again any more, '' when it can: its gates are asked once more at the claim.
    """

    id: int
    account: str
    zone: str
    kind: str
    to: str
    who: str
    campaign: int | None
    title: str
    text: str
    reason: str
    sent_ms: int
    valid_until_ms: int | None
    blocked: str


async def doubts(
    conn: AsyncConnection,
    now_ms: int,
    *,
    account: str | None = None,
    campaign: int | None = None,
    ids: Collection[int] | None = None,
) -> list[Doubt]:
    """What is in doubt, the oldest first; narrowed to an account, a campaign, some rows."""
    statement = (
        select(
            Delivery.id, Delivery.account, Account.time_zone, Delivery.kind, Delivery.to, Person.call_me, Person.name,
            Friendship.nickname, Delivery.campaign, Campaign.title, Delivery.text, Delivery.reason, Delivery.sent_ms,
            Delivery.due_ms, Delivery.valid_until_ms, _blocked(now_ms).label("blocked"),
        )
        .outerjoin(Account, Account.id == Delivery.account)
        .outerjoin(Person, Person.id == Delivery.person)
        .outerjoin(Friendship, and_(Friendship.account == Delivery.account, Friendship.contact == Delivery.to))
        .outerjoin(Campaign, Campaign.id == Delivery.campaign)
        .where(_IN_DOUBT)
        .order_by(Delivery.sent_ms, Delivery.id)
    )  # fmt: skip
    if account is not None:
        statement = statement.where(Delivery.account == account)
    if campaign is not None:
        statement = statement.where(Delivery.campaign == campaign)
    if ids is None:
        return [_doubt(row) for row in (await conn.execute(statement)).all()]
    found: list[Doubt] = []
    for part in _parts(ids):
        found += [_doubt(row) for row in (await conn.execute(statement.where(Delivery.id.in_(part)))).all()]
    return found


def _blocked(now_ms: int) -> Any:
    return case(
        (Delivery.valid_until_ms <= now_ms, "expired"),
        (Campaign.state == "cancelled", "cancelled"),
        (and_(Person.opted_out_ms.is_not(None), Delivery.kind.in_(_REFUSABLE)), "opted_out"),
        (
            and_(Delivery.kind.in_(_MARKETING), or_(Friendship.state.is_(None), Friendship.state != "friend")),
            "not_a_friend",
        ),
        else_=null(),
    )


def _doubt(row: Row[*tuple[Any, ...]]) -> Doubt:
    return Doubt(
        id=row.id,
        account=row.account,
        zone=row.time_zone or "UTC",
        kind=row.kind,
        to=row.to,
        who=row.call_me or unbroken(row.nickname or row.name or row.to),
        campaign=row.campaign,
        title=row.title or "",
        text=row.text or "",
        reason=row.reason or "",
        sent_ms=row.sent_ms or row.due_ms,  # restored from a backup: if it was sent, then about when it was due
        valid_until_ms=row.valid_until_ms,
        blocked=row.blocked or "",
    )


async def end_doubt(
    tx: AsyncConnection, ids: Collection[int], ending: Ending, *, shown_ms: int, now_ms: int
) -> list[int]:
    """Let a person's word end the doubt of these rows; returns those it ended.

    A row that found its receipt meanwhile, or that fell into doubt again after `shown_ms`, stays as it is.
    """
    ended: list[int] = []
    accounts: set[str] = set()
    values: Mapping[str, Any] = {"state": _STATE[ending].value, "reason": _REASON[ending]}
    if ending is Ending.RELEASE:
        values = {**values, "due_ms": now_ms, "settled_ms": None}
    else:
        values = {**values, "settled_ms": now_ms}
    for part in _parts(ids):
        rows = await tx.execute(
            update(Delivery)
            .where(Delivery.id.in_(part), _IN_DOUBT, func.coalesce(Delivery.settled_ms, 0) <= shown_ms)
            .values(**values)
            .returning(Delivery.id, Delivery.account)
        )
        for row in rows.all():
            ended.append(row.id)
            accounts.add(row.account)
    touch(tx, accounts)
    return ended


async def put_off_until(tx: AsyncConnection, ids: Iterable[int], due_ms: int) -> None:
    """Let released rows wait for an hour of their own."""
    for part in _parts(list(ids)):
        await tx.execute(
            update(Delivery)
            .where(Delivery.id.in_(part), Delivery.state == DeliveryState.PENDING.value)
            .values(due_ms=due_ms)
        )


def _parts(ids: Collection[int]) -> list[Sequence[int]]:
    ordered = sorted(ids)
    return [ordered[start : start + _ROWS_A_STATEMENT] for start in range(0, len(ordered), _ROWS_A_STATEMENT)]
