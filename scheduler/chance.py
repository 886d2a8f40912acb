"""Chance among people that is the same every time, drawn inside the database: a control group, an order of turns."""

from sqlalchemy import BigInteger, ColumnElement, cast, literal

from scheduler.seeds import drawn
from storage.tables import Person

ALL = 10_000
"""What a share of everybody is counted in."""
_TURNS = 1 << 32
_STEP = 2_654_435_761
"""Odd, so that no two people below 2³⁰ have the same turn; near 2³² times the golden section, so that neighbours lie
far apart. Source: Knuth, The Art of Computer Programming, 6.4."""


def turn_of(*names: object, after: ColumnElement[int] | None = None) -> ColumnElement[int]:
    """Each person's place from 0 on, another for other names.

    `after`: who has a higher number there comes behind.
    """
    start = cast(literal(drawn("turn", *names, below=_TURNS)), BigInteger)
    person = cast(Person.id % (1 << 30), BigInteger)  # the product stays below 2⁶³
    turn = (person * cast(literal(_STEP), BigInteger) + start) % cast(literal(_TURNS), BigInteger)
    return turn if after is None else turn + cast(after, BigInteger) * _TURNS


def among_few(share: int, *names: object) -> ColumnElement[bool]:
    """Is somebody one of the `share` of `ALL` who are drawn by these names?"""
    return turn_of(*names) < _TURNS * share // ALL
