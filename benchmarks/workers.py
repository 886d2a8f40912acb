"""Two workers against one: `python -m benchmarks.workers --accounts 200`.

Real `wxfleet worker` processes on PostgreSQL over the same gateways, by turns one and two of them. All rows are there
before they may be sent (`stop-all` ends at the start of the clock); measured is the processor time of the workers'
processes until the last row is settled. Then how long a take-over takes after a kill, and a planned hand-over: until
the other owns every shard, and until a message that is planned for each account at that moment has been settled.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete, func, insert, select, text

from benchmarks.databases import fresh_url
from benchmarks.gateways import gateways
from benchmarks.measuring import allow_many_files, show, show_machine
from benchmarks.running_fleet import cpu_of, installation
from bots.ownership import SHARDS
from storage.engine import Database, open_database, touch
from storage.fleet_tables import Shard, Worker
from storage.schema import upgrade
from storage.tables import Account, Delivery, Setting

PATIENCE_S = 120.0
_FREE = {
    "gap_min_s": 0, "gap_max_s": 0, "people_per_minute": 10**6, "messages_per_minute": 10**6,
    "messages_per_day": 10**6, "pushes_per_day": 10**6,
}  # fmt: skip
LOOK_S = 0.02
_ROWS = text(
    "INSERT INTO outbox (account, kind, priority, key, recipient, content, source, due_ms, state, attempts, epoch,"
    " created_ms) SELECT 'load-' || (i / :rows), 'reply', 1, :name || i, 'wxid_friend_' || i,"
    " jsonb_build_object('text', '在的亲，马上给你看看 ' || i), '', :now_ms, 'pending', 0, 0, :now_ms"
    " FROM generate_series(0, :count - 1) AS i"
)


@dataclass(frozen=True, slots=True)
class Crew:
    """An installation and its database."""

    home: Path
    db: Database
    accounts: int

    @contextlib.asynccontextmanager
    async def workers(self, count: int) -> AsyncIterator[list[asyncio.subprocess.Process]]:
        """So many, in equal parts, every account online."""
        started = [await self.start() for _ in range(count)]
        try:
            await self.until(lambda: self.shared_by(started))
            await self.until(self.online)
            yield started
        finally:
            for one in started:
                if one.returncode is None:
                    one.terminate()
            await asyncio.gather(*(one.wait() for one in started))

    async def start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "wxfleet", "worker", "-q", "--config", str(self.home / "config.yaml"),
            stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip

    async def until(self, there: Callable[[], Awaitable[bool]]) -> float:
        """Seconds until it is so."""
        began = time.perf_counter()
        while not await there():
            if time.perf_counter() - began > PATIENCE_S:
                raise RuntimeError("it does not come to that")
            await asyncio.sleep(LOOK_S)
        return time.perf_counter() - began

    async def shared_by(self, processes: Sequence[asyncio.subprocess.Process]) -> bool:
        """Do these own everything, none more than its share?"""
        query = select(Worker.pid, func.count()).join(Shard, Shard.owner == Worker.id).group_by(Worker.pid)
        async with self.db.read() as connection:
            shares = {pid: count for pid, count in await connection.execute(query)}  # noqa: C416  # rows are no pairs
        mine = [shares.get(one.pid, 0) for one in processes]
        return sum(mine) == SHARDS and max(mine) <= -(-SHARDS // len(processes))

    async def online(self) -> bool:
        async with self.db.read() as connection:
            query = select(func.count()).where(Account.state == "online")
            return int(await connection.scalar(query) or 0) == self.accounts

    async def all_settled(self) -> bool:
        async with self.db.read() as connection:
            query = select(Delivery.id).where(Delivery.state.in_(("pending", "sending"))).limit(1)
            return await connection.scalar(query) is None

    async def plan(self, rows: int, name: str) -> None:
        """`rows` replies by each account."""
        now_ms = round(time.time() * 1000)
        async with self.db.write() as tx:
            values = {"rows": rows, "count": rows * self.accounts, "name": f"{name}:", "now_ms": now_ms}
            await tx.execute(_ROWS, values)
            touch(tx, [f"load-{number}" for number in range(self.accounts)])

    async def send(self, rows: int, name: str, processes: Sequence[asyncio.subprocess.Process]) -> "Sent":
        """`rows` replies by each account; they are released all at once."""
        now_ms = round(time.time() * 1000)
        async with self.db.write() as tx:
            await tx.execute(insert(Setting).values(key="stop_all", value="owner bench", changed_ms=now_ms))
        await self.plan(rows, name)
        await asyncio.sleep(2)  # they look once a second, and see that everything is stopped
        before, began = spent_by(processes), time.perf_counter()
        async with self.db.write() as tx:
            await tx.execute(delete(Setting).where(Setting.key == "stop_all"))
        await self.until(self.all_settled)
        seconds = time.perf_counter() - began
        spent_s = spent_by(processes) - before
        return Sent((rows * self.accounts) / seconds, spent_s / (rows * self.accounts) * 1e6)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a run cost: sends a second, and microseconds of all workers' processor time for each."""

    per_s: float
    each_us: float


def spent_by(processes: Sequence[asyncio.subprocess.Process]) -> float:
    """Processor seconds of all of them."""
    return sum(cpu_of(one.pid) for one in processes)


async def compare(crew: Crew, rows: int, rounds: int) -> None:
    found: dict[str, list[Sent]] = {"one worker": [], "two workers": []}
    for number in range(rounds):
        for count, name in ((1, "one worker"), (2, "two workers")):
            async with crew.workers(count) as started:
                found[name].append(await crew.send(rows, f"{number}-{count}", started))
    show("sends", {name: [run.per_s for run in runs] for name, runs in found.items()}, "sends/s")
    each = {name: [run.each_us for run in runs] for name, runs in found.items()}
    show("processor time of all workers", each, "µs a send")
    ratios = [two / one for one, two in zip(each["one worker"], each["two workers"], strict=True)]
    print(f"  two / one: {statistics.median(ratios):.2f}   (target ≤ 1.1)")


async def take_over(crew: Crew, number: signal.Signals, name: str) -> tuple[float, float]:
    """Seconds from the signal until the other owns all, and until everybody's message is settled."""
    async with crew.workers(2) as (first, second):
        began = time.perf_counter()
        first.send_signal(number)
        await crew.plan(1, name)
        await crew.until(lambda: crew.shared_by([second]))
        owned_s = time.perf_counter() - began
        await crew.until(crew.all_settled)
        return owned_s, time.perf_counter() - began


def _configure(path: Path, **worker: float) -> None:
    """No limit is in the way."""
    config = json.loads(path.read_text(encoding="utf-8"))
    config["limits"] |= _FREE
    config["worker"] = worker
    path.write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")


async def main(options: argparse.Namespace) -> None:
    async with gateways(options.accounts) as addresses:
        with fresh_url("postgresql") as url, installation(addresses, url) as config:
            _configure(config)
            db = open_database(url)
            await upgrade(db)
            crew = Crew(config.parent, db, len(addresses))
            await compare(crew, options.rows, options.rounds)
            _configure(config, heartbeat_timeout_s=options.timeout)
            await replace(crew, options.timeout, options.rounds)
            await db.close()
    show_machine()


async def replace(crew: Crew, timeout_s: float, rounds: int) -> None:
    limits = {signal.SIGKILL: f"T + 3 = {timeout_s + 3:g} s", signal.SIGTERM: "2 s"}
    for number, limit in limits.items():
        runs = [await take_over(crew, number, f"{number.name}-{run}") for run in range(rounds)]
        times = {"shards owned": [owned for owned, _ in runs], "messages out": [out for _, out in runs]}
        show(f"after {number.name} (target: shards owned within {limit})", times, "s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workers", description=__doc__)
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--rows", type=int, default=50, help="sends of each account in one run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--timeout",
        type=float,
        default=5,
        help="the heartbeat time-out T of the take-overs in seconds; the comparison has the default",
    )
    allow_many_files()
    asyncio.run(main(parser.parse_args()))
