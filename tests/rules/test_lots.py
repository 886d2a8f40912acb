"""Drawing lots: the same for everybody who does it again, another for whoever changes a single thing, and fair."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from rules.lots import Lot, Lots, allot, commitment_of, hash_of, in_order, ranked

SIZES = ["size:S", "size:M", "size:L", "shoe_size:37"]
worn = st.lists(st.sampled_from(SIZES), max_size=2, unique=True).map(tuple)
lots = st.lists(st.builds(Lot, st.integers(1, 60), worn), unique_by=lambda lot: lot.number, max_size=25)  # fmt: skip
prizes = st.lists(st.builds(Lots, st.sampled_from(["大衣", "毛衣"]), st.integers(1, 4), st.sampled_from([*SIZES, ""])),
                  max_size=5)  # fmt: skip


def test_the_algorithm_stays_what_it_is_for_all_records_ever_published() -> None:
    """Worked out by hand with sha256sum: whoever draws a record again years later gets the same order."""
    some = [Lot(1, ("size:M",)), Lot(2), Lot(3, ("size:M", "shoe_size:37"))]
    assert commitment_of("ab") == "fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603"
    assert hash_of(some) == "2535e5ddc8db38f5eef8ef58b90eda81fe942f6c037b87ace55d3a9f7d71bcb1"
    assert [lot.number for lot in in_order(some, "ab")] == [1, 2, 3]
    assert [lot.number for lot in in_order(some, "ab", "03 11")] == [3, 2, 1]


@given(lots, st.randoms())
def test_it_does_not_matter_in_which_order_the_entries_are_handed_in(some: list[Lot], roll: object) -> None:
    mixed = list(some)
    roll.shuffle(mixed)  # type: ignore[attr-defined]
    assert in_order(mixed, "seed") == in_order(some, "seed")


@given(lots, prizes)
def test_everybody_wins_at_most_once_what_fits_and_nothing_that_fits_is_left(some: list[Lot], what: list[Lots]) -> None:
    order = in_order(some, "seed")
    wins = allot(order, what)
    by_number = {lot.number: lot for lot in some}
    assert len({win.number for win in wins}) == len(wins)
    assert all(not win.fits or win.fits in by_number[win.number].wears for win in wins)
    given_out = Counter((win.name, win.fits) for win in wins)
    there = Counter({key: sum(one.count for one in what if (one.name, one.fits) == key)
                     for key in {(one.name, one.fits) for one in what}})  # fmt: skip
    assert not given_out - there
    left = there - given_out
    empty_handed = [lot for lot in some if lot.number not in {win.number for win in wins}]
    assert all(fits and fits not in lot.wears for lot in empty_handed for _, fits in left)


def test_over_many_seeds_everybody_has_the_same_chance() -> None:
    some = [Lot(number) for number in range(1, 6)]
    first = Counter(in_order(some, f"seed-{number}")[0].number for number in range(2_000))
    assert all(330 <= first[number] <= 470 for number in range(1, 6)), first


def test_who_wears_a_size_takes_that_before_what_fits_everybody() -> None:
    wins = allot([Lot(1, ("size:M",)), Lot(2)], [Lots("发夹", 1), Lots("大衣", 1, "size:M")])
    assert [(win.number, win.name) for win in wins] == [(1, "大衣"), (2, "发夹")]


def test_equal_votes_are_decided_by_lot_and_nobody_wins_without_one() -> None:
    some = [Lot(number) for number in range(1, 5)]
    order = ranked(some, {1: 2, 2: 5, 3: 2}, "seed")
    assert order[0].number == 2 and {lot.number for lot in order} == {1, 2, 3}
    assert [lot for lot in in_order(some, "seed") if lot.number in (1, 3)] == order[1:]
