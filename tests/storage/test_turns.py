"""Who writes next on SQLite: the short ones first, nobody lost, nobody two at a time."""

import asyncio
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from storage.turns import Turns

LINES = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=12)


async def served(wanted: Sequence[tuple[bool, bool]], *, late: bool) -> list[int]:
    """Each wants a (short, given up) turn while somebody holds it; in which order they had it. `late`: given up while
    it is handed on, not before.
    """
    turns, order, inside = Turns(), list[int](), 0

    async def want(number: int, short: bool) -> None:
        nonlocal inside
        async with turns.turn(short=short):
            inside += 1
            assert inside == 1, "two at a time"
            order.append(number)
            await asyncio.sleep(0)
            inside -= 1

    async with turns.turn(short=False):
        tasks = []
        for number, (short, _) in enumerate(wanted):
            tasks.append(asyncio.create_task(want(number, short)))
            await asyncio.sleep(0)
        if not late:
            _give_up(tasks, wanted)
            await asyncio.sleep(0)
    if late:
        _give_up(tasks, wanted)
    await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(1), turns.turn(short=False):
        """It is free again."""
    return order


def _give_up(tasks: Sequence[asyncio.Task[None]], wanted: Sequence[tuple[bool, bool]]) -> None:
    for task, (_, gives_up) in zip(tasks, wanted, strict=True):
        if gives_up:
            task.cancel()


@settings(max_examples=60, deadline=None)
@given(LINES, st.booleans())
def test_short_turns_go_first_each_line_in_its_order_whoever_gives_up(
    wanted: list[tuple[bool, bool]], late: bool
) -> None:
    stay = [number for number, (_, gives_up) in enumerate(wanted) if not gives_up]
    order = asyncio.run(served(wanted, late=late))
    assert order == sorted(stay, key=lambda number: (not wanted[number][0], number))


async def test_between_two_short_turns_of_one_a_long_one_has_its_own() -> None:
    turns, order = Turns(), list[str]()

    async def again_and_again() -> None:
        for _ in range(3):
            async with turns.turn(short=True):
                order.append("short")
                await asyncio.sleep(0)

    async def once() -> None:
        async with turns.turn(short=False):
            order.append("long")

    await asyncio.gather(again_and_again(), once())
    assert order == ["short", "long", "short", "short"]
