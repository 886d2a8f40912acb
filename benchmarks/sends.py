"""Durable sends against bare ones: `python -m benchmarks.sends --accounts 1000`.

Ours: rows of the outbox, claimed through every gate by an owner that checks its shards, in transactions that are on
the disk before anything is sent, the text rendered from a template for each person, sent by `WechatyGateway`, settled.
Bare: `message_send_text` of the generated stub in a loop for each account, one in flight. Both to the same gateways in
another process. `--pending N` puts N other pending rows beside them; `--growth FILE` measures how the cost grows.
"""

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks import growth
from benchmarks.databases import fresh_database
from benchmarks.gateways import Address, BareClient, bare_clients, gateways
from benchmarks.matrix import OPEN, ZONE, rewind, unsettled, write_matrix, write_others
from benchmarks.measuring import allow_many_files, alternate, ratios, show, show_machine, show_ratio
from benchmarks.processors import Processors, Spent, Statements
from bots.courier import Courier
from bots.gateway import Still
from bots.lane import LaneConfig
from bots.ownership import Owner
from bots.tenure import Tenure
from bots.wechaty_gateway import WechatyGateway
from personas.voice import render
from rules.kinds import Surface
from rules.quiet_hours import within
from rules.roles import Role
from storage.engine import Database
from storage.outbox import Claimed, Content, Recipient
from wxfleet.clocks import RunningClock
from wxfleet.running.tuning import settle_in

WORDS = (
    "{{ call_me }}，老客专享来啦{% if level %}（{{ level }}）{% endif %}：这周新到的针织给你留了一件，回我“要”就好～"
)
OPENING_AT_ONCE = 100
AN_HOUR_MS = 3_600_000


class TemplateWords:
    """Implements `storage.outbox.Wording` with the voice's own templates."""

    async def load(self, tx: AsyncConnection, campaign: int) -> None:
        return None

    def render(self, campaign: int, template: str, recipient: Recipient) -> str:
        return render(WORDS, {"call_me": recipient.call_me or recipient.nickname, "level": recipient.level})


class OneGateway:
    """An account's road out: its gateway and nothing else."""

    def __init__(self, gateway: WechatyGateway) -> None:
        self._gateway = gateway
        self.sent = 0

    def can(self, surface: Surface) -> bool:
        return True

    async def deliver(self, row: Claimed, still: Still) -> str:
        self.sent += 1
        return await self._gateway.send(row.to, Content(text=row.text), still)


async def nobody_posts(tx: AsyncConnection, rows: Sequence[Claimed], now_ms: int) -> None:
    raise AssertionError("no posts here")


@dataclass(frozen=True, slots=True)
class Run:
    """What one run cost: sends a second, then microseconds of processor time for each send, and statements."""

    per_s: float
    client_us: float
    gateways_us: float
    database_us: float
    statements: float = 0.0


def _run(sends: int, seconds: float, before: Spent, after: Spent, statements: int = 0) -> Run:
    a_send = 1e6 / sends
    return Run(
        sends / seconds,
        (after.client_s - before.client_s) * a_send,
        (after.gateways_s - before.gateways_s) * a_send,
        (after.database_s - before.database_s) * a_send,
        statements / sends,
    )


@dataclass(frozen=True, slots=True)
class Side:
    """What both runs share."""

    db: Database
    processors: Processors
    tenure: Tenure
    roads: Mapping[str, OneGateway]
    clients: Sequence[BareClient]
    rows: int
    """Of each account in one run."""

    @property
    def sends(self) -> int:
        return len(self.clients) * self.rows

    async def durable(self) -> Run:
        """The courier, from its first tick until the last row is settled."""
        await rewind(self.db)
        courier = Courier(
            self.db, RunningClock(), wording=TemplateWords(), hand_over=nobody_posts, random=Random(1),
            ownership=self.tenure,
        )  # fmt: skip
        for account, road in self.roads.items():
            courier.add(LaneConfig(account, Role.SALES, ZONE, OPEN, None, live=True), road)
        until = self._sent() + self.sends
        async with Statements().of(self.db) as statements:
            before, started = self.processors.spent(), time.perf_counter()
            running = asyncio.create_task(courier.run(), name="courier")
            while self._sent() < until or await unsettled(self.db):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            took, after = time.perf_counter() - started, self.processors.spent()
        await courier.stop()
        await running
        return _run(self.sends, took, before, after, statements.count)

    def _sent(self) -> int:
        return sum(road.sent for road in self.roads.values())

    async def bare(self) -> Run:
        """The stub, one in flight for each account."""

        async def loop(number: int, client: BareClient) -> None:
            for row in range(number * self.rows + 1, (number + 1) * self.rows + 1):
                words = f"小{row}，老客专享来啦（VIP1）：这周新到的针织给你留了一件，回我“要”就好～"
                await client.stub.message_send_text(conversation_id=f"wxid_friend_{row}", text=words)

        before, started = self.processors.spent(), time.perf_counter()
        await asyncio.gather(*(loop(number, client) for number, client in enumerate(self.clients)))
        return _run(self.sends, time.perf_counter() - started, before, self.processors.spent())


async def open_all(addresses: Sequence[Address], clients: Sequence[BareClient]) -> list[WechatyGateway]:
    """Both sides' connections, some at a time."""
    opened = [WechatyGateway(address.id, address.endpoint, address.token, tls="off") for address in addresses]
    for start in range(0, len(opened), OPENING_AT_ONCE):
        some = slice(start, start + OPENING_AT_ONCE)
        await asyncio.gather(*(gateway.open() for gateway in opened[some]))
        await asyncio.gather(
            *(client.stub.message_send_text(conversation_id="x", text="x") for client in clients[some])
        )
    return opened


async def own_everything(db: Database) -> Tenure:
    owner = Owner("bench", "here", os.getpid(), "0", kind="run", timeout_ms=AN_HOUR_MS)
    tenure = Tenure(owner, alive_ms=_monotonic_ms, wall_ms=RunningClock().now_ms, whole=True)
    async with db.write() as tx:
        await tenure.take_all(tx, now_ms=RunningClock().now_ms(), alone=True)
    return tenure


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


async def measure(database: str, accounts: int, rows: int, pending: int, rounds: int) -> dict[str, list[Run]]:
    """`rounds` runs of each side, by turns."""
    now_ms = RunningClock().now_ms()
    if within(now_ms, OPEN.quiet_from, OPEN.quiet_until, ZONE):
        raise SystemExit("it is the one minute of quiet, 03:00 UTC: try again")
    async with gateways(accounts) as addresses, fresh_database(database) as db:
        await write_matrix(db, addresses, rows, now_ms)
        await write_others(db, addresses, pending, rows, now_ms)
        tenure = await own_everything(db)
        with bare_clients(addresses) as clients:
            opened = await open_all(addresses, clients)
            roads = {address.id: OneGateway(gateway) for address, gateway in zip(addresses, opened, strict=True)}
            side = Side(db, await Processors.beside(db), tenure, roads, clients, rows)
            settle_in()  # the process is set up as `wxfleet run` sets itself up, for both sides
            found = await alternate({"bare": side.bare, "durable": side.durable}, rounds)
        for gateway in opened:
            await gateway.close()
    return found


def figures(found: Mapping[str, Sequence[Run]], of: Callable[[Run], float]) -> dict[str, list[float]]:
    return {name: [of(run) for run in runs] for name, runs in found.items()}


async def once(options: argparse.Namespace) -> None:
    found = await measure(options.database, options.accounts, options.rows, options.pending, options.rounds)
    show_machine()
    sends = f"{options.accounts * options.rows:,} sends a run"
    show(f"{options.accounts} accounts, {sends}, {options.database}, {options.pending:,} other pending rows",
         figures(found, lambda run: run.per_s), "sends/s")  # fmt: skip
    rates = figures(found, lambda run: run.per_s)
    show_ratio("durable / bare", ratios(rates, "durable", "bare"), growth.TARGETS[options.database])
    processor = figures(found, lambda run: run.client_us)
    show("processor time of this process", processor, "µs a send")
    above = [100 * (ratio - 1) for ratio in ratios(processor, "durable", "bare")]
    print(f"  above bare: {statistics.median(above):+.0f} %   (target ≤ +35 %)")
    show("processor time of the gateways", figures(found, lambda run: run.gateways_us), "µs a send")
    if options.database == "postgresql":
        show("processor time of PostgreSQL", figures(found, lambda run: run.database_us), "µs a send")
    statements = statistics.median(run.statements for run in found["durable"])
    print(f"\nstatements a send: {statements:.3f}   (target ≤ 0.1 with ≥ 50 lanes due)")


async def grow(path: Path, rounds: int) -> None:
    """Every case of the growth table; written after each, so that nothing is lost."""
    cases = []
    for case in growth.CASES:
        found = await measure(case.database, case.accounts, case.rows, case.pending, rounds)
        cases.append(growth.summed_up(case, {name: [asdict(run) for run in runs] for name, runs in found.items()}))
        growth.write(path, cases)
        print(growth.line(cases[-1]), flush=True)
    show_machine()


def main(options: argparse.Namespace) -> None:
    allow_many_files()
    if options.growth:
        print(growth.HEAD)
        asyncio.run(grow(options.growth, min(options.rounds, 3)))
    else:
        asyncio.run(once(options))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sends", description=__doc__)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=10, help="sends of each account in one run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--pending", type=int, default=0, help="other rows that are pending")
    parser.add_argument("--growth", type=Path, help="measure all sizes on both databases and write them as JSON there")
    main(parser.parse_args())
