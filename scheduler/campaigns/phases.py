"""The timeline moves: a phase whose moment has come begins, one that came too late is skipped, the end is the end.

A step of the planner. Everything it knows stands in the tables: after a crash it finds what was begun, begun.
"""

from typing import Any

from sqlalchemy import Row, func, literal, null, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.pacing import MINUTE_MS
from rules.quiet_hours import local
from rules.roles import Role
from scheduler.campaign_files.campaign_file import CampaignFile, campaign_of
from scheduler.campaign_files.campaign_phase_file import PhaseFile, PhaseKind
from scheduler.campaign_files.campaign_pushes import for_whom, push_of
from scheduler.campaign_files.campaign_timeline import timeline
from scheduler.campaign_state import CampaignState, Move, move, read
from scheduler.campaigns.campaign_outcomes import ORDERS_ARRIVED, settle_by_orders, stayed_away
from scheduler.campaigns.campaigns import to_ask
from scheduler.campaigns.phase_ponds import say_in_ponds
from scheduler.campaigns.thanks_wait import not_before
from scheduler.errors import PushRefused
from scheduler.look import SHOP_ZONE
from scheduler.moments.day_plan import posters
from scheduler.moments.posts import NewPost, write_posts
from scheduler.participants.participants import Standing
from scheduler.participants.votes import count_votes
from scheduler.phase_state import PHASE_MOVES, PhaseState
from scheduler.push_events import CampaignEvent, Tell
from scheduler.pushes import pushes
from scheduler.seeds import drawn
from storage.campaign_tables import CAMPAIGN, Campaign, Participant, Phase
from storage.outbox import insert_ignoring
from storage.statements import both, rows_of
from storage.tables import Delivery
from texts.catalogue import say

_SPREAD_MINUTES = 12
"""Accounts post the same news this far apart at most. Ours."""
_INVITED_A_TURN = 5_000
_OVER = (CampaignState.FINISHED.value, CampaignState.CANCELLED.value)
_DUE = both(f"""
    SELECT 1 WHERE EXISTS (SELECT 1 FROM campaigns c WHERE c.kind = '{CAMPAIGN}' AND c.state = 'running' AND (
        c.valid_until_ms <= :now_ms
        OR EXISTS (SELECT 1 FROM phases p WHERE p.campaign = c.id AND p.state = 'waiting' AND p.due_ms <= :now_ms)
        OR EXISTS (SELECT 1 FROM phases p JOIN campaigns k ON k.id = p.child WHERE p.campaign = c.id
                   AND p.state = 'running' AND k.state IN ('draft', 'finished', 'cancelled'))
        OR EXISTS (SELECT 1 FROM phases p JOIN campaigns k ON k.id = p.child WHERE p.campaign = c.id
                   AND p.invited IS NOT TRUE AND k.state NOT IN ('draft', 'planning'))))
    OR {ORDERS_ARRIVED}""")


class Phases:
    """`due` looks, `act` lets what is due happen; staff hear of it by `tell`."""

    def __init__(self, *, tell: Tell, shop_zone: str = SHOP_ZONE, always_ask: bool = False) -> None:
        """`always_ask`: as in `PushPlanning`."""
        self._tell = tell
        self._zone = shop_zone
        self._always_ask = always_ask

    async def due(self, tx: AsyncConnection, now_ms: int) -> bool:
        """Is there anything to do? One statement over a handful of rows; writes nothing."""
        return bool(await rows_of(tx, _DUE, {"now_ms": now_ms}))

    async def act(self, tx: AsyncConnection, now_ms: int) -> None:
        """Everything that is due. Doing it again changes nothing."""
        await settle_by_orders(tx, now_ms, self._zone)
        running = select(Campaign.id).where(Campaign.kind == CAMPAIGN, Campaign.state == CampaignState.RUNNING.value)
        for campaign in (await tx.scalars(running.order_by(Campaign.id))).all():
            row = await read(tx, campaign)
            file = campaign_of(row.spec)
            await self._end_phases(tx, row, now_ms)
            for phase in await _waiting(tx, campaign, now_ms):
                await self._begin(tx, row, file, phase, now_ms)
            await self._invite(tx, row, now_ms)
            if row.valid_until_ms <= now_ms:
                await self._finish(tx, row, file, now_ms)

    async def _begin(
        self, tx: AsyncConnection, row: Row[Any], file: CampaignFile, phase: Row[Any], now_ms: int
    ) -> None:
        """Its posts are planned, its push starts; too late, or with nobody to reach, it is skipped with the reason."""
        written = file.phase(phase.name)
        if phase.until_ms <= now_ms:
            await self._skip(tx, row, phase, "too_late", now_ms)
            return
        if written.kind is PhaseKind.THANKS and await self._wait(tx, row, file, phase, now_ms):
            return
        await _post(tx, row, written, phase.due_ms, now_ms)
        if written.ponds:
            await say_in_ponds(
                tx, row, file, written, due_ms=phase.due_ms, until_ms=phase.until_ms, now_ms=now_ms,
                zone_name=self._zone, tell=self._tell, always_ask=self._always_ask,
            )  # fmt: skip
        if not written.words:
            await _moved(tx, phase.id, PhaseState.DONE, now_ms)
            return
        line = timeline(file, row.starts_ms, self._zone)
        invited = await to_ask(tx, file)
        push = push_of(await _as_voted(tx, row.id, file), written, line, phase.until_ms, invited, self._zone, row.id)
        try:
            async with tx.begin_nested():
                child = await pushes.create(
                    tx, push, row.created_by, now_ms, shop_zone=self._zone, parent=row.id, phase=phase.name,
                    overrides_weekly=row.overrides_weekly,
                )  # fmt: skip
                await pushes.start(tx, child, now_ms, shop_zone=self._zone)
        except PushRefused as problem:
            await self._skip(tx, row, phase, problem.message, now_ms)
            return
        follows = written.kind.follows_up  # nobody is asked by it
        await _moved(tx, phase.id, PhaseState.RUNNING, now_ms, child=child, invited=follows)

    async def _wait(self, tx: AsyncConnection, row: Row[Any], file: CampaignFile, phase: Row[Any], now_ms: int) -> bool:
        """Is it too early for thanks, because nobody is known yet who came? They are looked at again, to the end."""
        line = timeline(file, row.starts_ms, self._zone)
        own = next(due for due in line.phases if due.phase.id == phase.name)
        standings = for_whom(file, own.phase)
        later_ms = await not_before(tx, row.id, standings, own_due_ms=own.due_ms, due_ms=phase.due_ms, now_ms=now_ms)
        if later_ms is not None:
            values = {"due_ms": min(later_ms, phase.until_ms), "changed_ms": now_ms}
            await tx.execute(update(Phase).where(Phase.id == phase.id).values(values))
        return later_ms is not None

    async def _end_phases(self, tx: AsyncConnection, row: Row[Any], now_ms: int) -> None:
        """A phase is over when its push is; one whose push could not start is skipped with its reason."""
        query = (
            select(Phase.__table__, Campaign.state.label("push"), Campaign.state_reason)
            .join(Campaign, Campaign.id == Phase.child)
            .where(Phase.campaign == row.id, Phase.state == PhaseState.RUNNING.value)
        )
        for phase in (await tx.execute(query)).all():
            if phase.push == CampaignState.DRAFT.value:
                await pushes.cancel(tx, phase.child, now_ms)
                await self._skip(tx, row, phase, phase.state_reason or "", now_ms)
            elif phase.push in _OVER:
                await _moved(tx, phase.id, PhaseState.DONE, now_ms)

    async def _invite(self, tx: AsyncConnection, row: Row[Any], now_ms: int) -> None:
        """Whoever a push of it is for stands among its people: a slice at a time, of large ones."""
        query = (
            select(Phase.id, Phase.child, Phase.invited_id)
            .join(Campaign, Campaign.id == Phase.child)
            .where(
                Phase.campaign == row.id, Phase.invited.is_(False),
                Campaign.state.not_in((CampaignState.DRAFT.value, CampaignState.PLANNING.value)),
            )
        )  # fmt: skip
        for phase in (await tx.execute(query)).all():
            slice_ = (
                select(Delivery.id, Delivery.person, Delivery.account, Delivery.to)
                .where(Delivery.campaign == phase.child, Delivery.id > phase.invited_id)
                .order_by(Delivery.id)
                .limit(_INVITED_A_TURN)
                .subquery()
            )
            last = await tx.scalar(select(slice_.c.id).order_by(slice_.c.id.desc()).limit(1))
            if last is None:
                await tx.execute(update(Phase).where(Phase.id == phase.id).values(invited=True))
                continue
            people = select(
                literal(row.id), slice_.c.person, literal(Standing.INVITED.value), slice_.c.account, slice_.c["to"],
                literal(now_ms), literal(now_ms), null(),
            ).where(slice_.c.person.is_not(None))  # fmt: skip
            columns = ["campaign", "person", "state", "account", "contact", "invited_ms", "changed_ms", "answered_ms"]
            await tx.execute(insert_ignoring(tx, Participant).from_select(columns, people))
            await tx.execute(update(Phase).where(Phase.id == phase.id).values(invited_id=last))

    async def _finish(self, tx: AsyncConnection, row: Row[Any], file: CampaignFile, now_ms: int) -> None:
        """Nothing is left to do: who promised and did not come has broken it."""
        left = select(Phase.id).where(
            Phase.campaign == row.id, Phase.state.in_((PhaseState.WAITING.value, PhaseState.RUNNING.value))
        )
        if await tx.scalar(left.limit(1)) is not None:
            return
        broken = await stayed_away(tx, row.id, file, now_ms)
        await move(tx, row.id, Move.FINISH, now_ms)
        event = CampaignEvent(row.id, row.name, row.title, "campaign_over", {"broken": broken})
        await self._tell(tx, event, now_ms)

    async def _skip(self, tx: AsyncConnection, row: Row[Any], phase: Row[Any], reason: str, now_ms: int) -> None:
        await _moved(tx, phase.id, PhaseState.SKIPPED, now_ms, reason=reason)
        words = say("reason.too_late") if reason == "too_late" else reason
        name = say(f"scheduler.phase.{phase.kind}")
        event = CampaignEvent(row.id, row.name, row.title, "phase_skipped", {"phase": name, "why": words})
        await self._tell(tx, event, now_ms)


async def _as_voted(tx: AsyncConnection, campaign: int, file: CampaignFile) -> CampaignFile:
    """New arrivals may say by name which style was chosen."""
    if file.arrivals is None:
        return file
    best = (await count_votes(tx, campaign, file.join.choices))[0]
    return file.model_copy(update={"variables": {"winner": best.choice, **file.variables}})


async def _waiting(tx: AsyncConnection, campaign: int, now_ms: int) -> list[Row[Any]]:
    query = select(Phase.__table__).where(
        Phase.campaign == campaign, Phase.state == PhaseState.WAITING.value, Phase.due_ms <= now_ms
    )
    return list((await tx.execute(query.order_by(Phase.due_ms, Phase.id))).all())


async def _moved(tx: AsyncConnection, phase: int, to: PhaseState, now_ms: int, **values: Any) -> None:
    sources = [state.value for state, after in PHASE_MOVES.items() if to in after]
    await tx.execute(
        update(Phase)
        .where(Phase.id == phase, Phase.state.in_(sources))
        .values(state=to.value, changed_ms=now_ms, **values)
    )


async def _post(tx: AsyncConnection, row: Row[Any], phase: PhaseFile, due_ms: int, now_ms: int) -> None:
    """A row for each account that may say it, in its own minute before the next phase; mirrors follow by themselves."""
    posts = []
    following = select(func.min(Phase.due_ms)).where(Phase.campaign == row.id, Phase.due_ms > due_ms)
    next_ms = await tx.scalar(following) or due_ms + 2 * _SPREAD_MINUTES * MINUTE_MS
    spread = min(_SPREAD_MINUTES, (next_ms - due_ms) // (2 * MINUTE_MS))
    for poster in await posters(tx):
        for number, post in enumerate(phase.post):
            if poster.role is not Role.SALES or (post.personas and poster.persona not in post.personas):
                continue
            later = drawn(poster.id, row.id, phase.id, number, below=spread) * MINUTE_MS
            at_ms = max(due_ms, now_ms) + later
            posts.append(
                NewPost(
                    account=poster.id,
                    key=f"{poster.id}:campaign:{row.id}:{phase.id}:{number}",
                    day=local(at_ms, poster.zone).date().isoformat(),
                    entry=f"{row.name}-{phase.id}",
                    kind=post.kind,
                    text=post.text,
                    due_ms=at_ms,
                    media=post.media,
                    source=f"campaign:{row.id}",
                )
            )
    if posts:
        await write_posts(tx, posts, now_ms)
