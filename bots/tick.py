"""One tick's choices: for each lane that is due, the best row that passes every gate, claimed in one transaction."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from bots.lane import Lane
from rules.gates import AccountFacts, Go, Hold, PondFacts, RowFacts, Skip, Verdict, Wait, decide, pace_of
from rules.kinds import GATES, Kind, Surface, gate_of
from rules.pacing import MINUTE_MS
from rules.roles import PostKind
from storage import claiming
from storage.claiming import Facts, Row
from storage.outbox import Claimed, Content, Recipient, Wording
from texts.problem import Problem

_STOPPED_KINDS = tuple(kind for kind, gate in GATES.items() if not gate.stops_with_all)
_PAUSED_KINDS = (Kind.COMMAND_REPLY,)

HandOver = Callable[[AsyncConnection, Sequence[Claimed], int], Awaitable[object]]
"""Gives posts to the people who hold the phones: (transaction, rows, now in epoch ms)."""


@dataclass(frozen=True, slots=True)
class Picked:
    """A row that left the pending ones. `claimed` is to be sent; None when it was handed over or only dry."""

    lane: Lane
    row: Row
    claimed: Claimed | None


@dataclass(slots=True)
class Tick:
    tx: AsyncConnection
    now_ms: int
    wording: Wording
    hand_over: HandOver
    epoch: int
    stop_all: bool
    paused: frozenset[str]
    accepted: Mapping[int, str] = field(default_factory=dict)
    """{delivery: gateway id} of what came back well, to be written with the intents."""
    more: bool = False
    """Some lane has more to look at at once."""
    _put_off: list[tuple[int, int, str]] = field(default_factory=list)
    _skipped: list[tuple[int, str, str | None]] = field(default_factory=list)
    _chosen: list[tuple[Lane, Row, str | None]] = field(default_factory=list)
    _pushed_to: dict[int, int] = field(default_factory=dict)
    """{person: delivery} of the pushes that were chosen; the person as they are called today."""
    _ponds: dict[int, claiming.PondSeen] = field(default_factory=dict)
    _facts: dict[int, Facts] = field(default_factory=dict)
    _accounts: dict[str, AccountFacts] = field(default_factory=dict)

    async def pick(self, lanes: Sequence[Lane]) -> list[Picked]:
        """Choose, reserve and claim. Nothing of it may be sent before the transaction is committed."""
        await self._fill([lane for lane in lanes if lane.needs_page(self.now_ms)])
        waiting: Sequence[Lane] = [lane for lane in lanes if lane.rows]
        while looked_at := [(lane, row) for lane in waiting if (row := await self._best(lane)) is not None]:
            waiting = await self._judge(looked_at)
        self.more = any(lane.more and not lane.rows for lane in lanes)
        await claiming.put_off(self.tx, self._put_off)
        picked = await self._claim()
        await claiming.skip(self.tx, self._skipped, now_ms=self.now_ms)
        return picked

    async def _fill(self, lanes: Sequence[Lane]) -> None:
        """Fresh pages. A lane that is stopped or paused sees only what may go all the same."""
        groups: dict[tuple[Kind, ...] | None, list[Lane]] = {}
        for lane in lanes:
            groups.setdefault(self._kinds_for(lane), []).append(lane)
        for kinds, group in groups.items():
            accounts = [lane.config.account for lane in group]
            pages = await claiming.page(self.tx, accounts, now_ms=self.now_ms, kinds=kinds)
            future = await claiming.next_due(self.tx, accounts, now_ms=self.now_ms)
            for lane in group:
                lane.fill(pages.get(lane.config.account, []), future.get(lane.config.account))

    def _kinds_for(self, lane: Lane) -> tuple[Kind, ...] | None:
        if lane.config.account in self.paused:
            return _PAUSED_KINDS
        return _STOPPED_KINDS if self.stop_all else None

    async def _best(self, lane: Lane) -> Row | None:
        """The first row that the pace lets go; else None, and the lane knows until when."""
        row, soonest_ms, reasons = self._first_by_pace(lane)
        if row is None and "people_per_minute" in reasons and not lane.asked_recent:
            lane.asked_recent = True
            recent = {to for at_ms, to in lane.pace.minute if at_ms > self.now_ms - MINUTE_MS}
            known = {row.id for row in lane.rows}
            rows = await claiming.page_to(self.tx, lane.config.account, recent, now_ms=self.now_ms)
            lane.rows += [row for row in rows if row.id not in known]
            row, soonest_ms, _ = self._first_by_pace(lane)
        if row is None:
            lane.not_before_ms = soonest_ms
        return row

    def _first_by_pace(self, lane: Lane) -> tuple[Row | None, int, set[str]]:
        soonest_ms = 1 << 62
        reasons: set[str] = set()
        closed: dict[tuple[Surface, bool, bool], str] = {}
        facts = self._account(lane)
        for row in lane.rows:
            gate = gate_of(row.kind)
            road = (gate.surface, gate.push_budget, gate.answers)
            if closed.get(road, "people_per_minute") != "people_per_minute":
                continue
            if lane.config.live and not self._open(lane, row):
                closed[road] = "offline"
                continue
            free_ms, reason = pace_of(row.kind, row.to, facts, lane.pace, self.now_ms)
            if free_ms <= self.now_ms:
                return row, 0, reasons
            closed[road] = reason
            reasons.add(reason)
            soonest_ms = min(soonest_ms, free_ms)
        return None, soonest_ms, reasons

    def _account(self, lane: Lane) -> AccountFacts:
        name = lane.config.account
        facts = self._accounts.get(name)
        if facts is None:
            facts = lane.facts(self.now_ms, stop_all=self.stop_all, paused=name in self.paused)
            self._accounts[name] = facts
        return facts

    def _open(self, lane: Lane, row: Row) -> bool:
        return _by_hand(lane, row) or lane.sender.can(gate_of(row.kind).surface)

    async def _judge(self, looked_at: Sequence[tuple[Lane, Row]]) -> list[Lane]:
        """Put each lane's row through the gates. Returns the lanes whose row did not pass: they try the next."""
        facts = await self._facts_of(looked_at)
        posts = await self._posts([(lane, row) for lane, row in looked_at if row.kind is Kind.MOMENT])
        if in_ponds := [row.id for _, row in looked_at if row.kind is Kind.POND_CAMPAIGN]:
            self._ponds |= await claiming.ponds_of(self.tx, in_ponds)
        again: list[Lane] = []
        for lane, row in looked_at:
            lane.rows.remove(row)
            found = facts.get(row.id)  # a row that is gone has none, one that was handed on another account
            if found is None or not found.pending or found.account != row.account:
                again.append(lane)
                continue
            verdict = self._verdict(lane, row, found, *posts.get(row.id, (None, ())))
            if isinstance(verdict, Go):
                text = await self._words(row, found)
                if isinstance(text, Skip):
                    verdict = text
                else:
                    self._chosen.append((lane, row, text))
                    if gate_of(row.kind).weekly and found.person is not None:
                        self._pushed_to[found.person] = row.id
                    continue
            self._record(lane, row, verdict)
            again.append(lane)
        return again

    async def _facts_of(self, looked_at: Sequence[tuple[Lane, Row]]) -> dict[int, Facts]:
        """Facts of these rows; a lane whose first row did not pass gets those of its whole page at once."""
        if not self._facts:
            self._facts = await claiming.facts_of(self.tx, [row for _, row in looked_at])
        unknown = [row for lane, first in looked_at if first.id not in self._facts for row in lane.rows]
        if unknown:
            self._facts |= await claiming.facts_of(self.tx, unknown)
        return self._facts

    def _verdict(
        self, lane: Lane, row: Row, facts: Facts, post: PostKind | None, last_posts: tuple[PostKind, ...]
    ) -> Verdict:
        account = self._account(lane)
        pushed_now = facts.person in self._pushed_to
        pond = self._ponds.get(row.id)
        return decide(
            RowFacts(
                kind=row.kind,
                due_ms=row.due_ms,
                valid_until_ms=row.valid_until_ms,
                acted_ms=row.created_ms,
                opted_out=facts.opted_out,
                muted_until_ms=facts.muted_until_ms,
                held_until_ms=facts.held_until_ms,
                last_push_ms=self.now_ms if pushed_now else facts.last_push_ms,
                overrides_weekly=facts.overrides_weekly and not pushed_now,
                friend=facts.friend,
                friend_since_ms=facts.friend_since_ms,
                conversed=facts.conversed,
                never_audience=facts.never_audience,
                pond=PondFacts(pond.refusal, pond.last_campaign_ms, pond.rest_days) if pond else None,
                campaign_state=facts.campaign_state,
                post_kind=post,
                last_posts=last_posts,
            ),
            account,
            self.now_ms,
        )

    def _record(self, lane: Lane, row: Row, verdict: Verdict) -> None:
        match verdict:
            case Wait(until_ms, reason):
                lane.expect(until_ms)
                self._put_off.append((row.id, until_ms, reason))
            case Skip(reason):
                self._skipped.append((row.id, reason, None))
            case Hold() | Go():
                """It stays as it is; the page after the next word of a person brings it again."""

    async def _posts(self, rows: Iterable[tuple[Lane, Row]]) -> dict[int, tuple[PostKind | None, tuple[PostKind, ...]]]:
        found = {}
        for lane, row in rows:
            kinds = await claiming.post_kinds(self.tx, [row.content["post"]])
            kind = kinds.get(row.content["post"])
            last = await claiming.last_posts(self.tx, lane.config.account)
            found[row.id] = (PostKind(kind) if kind else None, tuple(PostKind(word) for word in last))
        return found

    async def _words(self, row: Row, facts: Facts) -> str | Skip | None:
        template = row.content.get("template")
        if template is None:
            return row.content.get("text")
        if row.campaign is None or row.person is None:
            return Skip("words_missing")
        known = (facts.call_me, facts.nickname, facts.level, facts.member_name)
        recipient = Recipient(row.person, row.account, *known, row.content.get("values") or {})
        try:
            await self.wording.load(self.tx, row.campaign)
            return self.wording.render(row.campaign, template, recipient)
        except Problem:
            return Skip("words_missing")

    async def _claim(self) -> list[Picked]:
        """The intents of everything chosen; what a dry account would have sent is recorded and skipped."""
        dry = [choice for choice in self._chosen if not choice[0].config.live]
        handed = [(lane, row, text) for lane, row, text in self._chosen if lane.config.live and _by_hand(lane, row)]
        live = [(lane, row, text) for lane, row, text in self._chosen if lane.config.live and not _by_hand(lane, row)]
        self._skipped += [(row.id, "dry_run", text) for _, row, text in dry]
        claimed = {row.id for _, row, _ in live}
        week = {person: id for person, id in self._pushed_to.items() if id in claimed}
        now_ms, epoch = self.now_ms, self.epoch
        intents = {row.id: claiming.Intent(row.account, text) for _, row, text in live}
        ours = await claiming.take_turn(
            self.tx, intents, accepted=self.accepted, week=dict(sorted(week.items())), now_ms=now_ms, epoch=epoch
        )
        if handed:
            posts = {row.id: claiming.Intent(row.account, text) for _, row, text in handed}
            ours |= await claiming.claim(self.tx, posts, "handed", now_ms=now_ms, epoch=epoch)
            by_hand = [_claimed(row, text) for _, row, text in handed if row.id in ours]
            await self.hand_over(self.tx, by_hand, now_ms)
        await claiming.reserve_ponds(
            self.tx, {pond.name: id for id, pond in self._ponds.items() if id in ours}, now_ms=now_ms
        )
        return [
            *(Picked(lane, row, None) for lane, row, _ in dry),
            *(Picked(lane, row, None) for lane, row, _ in handed if row.id in ours),
            *(Picked(lane, row, _claimed(row, text)) for lane, row, text in live if row.id in ours),
        ]


def _by_hand(lane: Lane, row: Row) -> bool:
    if row.kind is Kind.PROFILE:
        return bool((row.content.get("profile") or {}).get("by_hand"))
    if row.kind is Kind.POND_CAMPAIGN:
        return bool((row.content.get("pond") or {}).get("by_hand"))
    return row.kind is Kind.MOMENT and lane.config.assisted


def _claimed(row: Row, text: str | None) -> Claimed:
    content = Content.from_json(row.content)
    return Claimed(row.id, row.account, row.kind, row.to, content, text, row.person, row.campaign, row.attempts + 1)
