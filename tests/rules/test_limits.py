"""Every number that binds an account is the one of the house, has a source, and fits the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rules.limits import PLATFORM_FRIEND_CAP, Limits

HOUSE = {
    "friends": 5000, "visible": 3000, "reserve": 0.1, "accepts_per_day": 100, "accepts_first_day": 10,
    "requests_per_day": 15, "gap_min_s": 3, "gap_max_s": 8, "people_per_minute": 10, "messages_per_minute": 20,
    "messages_per_day": 600, "pushes_per_day": 300, "replies_kept_per_day": 200, "posts_per_day": 5,
    "post_gap_min": 60, "trust_days": 7,
    "quiet_from": "21:30", "quiet_until": "08:30", "posts_from": "07:30", "posts_until": "23:00",
}  # fmt: skip


def test_the_defaults_are_those_of_the_house() -> None:
    written = Limits().model_dump(mode="json")
    assert {name: written[name] for name in HOUSE} == HOUSE


def test_every_limit_says_where_it_comes_from_and_why() -> None:
    for name, field in Limits.model_fields.items():
        extra = field.json_schema_extra
        assert isinstance(extra, dict), name
        assert extra["source"] in ("official", "vendor", "folklore", "ours"), name
        assert extra["reason"], name
        assert field.description, name


def test_the_reserve_lies_between_2700_and_3000() -> None:
    limits = Limits()
    assert (limits.open_below, limits.visible, PLATFORM_FRIEND_CAP) == (2700, 3000, 5000)


@given(st.integers(1, 50_000), st.floats(0, 0.99))
def test_the_open_places_never_exceed_the_visible_ones(visible: int, reserve: float) -> None:
    limits = Limits(friends=50_000, visible=visible, reserve=reserve)
    assert 0 < limits.open_below <= visible


@pytest.mark.parametrize(
    "contradiction",
    [
        {"gap_min_s": 9, "gap_max_s": 8},
        {"accept_gap_min_s": 90, "accept_gap_max_s": 60},
        {"visible": 4000, "friends": 3999},
        {"replies_kept_per_day": 601, "messages_per_day": 600},
    ],
)
def test_limits_that_contradict_each_other_are_refused(contradiction: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Limits(**contradiction)  # type: ignore[arg-type]


@pytest.mark.parametrize("word", ["24:00", "8", "08:60", "morning", "-1:30"])
def test_what_is_no_time_of_day_is_refused(word: str) -> None:
    with pytest.raises(ValidationError):
        Limits(quiet_from=word)  # type: ignore[arg-type]


def test_limits_come_back_from_the_accounts_table_as_they_went_in() -> None:
    limits = Limits(quiet_from="22:15", pushes_per_day=7)  # type: ignore[arg-type]
    assert Limits(**limits.model_dump(mode="json")) == limits
