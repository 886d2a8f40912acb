"""A planner and a courier over one shop on virtual time: what is planned is sent, at the pace and in the hours."""

from random import Random

from bots.courier import Courier
from bots.lane import LaneConfig
from rules.limits import Limits
from rules.roles import Role
from scheduler.moments.moments import Calendar
from scheduler.planner import Planner
from storage.engine import Database
from tests.bots.people import PlainWording, RecordingSender, let_sends_finish, nobody_posts, taken_over
from tests.scheduler.matrix import ZONE, account, nobody_hears, rows
from tests.virtual_time import VirtualClock

MINUTE_MS = 60_000


class Sending:
    """`until_done` jumps from one moment at which something can happen to the next."""

    def __init__(self, db: Database, clock: VirtualClock) -> None:
        self.db = db
        self.clock = clock
        self.planner = Planner(db, clock, Calendar(), tell=nobody_hears)
        self.courier = Courier(db, clock, wording=PlainWording(), hand_over=nobody_posts, random=Random(7))
        self.senders: dict[str, RecordingSender] = {}

    async def add(self, id: str, limits: Limits, role: Role = Role.SALES) -> None:
        given = limits.model_dump(mode="json", exclude_unset=True)
        await account(self.db, id, role=role.value, limits=given, armed=True, simulated=True, state="online")
        self.senders[id] = RecordingSender()
        self.courier.add(LaneConfig(id, role, ZONE, limits, 0, True), self.senders[id])

    async def until_done(self, *, until_ms: int, look_ms: int = MINUTE_MS) -> None:
        """Until nothing waits any more, or that moment has come. The planner looks every minute of the first quarter
        of an hour, then every `look_ms`.
        """
        await taken_over(self.db, self.clock.now_ms())
        began_ms = look_at = self.clock.now_ms()
        idle_ms = 1
        while (now_ms := self.clock.now_ms()) < until_ms:
            if now_ms >= look_at:
                await self.planner.tick()
                look_at = now_ms + (look_ms if now_ms - began_ms > 15 * MINUTE_MS else MINUTE_MS)
                if not await rows(self.db, state="pending") and not await rows(self.db, state="sending"):
                    return
            sent = sum(len(sender.sent) for sender in self.senders.values())
            await self.courier.tick()
            await let_sends_finish()
            idle_ms = 1 if sum(len(sender.sent) for sender in self.senders.values()) > sent else min(idle_ms * 2, 4000)
            wakes = [at for lane in self.courier._lanes.values() if (at := lane.wakes_at()) is not None]
            soonest_ms = min((at - now_ms for at in wakes if at > now_ms), default=look_at - now_ms)
            some_now = min(wakes, default=now_ms + 1) <= now_ms
            await self.clock.advance(max(1, min(soonest_ms, idle_ms if some_now else look_at - now_ms)) / 1000)
