"""Friend requests go where they are worth most: below the threshold first, then one account at a time."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rules.limits import Limits
from rules.reach import Room, Route, decide_request, reach, valley_end

SMALL = Limits(friends=50, visible=30, reserve=0.1)
OTHER = Limits(friends=25, visible=20, reserve=0.25)
ACCEPTED = (Route.ACCEPT, Route.ACCEPT_AND_INTRODUCE)

requests = st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=300)
"""Who is asked, and whether the person may use the reserve."""


def _matrix(starts: list[int], limits: Limits = SMALL) -> list[Room]:
    return [Room(f"a{number}", min(friends, limits.friends), limits) for number, friends in enumerate(starts)]


below = st.lists(st.integers(0, SMALL.visible), min_size=1, max_size=5)
anywhere = st.lists(st.integers(0, SMALL.friends), min_size=1, max_size=5)


@given(anywhere, requests, st.sampled_from([SMALL, OTHER]))
def test_no_account_ever_exceeds_its_cap(starts: list[int], asked: list[tuple[int, bool]], limits: Limits) -> None:
    rooms = _matrix(starts, limits)
    for which, reserved in asked:
        room = rooms[which % len(rooms)]
        if decide_request(room, rooms, may_use_reserve=reserved).route in ACCEPTED:
            assert room.friends < limits.friends
            rooms[which % len(rooms)] = replace(room, friends=room.friends + 1)


@given(anywhere, st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.booleans()), max_size=300))
def test_nobody_enters_the_valley_while_a_sibling_has_room_below(
    starts: list[int], asked: list[tuple[int, bool, bool]]
) -> None:
    """Whether or not that sibling is online at the moment."""
    rooms = _matrix(starts)
    for which, reserved, online in asked:
        index = which % len(rooms)
        room = rooms[index] = replace(rooms[index], accepting=online)
        if decide_request(room, rooms, may_use_reserve=reserved).route in ACCEPTED:
            if room.friends == SMALL.visible:
                assert all(other.friends >= SMALL.visible for other in rooms)
            rooms[index] = replace(room, friends=room.friends + 1)


@given(below, requests)
def test_the_valley_is_crossed_by_one_account_at_a_time(starts: list[int], asked: list[tuple[int, bool]]) -> None:
    rooms = _matrix(starts)
    for which, reserved in asked:
        room = rooms[which % len(rooms)]
        if decide_request(room, rooms, may_use_reserve=reserved).route in ACCEPTED:
            rooms[which % len(rooms)] = replace(room, friends=room.friends + 1)
        crossing = [room for room in rooms if SMALL.visible < room.friends < SMALL.friends]
        assert len(crossing) <= 1


@given(anywhere, st.integers(0, 4))
def test_the_reserve_is_only_for_those_who_may_use_it(starts: list[int], which: int) -> None:
    rooms = _matrix(starts)
    room = rooms[which % len(rooms)]
    if SMALL.open_below <= room.friends < SMALL.visible:
        assert decide_request(room, rooms, may_use_reserve=True).route is Route.ACCEPT
        kept = decide_request(room, rooms, may_use_reserve=False)
        assert (kept.route, kept.reason) == (Route.WAIT, "reserve_kept")


@given(anywhere, st.integers(0, 4), st.booleans())
def test_whoever_is_sent_to_a_sibling_is_welcome_there(starts: list[int], which: int, reserved: bool) -> None:
    rooms = _matrix(starts)
    room = rooms[which % len(rooms)]
    sent = decide_request(room, rooms, may_use_reserve=reserved)
    if sent.sibling is not None:
        assert sent.sibling != room.account
        sibling = next(other for other in rooms if other.account == sent.sibling)
        there = decide_request(sibling, rooms, may_use_reserve=reserved)
        assert there.route is Route.ACCEPT


@given(anywhere, requests)
def test_a_matrix_that_everybody_may_use_fills_up_to_the_last_place(
    starts: list[int], asked: list[tuple[int, bool]]
) -> None:
    """Waiting never locks all out: as long as some account is below its cap, one of them accepts."""
    rooms = _matrix(starts)
    for _ in range(len(rooms) * SMALL.friends - sum(room.friends for room in rooms)):
        accepting = [
            index for index, room in enumerate(rooms)
            if decide_request(room, rooms, may_use_reserve=True).route in ACCEPTED
        ]  # fmt: skip
        assert accepting
        index = accepting[0]
        rooms[index] = replace(rooms[index], friends=rooms[index].friends + 1)
    assert all(room.friends == SMALL.friends for room in rooms)


def test_a_full_account_leaves_the_request_pending_and_names_a_sibling() -> None:
    full, sibling = Room("a", 50, SMALL), Room("b", 3, SMALL)
    decision = decide_request(full, [full, sibling], may_use_reserve=False)
    assert (decision.route, decision.reason, decision.sibling) == (Route.WAIT, "cap", "b")


def test_between_threshold_and_cap_it_accepts_and_sends_the_card_of_a_sibling() -> None:
    filling, sibling = Room("a", 31, SMALL), Room("b", 3, SMALL)
    decision = decide_request(filling, [filling, sibling], may_use_reserve=False)
    assert (decision.route, decision.sibling) == (Route.ACCEPT_AND_INTRODUCE, "b")


def test_a_sibling_that_cannot_accept_now_is_nobody_s_destination() -> None:
    filling, sibling = Room("a", 31, SMALL), Room("b", 3, SMALL, accepting=False)
    assert decide_request(filling, [filling, sibling], may_use_reserve=False).sibling is None


@given(st.integers(1, 50_000))
def test_the_valley_ends_where_reach_is_again_what_it_was(visible: int) -> None:
    end = valley_end(visible)
    assert reach(end, visible) >= reach(visible, visible)
    if end - 1 > visible:
        assert reach(end - 1, visible) < reach(visible, visible)


def test_the_numbers_of_the_house() -> None:
    assert reach(3000, 3000) == 3000
    assert reach(3001, 3000) < 2001
    assert valley_end(3000) == 4500
