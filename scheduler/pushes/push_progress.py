"""What becomes of running campaigns by themselves: windows, first batch, error budget, validity, the end."""

from collections.abc import MutableMapping, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, func, not_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.pacing import MINUTE_MS
from scheduler.campaign_state import OPEN, CampaignState, Move, move
from scheduler.push_events import CampaignEvent
from scheduler.pushes.push_file import PushFile, from_spec
from scheduler.pushes.push_plan import WORKING, Stage, stage_of
from scheduler.pushes.push_rows import FIRST_BATCH, behind_first_batch
from scheduler.pushes.pushes import close, open_rest
from scheduler.pushes.sending_hours import opens_ms
from storage.campaign_tables import CAMPAIGN, Campaign
from storage.engine import touch
from storage.outbox import DeliveryState
from storage.statements import both, rows_of
from storage.tables import Account, Delivery

BUDGET_SHARE = 0.2
"""More failed than this share pauses a campaign. Ours."""
BUDGET_FROM = 10
"""…once so many were tried."""
PATIENCE_MS = 30 * MINUTE_MS
"""So long the rest waits for a row of the first batch that is due. Ours."""
_WAITS_LONG = ("weekly_cap", "muted", "trust_first", "pushes_per_day", "messages_per_day", "replies_kept")
"""Reasons for which a row of the first batch may wait for days: the rest does not wait for it."""

ROWS_A_LOOK = 20_000
"""A campaign sits out a look for each so many rows: of a million, fifty. Ours."""
_OPEN_STATES = ", ".join(f"'{state.value}'" for state in OPEN)
_ANY_OPEN = both(f"SELECT 1 FROM campaigns WHERE state IN ({_OPEN_STATES}) AND kind <> '{CAMPAIGN}' LIMIT 1")


class Turn(StrEnum):
    """What a campaign needs next."""

    EXPIRE = "expire"
    FINISH = "finish"
    GIVE_UP = "give_up"
    """Too much failed."""
    CLOSE_WINDOW = "close_window"
    HOLD = "hold"
    OPEN_REST = "open_rest"


async def due_campaigns(
    tx: AsyncConnection, now_ms: int, *, resting: MutableMapping[int, int] | None = None
) -> list[int]:
    """Campaigns that `advance` has something to do for. A look that writes nothing.

    `resting`, kept from look to look, lets large campaigns sit out: all their rows are counted each time, and that
    must not take up the time in which they are sent.
    """
    if not await rows_of(tx, _ANY_OPEN, {}):
        return []
    resting = {} if resting is None else resting
    states = [state.value for state in OPEN]
    query = select(Campaign.__table__).where(Campaign.state.in_(states), Campaign.kind != CAMPAIGN)
    rows = (await tx.execute(query)).all()
    due = []
    for row in rows:
        if resting.get(row.id, 0) > 0:
            resting[row.id] -= 1
            continue
        tally = await _tally(tx, row.id)
        resting[row.id] = sum(tally.values()) // ROWS_A_LOOK
        if await _turn(tx, row, now_ms, tally) is not None:
            due.append(row.id)
    return due


async def advance(tx: AsyncConnection, campaign: int, now_ms: int) -> list[CampaignEvent]:
    """Take one campaign as far as it can go now; returns what staff should hear. Doing it again changes nothing."""
    query = select(Campaign.__table__).where(Campaign.id == campaign).with_for_update()
    events: list[CampaignEvent] = []
    while row := (await tx.execute(query)).first():
        tally = await _tally(tx, row.id)
        turn = await _turn(tx, row, now_ms, tally)
        if turn is None:
            break
        events += await _take(tx, row, turn, tally, now_ms)
    return events


async def _turn(tx: AsyncConnection, row: Row[Any], now_ms: int, tally: dict[str, int]) -> Turn | None:
    if row.kind == CAMPAIGN or row.state not in [state.value for state in OPEN]:
        return None
    stage = await stage_of(tx, row.id)
    if stage in WORKING:
        return None
    if tally["pending"] + tally["sending"] == 0:
        return Turn.FINISH
    if tally["pending"] and row.valid_until_ms <= now_ms:
        return Turn.EXPIRE
    if row.state != CampaignState.RUNNING.value:
        return None
    if tally["failed"] > BUDGET_SHARE * BUDGET_FROM and await _too_much_failed(tx, row):
        return Turn.GIVE_UP
    push = from_spec(row.spec)
    if await _exists(tx, _due_outside(row, push, now_ms, await _zones(tx))):
        return Turn.CLOSE_WINDOW
    if stage is not Stage.READY or not await _exists(tx, behind_first_batch(row.id)):
        return None
    if not await _first_batch_through(tx, row, tally, now_ms):
        return None
    return Turn.HOLD if push.hold else Turn.OPEN_REST


async def _first_batch_through(tx: AsyncConnection, row: Row[Any], tally: dict[str, int], now_ms: int) -> bool:
    """Nothing of it is under way or may still go soon; who waits for an account that is away is not waited for."""
    if tally["sending"]:
        return False
    overdue = Delivery.due_ms < now_ms - PATIENCE_MS
    if await _exists(tx, and_(_of_first_batch(row), not_(overdue))):
        return False
    return tally["accepted"] > 0 or not await _exists(tx, _of_first_batch(row))


async def _take(
    tx: AsyncConnection, row: Row[Any], turn: Turn, tally: dict[str, int], now_ms: int
) -> list[CampaignEvent]:
    match turn:
        case Turn.EXPIRE:
            await close(tx, row.id, "expired", now_ms)
        case Turn.FINISH:
            await move(tx, row.id, Move.FINISH, now_ms)
            return [_event(row, "finished", tally)]
        case Turn.GIVE_UP:
            await move(tx, row.id, Move.PAUSE, now_ms, "error_budget")
            return [_event(row, "error_budget", tally)]
        case Turn.CLOSE_WINDOW:
            await _close_windows(tx, row, now_ms)
        case Turn.HOLD:
            await move(tx, row.id, Move.HOLD, now_ms)
            return [_event(row, "first_batch", tally)]
        case Turn.OPEN_REST:
            await open_rest(tx, row.id, now_ms)
    return []


async def _tally(tx: AsyncConnection, campaign: int) -> dict[str, int]:
    """The campaign's rows by state, read from its index alone."""
    query = select(Delivery.state, func.count()).where(Delivery.campaign == campaign).group_by(Delivery.state)
    found: dict[str, int] = {row[0]: row[1] for row in (await tx.execute(query)).all()}
    return {state.value: found.get(state.value, 0) for state in DeliveryState}


async def _too_much_failed(tx: AsyncConnection, row: Row[Any]) -> bool:
    """Since it started or a person let it go on."""
    failed = func.count(case((Delivery.state == DeliveryState.FAILED.value, 1)))
    tried = (DeliveryState.ACCEPTED.value, DeliveryState.FAILED.value)
    query = select(failed, func.count()).where(
        Delivery.campaign == row.id, Delivery.state.in_(tried), Delivery.settled_ms >= row.changed_ms
    )
    number, of = (await tx.execute(query)).one()
    return bool(of >= BUDGET_FROM and number > BUDGET_SHARE * of)


async def _exists(tx: AsyncConnection, which: ColumnElement[bool]) -> bool:
    return (await tx.execute(select(Delivery.id).where(which).limit(1))).first() is not None


def _waiting(row: Row[Any]) -> ColumnElement[bool]:
    return and_(Delivery.campaign == row.id, Delivery.state == DeliveryState.PENDING.value)


def _of_first_batch(row: Row[Any]) -> ColumnElement[bool]:
    """Was opened, and does not wait for something that takes days."""
    return and_(_waiting(row), func.coalesce(Delivery.reason, "").not_in((*_WAITS_LONG, FIRST_BATCH)))


async def _zones(tx: AsyncConnection) -> Sequence[str]:
    return (await tx.execute(select(Account.time_zone).distinct())).scalars().all()


def _due_outside(row: Row[Any], push: PushFile, now_ms: int, zones: Sequence[str]) -> ColumnElement[bool]:
    """Due in a zone where the push's hours are over."""
    closed = [zone_name for zone_name in zones if opens_ms(push, now_ms, zone_name) > now_ms]
    accounts = select(Account.id).where(Account.time_zone.in_(closed))
    return and_(_waiting(row), Delivery.due_ms <= now_ms, Delivery.account.in_(accounts))


async def _close_windows(tx: AsyncConnection, row: Row[Any], now_ms: int) -> None:
    """What is due where the hours are over waits for their next opening."""
    push = from_spec(row.spec)
    for zone_name in await _zones(tx):
        due = _due_outside(row, push, now_ms, [zone_name])
        accounts = (await tx.execute(select(Delivery.account).where(due).distinct())).scalars().all()
        later_ms = opens_ms(push, now_ms, zone_name)
        await tx.execute(update(Delivery).where(due).values(due_ms=later_ms, reason="push_window"))
        touch(tx, accounts)


def _event(row: Row[Any], what: str, tally: dict[str, int]) -> CampaignEvent:
    values = {**tally, "tried": tally["accepted"] + tally["failed"]}
    return CampaignEvent(row.id, row.name, row.title, what, values)
