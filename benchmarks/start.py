"""From nothing to a fleet that hears: `python -m benchmarks.start --accounts 1000`.

Ours: `bots.fleet.Fleet` with its courier and inbox, until every account is logged in and its state is written. Bare:
a plain channel for each account, the event stream attached, until the login has come. Both connect as many at a time.
The weight of an account is the difference of resident memory between half of them and all, in processes of their own;
their gateways share a port, so that no process needs more than one file for each.
"""

import argparse
import asyncio
import contextlib
import gc
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from random import Random

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection
from wechaty_grpc.wechaty.puppet import EventType

from benchmarks.databases import fresh_database
from benchmarks.gateways import Address, bare_clients, gateways
from benchmarks.matrix import OPEN, ZONE
from benchmarks.measuring import allow_many_files, alternate, ratios, show, show_machine, show_ratio
from benchmarks.sends import TemplateWords, nobody_posts
from bots.chunks import Handle, ReadAhead, nothing_ahead
from bots.courier import Courier
from bots.fleet import CONNECTING_AT_ONCE, Fleet, Member
from bots.lane import LaneConfig
from bots.wechaty_gateway import WechatyGateway
from rules.roles import Role
from storage.engine import Database
from storage.inbox import Received
from storage.tables import Account
from wxfleet.clocks import RunningClock

LET_GO_S = 1.0
"""For the gateways to notice that a client is gone."""
PATIENCE_S = 120.0


async def read_only(tx: AsyncConnection, received: Received, now_ms: int, late: bool = False) -> str:
    """Nobody acts on what arrives here."""
    return "ignored"


async def write_accounts(db: Database, addresses: Sequence[Address]) -> None:
    async with db.write() as tx:
        await tx.execute(insert(Account), [
            {"id": address.id, "persona": "p", "role": "sales", "time_zone": ZONE, "armed": True, "simulated": True,
             "limits": OPEN.model_dump(mode="json")} for address in addresses
        ])  # fmt: skip


def fleet_of(
    db: Database, addresses: Sequence[Address], handle: Handle = read_only, read_ahead: ReadAhead = nothing_ahead
) -> Fleet:
    clock, random = RunningClock(), Random(1)
    courier = Courier(db, clock, wording=TemplateWords(), hand_over=nobody_posts, random=random)
    members = [
        Member(LaneConfig(address.id, Role.SALES, ZONE, OPEN, None, live=True),
               partial(WechatyGateway, address.id, address.endpoint, address.token, tls="off"))
        for address in addresses
    ]  # fmt: skip
    return Fleet(db, clock, members, courier=courier, handle=handle, random=random, read_ahead=read_ahead)


async def all_online(db: Database, accounts: int) -> None:
    query = select(func.count()).select_from(Account).where(Account.state == "online")
    async with asyncio.timeout(PATIENCE_S):
        while True:
            async with db.read() as connection:
                if (await connection.execute(query)).scalar_one() == accounts:
                    return
            await asyncio.sleep(0.02)


async def ours(addresses: Sequence[Address]) -> float:
    """Seconds until all accounts are online."""
    await asyncio.sleep(LET_GO_S)
    async with fresh_database("sqlite") as db:
        await write_accounts(db, addresses)
        started = time.perf_counter()
        fleet = fleet_of(db, addresses)
        running = asyncio.create_task(fleet.run(), name="fleet")
        await all_online(db, len(addresses))
        took = time.perf_counter() - started
        fleet.stop()
        await running
    return took


async def bare(addresses: Sequence[Address]) -> float:
    """Seconds until all logins have come."""
    await asyncio.sleep(LET_GO_S)
    window = asyncio.Semaphore(CONNECTING_AT_ONCE)
    with bare_clients(addresses) as clients, contextlib.ExitStack():
        started = time.perf_counter()

        async def attach(number: int) -> object:
            async with window:
                events = clients[number].stub.event()
                async for event in events:
                    if event.type == EventType.EVENT_TYPE_LOGIN:
                        return events  # still attached
            raise RuntimeError("the stream ended")

        streams = await asyncio.gather(*(attach(number) for number in range(len(addresses))))
        took = time.perf_counter() - started
        for events in streams:
            await events.aclose()  # type: ignore[attr-defined]
    return took


def resident_kib() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise SystemExit("resident memory is only measured on Linux")


async def weigh(accounts: int) -> None:
    """Print the resident memory of this process with that many accounts online."""
    async with gateways(accounts, "--shared-port") as addresses, fresh_database("sqlite") as db:
        await write_accounts(db, addresses)
        fleet = fleet_of(db, addresses)
        running = asyncio.create_task(fleet.run(), name="fleet")
        await all_online(db, accounts)
        await asyncio.sleep(2)
        gc.collect()
        print(resident_kib())
        fleet.stop()
        await running


async def weight_of(accounts: int) -> int:
    """KiB of a process of its own with that many accounts."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.start", "--weigh", str(accounts), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    return int(said.split()[-1])


async def main(accounts: int, rounds: int) -> None:
    async with gateways(accounts) as addresses:
        found = await alternate({"bare": lambda: bare(addresses), "fleet": lambda: ours(addresses)}, rounds)
    show_machine()
    show(f"{accounts} accounts, start to all online", found, "s")
    show_ratio("fleet / bare", ratios(found, "fleet", "bare"), "≤ 3, and ≤ 10 s for 1,000")
    half = accounts // 2
    small, large = await weight_of(half), await weight_of(accounts)
    print(f"  resident: {small:,} KiB with {half:,}, {large:,} KiB with {accounts:,}: "
          f"{(large - small) / (accounts - half):.1f} KiB each   (target ≤ 128)")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start", description=__doc__)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--weigh", type=int, help="only print the resident memory with that many accounts")
    options = parser.parse_args()
    allow_many_files()
    asyncio.run(weigh(options.weigh) if options.weigh else main(options.accounts, options.rounds))
