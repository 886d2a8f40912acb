"""Friends of a lost account are spread over siblings: nobody beyond the room there is, nor beyond a day's accepts."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.spreading import Place, Turn, spread

_places = st.lists(
    st.builds(
        Place, st.sampled_from("abcd"), st.integers(0, 3), st.integers(0, 40), st.integers(0, 12)
    ),
    max_size=4, unique_by=lambda place: place.account,
)  # fmt: skip


@settings(max_examples=40)
@given(people=st.integers(0, 120), places=_places)
def test_no_sibling_gets_more_than_its_places_and_its_day(people: int, places: list[Place]) -> None:
    turns = spread(people, places)
    assert len(turns) == people
    led = [turn for turn in turns if turn]
    assert len(led) == min(people, sum(place.places for place in places if place.a_day))
    assert turns == [*led, *[None] * (people - len(led))]  # the best have the room
    days = Counter((turn.account, turn.day) for turn in led)
    for place in places:
        assert sum(turn.account == place.account for turn in led) <= place.places
        assert all(number <= place.a_day for (account, _), number in days.items() if account == place.account)


@settings(max_examples=40)
@given(first=st.integers(0, 60), second=st.integers(0, 60), places=_places)
def test_two_lists_share_the_places_and_the_days(first: int, second: int, places: list[Place]) -> None:
    before = [turn for turn in spread(first, places) if turn]
    led = before + [turn for turn in spread(second, places, before) if turn]
    assert len(led) == min(first + second, sum(place.places for place in places if place.a_day))
    days = Counter((turn.account, turn.day) for turn in led)
    for place in places:
        assert sum(turn.account == place.account for turn in led) <= place.places
        assert all(number <= place.a_day for (account, _), number in days.items() if account == place.account)


def test_those_of_one_rank_fill_up_evenly_by_their_room() -> None:
    turns = spread(9, [Place("a", 0, 20, 100), Place("b", 0, 10, 100), Place("full", 0, 0, 100)])
    assert Counter(turn.account for turn in turns if turn) == {"a": 6, "b": 3}


def test_its_own_role_comes_first_and_a_day_that_is_full_goes_on_to_others() -> None:
    turns = spread(5, [Place("own", 0, 9, 2), Place("other", 2, 9, 2)])
    assert turns == [Turn("own", 1), Turn("own", 1), Turn("other", 1), Turn("other", 1), Turn("own", 2)]
