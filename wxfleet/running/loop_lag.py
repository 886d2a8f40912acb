"""How late the event loop is: a task that sleeps a little, and notes by how much it woke too late."""

import asyncio
import time

from bots.tally import Spread

SAMPLE_S = 0.1
LAG_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


async def sample_lag(into: Spread, every_s: float = SAMPLE_S) -> None:
    """Until cancelled. Ten looks a second cost a thousandth of a core."""
    while True:
        wakes_s = time.perf_counter() + every_s
        await asyncio.sleep(every_s)
        into.add(max(0.0, time.perf_counter() - wakes_s))
