"""Will a day of posts pass the caps? An estimate for planning; the courier's gate has the last word."""

from collections.abc import Sequence
from dataclasses import dataclass

from rules.gates import sells_too_often
from rules.limits import Limits
from rules.pacing import MINUTE_MS, Pace
from rules.quiet_hours import within
from rules.roles import PostKind

GROWN_UP_DAYS = 365.0
"""The age of an account that nothing is held back from."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A post as planned. `due_ms` is in epoch milliseconds."""

    name: str
    kind: PostKind
    due_ms: int


@dataclass(frozen=True, slots=True)
class Advice:
    """A post that a cap will hold back, and which: a word of the catalogue behind `reason.`."""

    name: str
    reason: str


def advise(
    posts: Sequence[Planned], limits: Limits, zone_name: str, *, age_days: float = GROWN_UP_DAYS
) -> list[Advice]:
    """What the caps will hold back of one account's day: hours, gap, number a day, too much selling in a row."""
    advice: list[Advice] = []
    pace = Pace(limits)
    newest_first: list[PostKind] = []
    for post in sorted(posts, key=lambda post: post.due_ms):
        free_ms, reason = pace.post_free_at(age_days, post.due_ms)
        if not within(post.due_ms, limits.posts_from, limits.posts_until, zone_name):
            advice.append(Advice(post.name, "post_hours"))
        elif free_ms - post.due_ms >= MINUTE_MS:
            advice.append(Advice(post.name, reason))
        elif sells_too_often(post.kind, tuple(newest_first[:2])):
            advice.append(Advice(post.name, "sells_too_often"))
            continue
        pace.sent_post(max(free_ms, post.due_ms))
        newest_first.insert(0, post.kind)
    return advice
