"""How late the event loop is under load: `python -m benchmarks.lag --accounts 1000`.

A whole fleet: every account attached, `--sends` durable sends a second over all of them through every gate, and as many
messages a second coming in, written, fetched and handled. A task that sleeps 10 ms notes by how much it woke too late.
The rate of the sends is that of rows that fall due: each second the next ones do.
"""

import argparse
import asyncio
import itertools
import json
import math
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import text

from benchmarks.databases import fresh_database
from benchmarks.gateways import Address, bare_clients, gateways
from benchmarks.inbound import ask_for_events
from benchmarks.matrix import OPEN, write_matrix
from benchmarks.measuring import allow_many_files, show_machine
from benchmarks.start import all_online, fleet_of
from rules.quiet_hours import within
from storage.engine import Database, touch
from wxfleet.clocks import RunningClock
from wxfleet.running.tuning import settle_in

SAMPLE_S = 0.01
SETTLE_S = 3.0
"""For what a start stirs up; not measured."""
IDLE_S = 5.0
"""What the machine itself does to a loop: whoever else works on it is in the figures too."""
LATER_MS = 86_400_000


async def spread(db: Database, rows: int, accounts: int, per_s: int) -> None:
    """From tomorrow on the rows fall due one after another, `per_s` a second, over all accounts in turn.

    They lie account by account, `rows` of each.
    """
    begins_ms = round(time.time() * 1000) + LATER_MS
    turn = f"((id - (SELECT MIN(id) FROM outbox)) % {rows}) * {accounts} + (id - (SELECT MIN(id) FROM outbox)) / {rows}"
    async with db.write() as tx:
        await tx.execute(text(f"UPDATE outbox SET due_ms = {begins_ms} + 1000 * ({turn}) / {per_s}"))
        await tx.execute(text("UPDATE accounts SET state = 'stopped'"))  # they are not online yet


async def begin_now(db: Database, addresses: Sequence[Address]) -> None:
    """The first row is due now, the others follow at their distance."""
    async with db.write() as tx:
        first_ms = (await tx.execute(text("SELECT MIN(due_ms) FROM outbox"))).scalar_one()
        await tx.execute(text(f"UPDATE outbox SET due_ms = due_ms - {first_ms - round(time.time() * 1000)}"))
        touch(tx, [address.id for address in addresses])


async def driven(addresses: Sequence[Address], per_s: int) -> asyncio.subprocess.Process:
    """Another process that lets one account after another hear something, `per_s` a second; it has begun."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.lag", "--drive", str(per_s),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps([asdict(address) for address in addresses]).encode())
    process.stdin.close()
    await process.stdout.readline()
    return process


async def drive(per_s: int) -> None:
    addresses = [Address(**row) for row in json.loads(sys.stdin.buffer.read())]
    with bare_clients(addresses) as callers:
        await ask_for_events(callers, 0)  # connect
        print("begins", flush=True)
        began_s = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in itertools.count():
                await asyncio.sleep(max(0.0, began_s + number / per_s - time.perf_counter()))
                ding = callers[number % len(callers)].stub.ding(data="emit 1")
                group.create_task(ding, name=f"ding:{number}")


async def lags(seconds: float) -> list[float]:
    """By how many ms the loop was late, each time."""
    found, ends_s = [], time.perf_counter() + seconds
    while (began_s := time.perf_counter()) < ends_s:
        await asyncio.sleep(SAMPLE_S)
        found.append((time.perf_counter() - began_s - SAMPLE_S) * 1000)
    return found


async def count(db: Database, question: str) -> int:
    async with db.read() as connection:
        return int((await connection.execute(text(question))).scalar_one())


async def loaded(addresses: Sequence[Address], options: argparse.Namespace, database: str) -> None:
    """One run; prints what it saw."""
    rows = math.ceil(options.sends * (options.seconds + 2 * SETTLE_S) / len(addresses))
    async with fresh_database(database) as db:
        await write_matrix(db, addresses, rows, RunningClock().now_ms())
        await spread(db, rows, len(addresses), options.sends)
        idle = await lags(IDLE_S)
        fleet = fleet_of(db, addresses)
        running = asyncio.create_task(fleet.run(), name="fleet")
        await all_online(db, len(addresses))
        settle_in()
        driver = await driven(addresses, options.received)
        await begin_now(db, addresses)
        await asyncio.sleep(SETTLE_S)
        sent = "SELECT COUNT(*) FROM outbox WHERE state = 'accepted'"
        came = "SELECT COUNT(*) FROM inbox WHERE state = 'handled'"
        before = [await count(db, question) for question in (sent, came)]
        cpu_s = time.process_time()
        found = await lags(options.seconds)
        cpu = (time.process_time() - cpu_s) / options.seconds
        after = [await count(db, question) for question in (sent, came)]
        driver.terminate()
        await driver.wait()
        fleet.stop()
        await running
    rates = [(now - then) / options.seconds for now, then in zip(after, before, strict=True)]
    print(f"  {database}: {rates[0]:.0f} sends/s and {rates[1]:.0f} received/s done, {cpu:.0%} of a core")
    print(f"    loop lag {spread_of(found)}   (target: p99 ≤ 50 ms)")
    print(f"    the same process with nothing to do: {spread_of(idle)}")


def spread_of(found: Sequence[float]) -> str:
    cut = statistics.quantiles(found, n=1000, method="inclusive")
    return f"p50 {cut[499]:.1f}, p99 {cut[989]:.1f}, p99.9 {cut[998]:.1f}, worst {max(found):.1f} ms"


async def main(options: argparse.Namespace) -> None:
    allow_many_files()
    clock = RunningClock()
    if within(clock.now_ms(), OPEN.quiet_from, OPEN.quiet_until, "UTC"):
        raise SystemExit("it is the one minute of quiet, 03:00 UTC: try again")
    show_machine()
    asked = f"{options.sends} sends/s and {options.received} received/s asked"
    print(f"{options.accounts} accounts, {asked}, {options.seconds:g} s")
    for database in options.database or ("sqlite", "postgresql"):
        async with gateways(options.accounts) as addresses:
            await loaded(addresses, options, database)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lag", description=__doc__)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--sends", type=int, default=200, help="a second, over all accounts")
    parser.add_argument("--received", type=int, default=200, help="a second, over all accounts")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--drive", type=int, help="only let the accounts on stdin hear so much a second")
    options = parser.parse_args()
    asyncio.run(drive(options.drive) if options.drive else main(options))
