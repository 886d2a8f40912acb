"""Taking messages of a cancelled push back: WeChat allows it for two minutes, where the message's id is known.

Each message is tried once, by a row of the outbox whose key names it. A recall that was under way in a crash is in
doubt like any other row, and not tried again; it could do no harm either, since what is taken back stays away.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, cast, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from rules.kinds import Kind
from rules.pacing import MINUTE_MS
from scheduler.campaign_state import CampaignState
from scheduler.push_events import CampaignEvent, Tell
from scheduler.pushes.answer_rows import is_answer_to
from storage.campaign_tables import Campaign
from storage.outbox import MAY_HAVE_LEFT, Content, DeliveryState, NewDelivery, plan
from storage.statements import both, rows_of
from storage.tables import Account, Delivery

RECALL_MS = 2 * MINUTE_MS
"""So long after it was sent WeChat takes a message back. Source: the platform's own rule."""
_AT_ONCE = 2_000
"""Rows of one transaction; the next follow a moment later. Ours."""
_UNDER_WAY = "recall"
"""`Campaign.state_reason` of a cancelled one as long as something of it may still be taken back."""
_ANY = both(f"SELECT 1 FROM campaigns WHERE state = 'cancelled' AND state_reason = '{_UNDER_WAY}' LIMIT 1")
_ID = func.coalesce(func.nullif(Delivery.gateway_id, ""), Delivery.echo)


@dataclass(frozen=True, slots=True)
class Recall:
    """What had left when somebody cancelled: `sent` or perhaps sent, and how many of these can be tried to recall."""

    sent: int
    trying: int

    @property
    def stays(self) -> int:
        """What can't be undone."""
        return self.sent - self.trying


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of the recalls of one campaign. `waiting`: not tried yet; `unknown`: nobody can say."""

    recalled: int = 0
    too_late: int = 0
    unknown: int = 0
    waiting: int = 0

    @property
    def tried(self) -> int:
        return self.recalled + self.too_late + self.unknown + self.waiting

    def as_json(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in ("recalled", "too_late", "unknown", "waiting")}


async def begin(tx: AsyncConnection, campaign: int, now_ms: int) -> Recall:
    """Right after it was cancelled: ask for what is young enough back, in the same transaction."""
    family = await _family(tx, campaign)
    row = (await tx.execute(select(Campaign.starts_ms).where(Campaign.id == campaign))).one()
    sent = await tx.scalar(_of(family, row.starts_ms).with_only_columns(func.count()))
    young = _of(family, now_ms - RECALL_MS + 1)
    can = young.where(_takes_back()).with_only_columns(func.count())
    under_way = young.where(Delivery.state == DeliveryState.SENDING.value).with_only_columns(func.count())
    trying = int(await tx.scalar(can) or 0)
    if trying or await tx.scalar(under_way):
        await _note(tx, campaign, _UNDER_WAY)
        await _ask(tx, campaign, family, now_ms)
    return Recall(int(sent or 0), trying)


async def outcome_of(tx: AsyncConnection, campaign: int) -> Outcome:
    """How the recalls of a cancelled campaign stand; all zeros where there were none."""
    row = (await tx.execute(select(Campaign.state, Campaign.changed_ms).where(Campaign.id == campaign))).first()
    if row is None or row.state != CampaignState.CANCELLED.value:
        return Outcome()
    recall = aliased(Delivery)
    rows = (
        _of(await _family(tx, campaign), row.changed_ms - RECALL_MS)
        .join(recall, recall.key == _key())
        .with_only_columns(recall.state, func.count())
        .group_by(recall.state)
    )
    found: dict[str, int] = {row[0]: row[1] for row in (await tx.execute(rows)).all()}
    return Outcome(
        recalled=found.get(DeliveryState.ACCEPTED, 0),
        too_late=found.get(DeliveryState.FAILED, 0) + found.get(DeliveryState.SKIPPED, 0),
        unknown=found.get(DeliveryState.IN_DOUBT, 0) + found.get(DeliveryState.UNKNOWN, 0),
        waiting=found.get(DeliveryState.PENDING, 0) + found.get(DeliveryState.SENDING, 0),
    )


class Recalls:
    """What was still under way when its push was cancelled is asked back, too; then staff hear what came of it all."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    async def due(self, tx: AsyncConnection, now_ms: int) -> bool:
        """A look that writes nothing."""
        return bool(await rows_of(tx, _ANY, {}))

    async def act(self, tx: AsyncConnection, now_ms: int) -> None:
        """Doing it again changes nothing."""
        query = select(Campaign.__table__).where(
            Campaign.state == CampaignState.CANCELLED.value, Campaign.state_reason == _UNDER_WAY
        )
        for row in (await tx.execute(query.order_by(Campaign.id))).all():
            await _ask(tx, row.id, await _family(tx, row.id), now_ms)
            found = await outcome_of(tx, row.id)
            if now_ms < row.changed_ms + RECALL_MS or found.waiting:
                continue
            await _note(tx, row.id, None)
            if found.tried:
                event = CampaignEvent(row.id, row.name, row.title, "recalled", found.as_json())
                await self._tell(tx, event, now_ms)


async def _ask(tx: AsyncConnection, campaign: int, family: Sequence[int], now_ms: int) -> None:
    """A row for each message that can be taken back and has none yet, the oldest first."""
    asked = aliased(Delivery)
    query = (
        _of(family, now_ms - RECALL_MS + 1)
        .outerjoin(asked, asked.key == _key())
        .where(_takes_back(), asked.id.is_(None))
        .with_only_columns(
            Delivery.id, Delivery.account, Delivery.to, Delivery.person, Delivery.sent_ms, _ID.label("message")
        )
        .order_by(Delivery.sent_ms, Delivery.id)
        .limit(_AT_ONCE)
    )
    rows = [
        NewDelivery(
            kind=Kind.RECALL,
            account=row.account,
            to=row.to,
            person=row.person,
            content=Content(recall=row.message),
            key=f"recall:{row.id}",
            due_ms=now_ms,
            valid_until_ms=row.sent_ms + RECALL_MS,
            source=f"campaign:{campaign}",
        )
        for row in (await tx.execute(query)).all()
    ]
    if rows:
        await plan(tx, rows, now_ms=now_ms)


def _of(family: Sequence[int], since_ms: int) -> Any:
    """What left for these campaigns since then, or may have, answers to them as well: found by when it left, since
    campaigns have many rows.
    """
    return (
        select(Delivery.id)
        .select_from(Account)
        .join(Delivery, Delivery.account == Account.id)
        .where(
            Delivery.sent_ms >= since_ms,
            # The sum keeps SQLite from the index of the campaign.
            or_((Delivery.campaign + 0).in_(family), is_answer_to(family)),
            Delivery.state.in_(MAY_HAVE_LEFT),
        )
    )


def _takes_back() -> ColumnElement[bool]:
    return and_(Delivery.state == DeliveryState.ACCEPTED.value, _ID.is_not(None), _ID != "")


def _key() -> ColumnElement[str]:
    return literal("recall:") + cast(Delivery.id, Text)


async def _family(tx: AsyncConnection, campaign: int) -> list[int]:
    """It and its phases."""
    ids = select(Campaign.id).where((Campaign.id == campaign) | (Campaign.parent == campaign))
    return list((await tx.scalars(ids.order_by(Campaign.id))).all())


async def _note(tx: AsyncConnection, campaign: int, reason: str | None) -> None:
    await tx.execute(update(Campaign).where(Campaign.id == campaign).values(state_reason=reason))
