"""How times, days, names and texts are written in the files that people write: the types that several files share."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import time, timedelta
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, StringConstraints, model_validator

from rules.limits import TimeOfDay
from scheduler.day_words import as_word, rule_of

T = TypeVar("T")
_LONGEST_NIGHT_S = 12 * 3600
"""A window that crosses midnight and is longer was written the wrong way round. Ours."""
_SPAN_OF_TIME = re.compile(r"(\d{1,6})\s*(m|h|d)")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def not_empty(value: tuple[T, ...]) -> tuple[T, ...]:
    """For lists that must have something in them. Pydantic's own `min_length` complains about a bad item as well."""
    if not value:
        raise ValueError("scheduler.empty")
    return value


def as_list(value: object) -> object:
    """One of something, written without a list."""
    return [value] if isinstance(value, str | int | Mapping) and not isinstance(value, bool) else value


class Span(BaseModel):
    """From `start` to `end`, written `10:40-10:55`; one that crosses midnight belongs to the day it begins on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: TimeOfDay
    end: TimeOfDay

    @model_validator(mode="after")
    def _forward(self) -> "Span":
        if self.start == self.end or (self.end < self.start and self.seconds > _LONGEST_NIGHT_S):
            raise ValueError("scheduler.moments.window_order")
        return self

    @property
    def seconds(self) -> int:
        return (_seconds(self.end) - _seconds(self.start)) % 86_400


def _seconds(clock: time) -> int:
    return clock.hour * 3600 + clock.minute * 60


def _as_span(value: object) -> object:
    """`10:40-10:55` as the two ends of a `Span`; anything else as it is, for pydantic to judge."""
    if not isinstance(value, str):
        return value
    plain = unicodedata.normalize("NFKC", value)
    start, dash, end = plain.replace("–", "-").replace("~", "-").partition("-")
    if not dash:
        raise ValueError("scheduler.moments.window")
    return {"start": start.strip(), "end": end.strip()}


def _as_day(value: object) -> object:
    word = as_word(value)
    try:
        rule_of(word)
    except ValueError:
        raise ValueError("scheduler.moments.day") from None
    return word


def _as_span_of_time(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    found = _SPAN_OF_TIME.fullmatch(str(value).strip().lower())
    if not found:
        raise ValueError("scheduler.push.span")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


Window = Annotated[Span, BeforeValidator(_as_span, json_schema_input_type=str)]
Day = Annotated[str, BeforeValidator(_as_day, json_schema_input_type=str)]
Days = Annotated[tuple[Day, ...], BeforeValidator(as_list, json_schema_input_type=str | list[str])]
SpanOfTime = Annotated[
    timedelta,
    BeforeValidator(_as_span_of_time, json_schema_input_type=str),
    PlainSerializer(lambda span: f"{span // timedelta(minutes=1)}m", return_type=str),
]
Ident = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
"""A name that commands use."""
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
"""The words of a message."""
PoolName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
"""A pool of coupon codes, as `wxfleet coupons import FILE --pool NAME` calls it."""
