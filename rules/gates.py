"""May this row leave now? One pure function, for planner, courier, forecast and reports alike.

What a rule stops is deferred or skipped with a reason. The reasons are words of the catalogue (`reason.<word>`).
"""

from dataclasses import dataclass

from rules.kinds import AfterOptOut, Gate, Kind, Quiet, Surface, gate_of
from rules.limits import Limits
from rules.pacing import DAY_MS, MINUTE_MS, Pace
from rules.quiet_hours import open_from, quiet_until
from rules.roles import PostKind, Role

WEEK_MS = 7 * DAY_MS
SOON_AFTER_MS = 10 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Go:
    """Nothing is against it."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Not before `until_ms`; looked at again then."""

    until_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class Skip:
    """Never."""

    reason: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Not as long as a person's word stands (全停, paused, not armed); it stays as it is."""

    reason: str


Verdict = Go | Wait | Skip | Hold
GO = Go()


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What is true of the account now. `age_days`: see `rules.pacing.age_days`."""

    role: Role
    zone: str
    limits: Limits
    age_days: float = 0.0
    paused: bool = False
    stop_all: bool = False


@dataclass(frozen=True, slots=True)
class PondFacts:
    """What is true of the pond that a row goes to. `refusal`: why nothing of ours may go there, '' when it may.

    `last_campaign_ms`: of the newest campaign there, this row's own aside; `rest_days`: until the next one.
    """

    refusal: str = ""
    last_campaign_ms: int | None = None
    rest_days: int = WEEK_MS // DAY_MS


@dataclass(frozen=True, slots=True)
class RowFacts:
    """What is true of the delivery, of who gets it, and of its campaign. All times epoch ms.

    `acted_ms`: when the person did what this answers (the row's creation). `conversed`: they wrote once, claimed or
    bought. `held_until_ms`: a person has this conversation until then. `last_push_ms`: the newest counted push of
    anybody's in the matrix, this row's own aside. `campaign_state`: '' for a row of no campaign.
    """

    kind: Kind
    due_ms: int
    valid_until_ms: int | None = None
    acted_ms: int = 0
    has_person: bool = False
    opted_out: bool = False
    muted_until_ms: int | None = None
    held_until_ms: int | None = None
    last_push_ms: int | None = None
    overrides_weekly: bool = False
    friend: bool = True
    friend_since_ms: int | None = None
    conversed: bool = False
    never_audience: bool = False
    pond: PondFacts | None = None
    campaign_state: str = ""
    post_kind: PostKind | None = None
    last_posts: tuple[PostKind, ...] = ()


def decide(row: RowFacts, account: AccountFacts, now_ms: int) -> Verdict:
    """Every gate but the pace: validity, role, stop, opt-out, mute, trust, weekly cap, quiet hours.

    Skip comes before Hold comes before Wait, so that what can never go does not wait.
    """
    gate = gate_of(row.kind)
    skip = _forever(row, gate, account, now_ms)
    if skip:
        return Skip(skip)
    hold = _by_word(row, gate, account)
    if hold:
        return Hold(hold)
    if row.due_ms > now_ms:
        return Wait(row.due_ms, "not_due")
    wait = _for_the_person(row, gate, account, now_ms) or _for_the_hour(row, gate, account, now_ms)
    if wait is None:
        return GO
    if row.valid_until_ms is not None and wait.until_ms >= row.valid_until_ms:
        return Skip(wait.reason)
    return wait


def allowed_by_role(kind: Kind, role: Role, post: PostKind | None = None) -> bool:
    """The role table: may an account of that role do this at all?

    A product or benefit post of an acquisition account only introduces: that is a matter of its words, which
    `check` looks at; a training account never sells.
    """
    if kind is Kind.MOMENT and post is not None and role is Role.TRAINING:
        return not post.sells
    return role in gate_of(kind).roles


def _forever(row: RowFacts, gate: Gate, account: AccountFacts, now_ms: int) -> str:
    if row.campaign_state == "cancelled":
        return "cancelled"
    if row.valid_until_ms is not None and now_ms >= row.valid_until_ms:
        return "expired"
    if not allowed_by_role(row.kind, account.role, row.post_kind):
        return "role"
    if row.post_kind is not None and sells_too_often(row.post_kind, row.last_posts):
        return "sells_too_often"
    if gate.pond_weekly and (row.pond is None or row.pond.refusal):
        return row.pond.refusal if row.pond else "pond_gone"
    if gate.surface is Surface.MESSAGE and not gate.to_staff:
        if row.opted_out and gate.after_opt_out is not AfterOptOut.ALLOWED:
            return "opted_out"
        if gate.marketing and row.never_audience:
            return "never_audience"
        if gate.marketing and not row.friend:
            return "not_a_friend"
        if gate.keeps_trust and not row.conversed:
            return "trust_first"
    return ""


def _by_word(row: RowFacts, gate: Gate, account: AccountFacts) -> str:
    if account.stop_all and gate.stops_with_all:
        return "stop_all"
    if account.paused and row.kind is not Kind.COMMAND_REPLY:
        return "account_paused"
    # A finished campaign has nothing left but what a person released from doubt.
    if row.campaign_state not in ("", "running", "finished"):
        return f"campaign_{row.campaign_state}"
    return ""


def _for_the_person(row: RowFacts, gate: Gate, account: AccountFacts, now_ms: int) -> Wait | None:
    waits: list[Wait] = []
    if gate.keeps_trust:
        trusted_ms = (row.friend_since_ms or 0) + round(account.limits.trust_days * DAY_MS)
        if trusted_ms > now_ms:
            waits.append(Wait(trusted_ms, "trust_first"))
    if gate.keeps_mute and row.muted_until_ms is not None and row.muted_until_ms > now_ms:
        waits.append(Wait(row.muted_until_ms, "muted"))
    if gate.keeps_mute and row.held_until_ms is not None and row.held_until_ms > now_ms:
        waits.append(Wait(row.held_until_ms, "held"))
    if gate.weekly and not row.overrides_weekly and row.last_push_ms is not None:
        free_ms = row.last_push_ms + WEEK_MS
        if free_ms > now_ms:
            waits.append(Wait(free_ms, "weekly_cap"))
    if gate.pond_weekly and row.pond is not None and row.pond.last_campaign_ms is not None:
        free_ms = row.pond.last_campaign_ms + max(WEEK_MS, row.pond.rest_days * DAY_MS)
        if free_ms > now_ms:
            waits.append(Wait(free_ms, "pond_week"))
    return max(waits, key=lambda wait: wait.until_ms, default=None)


def _for_the_hour(row: RowFacts, gate: Gate, account: AccountFacts, now_ms: int) -> Wait | None:
    limits = account.limits
    if gate.quiet is Quiet.OWN_HOURS:
        opens = open_from(now_ms, limits.posts_from, limits.posts_until, account.zone)
        return Wait(opens, "post_hours") if opens > now_ms else None
    if gate.quiet is Quiet.ALLOWED or (gate.quiet is Quiet.SOON_AFTER_ACT and now_ms - row.acted_ms <= SOON_AFTER_MS):
        return None
    ends = quiet_until(now_ms, limits.quiet_from, limits.quiet_until, account.zone)
    return Wait(ends, "quiet_hours") if ends is not None else None


def sells_too_often(post: PostKind, last_posts: tuple[PostKind, ...]) -> bool:
    """Would this be the second selling post among three in a row? `last_posts` are the account's newest first."""
    return post.sells and any(earlier.sells for earlier in last_posts[:2])


def pace_of(kind: Kind, to: str, account: AccountFacts, pace: Pace, now_ms: int) -> tuple[int, str]:
    """When the account's pace lets a row of that kind go, and what it waits for; `now_ms` or earlier: at once."""
    gate = gate_of(kind)
    if gate.surface is Surface.MESSAGE:
        return pace.message_free_at(to, now_ms, push=gate.push_budget, reply=gate.answers)
    if gate.surface is Surface.ACCEPT:
        return pace.accept_free_at(account.age_days, now_ms)
    if gate.surface is Surface.MOMENT:
        return pace.post_free_at(account.age_days, now_ms)
    if gate.surface is Surface.RECALL:
        return (pace.next_recall_ms, "pace")
    return (pace.next_ms, "pace")
