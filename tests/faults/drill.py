"""A drill: one world, one database, and a fleet that is killed and started again until the plan is through.

Everything that is chosen is chosen from the seed; what a machine makes of it may differ from run to run.
"""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from sqlalchemy import select, update

from customers.consent import opt_out
from storage.engine import Database, open_database
from storage.errors import DatabaseUnavailable
from storage.fleet_tables import Worker
from storage.schema import upgrade
from storage.tables import Arrival, Delivery
from tests.faults.deaths import POINTS, Death
from tests.faults.evidence import Evidence, gather, under_way
from tests.faults.judge import judge
from tests.faults.nursery import Child, Nursery
from tests.faults.shop import FRIENDS, Friend, meet_people, plan_load, write_config
from tests.faults.world import World

ACCOUNTS = 8
ROWS = 100
"""Planned before each start and once more while the fleet runs."""
LINGER_S = 0.02
"""So long every gateway waits with its answer: a message that arrived and is not answered yet, at every death."""
_LATEST_S = 4.0
"""A death that does not come by itself comes then."""
_STUCK_S = 120.0
"""A fleet that has work left, and does none of it for so long, does not come to rest."""
_RECOVERY_S = 90.0
"""A fleet that is not at work again by then has not recovered."""

_COUNTS = {"statement": 200, "before_commit": 40, "after_commit": 40, "before_send": 80, "after_send": 80}


Trouble = Callable[["Drill", Child, Random], Awaitable[int]]
"""Something that goes wrong while the fleet lives; returns how many rows it may leave in doubt."""


@dataclass(frozen=True, slots=True)
class Blow:
    """One death: by a hook in the process, or from outside so long after the first message of that life (or birth)."""

    death: Death | None
    after_s: float = 0.0
    since_birth: bool = False

    def __str__(self) -> str:
        if self.death is not None:
            return f"{self.death.point} {self.death.count}"
        return f"{self.after_s:.2f} s after {'birth' if self.since_birth else 'the first message'}"


def blows(seed: int, count: int) -> list[Blow]:
    """The deaths of a drill."""
    roll = Random(seed)
    found = []
    for _ in range(count):
        chance = roll.random()
        if chance < 0.55:
            point = roll.choice(POINTS)
            found.append(Blow(Death(point, roll.randint(1, _COUNTS[point]))))
        else:
            found.append(Blow(None, roll.uniform(0, 0.6), since_birth=chance < 0.7))
    return found


@dataclass
class Drill:
    """`prepare`, then `live_and_die` for each blow, then `live_to_the_end`; `evidence` is for the judge."""

    folder: Path
    database: str
    world: World
    nursery: Nursery
    seed: int
    db: Database = field(init=False)
    roll: Random = field(init=False)
    friends: list[Friend] = field(init=False)
    ledger: set[str] = field(default_factory=set)
    crashes: list[Counter[str]] = field(default_factory=list)
    lives: int = 0
    doubts_allowed: int = 0
    clock_set: bool = False
    diary: list[str] = field(default_factory=list)
    began_s: float = field(default_factory=time.monotonic)

    def note(self, what: str) -> None:
        """Remember what happened when, for whoever must understand a failure."""
        self.diary.append(f"{time.monotonic() - self.began_s:6.2f} s {what}")

    async def prepare(self) -> None:
        self.roll = Random(self.seed)
        self.db = open_database(self.database)
        await upgrade(self.db)
        write_config(self.folder, self.world, self.database)
        self.friends = await meet_people(self.db, self.world, now_ms=now_ms())
        self.world.steer(f"fault linger all {LINGER_S}")

    @property
    def slow(self) -> str:
        """The account that keeps to a pace."""
        return self.world.gateways[-1].id

    async def plan(self, rows: int = ROWS) -> None:
        name = f"{self.seed}-{self.lives}-{len(self.ledger)}"
        known = [one for one in self.friends if one.account != self.slow or self.roll.random() < 0.2]
        self.ledger |= await plan_load(self.db, self.world, known, self.roll, name, rows, now_ms=now_ms())

    async def connect_anew(self) -> None:
        """What ended the fleet's connections ended ours, and a pool learns of it by trying one."""
        try:
            async with self.db.read() as connection:
                await connection.scalar(select(1))
        except DatabaseUnavailable:
            self.note("our own connections had ended as well")

    async def live_and_die(self, blow: Blow) -> None:
        """One life with work to do, and its end."""
        await self.plan()
        before = self.world.reached()
        child = self.start(blow.death)
        if not blow.since_birth:
            await self._until(lambda: self.world.reached() > before or child.ended() is not None, _LATEST_S)
            await self.plan(ROWS // 4)
            await self.let_people_act()
        if blow.death is None:
            await asyncio.sleep(blow.after_s)
        else:
            await self._until(lambda: child.ended() is not None, _LATEST_S)
        child.kill()
        code = child.wait()
        assert code == -9, f"it ended by itself ({code}):\n{self.words}"
        self.crashes.append(await under_way(self.db))
        self.note(f"death {len(self.crashes)}: {blow}; {self.crashes[-1].total()} under way")
        await self.bury()

    async def live_through(self, troubles: Sequence[Trouble], roll: Random) -> None:
        """One life in which all of this happens, each while the fleet is at work."""
        child = self.start()
        for trouble in troubles:
            await self.be_at_work(lambda: child.ended() is None)
            self.doubts_allowed += await trouble(self, child, roll)
            await self.connect_anew()
            self.note(trouble.__qualname__)
        await self.come_to_rest(child)

    async def live_to_the_end(self) -> None:
        """A last life that settles everything and ends politely."""
        await self.come_to_rest(self.start())

    async def be_at_work(self, alive: Callable[[], bool]) -> None:
        """There is much to do, and it is being done."""
        await self.plan()
        before = self.world.reached()
        await self._until(lambda: self.world.reached() > before + 20 or not alive(), _RECOVERY_S)
        assert alive(), self.told("it ended by itself")
        assert self.world.reached() > before + 20, self.told("it sends no more")
        await self.let_people_act()

    async def let_people_act(self) -> None:
        """Somebody wants to be a friend, somebody asks, somebody wants no more."""
        words = self.roll.choice(["店名叫什么", "退订", "在吗"])
        asks, says = self.roll.choice(self.friends), self.roll.choice(self.friends)
        self.world.steer(f"ask new {asks.account} 你好")
        self.world.steer(f"say {says.contact} {says.account} {words}")
        await self.let_people_opt_out(1)

    async def let_people_opt_out(self, count: int) -> None:
        """As from a terminal: they hear nothing unasked from the next moment on, whoever was about to write."""
        people = {friend.person for friend in self.roll.sample(self.friends, count)}
        async with self.db.write() as tx:
            for person in sorted(people):
                await opt_out(tx, person, by="drill", words="退订", now_ms=now_ms())

    async def come_to_rest(self, child: Child) -> None:
        """Until nothing is left to do; then a polite end."""

        async def still_there() -> None:
            assert child.ended() is None, self.words

        await self.wait_for_rest(still_there)
        child.kill(signal.SIGTERM)
        assert child.wait() == 0, self.words
        self.note("rest")

    async def wait_for_rest(self, meanwhile: Callable[[], Awaitable[None]]) -> None:
        """Until nothing is left to do."""
        fewest = (await self.left()).total()
        self.note(f"{fewest} are left to do")
        until = time.monotonic() + _STUCK_S
        while left := await self.left():
            if left.total() < fewest:
                fewest, until = left.total(), time.monotonic() + _STUCK_S
            await meanwhile()
            await asyncio.sleep(0.1)
            assert time.monotonic() < until, self.told(f"{left} are still left")

    async def verdict(self) -> str:
        """What the judge complains of, with all that is needed to understand it; '' when it acquits."""
        complaints = judge(await self.evidence())
        return "\n".join([f"seed {self.seed}", *self.diary, *complaints]) if complaints else ""

    def start(self, death: Death | None = None) -> Child:
        self.lives += 1
        return self.nursery.start("run", "-q", folder=self.folder, log=self.log, death=death)

    @property
    def log(self) -> Path:
        return self.folder / "fleet.out"

    def told(self, what: str) -> str:
        """A failure, with all that is needed to understand it."""
        return "\n".join([f"seed {self.seed}: {what}", *self.diary, self.words])

    @property
    def words(self) -> str:
        """The last that fleets had to say."""
        return self.log.read_text(encoding="utf-8")[-3000:]

    async def left(self) -> Counter[str]:
        """Rows that are due or under way, of the accounts without a pace, and events that nobody acted upon."""
        waits = (Delivery.state == "pending") & (Delivery.due_ms <= now_ms()) & (Delivery.account != self.slow)
        out = select(Delivery.state, Delivery.kind, Delivery.reason).where(waits | (Delivery.state == "sending"))
        come = select(Arrival.state, Arrival.kind, Arrival.outcome).where(Arrival.state.in_(("received", "fetched")))
        async with self.db.read() as connection:
            rows = [*await connection.execute(out), *await connection.execute(come)]
        return Counter(" ".join(word or "" for word in row) for row in rows)

    async def bury(self) -> None:
        """The dead are known to be dead: the time after which others may take over has passed."""
        async with self.db.write() as tx:
            await tx.execute(update(Worker).values(heartbeat_ms=0))

    async def evidence(self) -> Evidence:
        return await gather(
            self.db, self.world.record, now_ms=now_ms(), ledger=self.ledger, crashes=self.crashes,
            doubts_allowed=self.doubts_allowed, slow={self.slow}, clock_set=self.clock_set,
        )  # fmt: skip

    async def _until(self, condition: Callable[[], bool], wall_s: float) -> None:
        until = time.monotonic() + wall_s
        while not condition() and time.monotonic() < until:  # noqa: ASYNC110  # it happens in another process
            await asyncio.sleep(0.01)


@asynccontextmanager
async def drilling(folder: Path, database: str, seed: int, *, accounts: int = ACCOUNTS) -> AsyncIterator[Drill]:
    """A drill made ready in `folder`; who still lives after it is killed."""
    (folder / "world").mkdir()
    (folder / "shop").mkdir()
    with Nursery() as nursery, World(folder / "world", accounts=accounts, friends=FRIENDS, seed=seed) as world:
        drill = Drill(folder / "shop", database, world, nursery, seed)
        await drill.prepare()
        try:
            yield drill
        finally:
            await drill.db.close()


def now_ms() -> int:
    """The wall, as fleet and world read it."""
    return round(time.time() * 1000)
