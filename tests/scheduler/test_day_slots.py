"""One account's day for any calendar: roles, caps and the advertising share hold, and free slots are really free."""

import itertools
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from personas.model import MomentsPlan
from rules.gates import allowed_by_role
from rules.kinds import Kind
from rules.limits import Limits
from rules.pacing import DAY_MS, MINUTE_MS
from rules.quiet_hours import local, within
from rules.roles import PostKind, Role
from scheduler.moments.day_slots import Found, Poster, compose
from scheduler.moments.moments import Calendar, CalendarFile, Entry
from scheduler.moments.rhythm import Planned
from tests.scheduler.matrix import ZONE

DAY = date(2026, 11, 23)


def _entry(name: str, **values: object) -> Entry:
    return Entry.model_validate({"name": name, "kind": "life", "text": "好", **values})


def _poster(role: Role = Role.SALES, **values: object) -> Poster:
    given = {"id": "lin-1", "persona": "lin", "role": role, "zone": ZONE, "limits": Limits(), "opened_ms": 0, **values}
    return Poster(**given)  # type: ignore[arg-type]


def _calendar(*entries: Entry, times: tuple[str, ...] = ()) -> Calendar:
    plan = MomentsPlan.model_validate({"times": times})
    return Calendar((CalendarFile(persona="lin", posts=entries),), {"lin": plan})


def _clocks(calendar: Calendar, **values: object) -> dict[str, str]:
    posts = compose(_poster(), calendar, DAY, **values)  # type: ignore[arg-type]
    return {post.entry.name: post.skipped or f"{local(post.due_ms, ZONE):%H:%M}" for post in posts}


def test_a_free_post_takes_the_first_minute_that_is_an_hour_from_all_others() -> None:
    calendar = _calendar(_entry("a", at="08:00"), _entry("b", at="09:30"), _entry("c", at="free"))
    assert _clocks(calendar)["c"] == "10:30"


def test_a_free_post_likes_the_usual_times_of_its_persona() -> None:
    calendar = _calendar(_entry("a", at="08:00"), _entry("c", at="free"), times=("12:30",))
    assert "12:30" <= _clocks(calendar)["c"] < "12:40"


def test_a_free_post_keeps_the_minute_it_was_given() -> None:
    calendar = _calendar(_entry("c", at="free"))
    key = "lin-1:2026-11-23:c"
    at_ms = compose(_poster(), calendar, DAY)[0].due_ms + 3 * 60 * MINUTE_MS
    assert [post.due_ms for post in compose(_poster(), calendar, DAY, found={key: Found(at_ms)})] == [at_ms]


def test_where_no_minute_is_free_the_post_says_so() -> None:
    calendar = _calendar(_entry("a", at="12:00"), _entry("c", at="free", window="11:30-12:30"))
    assert _clocks(calendar) == {"a": "12:00", "c": "no_free_slot"}


def test_a_window_over_midnight_belongs_to_the_day_it_begins_on() -> None:
    entry = _entry("night", window="23:30-00:30")
    found = {local(entry.due_ms(f"a{n}", DAY, ZONE), ZONE).replace(tzinfo=None) for n in range(60)}
    assert {moment.date() for moment in found} == {DAY, DAY + timedelta(days=1)}
    assert all(moment.hour in (23, 0) for moment in found)


def test_on_the_day_the_clocks_go_forward_a_window_in_the_gap_still_has_a_minute() -> None:
    entry = _entry("night", window="02:10-03:30")
    due_ms = entry.due_ms("a", date(2026, 3, 8), "America/New_York")
    assert local(due_ms, "America/New_York").hour == 3


def test_a_young_account_posts_little_and_never_sells_first() -> None:
    posts = (_entry("buy", at="09:00", kind="product"), _entry("b", at="12:00"), _entry("c", at="15:00"))
    noon_ms = compose(_poster(), _calendar(*posts), DAY)[1].due_ms

    def going(age_days: float) -> list[str]:
        poster = _poster(opened_ms=noon_ms - round(age_days * DAY_MS))
        return [post.entry.name for post in compose(poster, _calendar(*posts), DAY) if not post.skipped]

    assert going(2) == ["b"]
    assert going(10) == ["b", "c"]
    assert going(31) == ["buy", "b", "c"]


def test_variants_take_turns_and_a_day_left_out_shifts_nobody() -> None:
    entry = _entry("a", at="09:00", days=["mon", "thu"], text=["一", "二"], **{"except": ["2026-11-26"]})
    days = [day for n in range(28) if entry.on(day := DAY + timedelta(days=n))]
    assert "".join(entry.words_on(day) for day in days) in ("一" + "一二" * 3, "二" + "二一" * 3)


_kinds = st.sampled_from(PostKind)
_at = st.one_of(
    st.just({"at": "free"}),
    st.builds(lambda h, m: {"at": f"{h:02}:{m:02}"}, st.integers(7, 23), st.integers(0, 59)),
    st.builds(lambda h: {"window": f"{h:02}:10-{h:02}:40"}, st.integers(7, 22)),
)
_entries = st.lists(st.tuples(_kinds, _at), min_size=1, max_size=9).map(
    lambda posts: [_entry(f"p{n}", kind=kind, **at) for n, (kind, at) in enumerate(posts)]
)


@settings(max_examples=100)
@given(_entries, st.sampled_from(Role), st.integers(0, 60))
def test_for_any_calendar_roles_and_the_advertising_share_hold_day_after_day(
    entries: list[Entry], role: Role, age: int
) -> None:
    poster = _poster(role, opened_ms=1_763_000_000_000 - age * DAY_MS)
    calendar = _calendar(*entries)
    all_days: list[Planned] = []
    for day in (DAY + timedelta(days=n) for n in range(4)):
        posts = compose(poster, calendar, day, around=all_days)
        assert posts == compose(poster, calendar, day, around=all_days)
        assert {post.entry.name for post in posts} == {entry.name for entry in entries}
        going = [post.planned for post in posts if not post.skipped]
        all_days += going
        free = [post for post in posts if post.entry.free and not post.skipped]
        assert all(within(post.due_ms, poster.limits.posts_from, poster.limits.posts_until, ZONE) for post in free)
        for post in free:
            gaps = [abs(other.due_ms - post.due_ms) for other in going if other.name != post.entry.name]
            assert min(gaps, default=DAY_MS) >= 60 * MINUTE_MS
        assert all(allowed_by_role(Kind.MOMENT, role, other.kind) for other in going)
    ordered = sorted(all_days, key=lambda post: (post.due_ms, post.name))
    for three in itertools.pairwise(itertools.pairwise(ordered)):
        (first, second), (_, third) = three
        assert sum(post.kind.sells for post in (first, second, third)) <= 1
