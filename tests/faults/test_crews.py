"""Three workers share one shop while one after another is killed, frozen, cut off or sent home."""

from pathlib import Path

from tests.faults import crew
from tests.faults.postgres import Server

SEED = 20_261_124


async def test_three_workers_send_exactly_what_was_meant_whatever_befalls_one(tmp_path: Path, server: Server) -> None:
    """Each stroke in turn; people opt out while a worker is frozen or cut off, and hear nothing from it afterwards."""
    strokes: list[crew.Stroke] = [crew.kill, crew.freeze, crew.terminate, crew.cut, crew.kill_all]
    async with crew.crew_at_work(tmp_path, server, SEED) as workers:
        workers.drill.roll.shuffle(strokes)
        await workers.live_through(strokes)
        await workers.come_to_rest()
        verdict = await workers.drill.verdict()
    assert not verdict, verdict
