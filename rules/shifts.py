"""When somebody on the staff is on duty, and how long a customer has waited in hours that count."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import time

from rules.quiet_hours import next_at, within

Window = tuple[time, time]
"""[start, end) of the day; `start > end` crosses midnight, `start == end` is the whole day."""

_MOST_EDGES = 200
"""Some weeks of beginnings and ends: whoever has not been on duty by then never is."""


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours of one person: inside all of `windows`; none are all hours."""

    windows: tuple[Window, ...] = ()

    def open_at(self, ms: int, zone: str) -> bool:
        """Are they on duty at that moment?"""
        return all(start == end or within(ms, start, end, zone) for start, end in self.windows)


def hours_of(shift: str | None, quiet: Window) -> Hours:
    """Of a shift like '09:00-18:00', outside of the quiet hours, when nobody is told anything; None is any time.

    Raises ValueError for what is no shift.
    """
    quiet_from, quiet_until = quiet
    awake = () if quiet_from == quiet_until else ((quiet_until, quiet_from),)
    if shift is None:
        return Hours(awake)
    start, end = (time.fromisoformat(clock) for clock in shift.split("-"))
    return Hours(((start, end), *awake))


def anybody_at(crew: Collection[Hours], ms: int, zone: str) -> bool:
    """Is one of them on duty?"""
    return any(hours.open_at(ms, zone) for hours in crew)


def after_open(crew: Collection[Hours], from_ms: int, span_ms: int, zone: str) -> int | None:
    """The first moment by which `span_ms` have passed since `from_ms` while one of `crew` was on duty.

    With a span of 0 the next moment that somebody is on duty. None when nobody ever is.
    """
    edges = {clock for hours in crew for window in hours.windows for clock in window}
    at_ms, left_ms = from_ms, span_ms
    for _ in range(_MOST_EDGES):
        is_open = anybody_at(crew, at_ms, zone)
        until_ms = min((next_at(at_ms, clock, zone) for clock in edges), default=None)
        if is_open and (until_ms is None or until_ms - at_ms >= left_ms):
            return at_ms + left_ms
        if until_ms is None:
            return None
        left_ms -= until_ms - at_ms if is_open else 0
        at_ms = until_ms
    return None
