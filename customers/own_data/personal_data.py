"""How one table holds something of customers, and how its rows and columns are found, shown and cleared."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, Table, Text, case, cast, false, literal, or_, select

from customers.order import OrderRow
from customers.own_data.identity import Identity
from storage.staff_tables import StaffContact

ERASED = "***"
"""Stands in a sentence where somebody's name stood."""

_OUR_WORDS = ("verb", "kind")

Rows = Callable[[Table, Identity], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Holding:
    """One table, each of its columns in one of these.

    `kept`: says nothing about a customer, or nothing that leads to one: numbers, times, codes of ours, staff, the
    shop's own words.
    `theirs`: which rows are a person's. They go altogether when `deleted`; else `cleared` says what stands in their
    columns afterwards (a value, or a function of table and identity), and `rewritten` makes it of what stood there.
    `mentions`: words in which anybody may be named, whoever's row it is; `spoken` says where to look, None is
    everywhere.
    `scanned`: many rows, and no index leads to theirs.
    """

    kept: str = ""
    theirs: Rows | None = None
    cleared: Mapping[str, Any] = field(default_factory=dict)
    rewritten: Mapping[str, Callable[[Any, Identity], Any]] = field(default_factory=dict)
    deleted: str = ""
    mentions: str = ""
    spoken: Callable[[Table], ColumnElement[bool]] | None = None
    scanned: bool = False

    @property
    def personal(self) -> set[str]:
        """The columns in which something of a customer may stand."""
        return {*self.cleared, *self.rewritten, *self.deleted.split(), *self.mentions.split()}


def of_person(*keys: str) -> Rows:
    """Rows that bear the number of an entry in one of these columns."""
    return lambda table, who: or_(*(table.c[key].in_(who.people) for key in keys))


def says(column: SQLColumnExpression[Any], words: Collection[str]) -> ColumnElement[bool]:
    """Does the text, or the JSON, hold one of these words? JSON holds what is not ASCII escaped."""
    text = cast(column, Text)
    forms = {form for word in words for form in (word, json.dumps(word)[1:-1])}
    return or_(false(), *(text.contains(form, autoescape=True) for form in sorted(forms)))


def numbered(table: Table, who: Identity) -> ColumnElement[Any]:
    """What is unique stays so."""
    return literal("erased:").concat(cast(table.c.id, Text))


def stand_in(key: str) -> Callable[[Table, Identity], ColumnElement[Any]]:
    """The pseudonym of what stands in the column."""

    def value(table: Table, who: Identity) -> ColumnElement[Any]:
        column = table.c[key]
        return case(dict(who.stands_for), value=column, else_=column) if who.stands_for else column

    return value


def by_staff(table: Table) -> ColumnElement[bool]:
    """Arrivals in which staff speak: of customers, perhaps. What other customers say is theirs."""
    talker: ColumnElement[str] = table.c.payload["talker"].as_string()
    return talker.in_(select(StaffContact.contact))


def bare_order(before: Any, who: Identity) -> Any:
    """What an order was before an import, without the person: an undo brings nothing of them back."""
    if not isinstance(before, dict):
        return before
    known = {*OrderRow._fields, "person", "batch"}
    veiled = {name: value for name, value in before.items() if name in known}
    veiled |= {"receiver": "", "phone": ""}
    if "member_name" in veiled:
        veiled["member_name"] = who.stands_for.get(veiled["member_name"], veiled["member_name"])
    return veiled


def unnamed(value: Any, who: Identity) -> Any:
    """A text or a JSON document with the person's names struck out, at any depth. Fields and verbs are ours."""
    if isinstance(value, str):
        return who.pattern.sub(ERASED, value)
    if isinstance(value, list):
        return [unnamed(one, who) for one in value]
    if isinstance(value, dict):
        return {name: one if name in _OUR_WORDS else unnamed(one, who) for name, one in value.items()}
    return value
