"""Long work beside a fleet: no transaction holds the writer long, and who waits for it gets their turn."""

from collections.abc import Iterator, Sequence

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.engine import Database
from storage.strides import BESIDE_S, Strides, breaths
from storage.tables import Setting

_SQLITE_DELAYS_MS = (1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50, 100)
"""How long SQLite's own busy handler sleeps before each further question; then always 100."""
_BREATH_MS = 30


class _Machine:
    """A clock by which each transaction takes as long as its rows cost."""

    def __init__(self, row_s: float) -> None:
        self.row_s = row_s
        self.breaths = 0
        self._now_s = 0.0

    def seconds(self) -> float:
        return self._now_s

    def work(self, rows: int) -> None:
        self._now_s += rows * self.row_s

    async def breathe(self) -> None:
        self.breaths += 1


async def test_strides_come_to_fit_what_the_machine_can_do_and_go_on_fitting(sqlite_database: Database) -> None:
    machine = _Machine(row_s=0.001)
    strides = Strides(sqlite_database, machine.breathe, first=1000, most=5000, seconds=machine.seconds)
    for row_s in (0.001, 0.000_1, 0.01, 1.0):
        machine.row_s = row_s
        for _ in range(20):
            async with strides.write():
                machine.work(strides.rows)
        expected = min(5000, max(100, round(BESIDE_S / row_s)))
        assert strides.rows == pytest.approx(expected, abs=1)


async def test_all_items_are_taken_once_in_their_order_each_stride_in_a_transaction_of_its_own(
    sqlite_database: Database,
) -> None:
    machine = _Machine(row_s=0.03)
    strides = Strides(sqlite_database, machine.breathe, first=10, most=20, seconds=machine.seconds)
    seen: list[str] = []

    async def write(tx: AsyncConnection, some: Sequence[str]) -> None:
        machine.work(len(some))
        seen.extend(some)
        await tx.execute(insert(Setting), [{"key": key, "value": "", "changed_ms": 0} for key in some])
        if len(seen) > 25:
            raise RuntimeError("cut off")

    keys = [f"{number:03d}" for number in range(40)]
    with pytest.raises(RuntimeError):
        await strides.through(keys, write)
    assert seen == keys[: len(seen)]
    async with sqlite_database.read() as connection:
        kept = await connection.scalar(select(func.count()).select_from(Setting).where(Setting.key.in_(keys)))
    assert 0 < (kept or 0) < len(seen)


def _asks(after_ms: int) -> Iterator[int]:
    """The moments at which somebody asks who began to wait then."""
    at_ms, turn = after_ms, 0
    while True:
        yield at_ms
        at_ms += _SQLITE_DELAYS_MS[min(turn, len(_SQLITE_DELAYS_MS) - 1)]
        turn += 1


@pytest.mark.parametrize("held_ms", [1, 40, 100, 127, 130, 200, 227, 230, 300, 900])
def test_nobody_sleeps_through_the_gap_after_a_transaction(held_ms: int) -> None:
    """Whenever they began to wait while the writer was held, SQLite asks again within the breaths that follow."""
    free_ms = held_ms + breaths(held_ms / 1000) * _BREATH_MS
    for began_ms in range(held_ms):
        asked = next(at for at in _asks(began_ms) if at >= held_ms)
        assert asked < free_ms, (began_ms, asked)
