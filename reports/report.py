"""What every report is: rows and totals about a period, with the definition in words beside the numbers.

The name of a column says what stands in it: `*_fen` money, `*_ms` a moment, `*_share` a part of 1, `*_days` days;
other numbers are counts or averages. Its header is `reports.column.<name>` in the catalogue.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from reports.period import Period
from rules.quiet_hours import local
from texts.catalogue import say

FEW = 30
"""Below so many there are counts and no percentages: one more or less would move them too far. Source: ours."""

_FOLD = re.compile(r"(?<=[\u3000-\u303f\uff00-\uffef”]) ")
"""The blank that a folded line of YAML leaves behind Chinese punctuation."""

Cell = str | int | float | bool | None
Row = dict[str, Cell]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is made for. `now_ms` is the shop's clock, epoch ms."""

    period: Period
    now_ms: int

    @property
    def zone(self) -> str:
        return self.period.zone

    def weeks(self) -> Period:
        """The four weeks that end today, by which a pace is judged."""
        today = local(self.now_ms, self.zone).date()
        return Period(today - timedelta(days=27), today, self.zone)


@dataclass(frozen=True, slots=True)
class Report:
    """`columns` are the names in the rows, in the order in which they are read; `remarks` say what to make of it."""

    name: str
    period: Period
    columns: tuple[str, ...]
    rows: Sequence[Row]
    totals: Row
    remarks: Sequence[str] = field(default=())

    @property
    def title(self) -> str:
        return say(f"reports.{self.name}.title")

    @property
    def definition(self) -> str:
        """What is counted and how, in whole sentences."""
        return _FOLD.sub("", say(f"reports.{self.name}.definition"))

    def as_json(self) -> dict[str, Any]:
        """The document that scripts read."""
        return {
            "report": self.name,
            "period": self.period.as_json(),
            "definition": self.definition,
            "rows": list(self.rows),
            "totals": self.totals,
            "remarks": list(self.remarks),
        }


Make = Callable[[AsyncConnection, Asked], Awaitable[Report]]


def share_of(part: float, whole: float, cases: int) -> float | None:
    """`part` of `whole` with four digits; None where the whole is nothing or stands on fewer than `FEW` cases."""
    return round(part / whole, 4) if whole > 0 and cases >= FEW else None


def header(column: str) -> str:
    """How a column is called, for people."""
    return say(f"reports.column.{column}")
