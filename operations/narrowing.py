"""A push as its file says it, but for fewer people, or only from a certain hour of today on."""

from datetime import time

from operations.errors import CannotBeUsed, Refused
from operations.requests import Push
from rules.quiet_hours import local
from scheduler.moments.moments import Span
from scheduler.pushes.push_file import PushFile
from texts.catalogue import say

_LAST = time(21, 30)
"""Where a file names no end of the day: the quiet hours begin. Those of each account bind at the claim anyway."""


def narrowed(spec: PushFile, request: Push, now_ms: int, zone: str) -> PushFile:
    """`spec` for the levels and from the time that `request` names. Raises Refused, CannotBeUsed."""
    if request.levels:
        who = spec.who.model_copy(update={"levels": _levels(spec, request.levels)})
        spec = spec.model_copy(update={"who": who})
    if request.at_ms:
        spec = spec.model_copy(update={"window": _window(spec, request.at_ms, now_ms, zone)})
    return spec


def _levels(spec: PushFile, words: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the file that begin as one of the words does: VIP is VIP1, VIP2 and VIP3."""
    for word in words:
        if not any(level.casefold().startswith(word.casefold()) for level in spec.who.levels):
            known = say("texts.comma").join(spec.who.levels)
            raise CannotBeUsed(
                say("operations.push.no_level", level=word, title=spec.title),
                hint=say("operations.choices", choices=known),
            )
    wanted = tuple(word.casefold() for word in words)
    return tuple(level for level in spec.who.levels if level.casefold().startswith(wanted))


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
