"""Every kind of message is bound exactly as the two tables of the house say, and no fact can undo an opt-out."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.gates import (
    WEEK_MS,
    AccountFacts,
    Go,
    Hold,
    PondFacts,
    RowFacts,
    Skip,
    Wait,
    allowed_by_role,
    decide,
    sells_too_often,
)
from rules.kinds import GATES, PRIORITIES, Kind, Surface
from rules.limits import Limits
from rules.pacing import DAY_MS
from rules.roles import PostKind, Role
from tests.rules.moments import moments, shanghai, zones

NOON, NIGHT = shanghai(12), shanghai(22)
MORNING = shanghai(8, 30, day=22)
ALL = frozenset(Role)
SALES = frozenset({Role.SALES})


@dataclass(frozen=True, slots=True)
class Bound:
    """One row of the table in the words of the house. `night`: goes | waits | soon | own."""

    night: str
    opted_out: bool
    """Does it still go to somebody who opted out?"""
    stopped: bool
    weekly: bool = False
    muted_waits: bool = False
    roles: frozenset[Role] = ALL


_PUSH = Bound("waits", opted_out=False, stopped=True, weekly=True, muted_waits=True, roles=SALES)
_CAMPAIGN = Bound("waits", opted_out=False, stopped=True, muted_waits=True, roles=SALES)
_KIND = Bound("waits", opted_out=False, stopped=True, muted_waits=True)
_ANSWER = Bound("goes", opted_out=True, stopped=True)

TABLE = {
    Kind.COMMAND_REPLY: Bound("goes", opted_out=True, stopped=False),
    Kind.ALERT: Bound("goes", opted_out=True, stopped=True),
    Kind.STAFF_NOTICE: Bound("waits", opted_out=True, stopped=True),
    Kind.REPLY: _ANSWER,
    Kind.NAME_CARD: _ANSWER,
    Kind.OFFER: replace(_KIND, night="soon"),
    Kind.CLAIM_ANSWER: _ANSWER,
    Kind.OPT_OUT_CONFIRMATION: Bound("goes", opted_out=True, stopped=False),
    Kind.WELCOME: Bound("soon", opted_out=False, stopped=True),
    Kind.STAFF_MESSAGE: _ANSWER,
    Kind.PUSH: _PUSH,
    Kind.CAMPAIGN_PUSH: _PUSH,
    Kind.WARM_UP: _PUSH,
    Kind.PRECISE_TASK: _PUSH,
    Kind.WAKE_UP: _PUSH,
    Kind.POND_CAMPAIGN: Bound("waits", opted_out=True, stopped=True, roles=frozenset({Role.SALES})),
    Kind.REMINDER: _CAMPAIGN,
    Kind.THANKS: _CAMPAIGN,
    Kind.GREETING: _KIND,
    Kind.CARE: _KIND,
    Kind.LEVEL_UP: _KIND,
    Kind.LESSON: replace(_KIND, roles=frozenset({Role.TRAINING})),
    Kind.ACCEPT: _ANSWER,
    Kind.PROFILE: _ANSWER,
    Kind.MOMENT: Bound("own", opted_out=True, stopped=True),
    Kind.RECALL: Bound("goes", opted_out=True, stopped=False),
}
kinds = pytest.mark.parametrize("kind", list(Kind))


def _row(kind: Kind, now_ms: int = NOON, **facts: object) -> RowFacts:
    """A row that nothing is against: due, to an old friend who bought."""
    good: dict[str, object] = {
        "kind": kind, "due_ms": now_ms, "acted_ms": now_ms, "has_person": True, "friend": True,
        "friend_since_ms": now_ms - 100 * DAY_MS, "conversed": True, "pond": PondFacts(),
    }  # fmt: skip
    return RowFacts(**{**good, **facts})  # type: ignore[arg-type]


def _account(kind: Kind = Kind.REPLY, **facts: object) -> AccountFacts:
    role = next(iter(sorted(TABLE[kind].roles)))
    return AccountFacts(**{"role": role, "zone": "Asia/Shanghai", "limits": Limits(), **facts})  # type: ignore[arg-type]


def test_every_kind_has_a_row_in_both_tables() -> None:
    assert set(TABLE) == set(GATES) == set(Kind)
    assert tuple(range(len(PRIORITIES))) == PRIORITIES


@kinds
def test_at_noon_what_nothing_is_against_goes(kind: Kind) -> None:
    assert decide(_row(kind), _account(kind), NOON) == Go()


@kinds
def test_at_night_it_goes_or_waits_as_the_table_says(kind: Kind) -> None:
    verdict = decide(_row(kind, NIGHT), _account(kind), NIGHT)
    if TABLE[kind].night == "waits":
        assert verdict == Wait(MORNING, "quiet_hours")
    else:
        assert verdict == Go()


def test_a_welcome_is_allowed_at_night_for_ten_minutes() -> None:
    soon, late = _row(Kind.WELCOME, NIGHT - 600_000), _row(Kind.WELCOME, NIGHT - 600_001)
    assert decide(soon, _account(), NIGHT) == Go()
    assert decide(late, _account(), NIGHT) == Wait(MORNING, "quiet_hours")


def test_posts_have_hours_of_their_own() -> None:
    for hour_ms, verdict in (
        (shanghai(7, 29), Wait(shanghai(7, 30), "post_hours")),
        (shanghai(7, 30), Go()),
        (shanghai(22, 59), Go()),
        (shanghai(23, 0), Wait(shanghai(7, 30, day=22), "post_hours")),
    ):
        assert decide(_row(Kind.MOMENT, hour_ms), _account(), hour_ms) == verdict


@kinds
def test_after_an_opt_out_it_goes_or_never_does_as_the_table_says(kind: Kind) -> None:
    verdict = decide(_row(kind, opted_out=True), _account(kind), NOON)
    assert verdict == (Go() if TABLE[kind].opted_out else Skip("opted_out"))


@kinds
def test_during_a_full_stop_it_is_held_or_goes_as_the_table_says(kind: Kind) -> None:
    verdict = decide(_row(kind), _account(kind, stop_all=True), NOON)
    assert verdict == (Hold("stop_all") if TABLE[kind].stopped else Go())


@kinds
def test_a_paused_account_answers_staff_and_nothing_else(kind: Kind) -> None:
    verdict = decide(_row(kind), _account(kind, paused=True), NOON)
    assert verdict == (Go() if kind is Kind.COMMAND_REPLY else Hold("account_paused"))


@kinds
@pytest.mark.parametrize("role", list(Role))
def test_the_role_allows_or_forbids_as_the_table_says(kind: Kind, role: Role) -> None:
    verdict = decide(_row(kind), _account(kind, role=role), NOON)
    assert verdict == (Go() if role in TABLE[kind].roles else Skip("role"))
    assert allowed_by_role(kind, role) is (role in TABLE[kind].roles)


@kinds
def test_the_weekly_cap_binds_pushes_and_nothing_else(kind: Kind) -> None:
    pushed = NOON - WEEK_MS + 1
    verdict = decide(_row(kind, last_push_ms=pushed), _account(kind), NOON)
    assert verdict == (Wait(pushed + WEEK_MS, "weekly_cap") if TABLE[kind].weekly else Go())
    assert decide(_row(kind, last_push_ms=NOON - WEEK_MS), _account(kind), NOON) == Go()
    assert decide(_row(kind, last_push_ms=pushed, overrides_weekly=True), _account(kind), NOON) == Go()


@kinds
def test_do_not_disturb_makes_wait_what_nobody_asked_for(kind: Kind) -> None:
    until = NOON + 3 * DAY_MS
    verdict = decide(_row(kind, muted_until_ms=until), _account(kind), NOON)
    assert verdict == (Wait(until, "muted") if TABLE[kind].muted_waits else Go())


@kinds
def test_while_a_person_talks_with_them_nothing_comes_unasked(kind: Kind) -> None:
    until = NOON + 3 * DAY_MS
    verdict = decide(_row(kind, held_until_ms=until), _account(kind), NOON)
    assert verdict == (Wait(until, "held") if TABLE[kind].muted_waits else Go())
    assert decide(_row(kind, held_until_ms=NOON), _account(kind), NOON) == Go()


@kinds
def test_trust_comes_before_selling(kind: Kind) -> None:
    """No push to a friendship younger than seven days, none without a conversation, claim or purchase."""
    since = NOON - 6 * DAY_MS
    young = decide(_row(kind, friend_since_ms=since), _account(kind), NOON)
    silent = decide(_row(kind, conversed=False), _account(kind), NOON)
    if TABLE[kind].weekly:
        assert young == Wait(since + 7 * DAY_MS, "trust_first")
        assert silent == Skip("trust_first")
    else:
        assert young == silent == Go()


@kinds
def test_marketing_never_goes_to_staff_to_our_own_accounts_or_to_strangers(kind: Kind) -> None:
    own = decide(_row(kind, never_audience=True), _account(kind), NOON)
    stranger = decide(_row(kind, friend=False), _account(kind), NOON)
    if TABLE[kind].muted_waits:
        assert (own, stranger) == (Skip("never_audience"), Skip("not_a_friend"))
    else:
        assert own == stranger == Go()


def test_what_would_wait_beyond_its_validity_is_skipped_with_the_reason() -> None:
    row = _row(Kind.PUSH, NIGHT, valid_until_ms=MORNING)
    assert decide(row, _account(Kind.PUSH), NIGHT) == Skip("quiet_hours")
    assert decide(replace(row, valid_until_ms=MORNING + 1), _account(Kind.PUSH), NIGHT) == Wait(MORNING, "quiet_hours")
    assert decide(_row(Kind.REPLY, valid_until_ms=NOON), _account(), NOON) == Skip("expired")


def test_the_longest_wait_is_the_one_that_is_named() -> None:
    row = _row(Kind.PUSH, NIGHT, muted_until_ms=NIGHT + 2 * DAY_MS, last_push_ms=NIGHT - DAY_MS)
    assert decide(row, _account(Kind.PUSH), NIGHT) == Wait(NIGHT + 6 * DAY_MS, "weekly_cap")


def test_a_campaign_that_is_not_running_holds_and_a_cancelled_one_skips() -> None:
    for state in ("draft", "holding", "paused"):
        row = _row(Kind.PUSH, campaign_state=state)
        assert decide(row, _account(Kind.PUSH), NOON) == Hold(f"campaign_{state}")
    assert decide(_row(Kind.PUSH, campaign_state="cancelled"), _account(Kind.PUSH), NOON) == Skip("cancelled")


def test_what_a_person_released_goes_although_its_campaign_is_finished() -> None:
    released = _row(Kind.PUSH, campaign_state="finished")
    assert decide(released, _account(Kind.PUSH), NOON) == decide(_row(Kind.PUSH), _account(Kind.PUSH), NOON)


@pytest.mark.parametrize("post", list(PostKind))
def test_a_training_account_sells_nothing_in_its_moments(post: PostKind) -> None:
    assert allowed_by_role(Kind.MOMENT, Role.TRAINING, post) is (post not in (PostKind.PRODUCT, PostKind.BENEFIT))
    for role in (Role.SALES, Role.ACQUISITION):
        assert allowed_by_role(Kind.MOMENT, role, post)


@given(st.lists(st.sampled_from(PostKind), max_size=60))
def test_of_any_three_posts_in_a_row_at_most_one_sells(wanted: list[PostKind]) -> None:
    published: list[PostKind] = []
    for post in wanted:
        if not sells_too_often(post, tuple(reversed(published[-2:]))):
            published.append(post)
    for start in range(len(published)):
        assert sum(post.sells for post in published[start : start + 3]) <= 1


_maybe_ms = st.one_of(st.none(), st.integers(NOON - 60 * DAY_MS, NOON + 60 * DAY_MS))
_rows = st.builds(
    RowFacts,
    kind=st.sampled_from(Kind), due_ms=st.integers(NOON - DAY_MS, NOON + DAY_MS), valid_until_ms=_maybe_ms,
    acted_ms=st.integers(NOON - DAY_MS, NOON), has_person=st.booleans(), opted_out=st.booleans(),
    muted_until_ms=_maybe_ms, last_push_ms=_maybe_ms, overrides_weekly=st.booleans(), friend=st.booleans(),
    friend_since_ms=_maybe_ms, conversed=st.booleans(), never_audience=st.booleans(),
    campaign_state=st.sampled_from(["", "running", "paused", "draft", "cancelled"]),
    post_kind=st.none() | st.sampled_from(PostKind),
    last_posts=st.lists(st.sampled_from(PostKind), max_size=3).map(tuple),
)  # fmt: skip
_accounts = st.builds(
    AccountFacts,
    role=st.sampled_from(Role), zone=zones, limits=st.just(Limits()), paused=st.booleans(), stop_all=st.booleans(),
)  # fmt: skip


@given(_rows, _accounts, moments)
def test_whatever_else_is_true_an_opted_out_person_gets_no_marketing(
    row: RowFacts, account: AccountFacts, now_ms: int
) -> None:
    out = replace(row, opted_out=True)
    if GATES[row.kind].surface is Surface.MESSAGE and not TABLE[row.kind].opted_out:
        assert isinstance(decide(out, account, now_ms), Skip)


@given(_rows, _accounts, moments)
def test_whatever_else_is_true_a_full_stop_lets_nothing_of_it_go(
    row: RowFacts, account: AccountFacts, now_ms: int
) -> None:
    verdict = decide(row, replace(account, stop_all=True), now_ms)
    if TABLE[row.kind].stopped:
        assert not isinstance(verdict, Go | Wait)


@given(_rows, _accounts, moments)
def test_who_waits_as_told_meets_the_same_reason_no_more(row: RowFacts, account: AccountFacts, now_ms: int) -> None:
    """A wait ends later than now, before the validity, and is over when it ends."""
    verdict = decide(row, account, now_ms)
    if isinstance(verdict, Wait):
        assert verdict.until_ms > now_ms
        assert row.valid_until_ms is None or verdict.until_ms < row.valid_until_ms or verdict.reason == "not_due"
        then = decide(row, account, verdict.until_ms)
        assert not isinstance(then, Wait) or then.reason != verdict.reason


@given(last=st.integers(0, 30 * DAY_MS), rest=st.integers(0, 30))
def test_between_two_campaigns_of_a_pond_there_is_always_a_week(last: int, rest: int) -> None:
    """Whatever its file says; and longer where that says so."""
    row = _row(Kind.POND_CAMPAIGN, NOON, pond=PondFacts("", NOON - last, rest))
    verdict = decide(row, _account(Kind.POND_CAMPAIGN), NOON)
    free_ms = NOON - last + max(WEEK_MS, rest * DAY_MS)
    assert verdict == (Go() if free_ms <= NOON else Wait(free_ms, "pond_week"))


@pytest.mark.parametrize("pond", [None, PondFacts("staff_room"), PondFacts("pond_owner")])
def test_where_nothing_of_ours_may_go_a_campaign_never_goes(pond: PondFacts | None) -> None:
    verdict = decide(_row(Kind.POND_CAMPAIGN, pond=pond), _account(Kind.POND_CAMPAIGN), NOON)
    assert verdict == Skip(pond.refusal if pond else "pond_gone")
