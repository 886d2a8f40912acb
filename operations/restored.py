"""After a backup was restored: what may have left since it was taken must not leave again.

A backup knows nothing of what came after it: whoever got a message, opted out, or had this week's push since then. So
everything stops until a person says go; what was about to leave is in doubt; campaigns wait for a word; and for the
weekly cap everybody had a push just now.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.campaign_state import CampaignState
from storage.campaign_tables import Campaign
from storage.fleet_tables import LiveRequest
from storage.inbox import OPEN
from storage.moving import RESTORED_MS
from storage.outbox import DeliveryState
from storage.settings import put_setting
from storage.staff_tables import Audit, Confirmation
from storage.tables import Arrival, Delivery, Person, Setting
from texts.catalogue import say

REASON = "restored"
"""Why rows are in doubt, campaigns paused and posts not planned."""
LATE_MS = 10 * 60_000 + 1
"""An arrival that waited for so long goes to a person instead of being answered."""


@dataclass(frozen=True, slots=True)
class HeldBack:
    """What a restore stopped: deliveries in doubt, and campaigns that wait for a person's word."""

    in_doubt: int
    campaigns: int


async def hold_back(tx: AsyncConnection, *, now_ms: int, clock_known: bool) -> HeldBack:
    """In the transaction of the restore. `now_ms` by the shop's clock; when nobody knows how far a simulated clock
    had come (`clock_known` False), rows that fall due later are in doubt too.
    """
    doubted = await tx.execute(
        update(Delivery)
        .where(_may_have_left(now_ms if clock_known else None))
        .values(state=DeliveryState.IN_DOUBT.value, reason=REASON, settled_ms=now_ms)
    )
    going = (CampaignState.RUNNING.value, CampaignState.HOLDING.value)
    paused = await tx.execute(
        update(Campaign)
        .where(Campaign.state.in_(going))
        .values(state=CampaignState.PAUSED.value, state_reason=REASON, changed_ms=now_ms)
    )
    # Without the delivery's id: no settlement gives this week back.
    await tx.execute(
        update(Person)
        .where(or_(Person.last_push_ms.is_(None), Person.last_push_ms < now_ms))
        .values(last_push_ms=now_ms, last_push_id=None)
    )
    # Perhaps answered since. Opt-outs among them still bind; the rest goes to a person.
    await tx.execute(
        update(Arrival)
        .where(Arrival.state.in_(OPEN), Arrival.received_ms > now_ms - LATE_MS)
        .values(received_ms=now_ms - LATE_MS)
    )
    await tx.execute(update(LiveRequest).where(LiveRequest.state == "waiting").values(state="failed", done_ms=now_ms))
    await tx.execute(update(Confirmation).where(Confirmation.used_ms.is_(None)).values(used_ms=now_ms))
    await put_setting(tx, "stop_all", f"{say('database.restore_stopped_by')} {now_ms}", now_ms)
    await put_setting(tx, RESTORED_MS, str(now_ms), now_ms)
    return HeldBack(doubted.rowcount, paused.rowcount)


async def record(tx: AsyncConnection, verb: str, detail: str, now_ms: int) -> None:
    """One line of the audit log for what was done to the database as a whole."""
    row = {"at_ms": now_ms, "staff": "cli", "door": "cli", "verb": verb, "request": {}, "outcome": "done"}
    await tx.execute(insert(Audit).values(**row, detail=detail))


async def keep_clock(tx: AsyncConnection, replaced_ms: int | None, now_ms: int) -> None:
    """A simulated shop's clock does not run backwards because an older database came back."""
    found = await tx.scalar(select(Setting.value).where(Setting.key == "world_now_ms"))
    if replaced_ms is not None and replaced_ms > int(found or 0):
        await put_setting(tx, "world_now_ms", str(replaced_ms), now_ms)


def _may_have_left(until_ms: int | None) -> ColumnElement[bool]:
    """Nothing leaves before it is due; but a campaign's rows wait for a word that may have come since."""
    due = true() if until_ms is None else or_(Delivery.due_ms <= until_ms, Delivery.campaign.is_not(None))
    pending = and_(Delivery.state == DeliveryState.PENDING.value, due)
    return or_(pending, Delivery.state == DeliveryState.SENDING.value)
