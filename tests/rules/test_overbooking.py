"""How many are promised and how many are asked: never too few places, never far too many."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.overbooking import LEAST_FACTOR, MOST_FACTOR, is_chronic, places, to_invite

FACTORS = st.decimals(LEAST_FACTOR, MOST_FACTOR, places=2)
RATES = st.decimals(Decimal("0.01"), Decimal("1.00"), places=2)


def test_two_hundred_units_at_five_are_forty_people_and_fifty_promises() -> None:
    assert (places(200, 5).fit, places(200, 5).promised) == (40, 50)
    assert to_invite(50, Decimal("0.25")) == 200


@given(st.integers(0, 10**9), st.integers(1, 1000), FACTORS)
def test_the_stock_is_enough_for_those_who_fit_but_one_and_promises_follow_the_factor(
    units: int, per_person: int, factor: Decimal
) -> None:
    found = places(units, per_person, factor)
    assert (found.fit - 1) * per_person < units <= found.fit * per_person
    assert 0 <= found.promised - found.fit * factor < 1
    assert found.promised >= found.fit


@given(st.integers(0, 10**9), RATES)
def test_as_many_as_are_promised_say_yes_and_one_less_would_not_do(promised: int, rate: Decimal) -> None:
    invited = to_invite(promised, rate)
    assert (invited - 1) * rate < promised <= invited * rate


@given(st.integers(0, 10**6), st.integers(1, 1000), FACTORS, st.integers(1, 1000))
def test_more_units_never_mean_fewer_promises(units: int, per_person: int, factor: Decimal, more: int) -> None:
    assert places(units + more, per_person, factor).promised >= places(units, per_person, factor).promised


@pytest.mark.parametrize("factor", ["1.19", "1.31"])
def test_a_factor_out_of_bounds_is_refused(factor: str) -> None:
    with pytest.raises(ValueError):
        places(1, 1, Decimal(factor))


def test_who_breaks_more_than_they_keep_comes_last() -> None:
    assert is_chronic(kept=1, broken=2)
    assert not is_chronic(kept=2, broken=2)
    assert not is_chronic(kept=0, broken=1)
