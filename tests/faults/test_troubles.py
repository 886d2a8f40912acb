"""What breaks around a living fleet: it goes on by itself, and has sent exactly what was meant."""

from pathlib import Path
from random import Random

import pytest

from tests.faults import troubles
from tests.faults.drill import Trouble, drilling
from tests.faults.postgres import Server

SEED = 20_261_123


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_whatever_breaks_is_waited_out(kind: str, tmp_path: Path, server: Server) -> None:
    """Gateways that hang, break and go away, a lost database, a full disk, a frozen process: all in one life."""
    roll = Random(SEED)
    struck: list[Trouble] = [
        troubles.accept_and_hang, troubles.break_gateways, troubles.stop_gateways, troubles.freeze_shortly,
        troubles.set_clock,
    ]  # fmt: skip
    if kind == "sqlite":
        database = f"sqlite:///{tmp_path / 'wxfleet.db'}"
        struck.append(troubles.fill_disk)
    else:
        database = server.new_database()
        struck += [troubles.lose_connections(server), troubles.restart_database(server)]
    roll.shuffle(struck)
    async with drilling(tmp_path, database, SEED) as drill:
        await drill.live_through(struck, roll)
        assert not await drill.verdict(), await drill.verdict()
