"""A worker that is frozen between its decision and the wire, and wakes when others own the account.

What protects: the intent is committed before, so that the new owner finds the row under way, takes it for doubtful and
never sends it. And whether it may still go is asked again right before the bytes are written.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from bots.ownership import SHARDS
from customers.consent import opt_out
from rules.kinds import Kind
from rules.pacing import DAY_MS
from storage.fleet_tables import Shard, Worker
from storage.outbox import Content, NewDelivery, plan
from storage.tables import Delivery
from tests.faults.crew import TIMEOUT_S
from tests.faults.deaths import Death, Point
from tests.faults.drill import Drill, drilling, now_ms
from tests.faults.evidence import read_record
from tests.faults.nursery import Child
from tests.faults.postgres import Server
from tests.faults.shop import write_config

WORDS = "只发一次"
_PATIENCE_S = 60.0


@dataclass
class Freeze:
    """The worker that is frozen with one push in its hands, the one after it, and the person it was meant for."""

    drill: Drill
    old: Child
    person: int

    async def until(self, there: Callable[[], Awaitable[bool]]) -> None:
        until = time.monotonic() + _PATIENCE_S
        while not await there():
            assert time.monotonic() < until, self.drill.told("it does not come to that")
            await asyncio.sleep(0.03)

    async def frozen(self) -> bool:
        return _is_stopped(self.old.pid)

    async def row(self) -> tuple[str, str | None]:
        async with self.drill.db.read() as connection:
            found = await connection.execute(select(Delivery.state, Delivery.reason).where(Delivery.key == "frozen"))
            state, reason = found.one()
        return state, reason

    async def owned_by(self, child: Child) -> int:
        query = select(func.count()).select_from(Shard).join(Worker, Shard.owner == Worker.id)
        async with self.drill.db.read() as connection:
            return int(await connection.scalar(query.where(Worker.pid == child.pid)) or 0)

    def arrived(self) -> int:
        entries = read_record(self.drill.world.record)
        return sum(entry["do"] == "message" and entry["text"] == WORDS for entry in entries)


def _is_stopped(pid: int) -> bool:
    """By the kernel's word; its name, in brackets, may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "T"


@asynccontextmanager
async def frozen_at(point: Point, folder: Path, server: Server) -> AsyncIterator[Freeze]:
    """Frozen there, replaced, and the person has opted out meanwhile; thawed and sent home after the block."""
    database = server.new_database()
    async with drilling(folder, database, 7, accounts=2) as drill:
        write_config(drill.folder, drill.world, database, f"worker: {{heartbeat_timeout_s: {TIMEOUT_S}}}\n")
        friend = drill.friends[0]
        death = Death(point, 1, signal.SIGSTOP)
        old = drill.nursery.start("worker", "-q", folder=drill.folder, log=drill.log, death=death)
        freeze = Freeze(drill, old, friend.person)
        row = NewDelivery(
            Kind.PUSH, friend.account, friend.contact, Content(text=WORDS), "frozen", now_ms(), person=friend.person,
            valid_until_ms=now_ms() + DAY_MS,
        )  # fmt: skip
        async with drill.db.write() as tx:
            await plan(tx, [row], now_ms=now_ms())
        await freeze.until(freeze.frozen)
        new = drill.nursery.start("worker", "-q", folder=drill.folder, log=drill.log)

        async def replaced() -> bool:
            return await freeze.owned_by(new) == SHARDS

        await freeze.until(replaced)
        async with drill.db.write() as tx:
            await opt_out(tx, friend.person, by="drill", words="退订", now_ms=now_ms())
        assert await freeze.row() == ("in_doubt", "owner_died")
        old.kill(signal.SIGCONT)
        yield freeze
        for child in (old, new):
            child.kill(signal.SIGTERM)
            assert await asyncio.to_thread(child.wait) == 0, drill.words


async def test_who_wakes_before_the_last_question_sends_nothing(tmp_path: Path, server: Server) -> None:
    async with frozen_at("before_send", tmp_path, server) as freeze:

        async def shared() -> bool:  # it knows by now that it was replaced, and has its part of the shards again
            return await freeze.owned_by(freeze.old) > 0

        await freeze.until(shared)
    assert freeze.arrived() == 0


async def test_who_wakes_at_the_very_last_moment_sends_once_what_nobody_else_sends(
    tmp_path: Path, server: Server
) -> None:
    """Nothing can stop these bytes but the gateway: they arrive late, once, and the answer ends the doubt."""
    async with frozen_at("last_moment", tmp_path, server) as freeze:

        async def told() -> bool:
            return (await freeze.row())[0] == "accepted"

        await freeze.until(told)
    assert freeze.arrived() == 1
