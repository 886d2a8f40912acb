"""A drill: one world, one database, and a fleet that is killed and started again until the plan is through.

Everything that is chosen is chosen from the seed; what a machine makes of it may differ from run to run.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from sqlalchemy import func, select, update

from storage.engine import Database, open_database
from storage.schema import upgrade
from storage.tables import Account, Arrival, Delivery, Worker
from tests.faults.deaths import POINTS, Death
from tests.faults.evidence import Evidence, gather, under_way
from tests.faults.nursery import Child, Nursery
from tests.faults.shop import Friend, meet_people, plan_load, write_config
from tests.faults.world import World

ACCOUNTS = 10
ROWS = 200
"""Planned before each start and once more while the fleet runs."""
LINGER_S = 0.02
"""So long every gateway waits with its answer: a message that arrived and is not answered yet, at every death."""
_LATEST_S = 4.0
"""A death that does not come by itself comes then."""
_DRAIN_S = 60.0

_COUNTS = {"statement": 300, "before_commit": 60, "after_commit": 60, "before_send": 150, "after_send": 150}


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

    async def live_and_die(self, blow: Blow) -> None:
        """One life with work to do, and its end."""
        await self.plan()
        before = self.world.reached()
        child = self.start(blow.death)
        if not blow.since_birth:
            await self._until(lambda: self.world.reached() > before or child.ended() is not None, _LATEST_S)
            await self.plan(ROWS // 4)
        if blow.death is None:
            await asyncio.sleep(blow.after_s)
        else:
            await self._until(lambda: child.ended() is not None, _LATEST_S)
        child.kill()
        code = child.wait()
        assert code == -9, f"it ended by itself ({code}):\n{self.log.read_text(encoding='utf-8')[-3000:]}"
        self.crashes.append(await under_way(self.db))
        await self.bury()

    async def live_to_the_end(self) -> None:
        """A last life that settles everything and ends politely."""
        child = self.start()
        async with asyncio.timeout(_DRAIN_S):
            while await self.left():
                assert child.ended() is None, self.log.read_text(encoding="utf-8")[-3000:]
                await asyncio.sleep(0.1)
        child.kill(15)
        assert child.wait() == 0, self.log.read_text(encoding="utf-8")[-3000:]

    def start(self, death: Death | None = None) -> Child:
        self.lives += 1
        return self.nursery.start("run", "-q", folder=self.folder, log=self.log, death=death)

    @property
    def log(self) -> Path:
        return self.folder / "fleet.out"

    async def left(self) -> int:
        """Rows that are due or under way, of the accounts without a pace, and events that nobody acted upon."""
        waits = (Delivery.state == "pending") & (Delivery.due_ms <= now_ms()) & (Delivery.account != self.slow)
        async with self.db.read() as connection:
            out = select(func.count()).select_from(Delivery).where(waits | (Delivery.state == "sending"))
            come = select(func.count()).select_from(Arrival).where(Arrival.state.in_(("received", "fetched")))
            return int((await connection.scalar(out)) or 0) + int((await connection.scalar(come)) or 0)

    async def bury(self) -> None:
        """The dead are known to be dead: the time after which others may take over has passed."""
        async with self.db.write() as tx:
            await tx.execute(update(Worker).values(heartbeat_ms=0))

    async def evidence(self, doubts_allowed: int = 0) -> Evidence:
        return await gather(
            self.db, self.world.record, now_ms=now_ms(), ledger=self.ledger, crashes=self.crashes,
            doubts_allowed=doubts_allowed, slow={self.slow},
        )  # fmt: skip

    async def close(self) -> None:
        await self.db.close()

    async def _until(self, condition: Callable[[], bool], wall_s: float) -> None:
        until = time.monotonic() + wall_s
        while not condition() and time.monotonic() < until:  # noqa: ASYNC110  # it happens in another process
            await asyncio.sleep(0.01)


async def drill(folder: Path, database: str, seed: int, plan: Sequence[Blow], *, accounts: int = ACCOUNTS) -> Evidence:
    """A whole one: every blow of the plan, and the end."""
    (folder / "world").mkdir()
    (folder / "shop").mkdir()
    with Nursery() as nursery, World(folder / "world", accounts=accounts, friends=40, seed=seed) as world:
        one = Drill(folder / "shop", database, world, nursery, seed)
        await one.prepare()
        try:
            for blow in plan:
                await one.live_and_die(blow)
            await one.live_to_the_end()
            return await one.evidence()
        finally:
            await one.close()


def now_ms() -> int:
    """The wall, as fleet and world read it."""
    return round(time.time() * 1000)


async def online(db: Database) -> int:
    """How many accounts say that they are online."""
    async with db.read() as connection:
        count = select(func.count()).select_from(Account).where(Account.state == "online")
        return int((await connection.execute(count)).scalar_one())
