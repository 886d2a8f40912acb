"""The hours of the day in which a push may go out: its own window, in each account's zone."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, case, literal

from rules.quiet_hours import open_from
from scheduler.pushes.push_file import PushFile


def opens_ms(push: PushFile, now_ms: int, zone_name: str) -> int:
    """When the push may go out there: now, or at the next opening of its window."""
    if push.window is None:
        return now_ms
    return open_from(now_ms, push.window.start, push.window.end, zone_name)


def opens_case(push: PushFile, now_ms: int, zones: Collection[str], column: ColumnElement[str]) -> ColumnElement[int]:
    """`opens_ms` as an SQL expression over a column of zone names."""
    by_zone = {zone_name: opens_ms(push, now_ms, zone_name) for zone_name in sorted(zones)}
    if set(by_zone.values()) <= {now_ms}:
        return literal(now_ms)
    return case(*((column == zone_name, literal(at_ms)) for zone_name, at_ms in by_zone.items()), else_=literal(now_ms))
