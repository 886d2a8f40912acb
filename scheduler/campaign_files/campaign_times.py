"""When something of a campaign is: a date, or so far from another moment. `2026-11-11 20:00`, `-3d 10:30`, `+90m`."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, PlainValidator, WithJsonSchema

from rules.pacing import DAY_MS, MINUTE_MS
from rules.quiet_hours import at, local, to_ms, zone

_ABSOLUTE = re.compile(r"(\d{4}-\d{2}-\d{2})[ T](\d{1,2}):(\d{2})(?::00)?")
_DAYS = re.compile(r"([+-]?\d{1,3})d +(\d{1,2}):(\d{2})")
_SPAN = re.compile(r"([+-]?\d{1,6})(m|h|d)")
_UNIT_MS = {"m": MINUTE_MS, "h": 60 * MINUTE_MS, "d": DAY_MS}


@dataclass(frozen=True, slots=True)
class When:
    """One of: `moment` (the shop's zone), `days` and `clock` (that many days from another day), `span_ms`."""

    written: str
    moment: datetime | None = None
    days: int | None = None
    clock: time | None = None
    span_ms: int = 0

    @property
    def absolute(self) -> bool:
        """Does it need nothing to be counted from?"""
        return self.moment is not None

    @property
    def floats(self) -> bool:
        """Is it so long after another moment, at whatever hour that leads to?"""
        return self.moment is None and self.clock is None

    def ms(self, from_ms: int, zone_name: str) -> int:
        """Epoch ms, counted from that moment where it is not absolute; days are those of the zone."""
        if self.moment is not None:
            return to_ms(self.moment.replace(tzinfo=zone(zone_name)))
        if self.days is not None and self.clock is not None:
            start = local(from_ms, zone_name)
            day = start.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=self.days)
            return at(day, self.clock)
        return from_ms + self.span_ms


def read_when(value: object) -> When:
    """What people write. Raises ValueError for anything else."""
    if isinstance(value, When):
        return value
    plain = unicodedata.normalize("NFKC", str(value)).strip().lower().replace("−", "-")
    if found := _ABSOLUTE.fullmatch(plain):
        return When(plain, moment=datetime.combine(datetime.fromisoformat(found[1]), _clock(found[2], found[3])))
    if found := _DAYS.fullmatch(plain):
        return When(plain, days=int(found[1]), clock=_clock(found[2], found[3]))
    if found := _SPAN.fullmatch(plain):
        return When(plain, span_ms=int(found[1]) * _UNIT_MS[found[2]])
    raise ValueError("scheduler.campaign.when")


def _clock(hours: str, minutes: str) -> time:
    if int(hours) > 23 or int(minutes) > 59:
        raise ValueError("scheduler.campaign.when")
    return time(int(hours), int(minutes))


def _checked(value: object) -> When:
    if not isinstance(value, When):
        raise ValueError("scheduler.campaign.when")
    return value


Moment = Annotated[
    When,
    PlainValidator(_checked),
    BeforeValidator(read_when),
    PlainSerializer(lambda when: when.written, return_type=str),
    WithJsonSchema({"type": "string"}),
]
