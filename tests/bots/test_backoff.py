"""Waiting before the next try: longer each time, never longer than a minute, from the start again after a success."""

from itertools import islice
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from bots.backoff import GARBAGE_WALL_MS, NEEDS_PERSON_WALL_MS, STREAM_BUSY_WALL_MS, Backoff, Trouble
from bots.errors import GarbageAnswer, GatewayUnavailable, StreamBusy, WrongToken


@given(st.integers(), st.integers(1, 40))
def test_each_wait_lies_within_its_doubling_span_and_under_a_minute(seed: int, tries: int) -> None:
    waits = list(islice(Backoff(Random(seed)), tries))
    assert all(0 <= wait <= min(60_000, 1000 * 2**number) for number, wait in enumerate(waits))


def test_the_waits_of_many_accounts_are_spread_over_the_whole_span() -> None:
    random = Random(1)
    waits = [list(islice(Backoff(random), 4))[-1] for _ in range(200)]
    assert min(waits) < 1000
    assert max(waits) > 7000


@given(st.integers())
def test_after_a_reset_the_first_wait_is_short_again(seed: int) -> None:
    backoff = Backoff(Random(seed))
    list(islice(backoff, 10))
    backoff.reset()
    assert next(backoff) <= 1000


def test_what_only_a_person_can_mend_is_tried_rarely_and_garbage_not_often() -> None:
    trouble = Trouble(Random(1))
    assert trouble.wait_after(WrongToken("no")) == NEEDS_PERSON_WALL_MS
    assert trouble.wait_after(GarbageAnswer("?")) >= GARBAGE_WALL_MS
    assert trouble.wait_after(GatewayUnavailable("away")) <= 4000


def test_each_kind_of_trouble_is_new_once_until_it_is_over() -> None:
    trouble = Trouble(Random(1))
    assert [trouble.is_new(kind) for kind in ("a", "b", "a", "b")] == [True, True, False, False]
    assert trouble.over() == ("a", "b")
    assert trouble.over() == ()
    assert trouble.is_new("a")


def test_a_stream_that_somebody_holds_is_asked_for_again_within_seconds() -> None:
    trouble = Trouble(Random(1))
    assert all(trouble.wait_after(StreamBusy("held")) <= STREAM_BUSY_WALL_MS for _ in range(20))
