"""A bare /取消: first it means the codes that wait; else the one push under way, named with its counts, by a code."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from operations.asking import Asked, Reply, Shown
from operations.confirmations import drop
from operations.finding import campaign_named
from operations.requests.pushes import Cancel
from scheduler.campaign_state import Move, require_move
from storage.campaign_tables import Campaign
from storage.outbox import MAY_HAVE_LEFT, DeliveryState
from storage.tables import Delivery
from texts.catalogue import say


async def drop_codes(tx: AsyncConnection, asked: Asked[Cancel]) -> Reply | None:
    """Whoever has just been asked and says “cancel” means that; None where no code of theirs waits."""
    dropped = await drop(tx, asked.staff, asked.now_ms)
    if not dropped:
        return None
    # Nothing was done that could be taken back: /撤销 still means what they did before.
    return Reply(True, say("operations.codes_dropped", number=dropped), changed=False, trace=f"codes:{dropped}")


async def show_cancel(tx: AsyncConnection, asked: Asked[Cancel]) -> Shown:
    """What would not be sent any more. Raises NotFound, and CannotBeUsed with the choices when there are several."""
    campaign, title = await campaign_named(tx, asked.request.push)
    await require_move(tx, campaign, Move.CANCEL)
    family = select(Campaign.id).where((Campaign.id == campaign) | (Campaign.parent == campaign))
    states = select(Delivery.state, func.count()).where(Delivery.campaign.in_(family)).group_by(Delivery.state)
    number: dict[str, int] = {row[0]: row[1] for row in (await tx.execute(states)).all()}
    text = say(
        "operations.push.cancel_asks", title=title, id=campaign, rows=number.get(DeliveryState.PENDING, 0),
        sent=sum(number.get(state, 0) for state in MAY_HAVE_LEFT),
    )  # fmt: skip
    return Shown(text, Cancel(push=str(campaign)))
