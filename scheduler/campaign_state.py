"""The states of a campaign, every move between them in one table, and the same move in the database."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.errors import MoveRefused, NoSuchCampaign
from storage.campaign_tables import Campaign
from texts.catalogue import say


class CampaignState(StrEnum):
    DRAFT = "draft"
    """Written down; nothing is planned."""
    PLANNING = "planning"
    """Started: a row is written for everybody it reaches. None of them leaves before all are there."""
    RUNNING = "running"
    HOLDING = "holding"
    """The first batch is through; the rest waits for a person's word."""
    PAUSED = "paused"
    """Stopped by a person, or by itself because too much failed; it can go on."""
    FINISHED = "finished"
    CANCELLED = "cancelled"


class Move(StrEnum):
    START = "start"
    PLANNED = "planned"
    PLAN_ON = "plan_on"
    REFUSE = "refuse"
    HOLD = "hold"
    PAUSE = "pause"
    RESUME = "resume"
    FINISH = "finish"
    CANCEL = "cancel"


TRANSITIONS: Mapping[CampaignState, Mapping[Move, CampaignState]] = {
    CampaignState.DRAFT: {Move.START: CampaignState.PLANNING, Move.CANCEL: CampaignState.CANCELLED},
    CampaignState.PLANNING: {
        Move.PLANNED: CampaignState.RUNNING,
        Move.HOLD: CampaignState.HOLDING,
        Move.REFUSE: CampaignState.DRAFT,
        Move.PAUSE: CampaignState.PAUSED,
        Move.CANCEL: CampaignState.CANCELLED,
    },
    CampaignState.RUNNING: {
        Move.HOLD: CampaignState.HOLDING,
        Move.PAUSE: CampaignState.PAUSED,
        Move.FINISH: CampaignState.FINISHED,
        Move.CANCEL: CampaignState.CANCELLED,
    },
    CampaignState.HOLDING: {
        Move.RESUME: CampaignState.RUNNING,
        Move.PAUSE: CampaignState.PAUSED,
        Move.FINISH: CampaignState.FINISHED,
        Move.CANCEL: CampaignState.CANCELLED,
    },
    CampaignState.PAUSED: {
        Move.PLAN_ON: CampaignState.PLANNING,
        Move.RESUME: CampaignState.RUNNING,
        Move.FINISH: CampaignState.FINISHED,
        Move.CANCEL: CampaignState.CANCELLED,
    },
    CampaignState.FINISHED: {},
    CampaignState.CANCELLED: {},
}

OPEN = tuple(state for state, moves in TRANSITIONS.items() if Move.FINISH in moves)
"""States in which a campaign still has something to do."""


def next_state(state: CampaignState, move: Move) -> CampaignState | None:
    """Where the move leads from there; None when there is no such move."""
    return TRANSITIONS[state].get(move)


async def read(tx: AsyncConnection, campaign: int) -> Row[Any]:
    """The campaign's row. Raises NoSuchCampaign."""
    row = (await tx.execute(select(Campaign.__table__).where(Campaign.id == campaign))).first()
    if row is None:
        raise NoSuchCampaign(campaign)
    return row


async def move(tx: AsyncConnection, campaign: int, move: Move, now_ms: int, reason: str | None = None) -> None:
    """Make the move as one compare-and-set. Raises NoSuchCampaign, and MoveRefused when it is elsewhere by now."""
    for source in (state for state, moves in TRANSITIONS.items() if move in moves):
        moved = await tx.execute(
            update(Campaign)
            .where(Campaign.id == campaign, Campaign.state == source.value)
            .values(state=TRANSITIONS[source][move].value, state_reason=reason, changed_ms=now_ms)
        )
        if moved.rowcount:
            return
    row = await read(tx, campaign)
    raise MoveRefused(row.name, row.state, say(f"scheduler.move.{move.value}"))


async def require_move(conn: AsyncConnection, campaign: int, move: Move) -> None:
    """Before a person is asked whether they really want it. Raises NoSuchCampaign, and MoveRefused as `move` would."""
    row = await read(conn, campaign)
    if next_state(CampaignState(row.state), move) is None:
        raise MoveRefused(row.name, row.state, say(f"scheduler.move.{move.value}"))
