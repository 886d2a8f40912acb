"""How fast an account may speak, accept and post: rolling windows, never calendar days."""

from bisect import bisect_right, insort
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from rules.limits import Limits

MINUTE_MS = 60_000
DAY_MS = 86_400_000
_FULL_AGE_DAYS = 30
_SILENT_REQUEST_DAYS = 7
RECALL_GAP_S = (1.0, 2.5)
"""Between two recalls of an account: as fast as a hand on the phone, since WeChat gives two minutes. Ours."""


def age_days(opened_ms: int | None, now_ms: int) -> float:
    """Age of an account in days, never negative. When it was opened and nobody says, it counts as new."""
    return 0.0 if opened_ms is None else max(0.0, (now_ms - opened_ms) / DAY_MS)


def accepts_allowed(age_days: float, limits: Limits) -> int:
    """Friend requests an account of that age may accept in a rolling day.

    From `accepts_first_day` on its first day in a straight line to `accepts_per_day` after 30 days (folklore).
    """
    if age_days >= _FULL_AGE_DAYS:
        return limits.accepts_per_day
    first = min(limits.accepts_first_day, limits.accepts_per_day)
    return first + int((limits.accepts_per_day - first) * max(0.0, age_days) / _FULL_AGE_DAYS)


def requests_allowed(age_days: float, limits: Limits) -> int:
    """Friend requests an account of that age may send in a rolling day: none in the first week (folklore)."""
    if age_days < _SILENT_REQUEST_DAYS:
        return 0
    if age_days >= _FULL_AGE_DAYS:
        return limits.requests_per_day
    span = _FULL_AGE_DAYS - _SILENT_REQUEST_DAYS
    return int(limits.requests_per_day * (age_days - _SILENT_REQUEST_DAYS) / span)


def posts_allowed(age_days: float, limits: Limits) -> int:
    """Moments posts of an account of that age in a rolling day: few at first, all of them after 30 days (folklore)."""
    if age_days >= _FULL_AGE_DAYS:
        return limits.posts_per_day
    first = min(limits.posts_first_day, limits.posts_per_day)
    return first + int((limits.posts_per_day - first) * max(0.0, age_days) / _FULL_AGE_DAYS)


@dataclass(slots=True)
class Window:
    """Moments (epoch ms) of what happened in the last `span_ms`."""

    span_ms: int
    moments: list[int] = field(default_factory=list)

    def add(self, at_ms: int) -> None:
        insort(self.moments, at_ms)

    def count(self, now_ms: int) -> int:
        """How many lie in (now − span, now]."""
        self._forget(now_ms)
        return len(self.moments)

    def free_at(self, limit: int, now_ms: int) -> int:
        """When one more keeps the count within `limit`: `now_ms`, or when enough have left. Limit 0 is never."""
        self._forget(now_ms)
        if len(self.moments) < limit:
            return now_ms
        if limit <= 0:
            return now_ms + self.span_ms
        return self.moments[len(self.moments) - limit] + self.span_ms

    def _forget(self, now_ms: int) -> None:
        gone = bisect_right(self.moments, now_ms - self.span_ms)
        if gone:
            del self.moments[:gone]


@dataclass(slots=True)
class Pace:
    """What one account sent lately: the state behind every rolling cap. Rebuilt from the outbox at a start."""

    limits: Limits
    next_ms: int = 0
    next_accept_ms: int = 0
    next_recall_ms: int = 0
    minute: deque[tuple[int, str]] = field(default_factory=deque)
    """(epoch ms, to) of the last minute's messages, oldest first."""
    messages: Window = field(default_factory=lambda: Window(DAY_MS))
    pushes: Window = field(default_factory=lambda: Window(DAY_MS))
    accepts: Window = field(default_factory=lambda: Window(DAY_MS))
    posts: Window = field(default_factory=lambda: Window(DAY_MS))

    def message_free_at(self, to: str, now_ms: int, *, push: bool, reply: bool) -> tuple[int, str]:
        """When a message to `to` may go, and what it waits for.

        Returns (epoch ms, reason); the time is `now_ms` or earlier when it may go at once. Reasons: pace,
        people_per_minute, messages_per_minute, messages_per_day, pushes_per_day, replies_kept.
        """
        waits = [(self.next_ms, "pace"), self._minute_free_at(to, now_ms)]
        limits = self.limits
        waits.append((self.messages.free_at(limits.messages_per_day, now_ms), "messages_per_day"))
        if not reply:
            rest = limits.messages_per_day - limits.replies_kept_per_day
            waits.append((self.messages.free_at(rest, now_ms), "replies_kept"))
        if push:
            waits.append((self.pushes.free_at(limits.pushes_per_day, now_ms), "pushes_per_day"))
        return max(waits)

    def accept_free_at(self, age_days: float, now_ms: int) -> tuple[int, str]:
        """When one more friend request may be accepted, and what it waits for: accept_pace, accepts_per_day."""
        allowed = accepts_allowed(age_days, self.limits)
        return max((self.next_accept_ms, "accept_pace"), (self.accepts.free_at(allowed, now_ms), "accepts_per_day"))

    def post_free_at(self, age_days: float, now_ms: int) -> tuple[int, str]:
        """When one more Moments post may go, and what it waits for: post_gap, posts_per_day, young_account."""
        gap_ms = round(self.limits.post_gap_min * MINUTE_MS)
        last = self.posts.moments[-1] if self.posts.moments else -gap_ms
        allowed = posts_allowed(age_days, self.limits)
        reason = "young_account" if allowed < self.limits.posts_per_day else "posts_per_day"
        return max((last + gap_ms, "post_gap"), (self.posts.free_at(allowed, now_ms), reason))

    def set_back(self, now_ms: int) -> None:
        """Somebody set the clock back: what bears a later time than now happened now at the latest.

        All of it stays counted, so that no cap is passed; only nobody waits for a time that came already.
        """
        self.next_ms = min(self.next_ms, now_ms + round(self.limits.gap_max_s * 1000))
        self.next_accept_ms = min(self.next_accept_ms, now_ms + round(self.limits.accept_gap_max_s * 1000))
        self.next_recall_ms = min(self.next_recall_ms, now_ms + round(RECALL_GAP_S[1] * 1000))
        self.minute = deque((min(at_ms, now_ms), to) for at_ms, to in self.minute)
        for window in (self.messages, self.pushes, self.accepts, self.posts):
            window.moments = [min(at_ms, now_ms) for at_ms in window.moments]

    def set_forward(self, by_ms: int) -> None:
        """Somebody set the clock forward: what happened is no longer ago for that, and every pause lasts as long."""
        self.next_ms += by_ms
        self.next_accept_ms += by_ms
        self.next_recall_ms += by_ms
        self.minute = deque((at_ms + by_ms, to) for at_ms, to in self.minute)
        for window in (self.messages, self.pushes, self.accepts, self.posts):
            window.moments = [at_ms + by_ms for at_ms in window.moments]

    def sent_message(self, to: str, at_ms: int, *, push: bool, random: Random) -> None:
        """Count a message, and draw when the next may follow."""
        self.count_message(to, at_ms, push=push)
        gap_s = random.uniform(self.limits.gap_min_s, self.limits.gap_max_s)
        self.next_ms = max(self.next_ms, at_ms + round(gap_s * 1000))

    def count_message(self, to: str, at_ms: int, *, push: bool) -> None:
        self.messages.add(at_ms)
        if push:
            self.pushes.add(at_ms)
        self.minute.append((at_ms, to))

    def message_arrived(self, to: str, at_ms: int, *, push: bool) -> None:
        """The message to `to` that was counted last was on its way until now: the pause and the minute begin here.

        WeChat sees when messages arrive. One that was slow, with the next one quick, would else follow at its heels.
        """
        self.next_ms = max(self.next_ms, at_ms + round(self.limits.gap_min_s * 1000))
        if self.minute and self.minute[-1][1] == to:
            self.minute[-1] = (max(at_ms, self.minute[-1][0]), to)
        for window in (self.messages, self.pushes) if push else (self.messages,):
            if window.moments:
                window.moments[-1] = max(at_ms, window.moments[-1])

    def sent_accept(self, at_ms: int, *, random: Random) -> None:
        self.accepts.add(at_ms)
        gap_s = random.uniform(self.limits.accept_gap_min_s, self.limits.accept_gap_max_s)
        self.next_accept_ms = max(self.next_accept_ms, at_ms + round(gap_s * 1000))

    def sent_recall(self, at_ms: int, *, random: Random) -> None:
        self.next_recall_ms = max(self.next_recall_ms, at_ms + round(random.uniform(*RECALL_GAP_S) * 1000))

    def sent_post(self, at_ms: int) -> None:
        self.posts.add(at_ms)

    def _minute_free_at(self, to: str, now_ms: int) -> tuple[int, str]:
        minute, limits = self.minute, self.limits
        while minute and minute[0][0] <= now_ms - MINUTE_MS:
            minute.popleft()
        free = (0, "pace")
        if len(minute) >= limits.messages_per_minute:
            entry = minute[-limits.messages_per_minute]
            free = max(free, (entry[0] + MINUTE_MS, "messages_per_minute"))
        if len(minute) >= limits.people_per_minute:  # else they can't be too many people
            people = _latest_first(minute)
            if to not in people and len(people) >= limits.people_per_minute:
                leaves = sorted(people.values())[len(people) - limits.people_per_minute]
                free = max(free, (leaves + MINUTE_MS, "people_per_minute"))
        return free


def _latest_first(entries: Iterable[tuple[int, str]]) -> dict[str, int]:
    """Each person's last moment."""
    return {to: at_ms for at_ms, to in entries}
