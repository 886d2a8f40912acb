"""Campaigns in ponds: one for each and rolling week, by the account that owns it; the claim looks at it once more."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.gates import allowed_by_role
from rules.kinds import Kind
from rules.pacing import DAY_MS
from rules.quiet_hours import local
from rules.roles import Role
from scheduler.errors import PondRefused
from scheduler.ponds.pond_file import PondKind
from scheduler.ponds.ponds import PondNow, pond_named
from storage.outbox import Content, DeliveryState, NewDelivery, plan
from storage.pond_tables import Pond
from storage.tables import Account, Delivery, Setting

VALID_MS = DAY_MS
"""A campaign that could not go within a day of its hour is yesterday's. Ours."""
_WAITS = (DeliveryState.PENDING.value, DeliveryState.SENDING.value, DeliveryState.HANDED.value)


@dataclass(frozen=True, slots=True)
class Planned:
    """A campaign that waits for its hour. `by_hand`: a person pastes it."""

    pond: str
    title: str
    account: str
    due_ms: int
    by_hand: bool


async def plan_post(
    tx: AsyncConnection,
    word: str,
    text: str,
    *,
    due_ms: int,
    by: str,
    now_ms: int,
    picture: str | None = None,
    campaign: int | None = None,
    valid_until_ms: int | None = None,
) -> Planned:
    """Write `text` down to go to the pond with that name or title at `due_ms`. `picture` only where a person pastes it.

    Raises NoSuchPond; PondRefused with the reason why it must not go.
    """
    name = (await pond_named(tx, word)).name
    await tx.execute(select(Pond.name).where(Pond.name == name).with_for_update())
    pond = await pond_named(tx, name)  # as it is now that nobody else can plan for it
    why = await refusal(tx, pond, due_ms)
    if why:
        free_ms = pond.campaign_from_ms() if why == "pond_week" else 0
        zone = await tx.scalar(select(Account.time_zone).where(Account.id == pond.account)) or "Asia/Shanghai"
        raise PondRefused(pond.file.title, why, free_at=f"{local(free_ms, zone):%m-%d %H:%M}" if free_ms else "")
    by_hand = pond.file.kind is not PondKind.WECHAT
    about = {"name": pond.name, "by_hand": by_hand, **({"picture": picture} if by_hand and picture else {})}
    row = NewDelivery(
        kind=Kind.POND_CAMPAIGN,
        account=pond.account,
        to=_address(pond),
        campaign=campaign,
        content=Content(text=text, pond=about),
        key=f"pond:{pond.name}:{f'campaign-{campaign}' if campaign else now_ms}",
        due_ms=due_ms,
        valid_until_ms=valid_until_ms or due_ms + VALID_MS,
        source=by,
    )
    await plan(tx, [row], now_ms=now_ms)
    return Planned(pond.name, pond.file.title, pond.account, due_ms, by_hand)


async def refusal(tx: AsyncConnection, pond: PondNow, at_ms: int) -> str:
    """Why no campaign may go there at that moment, as far as one can tell now; '' when it may."""
    role = await tx.scalar(select(Account.role).where(Account.id == pond.account, Account.removed.is_(False)))
    if role is None:
        return "pond_account"
    if not allowed_by_role(Kind.POND_CAMPAIGN, Role(role)):
        return "role"
    if pond.file.kind is PondKind.WECHAT and pond.room is None:
        return "pond_unbound"
    if pond.room is not None and pond.room == await tx.scalar(select(Setting.value).where(Setting.key == "staff_room")):
        return "staff_room"
    if pond.campaign_from_ms() > at_ms:
        return "pond_week"
    waits = select(Delivery.id).where(
        Delivery.account == pond.account, Delivery.kind == Kind.POND_CAMPAIGN.value, Delivery.state.in_(_WAITS),
        Delivery.to == _address(pond),
    )  # fmt: skip
    return "pond_planned" if await tx.scalar(waits.limit(1)) is not None else ""


def _address(pond: PondNow) -> str:
    """Where nothing can be sent, the pond's own name stands for it."""
    return pond.room or f"pond:{pond.name}"
