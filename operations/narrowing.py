"""A push as its file says it, but for fewer people, or only from a certain hour of today on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time

from customers.segments.segment_file import Condition, Segment
from customers.standing.ladder import Ladder
from operations.errors import CannotBeUsed, Refused
from operations.requests.pushes import Push
from rules.quiet_hours import local
from scheduler.pushes.push_file import PushFile
from scheduler.written import Span
from texts.catalogue import say
from texts.nearest import nearest
from texts.script import simplified

_LAST = time(21, 30)
"""Where a file names no end of the day: the quiet hours begin. Those of each account bind at the claim anyway."""
_CLOSE = 50.0
"""Percent: one of two characters, as level names are short."""
_AND = "和"
"""Between two names; but a segment may be called so, too."""


@dataclass(frozen=True, slots=True)
class Groups:
    """How staff may name people by more than one: the levels of ladder.yaml, and the shop's segments."""

    ladder: Ladder
    segments: Mapping[str, Segment] = field(default_factory=dict)


@dataclass(slots=True)
class _Named:
    """Which levels (ids) and segments were named; `words`: as they are called."""

    levels: list[str] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    words: list[str] = field(default_factory=list)


def narrowed(spec: PushFile, request: Push, groups: Groups, now_ms: int, zone: str) -> PushFile:
    """`spec` for those and from the time that `request` names. Raises Refused, CannotBeUsed."""
    if request.levels:
        named = _named(spec, request.levels, groups)
        spec = spec.model_copy(update={"who": spec.who.model_copy(update=_who(spec, named))})
    if request.at_ms:
        spec = spec.model_copy(update={"window": _window(spec, request.at_ms, now_ms, zone)})
    return spec


def only_for(spec: PushFile, request: Push, groups: Groups) -> str:
    """A line that says for whom of its people the push is this time; '' for all of them."""
    if not request.levels:
        return ""
    words = _named(spec, request.levels, groups).words
    return say("operations.push.only_for", whom=say("texts.comma").join(dict.fromkeys(words)))


def _named(spec: PushFile, words: Sequence[str], groups: Groups) -> _Named:
    named = _Named()
    for word in words:
        parts = word.split(_AND)
        if not _take(spec, word, groups, named) and not (
            len(parts) > 1 and all(parts) and all(_take(spec, part, groups, named) for part in parts)
        ):
            raise _nobody_called(spec, word, groups)
    return named


def _take(spec: PushFile, word: str, groups: Groups, named: _Named) -> bool:
    """Levels of the file that begin so (VIP is VIP1, VIP2 and VIP3) or are called so, or a segment."""
    key = _key(word)
    levels = [id for id in spec.who.levels if _key(id).startswith(key) or _key(groups.ladder.name_of(id)) == key]
    named.levels += levels
    named.words += [_called(id, groups.ladder) for id in levels]
    if levels:
        return True
    segment = next((one for one in groups.segments.values() if key in (_key(one.name), _key(one.title))), None)
    if segment is not None:
        named.segments.append(segment)
        named.words.append(segment.title)
    return segment is not None


def _who(spec: PushFile, named: _Named) -> dict[str, object]:
    """What of `spec.who` changes. Several names are added up; the segment of the file goes on to bind all of them."""
    if not named.segments:
        return {"levels": tuple(id for id in spec.who.levels if id in named.levels)}
    conditions = [segment.who for segment in named.segments]
    if named.levels:
        conditions.append(Condition(levels=tuple(named.levels)))
    any_of = conditions[0] if len(conditions) == 1 else Condition(any=tuple(conditions))
    own, first = spec.who.segment, named.segments[0]
    if isinstance(own, Segment):
        any_of = Condition(all=(own.who, any_of))
    title = say("texts.comma").join(dict.fromkeys(named.words))
    return {"segment": Segment(name=first.name, title=title[:80], who=any_of)}


def _nobody_called(spec: PushFile, word: str, groups: Groups) -> CannotBeUsed:
    """With the nearest name; else with all that could be named."""
    key = _key(word)
    meant = groups.ladder.find(word) or next((one for one in groups.ladder.levels if _key(one.name) == key), None)
    names = list(_names(spec, groups))
    if meant is not None:
        message, near = say("operations.push.no_level", level=_called(meant.id, groups.ladder), title=spec.title), ""
    else:
        message, near = say("operations.push.nobody_called", word=word), nearest(simplified(word), names, close=_CLOSE)
    hint = say("operations.meant", near=near) if near else ""
    listed = [_called(id, groups.ladder) for id in spec.who.levels]
    listed += [segment.title for segment in groups.segments.values()]
    return CannotBeUsed(message, hint=hint or say("operations.choices", choices=say("texts.comma").join(listed)))


def _names(spec: PushFile, groups: Groups) -> Iterator[str]:
    for id in spec.who.levels:
        yield from filter(None, (id, groups.ladder.name_of(id)))
    for segment in groups.segments.values():
        yield from (segment.name, segment.title)


def _called(level: str, ladder: Ladder) -> str:
    """VIP2（知己）; the id alone where the ladder has no other name for it."""
    name = ladder.name_of(level)
    return level if name == level else say("operations.level.both", level=level, name=name)


def _key(word: str) -> str:
    return simplified(word).casefold()


def _window(spec: PushFile, at_ms: int, now_ms: int, zone: str) -> Span:
    at, today = local(at_ms, zone), local(now_ms, zone).date()
    ends = spec.window.end if spec.window is not None else _LAST
    if at.date() != today:
        raise Refused(say("operations.push.other_day"), hint=say("operations.push.other_day.hint"))
    if at.time() >= ends:
        raise Refused(
            say("operations.push.after_hours", ends=f"{ends:%H:%M}"), hint=say("operations.push.after_hours.hint")
        )
    starts = max(at.time(), spec.window.start) if spec.window is not None else at.time()
    return Span(start=starts, end=ends)
