"""The pause and the minute count from when a message was through: the platform sees arrivals, not decisions."""

from itertools import pairwise

from rules.limits import Limits
from storage.engine import Database
from storage.outbox import Claimed
from tests.bots.people import RecordingSender, add_account, befriend, lane, planned, reply
from tests.bots.test_courier import Desk
from tests.virtual_time import VirtualClock

LIMITS = Limits(gap_min_s=1, gap_max_s=1.5, people_per_minute=5, messages_per_minute=12)
MINUTE_S = 60.0
PEOPLE = 12


async def test_a_slow_gateway_brings_neither_two_at_once_nor_too_many_people_in_a_minute(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    desk = Desk(sqlite_database, clock)
    arrived: list[float] = []

    async def slow(row: Claimed) -> str:
        """Every other message takes four seconds, the others none."""
        if len(arrived) % 2 == 0:
            await clock.sleep_until(clock.now_ms() + 4_000)
        arrived.append(clock.now_ms() / 1000)
        return f"m{row.id}"

    desk.add(lane("a", limits=LIMITS), RecordingSender(slow))
    async with desk.db.write() as tx:
        await add_account(tx, "a", limits=LIMITS)
        for n in range(PEOPLE):
            await befriend(tx, "a", f"w{n}", now_ms=desk.now_ms)
    await planned(desk.db, [reply("a", f"w{n}", f"k{n}", desk.now_ms) for n in range(PEOPLE)], desk.now_ms)
    await desk.pass_time(160)
    assert len(arrived) == PEOPLE
    assert min(later - earlier for earlier, later in pairwise(arrived)) >= LIMITS.gap_min_s
    sixth = LIMITS.people_per_minute
    assert all(later - earlier >= MINUTE_S for earlier, later in zip(arrived, arrived[sixth:], strict=False))
