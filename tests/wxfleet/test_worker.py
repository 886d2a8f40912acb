"""Real workers on PostgreSQL and a world in a process of its own: who owns what, through every way a worker may end."""

import asyncio
import itertools
import json
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Select, func, select, text

from bots.ownership import SHARDS
from rules.kinds import Kind
from storage.engine import Database, open_database
from storage.fleet_tables import LiveRequest, Shard
from storage.fleet_tables import Worker as WorkerRow
from storage.outbox import Content, NewDelivery, plan
from storage.schema import upgrade
from storage.tables import Account, Delivery
from tests.faults.nursery import Child, Nursery
from tests.faults.shop import Friend, meet_people, write_config
from tests.faults.world import World
from tests.wxfleet.running import wxfleet
from tests.wxfleet.small_shop import open_shop
from texts.problem import ExitCode

TIMEOUT_S = 2.0
"""The heartbeat time-out T of these workers."""
_ACCOUNTS = 8
_PATIENCE_S = 60.0
_names = itertools.count()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("world"), accounts=_ACCOUNTS, friends=40, seed=11) as one:
        yield one


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as one:
        yield one


@dataclass
class Crew:
    """Workers over one database."""

    folder: Path
    url: str
    nursery: Nursery
    db: Database
    friends: list[Friend] = field(default_factory=list)

    def start(self, *arguments: str) -> Child:
        return self.nursery.start(*(arguments or ("worker", "-q")), folder=self.folder, log=self.folder / "words.log")

    async def shares(self) -> Counter[int]:
        """Shards by the pid of a living owner."""
        query = select(WorkerRow.pid).join(Shard, Shard.owner == WorkerRow.id)
        async with self.db.read() as connection:
            return Counter((await connection.execute(query)).scalars())

    async def owns_all(self, *children: Child) -> None:
        """Wait until these own everything, in equal parts."""
        most = -(-SHARDS // len(children))

        async def settled() -> bool:
            shares = await self.shares()
            fair = all(SHARDS - most * (len(children) - 1) <= shares[child.pid] <= most for child in children)
            return fair and sum(shares[child.pid] for child in children) == SHARDS

        await self.until(settled)

    async def online(self) -> None:
        await self.until(lambda: self._count(select(func.count()).where(Account.state == "online"), _ACCOUNTS))

    async def all_sent(self) -> None:
        left = select(func.count()).where(Delivery.state != "accepted")
        await self.until(lambda: self._count(left, 0))

    async def _count(self, query: Select[Any], wanted: int) -> bool:
        async with self.db.read() as connection:
            return int(await connection.scalar(query) or 0) == wanted

    async def until(self, there: Callable[[], Awaitable[bool]]) -> None:
        began = time.monotonic()
        while not await there():
            if time.monotonic() - began > _PATIENCE_S:
                raise AssertionError(
                    f"{await self.shares()}\n{(self.folder / 'words.log').read_text(encoding='utf-8')[-3000:]}"
                )
            await asyncio.sleep(0.03)

    async def write_to_everybody(self, name: str) -> set[str]:
        """A line to a friend of each account; returns the texts."""
        now_ms = round(time.time() * 1000)
        friends = {friend.account: friend for friend in self.friends}
        rows = [
            NewDelivery(Kind.REPLY, one.account, one.contact, Content(text=f"{name} {one.account}"),
                        f"{name}:{one.account}", now_ms, person=one.person)
            for one in friends.values()
        ]  # fmt: skip
        async with self.db.write() as tx:
            await plan(tx, rows, now_ms=now_ms)
        return {row.content.text or "" for row in rows}


@pytest.fixture
async def crew(world: World, nursery: Nursery, postgres: str, tmp_path: Path) -> AsyncIterator[Crew]:
    name = f"crew{os.getpid()}_{next(_names)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    head, _, query = postgres.partition("?")
    url = head.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")
    write_config(tmp_path, world, url, f"worker: {{heartbeat_timeout_s: {TIMEOUT_S:g}}}")
    db = open_database(url)
    await upgrade(db)
    one = Crew(tmp_path, url, nursery, db)
    one.friends = await meet_people(db, world, now_ms=round(time.time() * 1000))
    yield one
    await db.close()


def arrived(world: World, mark: str) -> Counter[str]:
    """How often each text that begins with `mark` arrived, by the world's own record."""
    entries = (json.loads(line) for line in world.record.read_text(encoding="utf-8").splitlines())
    return Counter(str(e["text"]) for e in entries if e.get("do") == "message" and str(e.get("text")).startswith(mark))


async def test_workers_share_take_over_and_hand_over(crew: Crew, world: World) -> None:
    """They share in equal parts; the dead, the frozen and those who leave are replaced; each message goes once."""
    first, second, third = crew.start(), crew.start(), crew.start()
    await crew.owns_all(first, second, third)
    await crew.online()
    sent = await crew.write_to_everybody("one")
    await crew.all_sent()
    assert arrived(world, "one") == Counter(sent)

    first.kill(signal.SIGKILL)
    await crew.owns_all(second, third)  # how fast: benchmarks/workers.py
    sent = await crew.write_to_everybody("two")
    await crew.all_sent()
    assert arrived(world, "two") == Counter(sent)

    second.kill(signal.SIGTERM)
    assert second.wait() == 0
    await crew.owns_all(third)

    fourth = crew.start()
    await crew.owns_all(third, fourth)
    third.kill(signal.SIGSTOP)
    await crew.owns_all(fourth)
    sent = await crew.write_to_everybody("three")
    third.kill(signal.SIGCONT)  # it finds that it was replaced, sends nothing as such, and is given its part anew
    await crew.owns_all(third, fourth)
    await crew.all_sent()
    assert arrived(world, "three") == Counter(sent)
    await _status_shows(crew, third, fourth)
    await _run_is_refused(crew)

    for child in (third, fourth):
        child.kill(signal.SIGTERM)
    assert [third.wait(), fourth.wait()] == [0, 0]
    await _nobody_is_left(crew, killed=first)


async def _status_shows(crew: Crew, *children: Child) -> None:
    done = await asyncio.to_thread(wxfleet, crew.folder, "status", "--json")
    document = json.loads(done.stdout)
    living = {worker["pid"]: worker for worker in document["workers"] if worker["alive"]}
    assert living.keys() == {child.pid for child in children}
    assert sum(worker["shards"] for worker in living.values()) == SHARDS
    assert sum(worker["accounts"] for worker in living.values()) == _ACCOUNTS
    assert document["ownerless"] == {"shards": 0, "accounts": []}
    assert document["running"] and document["lag"]["due"] == 0


async def _run_is_refused(crew: Crew) -> None:
    run = crew.start("run", "-q", "--lang", "en")
    assert run.wait() == ExitCode.NOT_ALLOWED
    words = (crew.folder / "words.log").read_text(encoding="utf-8")
    assert "sends from this database" in words


async def _nobody_is_left(crew: Crew, *, killed: Child) -> None:
    """Whoever asks for a live gateway hears that there is none, and no job is left running."""
    done = await asyncio.to_thread(wxfleet, crew.folder, "command", "/扫码 a-1", "--json")
    assert (done.returncode, json.loads(done.stdout or done.stderr)["ok"]) == (ExitCode.GATEWAY_UNAVAILABLE, False)
    async with crew.db.read() as connection:
        codes = select(func.count()).where(LiveRequest.verb == "qr")
        assert await connection.scalar(codes) == 0
        assert set((await connection.execute(select(WorkerRow.pid))).scalars()) <= {killed.pid}
        jobs = await connection.execute(text("SELECT status, count(*) FROM procrastinate_jobs GROUP BY status"))
        left = {row.status: row.count for row in jobs}
    assert left.get("todo") == SHARDS and "doing" not in left


@pytest.mark.parametrize(
    ("database", "word"), [("sqlite:///data/shop.db", "PostgreSQL"), ("postgresql://nobody@127.0.0.1:1/x", "lin-1")]
)
async def test_what_cannot_be_shared_is_refused(tmp_path: Path, database: str, word: str) -> None:
    """A SQLite file, and accounts that live in a simulated world."""
    open_shop(tmp_path, f"database: {database}\n")
    done = await asyncio.to_thread(wxfleet, tmp_path, "worker")
    assert done.returncode == ExitCode.CONFIGURATION_INVALID
    assert word in done.stderr and "wxfleet run" in done.stderr
