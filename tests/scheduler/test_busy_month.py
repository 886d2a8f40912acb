"""A month of a busy matrix, judged by what the gateways saw and by what stands in the outbox at its end."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from sqlalchemy import select

from rules.gates import WEEK_MS, allowed_by_role, sells_too_often
from rules.kindness import KINDNESSES, MONTH_MS, MOST_A_MONTH
from rules.kinds import Kind, Quiet, Surface, gate_of
from rules.limits import Limits
from rules.pacing import DAY_MS, MINUTE_MS
from rules.quiet_hours import within
from rules.roles import PostKind
from storage.campaign_tables import Phase, Post
from storage.engine import Database
from storage.tables import Delivery
from tests.scheduler.busy_month import BY_ID, MEMBERS, Left, Month

LIMITS = Limits()


async def test_a_month_keeps_every_rule(sqlite_database: Database) -> None:
    """One push a week and person, VIPs only, roles, hours, pace, selling posts, mirrors, kindnesses, lessons."""
    month = Month(sqlite_database)
    await month.live()
    async with sqlite_database.read() as connection:
        rows = (await connection.execute(select(Delivery.__table__).order_by(Delivery.id))).all()
        posts = {row.id: row for row in (await connection.execute(select(Post.__table__))).all()}
        phases = (await connection.execute(select(Phase.state, Phase.reason))).all()
    left = [one for one in month.left if one.outcome != "away"]
    _it_was_busy(left)
    _nobody_is_pushed_twice_a_week_or_unasked(left, month)
    _who_gave_everything_back_is_no_customer(rows, month)
    _roles_and_hours_hold(left, posts)
    _pace_and_caps_hold(left)
    _of_three_posts_one_sells(left, posts)
    _mirrors_show_what_their_source_showed(rows)
    _once_for_each_occasion_and_twice_a_month(left, rows)
    _each_lesson_once_and_in_order(left)
    _nothing_is_sent_twice_or_forgotten(left, rows, month)
    assert all(phase.state == "done" or phase.reason for phase in phases)


def _it_was_busy(left: list[Left]) -> None:
    kinds = Counter(one.row.kind for one in left)
    assert kinds[Kind.PUSH] > 300, kinds
    assert kinds[Kind.CAMPAIGN_PUSH] > 20, kinds
    assert kinds[Kind.GREETING] > 150, kinds
    assert kinds[Kind.CARE] > 50, kinds
    assert kinds[Kind.LESSON] > 40, kinds
    assert kinds[Kind.MOMENT] > 300, kinds


def _nobody_is_pushed_twice_a_week_or_unasked(left: list[Left], month: Month) -> None:
    pushed: dict[int, list[int]] = defaultdict(list)
    for one in left:
        person, gate = one.row.person, gate_of(one.row.kind)
        if person is None:
            continue
        if gate.weekly:
            assert person not in month.never_bought
            if one.outcome != "refused":  # that one had no push, and may have another
                pushed[person].append(one.at_ms)
        if gate.marketing:
            assert one.at_ms < month.opted_out.get(person, one.at_ms + 1), one
    for person, times in pushed.items():
        assert all(later - earlier >= WEEK_MS for earlier, later in pairwise(sorted(times))), (person, times)


def _who_gave_everything_back_is_no_customer(rows: Iterable[Any], month: Month) -> None:
    assert len(month.refunded) == 10
    for row in rows:
        if row.person in month.refunded and gate_of(row.kind).weekly:
            assert row.created_ms <= month.refunded[row.person], row.key


def _roles_and_hours_hold(left: list[Left], posts: dict[int, Any]) -> None:
    for one in left:
        member, gate = BY_ID[one.account], gate_of(one.row.kind)
        post = PostKind(posts[one.row.content.post].kind) if one.row.content.post is not None else None
        assert allowed_by_role(one.row.kind, member.role, post), one
        if gate.quiet is Quiet.WAITS:
            assert not within(one.at_ms, LIMITS.quiet_from, LIMITS.quiet_until, member.zone), one
        if gate.quiet is Quiet.OWN_HOURS:
            assert within(one.at_ms, LIMITS.posts_from, LIMITS.posts_until, member.zone), one


def _pace_and_caps_hold(left: list[Left]) -> None:
    for member in MEMBERS:
        mine = [one for one in left if one.account == member.id]
        messages = [one for one in mine if gate_of(one.row.kind).surface is Surface.MESSAGE]
        gaps = [later.at_ms - earlier.at_ms for earlier, later in pairwise(messages)]
        assert all(gap >= LIMITS.gap_min_s * 1000 for gap in gaps)
        _at_most(LIMITS.messages_per_minute, MINUTE_MS, [one.at_ms for one in messages])
        budgeted = [one.at_ms for one in messages if gate_of(one.row.kind).push_budget]
        _at_most(LIMITS.pushes_per_day, DAY_MS, budgeted)
        moments = [one.at_ms for one in mine if one.row.kind is Kind.MOMENT]
        _at_most(LIMITS.posts_per_day, DAY_MS, moments)
        assert all(later - earlier >= 60 * MINUTE_MS for earlier, later in pairwise(moments))


def _at_most(number: int, span_ms: int, times: list[int]) -> None:
    assert all(times[place + number] - times[place] >= span_ms for place in range(len(times) - number))


def _of_three_posts_one_sells(left: list[Left], posts: dict[int, Any]) -> None:
    for member in MEMBERS:
        kinds = [
            PostKind(posts[one.row.content.post].kind)
            for one in left
            if one.account == member.id and one.row.content.post is not None and one.outcome != "refused"
        ]
        for place, kind in enumerate(kinds):
            assert not sells_too_often(kind, tuple(reversed(kinds[max(0, place - 2) : place]))), (member.id, place)


def _mirrors_show_what_their_source_showed(rows: Iterable[Any]) -> None:
    by_key = {row.key: row for row in rows if row.kind == Kind.MOMENT.value}
    for mirror in MEMBERS:
        if mirror.mirror_of is None:
            continue
        prefix = f"moment:{mirror.mirror_of}:"
        shown = [row for key, row in by_key.items() if key.startswith(prefix)]
        assert sum(row.state == "accepted" for row in shown) > 50
        for row in shown:
            own = by_key.get(f"moment:{mirror.id}:{row.key.removeprefix(prefix)}")
            if row.state == "accepted" and own is not None:
                assert own.content == row.content
                assert own.state in ("accepted", "failed", "in_doubt", "unknown", "pending") or own.reason
            elif own is not None:
                assert own.state == "skipped"
                assert own.reason
        assert not [key for key in by_key if key.startswith(f"moment:{mirror.id}:{mirror.id}:")]


def _once_for_each_occasion_and_twice_a_month(left: list[Left], rows: Iterable[Any]) -> None:
    sources = {row.id: row.source for row in rows}
    given: dict[int, dict[str, int]] = defaultdict(dict)
    for one in left:
        if one.row.kind in KINDNESSES and one.row.person is not None and one.outcome != "refused":
            source = sources[one.row.id]
            assert source not in given[one.row.person], (one, source)
            given[one.row.person][source] = one.at_ms
    for times in given.values():
        _at_most(MOST_A_MONTH, MONTH_MS - DAY_MS, sorted(times.values()))


def _each_lesson_once_and_in_order(left: list[Left]) -> None:
    given: dict[int | None, list[str]] = defaultdict(list)
    for one in left:
        if one.row.kind is Kind.LESSON and one.row.content.text is not None:
            assert one.account == "qin-1"
            given[one.row.person].append(one.row.content.text.split("，", 1)[-1])
    whole = max(given.values(), key=len)
    assert len(whole) == 5
    assert all(lessons == whole[: len(lessons)] for lessons in given.values() if "unknown" not in lessons)


def _nothing_is_sent_twice_or_forgotten(left: list[Left], rows: Iterable[Any], month: Month) -> None:
    assert max(Counter(one.row.id for one in left).values()) == 1
    now_ms = month.clock.now_ms()
    for row in rows:
        if row.state == "pending":
            assert row.due_ms > now_ms - DAY_MS or row.reason, (row.key, row.due_ms, row.reason)
            assert row.valid_until_ms is None or row.valid_until_ms > now_ms - DAY_MS, row.key
        elif row.state in ("skipped", "failed", "in_doubt"):
            assert row.reason, row.key
        else:
            assert row.state in ("accepted", "unknown"), (row.key, row.state)
