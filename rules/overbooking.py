"""How many are promised a place, and how many are asked, when not everybody comes.

Source of the formulas: the shop's house rules ("ours"). Ratios are exact: a binary fraction would round 1.1 × 10 up.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

LEAST_FACTOR, USUAL_FACTOR, MOST_FACTOR = Decimal("1.20"), Decimal("1.25"), Decimal("1.30")
"""More are promised than fit, because some do not come. Source: the trade's 1.20 to 1.30."""
CHRONIC_BROKEN = 2
"""Who broke so many promises, and more than they kept, comes last. Ours."""


@dataclass(frozen=True, slots=True)
class Places:
    """`fit`: people the stock is enough for; `promised`: how many are told that they have a place."""

    fit: int
    promised: int


def places(units: int, per_person: int, factor: Decimal = USUAL_FACTOR) -> Places:
    """200 units at 5 a person → 40 fit → 50 are promised.

    Raises ValueError for less than nothing, or a factor outside of LEAST_FACTOR to MOST_FACTOR.
    """
    if units < 0 or per_person < 1:
        raise ValueError("units must be 0 or more, per_person 1 or more")
    if not LEAST_FACTOR <= factor <= MOST_FACTOR:
        raise ValueError(f"the factor must be {LEAST_FACTOR} to {MOST_FACTOR}")
    fit = -(-units // per_person)
    return Places(fit, _ceil(fit * Fraction(factor)))


def to_invite(promised: int, yes_rate: Decimal) -> int:
    """How many must be asked so that as many as `promised` say yes. Raises ValueError for a rate outside of (0, 1]."""
    if not 0 < yes_rate <= 1:
        raise ValueError("yes_rate must be above 0 and at most 1")
    return _ceil(promised / Fraction(yes_rate))


def is_chronic(kept: int, broken: int) -> bool:
    """Do they say yes and stay away again and again?"""
    return broken >= CHRONIC_BROKEN and broken > kept


def _ceil(value: Fraction) -> int:
    return -(-value.numerator // value.denominator)
