"""One account's day: which posts of the calendar go, when, and why the others do not. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from rules.gates import allowed_by_role, sells_too_often
from rules.kinds import Kind
from rules.limits import Limits
from rules.pacing import DAY_MS, MINUTE_MS, age_days, posts_allowed
from rules.roles import Role
from scheduler.moments.moments import Calendar, Entry, ends_of
from scheduler.moments.rhythm import Planned
from scheduler.seeds import drawn

GRACE_MS = 30 * MINUTE_MS
"""A post that is later than this when it is planned is not published any more."""
LATELY = 16
"""So many posts before a day are enough to judge it: all of a rolling day, and the two before. Ours."""
_NEAR_USUAL_MIN = 10
"""A free slot at a persona's usual time is within so many minutes of it, each account in its own. Ours."""


@dataclass(frozen=True, slots=True)
class Poster:
    """An account that has posts of its own. `opened_ms` None: it counts as new, as everywhere."""

    id: str
    persona: str
    role: Role
    zone: str
    limits: Limits
    opened_ms: int | None = None

    def may_post(self, at_ms: int) -> int:
        """Posts it may publish in a day at that age."""
        return posts_allowed(age_days(self.opened_ms, at_ms), self.limits)


@dataclass(frozen=True, slots=True)
class Found:
    """How a post was planned before. `skipped` as in `DayPost`."""

    due_ms: int
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class DayPost:
    """One post of one account on one day. `skipped` is the reason why it will not appear, '' when it will."""

    account: str
    key: str
    entry: Entry
    text: str
    due_ms: int
    skipped: str = ""
    media: tuple[str, ...] = ()
    settled: bool = False
    """Was it planned before just so? Then nothing about its minute is decided anew."""

    @property
    def planned(self) -> Planned:
        return Planned(self.entry.name, self.entry.kind, self.due_ms)


def compose(
    poster: Poster,
    calendar: Calendar,
    day: date,
    *,
    around: Sequence[Planned] = (),
    found: Mapping[str, Found] | None = None,
    now_ms: int | None = None,
    restored_ms: int = 0,
) -> list[DayPost]:
    """The day in the order of its minutes. The same arguments give the same day.

    `around`: other posts of the account near that day, published or planned. `found`: what was planned of this day
    before, by key: a post keeps its minute unless the calendar gives it another. Without `now_ms` nothing is too late.
    """
    fixed, free = _by_clock(poster, calendar, day, found or {})
    fixed = [_judged(post, poster, now_ms, restored_ms) for post in fixed]
    free = [_judged(post, poster, None, 0) for post in free]
    fixed, free = _as_many_as_its_age_allows(poster, fixed, free)
    fixed = _selling_seldom(fixed, around)
    going = [*around, *(post.planned for post in fixed if not post.skipped)]
    going += _first_of_tomorrow(poster, calendar, day)
    placed: list[DayPost] = []
    for post in free:
        settled = post if post.skipped else _in_a_free_minute(post, poster, calendar, day, going, now_ms)
        if not settled.skipped:
            going.append(settled.planned)
        placed.append(settled)
    return sorted([*fixed, *placed], key=lambda post: (post.due_ms, post.key))


def _by_clock(
    poster: Poster, calendar: Calendar, day: date, found: Mapping[str, Found]
) -> tuple[list[DayPost], list[DayPost]]:
    """Those with a minute, and those that still look for one."""
    fixed, free = [], []
    for entry in calendar.entries(poster.id, poster.persona, day):
        key = f"{poster.id}:{day.isoformat()}:{entry.name}"
        text = entry.words_on(day)
        known = found.get(key)
        due_ms = None if entry.free else entry.due_ms(poster.id, day, poster.zone)
        if known is not None and due_ms in (None, known.due_ms):
            fixed.append(
                DayPost(poster.id, key, entry, text, known.due_ms, known.skipped, media=entry.media, settled=True)
            )
        elif due_ms is not None:
            fixed.append(DayPost(poster.id, key, entry, text, due_ms, media=entry.media))
        else:
            free.append(DayPost(poster.id, key, entry, text, _stretch(entry, poster, day)[0], media=entry.media))
    return fixed, free


def _judged(post: DayPost, poster: Poster, now_ms: int | None, restored_ms: int) -> DayPost:
    if post.settled:
        return post
    if not allowed_by_role(Kind.MOMENT, poster.role, post.entry.kind):
        return replace(post, skipped="role")
    if now_ms is not None and post.due_ms + GRACE_MS < now_ms:
        return replace(post, skipped="too_late")
    return replace(post, skipped="restored") if post.due_ms <= restored_ms else post


def _as_many_as_its_age_allows(
    poster: Poster, fixed: list[DayPost], free: list[DayPost]
) -> tuple[list[DayPost], list[DayPost]]:
    """A young account posts little at first: what sells goes last, so it is left out first."""
    going = [post for post in (*fixed, *free) if not post.skipped]
    if not going:
        return fixed, free
    allowed = poster.may_post(min(post.due_ms for post in going))
    if allowed >= poster.limits.posts_per_day:
        return fixed, free
    first = sorted(going, key=lambda post: (not post.settled, post.entry.kind.sells, post.due_ms, post.key))
    left = {post.key for post in first[allowed:] if not post.settled}

    def without(posts: Iterable[DayPost]) -> list[DayPost]:
        return [replace(post, skipped="young_account") if post.key in left else post for post in posts]

    return without(fixed), without(free)


def _selling_seldom(posts: list[DayPost], around: Sequence[Planned]) -> list[DayPost]:
    """Of any three in a row at most one sells: a second one is left out, the first keeps its minute."""
    before = [(other.due_ms, other.kind) for other in around]
    judged = []
    for post in sorted(posts, key=lambda post: (post.due_ms, post.key)):
        newest = sorted((other for other in before if other[0] <= post.due_ms), key=lambda other: other[0])[-2:]
        if not (post.skipped or post.settled) and sells_too_often(post.entry.kind, tuple(kind for _, kind in newest)):
            post = replace(post, skipped="sells_too_often")
        if not post.skipped:
            before.append((post.due_ms, post.entry.kind))
        judged.append(post)
    return judged


def _first_of_tomorrow(poster: Poster, calendar: Calendar, day: date) -> list[Planned]:
    """What has its minute the day after: the evening leaves room for it."""
    tomorrow = day + timedelta(days=1)
    return [post.planned for post in _by_clock(poster, calendar, tomorrow, {})[0]][:2]


def _in_a_free_minute(
    post: DayPost, poster: Poster, calendar: Calendar, day: date, going: Sequence[Planned], now_ms: int | None
) -> DayPost:
    start_ms, end_ms = _stretch(post.entry, poster, day)
    start_ms = max(start_ms, now_ms or 0)
    if start_ms > end_ms:
        return replace(post, due_ms=end_ms, skipped="too_late")
    usual = _usual_times(post, poster, calendar, day)
    for at_ms in (*usual, *_openings(start_ms, going, poster.limits)):
        if not start_ms <= at_ms < end_ms:
            continue
        if fits(Planned(post.entry.name, post.entry.kind, at_ms), going, poster.limits):
            return replace(post, due_ms=at_ms)
    return replace(post, due_ms=start_ms, skipped="no_free_slot")


def _usual_times(post: DayPost, poster: Poster, calendar: Calendar, day: date) -> Iterator[int]:
    """Those of the persona, each account in its own minute."""
    for clock in sorted(calendar.plan_of(poster.persona).times):
        away_s = drawn(poster.id, day, post.entry.name, below=_NEAR_USUAL_MIN * 60)
        yield ends_of(clock, clock, day, poster.zone)[0] + away_s * 1000


def _openings(start_ms: int, others: Sequence[Planned], limits: Limits) -> list[int]:
    """The minutes at which a cap can open: the first of all, and where the gap or the day after another post ends."""
    gap_ms = round(limits.post_gap_min * MINUTE_MS)
    ends = [other.due_ms + span_ms for other in others for span_ms in (gap_ms, DAY_MS)]
    return sorted({-(-at_ms // MINUTE_MS) * MINUTE_MS for at_ms in (start_ms, *ends)})


def _stretch(entry: Entry, poster: Poster, day: date) -> tuple[int, int]:
    """From when to when it may appear: its window, within the hours in which the account posts."""
    opens_ms, closes_ms = ends_of(poster.limits.posts_from, poster.limits.posts_until, day, poster.zone)
    if entry.window is None:
        return opens_ms, closes_ms
    start_ms, end_ms = ends_of(entry.window.start, entry.window.end, day, poster.zone)
    return max(start_ms, opens_ms), min(end_ms, closes_ms)


def fits(post: Planned, others: Sequence[Planned], limits: Limits) -> bool:
    """Do the gap, the number in any rolling day and the rule of three hold with that post among the others?"""
    gap_ms = round(limits.post_gap_min * MINUTE_MS)
    if any(abs(other.due_ms - post.due_ms) < gap_ms for other in others):
        return False
    times = sorted([*(other.due_ms for other in others), post.due_ms])
    days = [last_ms for last_ms in times if last_ms - DAY_MS < post.due_ms <= last_ms]
    if any(sum(last_ms - DAY_MS < at_ms <= last_ms for at_ms in times) > limits.posts_per_day for last_ms in days):
        return False
    if not post.kind.sells:
        return True
    before = sorted((other for other in others if other.due_ms <= post.due_ms), key=lambda other: other.due_ms)[-2:]
    after = sorted((other for other in others if other.due_ms > post.due_ms), key=lambda other: other.due_ms)[:2]
    return not any(other.kind.sells for other in (*before, *after))
