"""kill -9 at any moment: nobody gets a thing twice, nothing is lost, what is in doubt was under way."""

from pathlib import Path

import pytest

from tests.faults.drill import blows, drilling

KILLS = 12
SEEDS = {"sqlite": 20_261_121, "postgresql": 20_261_122}


async def test_twelve_kills_send_exactly_what_was_meant(
    database_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Each death is one of: at a statement, before or after a commit or a send, at a moment of the wall."""
    seed = SEEDS[request.node.callspec.params["database_url"]]
    async with drilling(tmp_path, database_url, seed) as drill:
        for blow in blows(seed, KILLS):
            await drill.live_and_die(blow)
        await drill.live_to_the_end()
        assert not await drill.verdict(), await drill.verdict()
    assert len(drill.crashes) == KILLS
    assert sum(crash.total() for crash in drill.crashes) > 0, "no death met a message under way"
