"""One account's queue as the courier sees it: what is due, what binds it, and whether something is under way."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from bots.gateway import Still
from rules.gates import AccountFacts
from rules.kinds import Kind, Surface, gate_of
from rules.limits import Limits
from rules.pacing import RECALL_GAP_S, Pace, age_days
from rules.roles import Role
from storage.claiming import PAGE_ROWS, Row
from storage.outbox import Claimed


class Sender(Protocol):
    """What carries a claimed row out: an account's gateway and publisher."""

    def can(self, surface: Surface) -> bool:
        """Is that road open now (online, publisher ready)?"""
        ...

    async def deliver(self, row: Claimed, still: Still) -> str:
        """Send it. Returns the gateway's id, '' where there is none. Raises the classes of `bots.errors`.

        Whatever takes time before the first word is written asks `still` afterwards, and raises TooLate.
        """
        ...


@dataclass(frozen=True, slots=True)
class LaneConfig:
    """What the root knows of an account. `live`: may anything leave it (simulated, or mode live and armed)?
    `assisted`: Moments go to the person who holds the phone.
    """

    account: str
    role: Role
    zone: str
    limits: Limits
    opened_ms: int | None = None
    live: bool = False
    assisted: bool = True


@dataclass(slots=True)
class Lane:
    config: LaneConfig
    sender: Sender
    pace: Pace
    rows: list[Row] = field(default_factory=list)
    """Due rows, best first: a page of the outbox."""
    more: bool = False
    """The outbox holds more due rows than the page."""
    stale: bool = True
    """The page may not show the best rows any more."""
    future_ms: int | None = None
    """When the next row that was not due at the time of the page will be."""
    not_before_ms: int = 0
    """Nothing of the page may go earlier."""
    held: bool = True
    """The account is ours; what comes back after it was lost is news about somebody else's rows."""
    under_way: int | None = None
    """Id of the delivery that is being sent."""
    asked_recent: bool = False
    """In this full minute, rows to the people it may still write to were looked up."""
    counted: bool = False
    """The pace was rebuilt from the outbox."""

    def facts(self, now_ms: int, *, stop_all: bool, paused: bool) -> AccountFacts:
        config = self.config
        age = age_days(config.opened_ms, now_ms)
        return AccountFacts(config.role, config.zone, config.limits, age, paused=paused, stop_all=stop_all)

    def needs_page(self, now_ms: int) -> bool:
        if self.stale or (self.future_ms is not None and self.future_ms <= now_ms):
            return True
        return not self.rows and self.more

    def is_due(self, now_ms: int) -> bool:
        """Is there anything to look at now?"""
        if self.under_way is not None:
            return False
        return self.needs_page(now_ms) or (bool(self.rows) and now_ms >= self.not_before_ms)

    @property
    def has_more(self) -> bool:
        """As far as is known: could another row go now, were it not for the pace?"""
        return bool(self.rows) or self.more or self.stale

    def condition(self, now_ms: int) -> str:
        """One word for whoever looks from outside: sending, due, waiting (for a time), idle."""
        if self.under_way is not None:
            return "sending"
        if self.is_due(now_ms):
            return "due"
        return "waiting" if self.rows or self.future_ms is not None else "idle"

    def wakes_at(self) -> int | None:
        """When it should be looked at next, in epoch ms; None when only an event can bring work."""
        if self.under_way is not None:
            return None
        if self.stale or (not self.rows and self.more):
            return 0
        if not self.rows:  # most lanes most of the time
            return self.future_ms
        return self.not_before_ms if self.future_ms is None else min(self.future_ms, self.not_before_ms)

    def fill(self, rows: list[Row], future_ms: int | None) -> None:
        """A fresh page."""
        self.rows = rows
        self.more = len(rows) >= PAGE_ROWS and max(Counter(row.priority for row in rows).values()) >= PAGE_ROWS
        self.future_ms = future_ms
        self.stale = False
        self.asked_recent = False
        self.not_before_ms = 0

    def expect(self, due_ms: int) -> None:
        """A row of the page waits until `due_ms`."""
        self.future_ms = due_ms if self.future_ms is None else min(self.future_ms, due_ms)

    def forget_page(self) -> None:
        self.rows = []
        self.stale = True

    def count(self, kind: Kind, to: str, now_ms: int, *, random: Random) -> None:
        """A row goes now: the pace knows, and the pause before the next one is drawn."""
        gate = gate_of(kind)
        if gate.surface is Surface.ACCEPT:
            self.pace.sent_accept(now_ms, random=random)
        elif gate.surface is Surface.MOMENT:
            self.pace.sent_post(now_ms)
        elif gate.surface is Surface.RECALL:
            self.pace.sent_recall(now_ms, random=random)
        else:
            self.pace.sent_message(to, now_ms, push=gate.push_budget, random=random)

    def arrived(self, kind: Kind, to: str, now_ms: int) -> None:
        """What was counted when it was claimed is through now, or may be."""
        gate = gate_of(kind)
        if gate.surface is Surface.MESSAGE:
            self.pace.message_arrived(to, now_ms, push=gate.push_budget)

    def recount(self, kind: Kind, to: str, sent_ms: int) -> None:
        """Count a row of the past; the next one waits the longest gap after it, the draw of the dice being lost."""
        gate, pace, limits = gate_of(kind), self.pace, self.pace.limits
        if gate.surface is Surface.ACCEPT:
            pace.accepts.add(sent_ms)
            pace.next_accept_ms = max(pace.next_accept_ms, sent_ms + round(limits.accept_gap_max_s * 1000))
        elif gate.surface is Surface.MOMENT:
            pace.sent_post(sent_ms)
        elif gate.surface is Surface.RECALL:
            pace.next_recall_ms = max(pace.next_recall_ms, sent_ms + round(RECALL_GAP_S[1] * 1000))
        else:
            pace.count_message(to, sent_ms, push=gate.push_budget)
            pace.next_ms = max(pace.next_ms, sent_ms + round(limits.gap_max_s * 1000))
