"""Whose QR code a channel shows: who has room, within reserve and valley, and no change without a reason."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from customers.channels.channel_choice import Choice, Fit, Member, choose
from rules.limits import Limits
from rules.reach import Room, Route, decide_request
from rules.roles import Role

LIMITS = Limits()


def member(account: str, friends: int | None, role: Role = Role.ACQUISITION, **more: object) -> Member:
    room = None if friends is None else Room(account, friends, LIMITS)
    return replace(Member(account, role, room), **more)  # type: ignore[arg-type]


def chosen(pool: list[Member], *, showing: str | None = None, reserved: bool = False, **more: object) -> object:
    choice = choose(pool, pool, reserved=reserved, showing=showing, **more)  # type: ignore[arg-type]
    return choice and (choice.account, choice.fit)


def test_acquisition_first_then_the_preferred_persona_then_the_emptiest() -> None:
    lin, yu, hua = member("lin", 10, Role.SALES), member("yu", 200), member("hua", 100, persona="ordinary")
    assert chosen([lin, yu, hua]) == ("hua", Fit.ROOM)
    assert chosen([lin, yu, hua], preferred={"mentor", "influencer"}) == ("hua", Fit.ROOM)
    assert chosen([lin, replace(yu, persona="assistant"), hua], preferred={"assistant"}) == ("yu", Fit.ROOM)
    assert chosen([lin]) == ("lin", Fit.ROOM)


def test_what_is_shown_stays_until_it_can_take_nobody_at_once() -> None:
    yu, hua = member("yu", 2_699), member("hua", 100)
    assert chosen([yu, hua], showing="yu") == ("yu", Fit.ROOM)
    assert chosen([replace(yu, accepts_left=False), hua], showing="yu") == ("hua", Fit.ROOM)
    assert chosen([replace(yu, here=False), hua], showing="yu") == ("hua", Fit.ROOM)
    assert chosen([member("yu", 2_700), hua], showing="yu") == ("hua", Fit.ROOM)
    assert chosen([yu, hua], showing="gone") == ("hua", Fit.ROOM)


def test_the_reserve_is_for_reserved_channels() -> None:
    pool = [member("yu", 2_700), member("hua", 4_999)]
    assert chosen(pool, reserved=True) == ("yu", Fit.ROOM)
    assert chosen(pool) == ("hua", Fit.FILLING_VALLEY)


def test_staffs_choice_holds_while_it_takes_anybody() -> None:
    pool = [member("yu", 100, accepts_left=False), member("hua", 100)]
    assert chosen(pool, showing="yu", pinned=True) == ("yu", Fit.TOMORROW)
    assert chosen([member("yu", 5_000), pool[1]], showing="yu", pinned=True) == ("hua", Fit.ROOM)


def test_a_full_pool_says_so_and_an_unknown_one_does_not() -> None:
    assert chosen([member("yu", 5_000)]) == (None, Fit.NONE)
    assert chosen([member("yu", 5_000), member("hua", None)]) is None


def test_nobody_enters_the_valley_while_a_sibling_outside_the_pool_has_room() -> None:
    yu, outside = member("yu", 3_000), member("hua", 100)
    assert choose([yu], [yu, outside], reserved=True, showing="yu") == Choice(None, Fit.NONE)
    above = member("yu", 3_100)
    assert choose([above], [above, outside], reserved=True, showing=None) == Choice("yu", Fit.IN_VALLEY)


_member = st.builds(
    lambda name, friends, role, here, left: member(f"a{name}", friends, role, here=here, accepts_left=left),
    st.integers(0, 9), st.sampled_from([None, 0, 2_699, 2_700, 3_000, 3_100, 4_499, 4_999, 5_000]),
    st.sampled_from([Role.ACQUISITION, Role.SALES]), st.booleans(), st.booleans(),
)  # fmt: skip


@given(st.lists(_member, min_size=1, max_size=6, unique_by=lambda m: m.account), st.booleans(), st.integers(0, 9))
def test_who_scans_what_is_shown_is_never_left_waiting_while_somebody_in_the_pool_would_take_them(
    everybody: list[Member], reserved: bool, showing: int
) -> None:
    pool = everybody[: 1 + len(everybody) // 2]
    choice = choose(pool, everybody, reserved=reserved, showing=f"a{showing}")

    def takes(one: Member) -> bool:
        rooms = [other.room for other in everybody if other.role is one.role and other.room is not None]
        return (
            one.room is not None and decide_request(one.room, rooms, may_use_reserve=reserved).route is not Route.WAIT
        )

    able = {one.account for one in pool if takes(one)}
    assert (choice.account if choice else None) in (able or {None})
    if choice and choice.account:
        again = choose(pool, everybody, reserved=reserved, showing=choice.account)
        assert again == choice
