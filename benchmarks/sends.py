"""Durable sends against bare ones: `python -m benchmarks.sends --accounts 100 --rows 80`.

Ours: rows of the outbox, claimed through every gate in transactions that are on the disk before anything is sent, the
text rendered from a template for each person, sent by `WechatyGateway`, settled. Bare: `message_send_text` of the
generated stub in a loop for each account, one in flight. Both to the same gateways in another process.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from random import Random

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks.databases import fresh_database
from benchmarks.gateways import Address, BareClient, bare_clients, gateways
from benchmarks.measuring import allow_many_files, alternate, ratios, show, show_machine, show_ratio
from bots.courier import Courier
from bots.lane import LaneConfig
from bots.wechaty_gateway import WechatyGateway
from personas.voice import render
from rules.kinds import Kind, Surface
from rules.limits import Limits
from rules.quiet_hours import within
from rules.roles import Role
from storage.engine import Database
from storage.outbox import Claimed, Content, NewDelivery, Recipient, plan
from storage.tables import Account, Campaign, Friendship, Person
from wxfleet.clocks import RunningClock
from wxfleet.tuning import settle_in

ZONE = "UTC"
DAY_MS = 86_400_000
OPEN = Limits(
    gap_min_s=0, gap_max_s=0, people_per_minute=10**6, messages_per_minute=10**6, messages_per_day=10**6,
    pushes_per_day=10**6, replies_kept_per_day=0, quiet_from="03:00", quiet_until="03:01",
)  # fmt: skip
"""All gates are asked, none is in the way; seven days of trust are kept by old friends."""
WORDS = (
    "{{ call_me }}，老客专享来啦{% if level %}（{{ level }}）{% endif %}：这周新到的针织给你留了一件，回我“要”就好～"
)


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

    async def deliver(self, row: Claimed) -> str:
        self.sent += 1
        return await self._gateway.send(row.to, Content(text=row.text))


async def nobody_posts(tx: AsyncConnection, rows: Sequence[Claimed], now_ms: int) -> None:
    raise AssertionError("no posts here")


async def write_matrix(db: Database, addresses: Sequence[Address], rows: int, now_ms: int) -> None:
    """Accounts with `rows` friends each, all different people, and one push planned to each of them."""
    async with db.write() as tx:
        campaign = (await tx.execute(insert(Campaign).values(
            name="bench", title="bench", kind="push", state="running", spec={}, created_by="bench", created_ms=now_ms,
            starts_ms=now_ms, changed_ms=now_ms,
        ).returning(Campaign.id))).scalar_one()  # fmt: skip
        person = 0
        for address in addresses:
            await tx.execute(insert(Account).values(
                id=address.id, persona="p", role="sales", time_zone=ZONE, armed=True, simulated=True,
                limits=OPEN.model_dump(mode="json"), state="online", self_contact=address.contact,
            ))  # fmt: skip
            people = range(person + 1, person + rows + 1)
            person += rows
            await tx.execute(insert(Person), [
                {"id": id, "name": f"朋友{id}", "call_me": f"小{id}", "created_ms": 0, "level": "VIP1", "orders": 1}
                for id in people
            ])  # fmt: skip
            await tx.execute(insert(Friendship), [
                {"account": address.id, "contact": f"wxid_friend_{id}", "person": id, "nickname": f"朋友{id}",
                 "since_ms": now_ms - 100 * DAY_MS, "last_in_ms": now_ms - DAY_MS} for id in people
            ])  # fmt: skip
            await plan(tx, [
                NewDelivery(kind=Kind.PUSH, account=address.id, to=f"wxid_friend_{id}",
                            content=Content(template="VIP1"), key=f"push:{campaign}:person:{id}", due_ms=now_ms,
                            person=id, campaign=campaign) for id in people
            ], now_ms=now_ms)  # fmt: skip


async def rewind(db: Database) -> None:
    """As if nothing had been sent yet."""
    async with db.write() as tx:
        await tx.execute(text("UPDATE people SET last_push_ms = NULL, last_push_id = NULL"))
        await tx.execute(text("""
            UPDATE outbox SET state = 'pending', sent_ms = NULL, settled_ms = NULL, gateway_id = NULL, text = NULL,
                              attempts = 0"""))  # fmt: skip


async def unsettled(db: Database) -> int:
    async with db.read() as connection:
        found = await connection.execute(text("SELECT count(*) FROM outbox WHERE state <> 'accepted'"))
        return int(found.scalar_one())


async def durable(db: Database, roads: dict[str, OneGateway], sends: int) -> float:
    """Sends a second of the courier, from its first tick until the last row is settled."""
    await rewind(db)
    clock = RunningClock()
    courier = Courier(db, clock, wording=TemplateWords(), hand_over=nobody_posts, random=Random(1))
    for account, road in roads.items():
        courier.add(LaneConfig(account, Role.SALES, ZONE, OPEN, None, live=True), road)
    before = sum(road.sent for road in roads.values())
    started = time.perf_counter()
    running = asyncio.create_task(courier.run(), name="courier")
    while sum(road.sent for road in roads.values()) < before + sends or await unsettled(db):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    took = time.perf_counter() - started
    await courier.stop()
    await running
    return sends / took


async def bare(clients: Sequence[BareClient], rows: int) -> float:
    """Sends a second of the stub, one in flight for each account."""

    async def loop(number: int, client: BareClient) -> None:
        for row in range(number * rows + 1, (number + 1) * rows + 1):
            words = f"小{row}，老客专享来啦（VIP1）：这周新到的针织给你留了一件，回我“要”就好～"
            await client.stub.message_send_text(conversation_id=f"wxid_friend_{row}", text=words)

    started = time.perf_counter()
    await asyncio.gather(*(loop(number, client) for number, client in enumerate(clients)))
    return len(clients) * rows / (time.perf_counter() - started)


async def main(options: argparse.Namespace) -> None:
    allow_many_files()
    clock = RunningClock()
    if within(clock.now_ms(), OPEN.quiet_from, OPEN.quiet_until, ZONE):
        raise SystemExit("it is the one minute of quiet, 03:00 UTC: try again")
    sends = options.accounts * options.rows
    async with gateways(options.accounts) as addresses, fresh_database(options.database) as db:
        await write_matrix(db, addresses, options.rows, clock.now_ms())
        opened = [WechatyGateway(address.id, address.endpoint, address.token, tls="off") for address in addresses]
        for gateway in opened:
            await gateway.open()
        roads = {address.id: OneGateway(gateway) for address, gateway in zip(addresses, opened, strict=True)}
        with bare_clients(addresses) as clients:
            await bare(clients, 1)  # connect
            settle_in()  # the process is set up as `wxfleet run` sets itself up, for both sides
            found = await alternate(
                {
                    "bare": lambda: bare(clients, options.rows),
                    "durable": lambda: durable(db, roads, sends),
                },
                options.rounds,
            )
        for gateway in opened:
            await gateway.close()
    show_machine()
    show(f"{options.accounts} accounts, {sends:,} sends a run, {options.database}", found, "sends/s")
    show_ratio("durable / bare", ratios(found, "durable", "bare"), "≥ 0.6 on SQLite")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sends", description=__doc__)
    parser.add_argument("--accounts", type=int, default=100)
    parser.add_argument("--rows", type=int, default=80, help="sends of each account in one run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    asyncio.run(main(parser.parse_args()))
