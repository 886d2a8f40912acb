"""Hours of the day in an account's own zone; windows may cross midnight."""

from bisect import bisect_right
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo:
    """The zone of that name. Raises ZoneInfoNotFoundError."""
    return ZoneInfo(name)


def local(ms: int, zone_name: str) -> datetime:
    """Epoch milliseconds as local time, aware."""
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone(zone_name))


def to_ms(moment: datetime) -> int:
    """An aware moment as epoch milliseconds."""
    return round(moment.timestamp() * 1000)


def at(day: datetime, clock: time) -> int:
    """Epoch milliseconds of `clock` on the local day of `day` (aware): its first showing; if skipped, the leap."""
    return _showings(day, clock)[0]


def _showings(day: datetime, clock: time) -> tuple[int, ...]:
    """When the clock shows `clock` that day: perhaps twice, when it is put back; a time that is skipped is the leap."""
    moment = day.replace(hour=clock.hour, minute=clock.minute, second=clock.second, microsecond=0)
    first, second = (to_ms(moment.replace(fold=fold)) for fold in (0, 1))
    return (first, second) if first <= second else (_leap(second, first, day),)


def _leap(before_ms: int, after_ms: int, day: datetime) -> int:
    """The moment between the two when the clock is put forward in the zone of `day`."""

    def offset(ms: int) -> timedelta:
        return datetime.fromtimestamp(ms / 1000, day.tzinfo).utcoffset() or timedelta()

    return before_ms + bisect_right(range(before_ms, after_ms), offset(before_ms), key=offset)


def within(ms: int, start: time, end: time, zone_name: str) -> bool:
    """Is the moment inside [start, end)? `start == end` is an empty window; `start > end` crosses midnight."""
    clock = local(ms, zone_name).time()
    if start <= end:
        return start <= clock < end
    return clock >= start or clock < end


def next_at(ms: int, clock: time, zone_name: str) -> int:
    """The first moment after `ms` when the clock shows `clock` there, in epoch milliseconds."""
    today = local(ms, zone_name)
    for days in range(3):
        for showing in _showings(today + timedelta(days=days), clock):
            if showing > ms:
                return showing
    raise AssertionError("a day has a noon")


def open_from(ms: int, start: time, end: time, zone_name: str) -> int:
    """The first moment from `ms` on that lies inside [start, end): `ms` itself when it does."""
    return ms if within(ms, start, end, zone_name) else next_at(ms, start, zone_name)


def quiet_until(ms: int, quiet_from: time, quiet_until_: time, zone_name: str) -> int | None:
    """When the quiet ends, if it is quiet at `ms`; else None."""
    if within(ms, quiet_from, quiet_until_, zone_name):
        return next_at(ms, quiet_until_, zone_name)
    return None
