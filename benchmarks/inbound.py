"""Events on their way in: `python -m benchmarks.inbound --accounts 100`.

Written: read from the stream, de-duplicated, committed to the inbox; bare: the generated stub reading the stream.
Fetched: the payload fetched and committed, the arrival handled; bare: the stub reading and fetching, one at a time for
each account. The gateways send what they are asked for, as fast as it is read. A run must last seconds: in a third of
one, whatever else the machine does decides.
"""

import argparse
import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from wechaty_grpc.wechaty.puppet import EventType

from benchmarks.databases import fresh_database
from benchmarks.gateways import Address, BareClient, bare_clients, gateways
from benchmarks.measuring import allow_many_files, alternate, ratios, show, show_machine, show_ratio
from benchmarks.start import LET_GO_S, read_only
from bots.gateway import Login, MessageArrived
from bots.inbox import InboxWriter
from bots.wechaty_gateway import WechatyGateway
from storage.engine import Database
from wxfleet.clocks import RunningClock
from wxfleet.running.tuning import settle_in

PATIENCE_S = 120.0


@dataclass(slots=True)
class Heard:
    """What bare readers counted."""

    attached: int = 0
    events: int = 0


async def ask_for_events(callers: Sequence[BareClient], events: int) -> None:
    await asyncio.gather(*(caller.stub.ding(data=f"emit {events}") for caller in callers))


async def wait_for(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not reached():  # noqa: ASYNC110  # plain counters, also in the fleet
            await asyncio.sleep(0.005)


async def bare(addresses: Sequence[Address], callers: Sequence[BareClient], events: int, *, fetch: bool) -> float:
    """Events a second of the stub."""
    await asyncio.sleep(LET_GO_S)
    heard, total = Heard(), len(addresses) * events

    async def read(client: BareClient) -> None:
        async for event in client.stub.event():
            if event.type == EventType.EVENT_TYPE_LOGIN:
                heard.attached += 1
            elif event.type == EventType.EVENT_TYPE_MESSAGE:
                if fetch:
                    id = event.payload.split('"')[3]
                    await client.stub.message_payload(id=id)
                heard.events += 1

    with bare_clients(addresses) as clients:
        tasks = [asyncio.create_task(read(client), name="bare:read") for client in clients]
        await wait_for(lambda: heard.attached == len(addresses))
        started = time.perf_counter()
        await ask_for_events(callers, events)
        await wait_for(lambda: heard.events >= total)
        took = time.perf_counter() - started
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return total / took


class Listeners:
    """The fleet's way in without its keepers: real gateways, and the inbox behind them."""

    def __init__(self, db: Database, addresses: Sequence[Address], *, fetch: bool) -> None:
        self.attached = 0
        self._gateways = {
            address.id: WechatyGateway(address.id, address.endpoint, address.token, tls="off") for address in addresses
        }
        self._fetch = fetch
        self.inbox = InboxWriter(db, RunningClock(), self._gateway_of, read_only)

    def _gateway_of(self, account: str) -> WechatyGateway | None:
        return self._gateways[account] if self._fetch else None

    async def listen(self, account: str, gateway: WechatyGateway) -> None:
        await gateway.open()
        async for event in gateway.events():
            if isinstance(event, Login):
                self.attached += 1
            elif isinstance(event, MessageArrived):
                await self.inbox.put(account, event)

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        writing = asyncio.create_task(self.inbox.run(), name="inbox")
        tasks = [asyncio.create_task(self.listen(*item), name="listen") for item in self._gateways.items()]
        await wait_for(lambda: self.attached == len(tasks))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.inbox.stop()
            await writing
            for gateway in self._gateways.values():
                await gateway.close()


async def ours(
    database: str, addresses: Sequence[Address], callers: Sequence[BareClient], events: int, *, fetch: bool
) -> float:
    """Events a second of the inbox, until the last one is committed."""
    await asyncio.sleep(LET_GO_S)
    total = len(addresses) * events
    async with fresh_database(database) as db:
        listeners = Listeners(db, addresses, fetch=fetch)
        async with listeners.at_work():
            started = time.perf_counter()
            await ask_for_events(callers, events)
            await wait_for(lambda: listeners.inbox.written >= total)
            while fetch and await _not_fetched(db):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            return total / (time.perf_counter() - started)


async def _not_fetched(db: Database) -> bool:
    async with db.read() as connection:
        found = await connection.execute(text("SELECT 1 FROM inbox WHERE state = 'received' LIMIT 1"))
        return found.first() is not None


async def main(options: argparse.Namespace) -> None:
    allow_many_files()
    async with gateways(options.accounts) as addresses:
        with bare_clients(addresses) as callers:
            await ask_for_events(callers, 0)  # connect
            settle_in()  # the process is set up as `wxfleet run` sets itself up, for both sides
            found = await alternate(
                {
                    "bare read": lambda: bare(addresses, callers, options.events, fetch=False),
                    "written": lambda: ours(options.database, addresses, callers, options.events, fetch=False),
                    "bare read and fetch": lambda: bare(addresses, callers, options.payloads, fetch=True),
                    "fetched": lambda: ours(options.database, addresses, callers, options.payloads, fetch=True),
                },
                options.rounds,
            )
    show_machine()
    events, payloads = options.accounts * options.events, options.accounts * options.payloads
    show(
        f"{options.accounts} accounts, {events:,} events and {payloads:,} payloads a run, {options.database}",
        found,
        "events/s",
    )
    show_ratio("written / bare read", ratios(found, "written", "bare read"), "≥ 0.6")
    show_ratio("fetched / bare read and fetch", ratios(found, "fetched", "bare read and fetch"), "≥ 0.7")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inbound", description=__doc__)
    parser.add_argument("--accounts", type=int, default=100)
    parser.add_argument("--events", type=int, default=500, help="to write, of each account in one run; below 2,000")
    parser.add_argument("--payloads", type=int, default=60, help="to fetch, of each account in one run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    asyncio.run(main(parser.parse_args()))
