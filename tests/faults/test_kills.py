"""kill -9 at any moment: nobody gets a thing twice, nothing is lost, what is in doubt was under way."""

from pathlib import Path

import pytest

from tests.faults.drill import blows, drill
from tests.faults.judge import judge

KILLS = 12
SEEDS = {"sqlite": 20_261_121, "postgresql": 20_261_122}


async def test_twelve_kills_send_exactly_what_was_meant(
    database_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Each death is one of: at a statement, before or after a commit or a send, at a moment of the wall."""
    seed = SEEDS[request.node.callspec.params["database_url"]]
    plan = blows(seed, KILLS)
    evidence = await drill(tmp_path, database_url, seed, plan)
    told = "\n".join([f"seed {seed}: {'; '.join(map(str, plan))}", *judge(evidence)])
    assert not judge(evidence), told
    assert len(evidence.crashes) == KILLS
    assert sum(crash.total() for crash in evidence.crashes) > 0, "no death met a message under way"
