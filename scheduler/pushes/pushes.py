"""Welfare pushes and campaigns, as staff steer them: preview, create, start, pause, resume, cancel."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, Subquery, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.standing.ladder import current
from rules.pacing import DAY_MS
from scheduler.benefits.coupon_shortage import CouponsShort
from scheduler.benefits.coupons import root_of
from scheduler.campaign_state import CampaignState, Move, move, read
from scheduler.chance import ALL
from scheduler.errors import PushRefused, WordsIncomplete
from scheduler.look import SHOP_ZONE, Look
from scheduler.pushes.audience import audience
from scheduler.pushes.best_friendship import friendless
from scheduler.pushes.coupon_supply import codes_needed, lacking, set_aside
from scheduler.pushes.forecast import full_accounts, loads, whole_outlook
from scheduler.pushes.head_count import Tally, tally
from scheduler.pushes.push_file import PushFile, as_spec, from_spec
from scheduler.pushes.push_plan import Stage, plan_of, set_plan, stage_of
from scheduler.pushes.push_rows import (
    AT_ONCE,
    CONTROL,
    FIRST_BATCH,
    close_slice,
    open_first_batch,
    open_slice,
    waiting,
)
from scheduler.pushes.push_words import faults_of
from storage.campaign_tables import Campaign
from storage.outbox import DeliveryState
from storage.tables import Delivery


@dataclass(frozen=True, slots=True)
class Preview:
    """Whom a push would reach, and when it would be through; `audience` is `recipients` and all who are excluded.

    `seconds` from now to the last message and `ends_at` (epoch ms; None when nobody gets it) are estimates at the
    accounts' pace; `beyond_valid_until` is how many would come too late. `faults`: why it can't start as it is;
    `coupons`: so many codes it would take.
    """

    audience: int
    excluded: Mapping[str, int]
    recipients: int
    by_account: Mapping[str, int]
    seconds: int
    ends_at: int | None
    beyond_valid_until: int
    faults: tuple[str, ...] = ()
    coupons: int = 0
    friendless: bool = False
    """Nobody gets it because no account has a single friend yet."""

    def as_json(self) -> dict[str, Any]:
        ends = None if self.ends_at is None else datetime.fromtimestamp(self.ends_at / 1000, UTC).isoformat()
        return {**asdict(self), "ends_at": ends, "faults": list(self.faults)}


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found when everybody was counted: who is reached, with whom is held back of 10,000, and up to which
    turn, where a push goes to so many at most. `coupons`: so many new codes it needs.
    """

    reached: int
    control: int
    cut: int | None
    coupons: int = 0


async def preview(
    tx: AsyncConnection,
    push: PushFile,
    now_ms: int,
    *,
    shop_zone: str = SHOP_ZONE,
    campaign: int | None = None,
    overrides_weekly: bool = False,
) -> Preview:
    """What would come of it if it started now. Writes nothing."""
    push = _with_seed(push, now_ms)
    root = None if campaign is None else await root_of(tx, campaign)
    look = Look(now_ms, campaign, shop_zone, overrides_weekly, full=await full_accounts(tx, now_ms), root=root)
    seen, control, _, everybody = await _counted(tx, push, look)
    excluded, by_account = dict(seen.excluded), dict(seen.by_account)
    if control and (held := sum(seen.held_back.values())):
        excluded[CONTROL] = held
        by_account = {account: n - seen.held_back[account] for account, n in by_account.items()}
        by_account = {account: n for account, n in by_account.items() if n}
    view = whole_outlook(await loads(tx, by_account, now_ms), push, now_ms, push.valid_until_ms(now_ms, shop_zone))
    recipients = sum(by_account.values())
    valid_until_ms = push.valid_until_ms(now_ms, shop_zone)
    short = await lacking(tx, push, campaign or 0, codes_needed(seen, control), valid_until_ms, root=root)
    return Preview(
        audience=recipients + sum(excluded.values()),
        excluded=excluded,
        recipients=recipients,
        by_account=by_account,
        seconds=0 if view is None else (view.ends_ms - now_ms) // 1000,
        ends_at=None if view is None else view.ends_ms,
        beyond_valid_until=0 if view is None else view.beyond,
        faults=(*await faults_of(tx, push, seen, everybody), *([short.words] if short else [])),
        coupons=codes_needed(seen, control),
        friendless=not recipients and await friendless(tx),
    )


async def create(
    tx: AsyncConnection,
    push: PushFile,
    by: str,
    now_ms: int,
    *,
    shop_zone: str = SHOP_ZONE,
    seen: Preview | None = None,
    **columns: Any,
) -> int:
    """Write the push down as a draft; returns its id. From here on the file may change, the campaign does not.

    `seen`: its preview, where somebody just looked; `columns` of the campaign's row beside.
    Raises PushRefused for people who have not bought, or when its validity is over.
    """
    entry = (await current(tx)).entry.id
    if entry in push.who.levels:
        raise PushRefused("not_vip", level=entry)
    valid_until_ms = push.valid_until_ms(now_ms, shop_zone)
    if valid_until_ms <= now_ms:
        raise PushRefused("over")
    push = _with_seed(push, now_ms)
    row = {
        "name": push.name,
        "title": push.title,
        "kind": push.kind.value,
        "state": CampaignState.DRAFT.value,
        "spec": as_spec(push),
        "preview": seen.as_json() if seen else {},
        "created_by": by,
        "created_ms": now_ms,
        "starts_ms": now_ms,
        "valid_until_ms": valid_until_ms,
        "changed_ms": now_ms,
        **columns,
    }
    return (await tx.execute(insert(Campaign).values(row).returning(Campaign.id))).scalar_one()


async def check(tx: AsyncConnection, campaign: int, now_ms: int, *, shop_zone: str = SHOP_ZONE) -> Checked:
    """Count everybody and look at their words, before the start; writes nothing, and takes as long as people are many.

    Raises NoSuchCampaign, WordsIncomplete, CouponsShort, and PushRefused when nobody would get it or it is over.
    """
    row = await read(tx, campaign)
    push, root = from_spec(row.spec), row.parent or row.id
    if (ends_ms := _ends_ms(row, push, now_ms, shop_zone)) <= now_ms:
        raise PushRefused("over")
    full = await full_accounts(tx, now_ms)
    look = Look(now_ms, campaign, shop_zone, row.overrides_weekly, full=full, root=root)
    seen, control, cut, everybody = await _counted(tx, push, look)
    if not seen.reached:
        raise PushRefused("nobody")
    if faults := await faults_of(tx, push, seen, everybody):
        raise WordsIncomplete(push.name, faults)
    coupons = codes_needed(seen, control)
    if short := await lacking(tx, push, campaign, coupons, ends_ms, root=root):
        raise CouponsShort(push.name, short)
    return Checked(seen.reached, control, cut, coupons)


async def start(
    tx: AsyncConnection, campaign: int, now_ms: int, *, shop_zone: str = SHOP_ZONE, checked: Checked | None = None
) -> None:
    """Let it begin: the planner writes a row for everybody it reaches (`push_planning`), then opens the first
    batch. Cheap. Without `checked` the planner checks first, and a push that can't start becomes a draft again.

    Raises NoSuchCampaign, MoveRefused, CouponsShort, and PushRefused when it is over.
    """
    row = await read(tx, campaign)
    push = from_spec(row.spec)
    valid_until_ms = _ends_ms(row, push, now_ms, shop_zone)
    if valid_until_ms <= now_ms:
        raise PushRefused("over")
    await move(tx, campaign, Move.START, now_ms)
    await tx.execute(
        update(Campaign).where(Campaign.id == campaign).values(starts_ms=now_ms, valid_until_ms=valid_until_ms)
    )
    found: dict[str, Any] = {"done_to": 0, "control": 0, "cut": None, "reached": 0}
    await set_plan(tx, campaign, Stage.PLANNING if checked else Stage.CHECKING, now_ms, **found)
    if checked:
        if short := await set_aside(tx, push, await read(tx, campaign), checked.coupons, now_ms):
            raise CouponsShort(push.name, short)
        await begin_planning(tx, campaign, checked, now_ms)


async def begin_planning(tx: AsyncConnection, campaign: int, checked: Checked, now_ms: int) -> None:
    """What was found stands; its rows are written from now on."""
    found = {"reached": checked.reached, "control": checked.control, "cut": checked.cut}
    await set_plan(tx, campaign, Stage.PLANNING, now_ms, **found)


async def pause(tx: AsyncConnection, campaign: int, now_ms: int, reason: str | None = None) -> None:
    """Nothing more leaves until `resume`. Raises NoSuchCampaign, MoveRefused."""
    await move(tx, campaign, Move.PAUSE, now_ms, reason)


async def resume(tx: AsyncConnection, campaign: int, now_ms: int) -> None:
    """Go on, where it stopped: with its planning, its first batch, or what waits behind that once it is through.

    Raises NoSuchCampaign, MoveRefused.
    """
    stage = await stage_of(tx, campaign)
    if stage in (Stage.CHECKING, Stage.PLANNING):
        await move(tx, campaign, Move.PLAN_ON, now_ms)
        return
    await move(tx, campaign, Move.RESUME, now_ms)
    if stage is Stage.PLANNED:
        row = await read(tx, campaign)
        await open_first_batch(tx, from_spec(row.spec), row, now_ms)
        await set_plan(tx, campaign, Stage.READY, now_ms)
    elif stage is Stage.READY and not await _first_batch_waits(tx, campaign):
        await open_rest(tx, campaign, now_ms)


async def _first_batch_waits(tx: AsyncConnection, campaign: int) -> bool:
    of_batch = select(Delivery.id).where(
        Delivery.campaign == campaign,
        Delivery.state.in_((DeliveryState.PENDING.value, DeliveryState.SENDING.value)),
        Delivery.reason.is_distinct_from(FIRST_BATCH),
    )
    return (await tx.execute(of_batch.limit(1))).first() is not None


async def cancel(tx: AsyncConnection, campaign: int, now_ms: int) -> int:
    """Nothing more leaves, for good; what waits is skipped, if it is much then by the planner. Returns how many.

    Raises NoSuchCampaign, MoveRefused.
    """
    await move(tx, campaign, Move.CANCEL, now_ms)
    rows = await waiting(tx, campaign)
    await close(tx, campaign, "cancelled", now_ms)
    return rows


async def close(tx: AsyncConnection, campaign: int, reason: str, now_ms: int) -> None:
    """Skip what waits: a slice at once, the rest is the planner's."""
    await set_plan(tx, campaign, Stage.CLOSING, now_ms, done_to=0, reason=reason)
    if not await close_slice(tx, await plan_of(tx, campaign), now_ms, AT_ONCE):
        await set_plan(tx, campaign, Stage.CLOSED, now_ms)


async def open_rest(tx: AsyncConnection, campaign: int, now_ms: int) -> None:
    """Let go of what waits behind the first batch: due now, or at the next opening of the window.

    A slice at once, the rest is the planner's.
    """
    row = await read(tx, campaign)
    await set_plan(tx, campaign, Stage.OPENING, now_ms, done_to=0)
    if not await open_slice(tx, from_spec(row.spec), await plan_of(tx, campaign), now_ms, AT_ONCE):
        await set_plan(tx, campaign, Stage.OPEN, now_ms)


async def _counted(tx: AsyncConnection, push: PushFile, look: Look) -> tuple[Tally, int, int | None, Subquery]:
    """Who is reached; how many of 10,000 are held back; the turn up to which there is room; and who they are."""
    seen, cut = await tally(tx, push, look), None
    if push.who.at_most is not None and seen.reached > push.who.at_most:
        cut = await _last_turn(tx, audience(push, look), push.who.at_most)
        look = replace(look, cut=cut)
        seen = await tally(tx, push, look)
    control = round(push.control.share * ALL) if seen.reached >= push.control.least else 0
    return seen, control, cut, audience(push, look)


async def _last_turn(tx: AsyncConnection, everybody: Subquery, places: int) -> int:
    reached = select(everybody.c.turn).where(everybody.c.reason.is_(None))
    return int((await tx.execute(reached.order_by(everybody.c.turn).offset(places - 1).limit(1))).scalar_one())


def _ends_ms(row: Row[Any], push: PushFile, now_ms: int, shop_zone: str) -> int:
    """From the start on, where the push says how long it is valid."""
    return row.valid_until_ms if push.valid_until is not None else push.valid_until_ms(now_ms, shop_zone)


def _with_seed(push: PushFile, now_ms: int) -> PushFile:
    """Chance decides anew each day it is created, and then the same in its preview and its planning."""
    return push if push.seed else push.model_copy(update={"seed": f"{push.name}:{now_ms // DAY_MS}"})
