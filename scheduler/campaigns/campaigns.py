"""Campaigns of several phases, as staff steer them: preview, create, start, pause, resume, cancel."""

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, case, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.campaign_files.campaign_file import CampaignFile, CampaignKind, campaign_of, campaign_spec
from scheduler.campaign_files.campaign_phase_file import PhaseKind
from scheduler.campaign_files.campaign_pushes import push_of
from scheduler.campaign_files.campaign_steps import step_words
from scheduler.campaign_files.campaign_timeline import Due, Timeline, faults, timeline
from scheduler.campaign_state import CampaignState, Move, move, next_state, read
from scheduler.campaigns import campaign_stock
from scheduler.campaigns.called_off import call_off
from scheduler.campaigns.campaign_rivals import Asking, Other, rivals
from scheduler.campaigns.campaign_stock import codes_wanted, wanting
from scheduler.campaigns.once_at_a_time import hold_name, under_way_words
from scheduler.errors import CampaignRefused
from scheduler.kinds import draws, task_runs
from scheduler.look import SHOP_ZONE
from scheduler.pushes import pushes
from storage.campaign_tables import CAMPAIGN, Campaign, Participant, Phase
from texts.catalogue import say

PAST_LEAST = 20
"""So many answers of earlier campaigns tell more than the rate in the file. Ours."""


@dataclass(frozen=True, slots=True)
class PhaseView:
    """One phase as it would be. `push`: of a message to whoever fits; None for posts and for follow-ups."""

    name: str
    kind: PhaseKind
    due_ms: int
    until_ms: int
    posts: int
    push: pushes.Preview | None
    label: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name, "kind": self.kind.value, "at": _iso(self.due_ms), "until": _iso(self.until_ms),
            "posts": self.posts, "push": None if self.push is None else self.push.as_json(),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class CampaignView:
    """What would come of it if it started now. `promised` and `invited`: None where the stock has no end.

    `wrong` keeps it from starting; `doubts` are worth a look. `coupons`: so many codes it may take.
    """

    from_ms: int
    until_ms: int
    phases: tuple[PhaseView, ...]
    promised: int | None
    invited: int | None
    wrong: tuple[str, ...] = ()
    doubts: tuple[str, ...] = field(default=())
    coupons: int = 0

    @property
    def ends_ms(self) -> int:
        """When nothing of it is left to do (epoch ms)."""
        return max([self.until_ms, *(view.until_ms for view in self.phases)])

    @property
    def recipients(self) -> int:
        """Of the phase that reaches most."""
        return max((view.push.recipients for view in self.phases if view.push), default=0)

    def as_json(self) -> dict[str, Any]:
        row = asdict(self) | {"phases": [view.as_json() for view in self.phases], "recipients": self.recipients}
        return row | {
            "from": _iso(row.pop("from_ms")), "until": _iso(row.pop("until_ms")), "ends": _iso(self.ends_ms),
        }  # fmt: skip


async def preview(
    tx: AsyncConnection, campaign: CampaignFile, now_ms: int, *, shop_zone: str = SHOP_ZONE
) -> CampaignView:
    """All phases with their dates, and whom those that ask would reach. Writes nothing."""
    line = timeline(campaign, now_ms, shop_zone)
    invited = await to_ask(tx, campaign)
    views = [await _view(tx, campaign, due, invited, now_ms, shop_zone) for due in line.phases]
    found = faults(line, now_ms, shop_zone)
    wrong = [_of(campaign, fault.phase, fault.words) for fault in found if not fault.warning]
    doubts = [_of(campaign, fault.phase, fault.words) for fault in found if fault.warning]
    for view in views:
        if view.push is not None and view.push.recipients == 0:
            key = "scheduler.campaign.friendless" if view.push.friendless else "scheduler.campaign.nobody"
            wrong.append(say(key, phase=view.label))
        if view.push is not None:
            wrong += [f"{view.label}：{words}" for words in view.push.faults]
    codes = codes_wanted(campaign, [view.push for view in views])
    if (short := await wanting(tx, campaign, codes, line.ends_ms)) and short.words not in "\n".join(wrong):
        wrong.append(short.words)
    asking = [
        Asking(
            step_words(campaign.phases, due.phase),
            push_of(campaign, due.phase, line, due.until_ms, None, shop_zone),
            due.due_ms,
        )
        for due in line.phases
        if due.phase.asks and due.until_ms > due.due_ms
    ]
    doubts += await rivals(tx, asking, await _others(tx, shop_zone), shop_zone)
    # Rounds of what comes back may overlap.
    if campaign.kind is not CampaignKind.ARRIVALS and (words := await under_way_words(tx, campaign.name)):
        wrong.append(words)
    stock = campaign.stock
    return CampaignView(
        line.from_ms, line.until_ms, tuple(views), stock.places.promised if stock else None, invited,
        tuple(wrong), tuple(doubts), codes,
    )  # fmt: skip


async def create(
    tx: AsyncConnection,
    campaign: CampaignFile,
    by: str,
    now_ms: int,
    *,
    shop_zone: str = SHOP_ZONE,
    seen: CampaignView | None = None,
) -> int:
    """Write it down as a draft; returns its id. `seen`: its preview, where somebody just looked.

    Raises CampaignRefused with all that is wrong with it.
    """
    seen = seen or await preview(tx, campaign, now_ms, shop_zone=shop_zone)
    if seen.wrong:
        raise CampaignRefused(campaign.title, seen.wrong)
    line = timeline(campaign, now_ms, shop_zone)
    row = {
        "name": campaign.name,
        "title": campaign.title,
        "kind": CAMPAIGN,
        "state": CampaignState.DRAFT.value,
        "spec": campaign_spec(campaign),
        "preview": seen.as_json(),
        "created_by": by,
        "created_ms": now_ms,
        "starts_ms": now_ms,
        "valid_until_ms": line.ends_ms,
        "changed_ms": now_ms,
    }
    return (await tx.execute(insert(Campaign).values(row).returning(Campaign.id))).scalar_one()


async def start(
    tx: AsyncConnection, campaign: int, now_ms: int, *, shop_zone: str = SHOP_ZONE, round: bool = False
) -> Timeline:
    """Its phases wait for their moments from now on. `round`: of what comes back, and may overlap the one before.

    Raises NoSuchCampaign, MoveRefused, CampaignRefused.
    """
    row = await read(tx, campaign)
    file = campaign_of(row.spec)
    await hold_name(tx, row.name)
    if not round and (words := await under_way_words(tx, row.name, beside=campaign)):
        raise CampaignRefused(file.title, [words])
    line = timeline(file, now_ms, shop_zone)
    wrong = [_of(file, fault.phase, fault.words) for fault in faults(line, now_ms, shop_zone) if not fault.warning]
    if wrong:
        raise CampaignRefused(file.title, wrong)
    await move(tx, campaign, Move.START, now_ms)
    if next_state(CampaignState.PLANNING, Move.PLANNED) is not None:
        await move(tx, campaign, Move.PLANNED, now_ms)
    await tx.execute(
        update(Campaign).where(Campaign.id == campaign).values(starts_ms=now_ms, valid_until_ms=line.ends_ms)
    )
    rows = [
        {
            "campaign": campaign, "name": due.phase.id, "kind": due.phase.kind.value, "due_ms": due.due_ms,
            "until_ms": due.until_ms, "state": "waiting", "invited_id": 0, "changed_ms": now_ms,
        }
        for due in line.phases
    ]  # fmt: skip
    await tx.execute(insert(Phase), rows)
    if short := await campaign_stock.begin(tx, campaign, file, row.preview.get("coupons", 0), line.ends_ms, now_ms):
        raise CampaignRefused(file.title, short)
    if file.giveaway is not None or file.contest is not None:
        await draws.begin(tx, campaign, line.until_ms, now_ms)
    if file.task is not None:
        await task_runs.begin(tx, campaign, now_ms)
    return line


async def pause(tx: AsyncConnection, campaign: int, now_ms: int, reason: str | None = None) -> None:
    """Nothing more of any phase leaves until `resume`. Raises NoSuchCampaign, MoveRefused."""
    await move(tx, campaign, Move.PAUSE, now_ms, reason)
    for child in await _children(tx, campaign, Move.PAUSE):
        await pushes.pause(tx, child, now_ms, f"campaign:{campaign}")


async def resume(tx: AsyncConnection, campaign: int, now_ms: int) -> None:
    """Go on, with the phases that are still in time. Raises NoSuchCampaign, MoveRefused."""
    await move(tx, campaign, Move.RESUME, now_ms)
    paused = select(Campaign.id).where(Campaign.parent == campaign, Campaign.state_reason == f"campaign:{campaign}")
    for child in (await tx.scalars(paused.order_by(Campaign.id))).all():
        await pushes.resume(tx, child, now_ms)


async def cancel(tx: AsyncConnection, campaign: int, now_ms: int) -> int:
    """Nothing more of it leaves, for good. Returns how many messages. Raises NoSuchCampaign, MoveRefused."""
    await move(tx, campaign, Move.CANCEL, now_ms)
    await tx.execute(
        update(Phase)
        .where(Phase.campaign == campaign, Phase.state.in_(("waiting", "running")))
        .values(state="cancelled", changed_ms=now_ms)
    )
    cancelled = 0
    for child in await _children(tx, campaign, Move.CANCEL):
        cancelled += await pushes.cancel(tx, child, now_ms)
    return cancelled + await call_off(tx, campaign, now_ms)


async def override_weekly(tx: AsyncConnection, campaign: int, now_ms: int) -> None:
    """An owner's word: this campaign may reach people who had a push within seven days. Raises NoSuchCampaign."""
    await read(tx, campaign)
    which = (Campaign.id == campaign) | (Campaign.parent == campaign)
    await tx.execute(update(Campaign).where(which).values(overrides_weekly=True, changed_ms=now_ms))


async def is_campaign(tx: AsyncConnection, campaign: int) -> bool:
    """Has it phases? Else it is a push."""
    return await tx.scalar(select(Campaign.kind).where(Campaign.id == campaign)) == CAMPAIGN


async def to_ask(tx: AsyncConnection, campaign: CampaignFile) -> int | None:
    """How many to ask so that the places are filled; None for everybody."""
    return None if campaign.stock is None else campaign.stock.invited(await past_rate(tx))


async def past_rate(tx: AsyncConnection) -> Decimal | None:
    """Which part of those who were asked said yes, over all campaigns that are over; None as long as they are few."""
    yes: ColumnElement[Any] = case((Participant.answered_ms.is_not(None), 1))
    query = (
        select(func.count(yes), func.count())
        .join(Campaign, Campaign.id == Participant.campaign)
        .where(Campaign.state == CampaignState.FINISHED.value, Participant.invited_ms.is_not(None))
    )
    said_yes, asked = (await tx.execute(query)).one()
    return Decimal(said_yes) / Decimal(asked) if asked >= PAST_LEAST and said_yes else None


async def _view(
    tx: AsyncConnection, campaign: CampaignFile, due: Due, invited: int | None, now_ms: int, zone_name: str
) -> PhaseView:
    seen = None
    if due.phase.words and not due.phase.kind.follows_up:
        line = timeline(campaign, now_ms, zone_name)
        until_ms = max(due.until_ms, due.due_ms + 1)
        push = push_of(campaign, due.phase, line, until_ms, invited, zone_name)
        seen = await pushes.preview(tx, push, max(due.due_ms, now_ms), shop_zone=zone_name)
    posts = len(due.phase.post)
    label = step_words(campaign.phases, due.phase)
    return PhaseView(due.phase.id, due.phase.kind, due.due_ms, due.until_ms, posts, seen, label)


async def _others(tx: AsyncConnection, zone_name: str) -> list[Other]:
    """What campaigns that are under way will still ask."""
    query = (
        select(Phase.name, Phase.due_ms, Phase.until_ms, Campaign.id, Campaign.title, Campaign.spec, Campaign.starts_ms)
        .join(Campaign, Campaign.id == Phase.campaign)
        .where(Phase.state == "waiting", Campaign.state.in_(("running", "paused")))
    )
    found = []
    for row in (await tx.execute(query)).all():
        file = campaign_of(row.spec)
        phase = file.phase(row.name)
        if phase.asks:
            line = timeline(file, row.starts_ms, zone_name)
            push = push_of(file, phase, line, row.until_ms, None, zone_name)
            found.append(Other(row.title, Asking(step_words(file.phases, phase), push, row.due_ms)))
    return found


async def _children(tx: AsyncConnection, campaign: int, step: Move) -> list[int]:
    """Pushes of it that can make that move."""
    rows = await tx.execute(select(Campaign.id, Campaign.state).where(Campaign.parent == campaign))
    return [row.id for row in rows.all() if next_state(CampaignState(row.state), step) is not None]


def _of(campaign: CampaignFile, place: int | None, words: str) -> str:
    return words if place is None else f"{step_words(campaign.phases, campaign.phases[place])}：{words}"


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()
