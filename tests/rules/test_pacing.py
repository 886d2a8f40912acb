"""Whoever sends only when `Pace` says so stays within every rolling window, and wastes no moment."""

import itertools
from dataclasses import dataclass
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from rules.limits import Limits
from rules.pacing import DAY_MS, MINUTE_MS, Pace, accepts_allowed, requests_allowed

TIGHT = Limits(
    gap_min_s=0.5, gap_max_s=2, people_per_minute=3, messages_per_minute=5, messages_per_day=40, pushes_per_day=12,
    replies_kept_per_day=15,
)  # fmt: skip
HOUSE = Limits()


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody wants to say something, `after_ms` after the last one; `patient` ones wait until they may."""

    after_ms: int
    to: str
    push: bool
    reply: bool
    patient: bool


@dataclass(frozen=True, slots=True)
class Sent:
    at_ms: int
    to: str
    push: bool
    reply: bool


_kinds = st.sampled_from([(True, False), (False, True), (False, False)])
_waits = st.one_of(st.integers(0, 3_000), st.integers(0, 2 * MINUTE_MS), st.integers(0, DAY_MS))
wishes = st.lists(
    st.builds(
        lambda after, to, kind, patient: Wish(after, f"w{to}", *kind, patient),
        _waits, st.integers(0, 12), _kinds, st.booleans(),
    ),
    max_size=120,
)  # fmt: skip


def _live(pace: Pace, wanted: list[Wish], random: Random) -> list[Sent]:
    now_ms = 10 * DAY_MS
    sent: list[Sent] = []
    for wish in wanted:
        now_ms += wish.after_ms
        free_ms, _ = pace.message_free_at(wish.to, now_ms, push=wish.push, reply=wish.reply)
        if free_ms > now_ms:
            if not wish.patient:
                continue
            now_ms = free_ms
            assert pace.message_free_at(wish.to, now_ms, push=wish.push, reply=wish.reply)[0] <= now_ms
        pace.sent_message(wish.to, now_ms, push=wish.push, random=random)
        sent.append(Sent(now_ms, wish.to, wish.push, wish.reply))
    return sent


def _within(sent: list[Sent], end_ms: int, span_ms: int) -> list[Sent]:
    return [one for one in sent if end_ms - span_ms < one.at_ms <= end_ms]


def _assert_every_window_holds(sent: list[Sent], limits: Limits) -> None:
    for last, one in enumerate(sent):
        minute = _within(sent[: last + 1], one.at_ms, MINUTE_MS)
        assert len(minute) <= limits.messages_per_minute
        assert len({row.to for row in minute}) <= limits.people_per_minute
        day = _within(sent[: last + 1], one.at_ms, DAY_MS)
        assert len(day) <= limits.messages_per_day
        assert sum(row.push for row in day) <= limits.pushes_per_day
        assert sum(not row.reply for row in day) <= limits.messages_per_day - limits.replies_kept_per_day
    for earlier, later in itertools.pairwise(sent):
        assert later.at_ms - earlier.at_ms >= round(limits.gap_min_s * 1000)


@given(wishes, st.sampled_from([TIGHT, HOUSE]), st.integers())
def test_no_rolling_window_is_ever_exceeded(wanted: list[Wish], limits: Limits, seed: int) -> None:
    _assert_every_window_holds(_live(Pace(limits), wanted, Random(seed)), limits)


@given(wishes, st.integers(0, 119), st.integers())
def test_a_pace_counted_again_from_the_past_allows_nothing_more(wanted: list[Wish], cut: int, seed: int) -> None:
    """A restart: what the outbox knows of the last day is counted into a new pace, and life goes on."""
    before = _live(Pace(TIGHT), wanted[:cut], Random(seed))
    start_ms = before[-1].at_ms if before else 10 * DAY_MS
    again = Pace(TIGHT, next_ms=start_ms + round(TIGHT.gap_max_s * 1000))
    for one in before:
        again.count_message(one.to, one.at_ms, push=one.push)
    after = _live(again, [Wish(start_ms - 10 * DAY_MS, "w0", False, True, False), *wanted[cut:]], Random(seed))
    _assert_every_window_holds(before + after, TIGHT)


@given(wishes, st.integers(0, 12), _kinds, st.integers())
def test_no_moment_is_wasted(wanted: list[Wish], to: int, kind: tuple[bool, bool], seed: int) -> None:
    """One millisecond before the moment that `Pace` names, some rule would have been broken."""
    pace = Pace(TIGHT)
    sent = _live(pace, wanted, Random(seed))
    now_ms = sent[-1].at_ms if sent else 10 * DAY_MS
    push, reply = kind
    free_ms, reason = pace.message_free_at(f"w{to}", now_ms, push=push, reply=reply)
    early = free_ms - 1
    if early <= now_ms:
        return
    one_more = Sent(early, f"w{to}", push, reply)
    minute, day = _within([*sent, one_more], early, MINUTE_MS), _within([*sent, one_more], early, DAY_MS)
    broken = {
        "pace": early < pace.next_ms,
        "people_per_minute": len({row.to for row in minute}) > TIGHT.people_per_minute,
        "messages_per_minute": len(minute) > TIGHT.messages_per_minute,
        "messages_per_day": len(day) > TIGHT.messages_per_day,
        "pushes_per_day": sum(row.push for row in day) > TIGHT.pushes_per_day,
        "replies_kept": len(day) > TIGHT.messages_per_day - TIGHT.replies_kept_per_day,
    }
    assert broken[reason], reason


def test_two_hundred_replies_leave_on_a_day_full_of_everything_else() -> None:
    """Six hundred a day with the numbers of the house: four hundred others at most, and every reply finds a place."""
    pace, random, now_ms = Pace(HOUSE), Random(1), DAY_MS
    others = 0
    for number in range(700):
        free_ms, _ = pace.message_free_at(f"w{number}", now_ms, push=number % 2 == 0, reply=False)
        if free_ms - now_ms > MINUTE_MS:
            continue
        now_ms = max(now_ms, free_ms)
        pace.sent_message(f"w{number}", now_ms, push=number % 2 == 0, random=random)
        others += 1
    assert others == 400
    for number in range(200):
        free_ms, _ = pace.message_free_at(f"r{number}", now_ms, push=False, reply=True)
        assert free_ms - now_ms <= MINUTE_MS
        now_ms = max(now_ms, free_ms)
        pace.sent_message(f"r{number}", now_ms, push=False, random=random)
    assert pace.message_free_at("one more", now_ms, push=False, reply=True)[1] == "messages_per_day"


@given(st.lists(st.integers(0, 4 * 3_600_000), max_size=60), st.floats(0, 60), st.integers())
def test_accepts_stay_within_what_the_age_allows(waits: list[int], age_days: float, seed: int) -> None:
    limits = Limits(accepts_per_day=12, accepts_first_day=3)
    pace, random, now_ms = Pace(limits), Random(seed), DAY_MS
    accepted: list[int] = []
    for wait in waits:
        now_ms += wait
        if pace.accept_free_at(age_days, now_ms)[0] <= now_ms:
            pace.sent_accept(now_ms, random=random)
            accepted.append(now_ms)
    for at_ms in accepted:
        day = [earlier for earlier in accepted if at_ms - DAY_MS < earlier <= at_ms]
        assert len(day) <= accepts_allowed(age_days, limits)
    for earlier, later in itertools.pairwise(accepted):
        assert later - earlier >= limits.accept_gap_min_s * 1000


@given(st.floats(-5, 400), st.floats(0, 400))
def test_an_older_account_never_may_accept_or_ask_less(age_days: float, older: float) -> None:
    for allowed in (accepts_allowed, requests_allowed):
        assert allowed(age_days, HOUSE) <= allowed(age_days + older, HOUSE)


def test_the_ramp_of_accepts_and_requests_is_that_of_the_house() -> None:
    assert [accepts_allowed(days, HOUSE) for days in (0, 30, 365)] == [10, 100, 100]
    assert 10 < accepts_allowed(15, HOUSE) < 100
    assert [requests_allowed(days, HOUSE) for days in (0, 6.99, 30, 365)] == [0, 0, 15, 15]


@given(st.lists(st.integers(0, 12 * 3_600_000), max_size=60))
def test_posts_are_an_hour_apart_and_five_a_day(waits: list[int]) -> None:
    pace, now_ms = Pace(HOUSE), DAY_MS
    posted: list[int] = []
    for wait in waits:
        now_ms += wait
        if pace.post_free_at(365, now_ms)[0] <= now_ms:
            pace.sent_post(now_ms)
            posted.append(now_ms)
    for at_ms in posted:
        assert len([earlier for earlier in posted if at_ms - DAY_MS < earlier <= at_ms]) <= HOUSE.posts_per_day
    for earlier, later in itertools.pairwise(posted):
        assert later - earlier >= HOUSE.post_gap_min * MINUTE_MS


def test_what_is_never_allowed_is_never_free() -> None:
    closed = Pace(Limits(pushes_per_day=0, accepts_per_day=0, accepts_first_day=0))
    for now_ms in (0, DAY_MS, 400 * DAY_MS):
        assert closed.message_free_at("w", now_ms, push=True, reply=False)[0] > now_ms
        assert closed.accept_free_at(365, now_ms)[0] > now_ms
