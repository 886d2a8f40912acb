"""Who looks at everybody, and how much of them."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, SQLColumnExpression, and_, true

SHOP_ZONE = "Asia/Shanghai"
"""Whose day it is for a birthday, where the caller names no other."""


@dataclass(frozen=True, slots=True)
class Look:
    """Who looks at everybody, and how much of them.

    `people`: ids above the first up to the second, everybody where it is None. `full`: accounts whose pushes of the
    day are used up. `cut`: whose turn is later is left out, where a push goes to so many at most. `root`: the
    campaign that the push is a phase of, or itself. `belongs`: who is of the push's segment, where that was found
    before.
    """

    now_ms: int
    campaign: int | None = None
    shop_zone: str = SHOP_ZONE
    overrides_weekly: bool = False
    people: tuple[int | BindParameter[int], int | BindParameter[int]] | None = None
    full: Collection[str] = ()
    cut: int | None = None
    root: int | None = None
    belongs: ColumnElement[bool] | None = None

    def covers(self, person: SQLColumnExpression[Any]) -> ColumnElement[bool]:
        """Is it one of these people?"""
        return true() if self.people is None else and_(person > self.people[0], person <= self.people[1])
