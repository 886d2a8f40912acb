"""What a stretch of the calendar looks like to somebody who reads it: repetition, balance, rhythm. Warnings only."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from rapidfuzz import fuzz

from personas.model import MomentsPlan
from rules.post_media import FOLDS_AT
from rules.roles import PostKind
from scheduler.moments.day_slots import DayPost
from scheduler.moments.moments import Entry
from texts.catalogue import say

ALIKE = 85.0
"""Percent of rapidfuzz's ratio from which two texts read the same. Ours."""
_SHORT = 8
"""Characters below which only the very same words are alike. Ours."""
NEAR_DAYS = 30
"""Two texts that are alike stand further apart than this. The issue's."""
REPEATS_DAYS = 7
"""The same post may come back every week, not sooner. Ours."""
ONE_ITEM = 0.4
"""More of the product posts than this about one item is a warning. The house's."""
_PRODUCTS_AT_LEAST = 3
_POSTS_AT_LEAST = 14
"""Shares of fewer posts say nothing: half a month of one a day. Ours."""
_OFF_BY = 10
"""Percentage points by which a kind may miss the persona's mix. Ours."""
_A_DAY_OFF_BY = 1.0


@dataclass(frozen=True, slots=True)
class Note:
    """One warning: a word behind `scheduler.advice.`. `entry` is the post it is about, '' for the whole calendar."""

    what: str
    entry: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """What is odd and what to do, in the reader's language."""
        given = {name: say(value) if name == "kind" else value for name, value in self.values.items()}
        return say(f"scheduler.advice.{self.what}", entry=self.entry, **given)


@dataclass(frozen=True, slots=True)
class Said:
    """A text that was or will be posted on a day."""

    day: date
    entry: str
    text: str


def notes_on(
    posts: Sequence[tuple[date, DayPost]], plan: MomentsPlan, *, said_before: Sequence[Said] = (), days: int
) -> list[Note]:
    """Everything worth a warning in one account's posts of `days` days, those that will not appear left out.

    `said_before`: what the account said in the 30 days before.
    """
    going = [(day, post) for day, post in posts if not post.skipped]
    said = [*said_before, *(Said(day, post.entry.name, post.text) for day, post in going)]
    entries = {post.entry.name: post.entry for _, post in going}
    return [
        *_alike(said, entries),
        *_folded(going),
        *_one_item(going),
        *_mix(going, plan),
        *_topics(going, plan),
        *_rhythm(going, plan, days),
    ]


def shares(kinds: Iterable[PostKind]) -> dict[PostKind, int]:
    """Percent of each kind."""
    counted = Counter(kinds)
    return {kind: round(100 * number / counted.total()) for kind, number in counted.most_common()}


def timely(entry: Entry, today: date) -> Note | None:
    """A post that will never come again, or never at all, or whose days nobody knows yet."""
    coming = [today + timedelta(days=n) for n in range(_YEAR)]
    if any(entry.on(day) for day in coming):
        unknown = next((day for day in coming[:NEAR_DAYS] if entry.undecided(day)), None)
        return Note("notice_unknown", entry.name, {"year": unknown.year}) if unknown else None
    unknown = next((day for day in coming if entry.undecided(day)), None)
    if unknown is not None:
        return Note("notice_unknown", entry.name, {"year": unknown.year})
    past = any(entry.on(today - timedelta(days=n)) for n in range(1, _YEAR))
    return Note("past" if past else "never", entry.name)


_YEAR = 400


def _plain(text: str) -> str:
    return re.sub(r"\W+", "", unicodedata.normalize("NFKC", text)).lower()


def alike(one: str, other: str) -> bool:
    """Would a reader say: that again?"""
    first, second = _plain(one), _plain(other)
    if min(len(first), len(second)) < _SHORT:
        return first == second
    return fuzz.ratio(first, second, score_cutoff=ALIKE) >= ALIKE


def _alike(said: Sequence[Said], entries: Mapping[str, Entry]) -> Iterator[Note]:
    """Once for each pair of posts; only where one of them is still to come."""
    days: dict[tuple[str, str], list[date]] = defaultdict(list)
    for one in said:
        days[one.entry, one.text].append(one.day)
    told: set[frozenset[str]] = set()
    texts = sorted(days)
    for number, (entry, text) in enumerate(texts):
        closest = min((later - earlier for earlier, later in _neighbours(days[entry, text])), default=None)
        if entry in entries and closest is not None and closest.days < REPEATS_DAYS:
            if frozenset((entry,)) not in told:
                yield Note("repeats", entry, {"days": closest.days})
            told.add(frozenset((entry,)))
        for other, other_text in texts[number + 1 :]:
            pair = frozenset((entry, other))
            if pair in told or not ({entry, other} & entries.keys()):
                continue
            if _within(days[entry, text], days[other, other_text], entry == other) and alike(text, other_text):
                told.add(pair)
                first, second = (entry, other) if entry in entries else (other, entry)
                yield Note("alike", first, {"other": second})


def _neighbours(days: Sequence[date]) -> Iterator[tuple[date, date]]:
    ordered = sorted(days)
    return pairwise(ordered)


def _within(one: Sequence[date], other: Sequence[date], variants: bool) -> bool:
    """Do they meet within the span in which they must differ? Variants of one post: within that of a repetition."""
    span = timedelta(days=REPEATS_DAYS - 1 if variants else NEAR_DAYS)
    return any(abs(first - second) <= span for first in one for second in other)


def _folded(posts: Sequence[tuple[date, DayPost]]) -> Iterator[Note]:
    long = {post.entry.name: len(post.text) for _, post in posts if len(post.text) > FOLDS_AT}
    yield from (Note("folded", entry, {"length": length, "folds": FOLDS_AT}) for entry, length in long.items())


def _one_item(posts: Sequence[tuple[date, DayPost]]) -> Iterator[Note]:
    """A post that names no item stands for one of its own."""
    items = Counter(post.entry.item or post.entry.name for _, post in posts if post.entry.kind is PostKind.PRODUCT)
    if items.total() < _PRODUCTS_AT_LEAST:
        return
    for item, number in items.items():
        if number > ONE_ITEM * items.total():
            percent = round(100 * number / items.total())
            yield Note("one_item", values={"item": item, "percent": percent, "number": number, "all": items.total()})


def _mix(posts: Sequence[tuple[date, DayPost]], plan: MomentsPlan) -> Iterator[Note]:
    if not plan.mix or len(posts) < _POSTS_AT_LEAST:
        return
    found = shares(post.entry.kind for _, post in posts)
    for kind in PostKind:
        wanted, is_there = plan.mix.get(kind, 0), found.get(kind, 0)
        values = {"kind": f"scheduler.post.{kind}", "wanted": wanted, "percent": is_there}
        if is_there - wanted > _OFF_BY:
            yield Note("too_much", values=values)
        elif wanted - is_there > _OFF_BY or (wanted and not is_there):
            yield Note("too_little", values=values)


def _topics(posts: Sequence[tuple[date, DayPost]], plan: MomentsPlan) -> Iterator[Note]:
    talked = {(post.entry.kind, post.entry.topic) for _, post in posts}
    for kind, topics in plan.topics.items():
        if len(posts) >= _POSTS_AT_LEAST and (missing := [topic for topic in topics if (kind, topic) not in talked]):
            values = {"kind": f"scheduler.post.{kind}", "topics": say("texts.comma").join(missing)}
            yield Note("topics_missing", values=values)
    for entry in {post.entry.name: post.entry for _, post in posts}.values():
        topics = plan.topics.get(entry.kind, ())
        if entry.topic and topics and entry.topic not in topics:
            known = say("texts.comma").join(topics)
            yield Note("topic_unknown", entry.name, {"topic": entry.topic, "topics": known})


def _rhythm(posts: Sequence[tuple[date, DayPost]], plan: MomentsPlan, days: int) -> Iterator[Note]:
    if not plan.times or days < REPEATS_DAYS:
        return
    a_day = len(posts) / days
    if abs(a_day - len(plan.times)) > _A_DAY_OFF_BY:
        yield Note("rhythm", values={"wanted": len(plan.times), "a_day": f"{a_day:.1f}"})
