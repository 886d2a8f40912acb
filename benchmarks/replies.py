"""From a customer's message to the reply in the outbox: `python -m benchmarks.replies --accounts 1000 --received 200`.

A whole fleet with the real conversation: every account attached, so many messages a second over all of them, each
written to the inbox, fetched, handled in the voice of a committed persona, answered or handed over, and the replies
sent when they fall due. Timed from the moment the event was read to the commit that holds what it leads to. Who writes
and what they say is put in when the message is handed on: 20 friends of each account in turn, what customers of the
simulator say; about one in seven goes to one of twelve people on duty, who hear of it in the staff room. What asked for
more than was read for a whole chunk, and was handled alone, is counted by where it asked.
"""

import argparse
import asyncio
import itertools
import statistics
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import bindparam, insert, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks.databases import fresh_database
from benchmarks.gateways import Address, gateways
from benchmarks.lag import IDLE_S, SETTLE_S, driven, lags, spread_of
from benchmarks.matrix import write_matrix
from benchmarks.measuring import allow_many_files, show_machine
from benchmarks.start import all_online, fleet_of
from conversations.arrivals import StaffMessage, Stranger
from conversations.at_once import read_ahead
from conversations.intake import Intake
from conversations.products import load_products
from conversations.speaking import Voices
from personas.book import load_book
from personas.model import Shop
from simulator import lines
from storage.ahead import Ahead, AsksMore
from storage.engine import Database
from storage.inbox import Received
from storage.staff_tables import StaffMember
from storage.tables import Account, Setting
from wxfleet.clocks import RunningClock
from wxfleet.running.tuning import settle_in

ROOT = Path(__file__).parents[1]
FRIENDS = 20
STAFF = 12
PERSONA = "influencer-lin"
_ROOMS = ("bots", "conversations", "customers", "personas", "scheduler")


async def no_command(tx: AsyncConnection, message: StaffMessage) -> str:
    return "command"


async def no_code(tx: AsyncConnection, stranger: Stranger) -> bool:
    return False


async def no_friendship(tx: AsyncConnection, received: Received, now_ms: int) -> str:
    return "ignored"


def talk() -> Intake:
    """The conversation of the committed shop."""
    shop = Shop(name="小林的衣橱", brand="XL", contact="400-000-0000")
    voices = Voices(load_book(ROOT / "personas", shop.style)[0], shop)
    products, _ = load_products(ROOT / "products.yaml")
    return Intake(voices, on_command=no_command, on_stranger=no_code, on_friendship=no_friendship, products=products)


class Customers:
    """Lets the right people say something, and notes how long what it leads to takes. A `bots.handling.Handle`."""

    def __init__(self) -> None:
        self._intake = talk()
        self._turns: defaultdict[str, itertools.count[int]] = defaultdict(itertools.count)
        self._lines = itertools.cycle(_lines())
        self._under_way: defaultdict[str, list[int]] = defaultdict(list)
        self._said: dict[int, Received] = {}
        self.took_ms: list[float] = []
        self.outcomes: Counter[str] = Counter()
        self.asked_more: Counter[str] = Counter()

    async def __call__(self, tx: AsyncConnection, received: Received, now_ms: int, late: bool = False) -> str | None:
        try:
            outcome = await self._intake.handle(tx, self._spoken(received), now_ms, late)
        except AsksMore as error:
            self.asked_more[_asked_in(error)] += 1
            raise
        self._under_way[received.account].append(received.received_ms)
        self._said.pop(received.id, None)
        self.outcomes[str(outcome)] += 1
        return outcome

    async def read_ahead(
        self, tx: AsyncConnection, arrivals: Sequence[Received], now_ms: int
    ) -> tuple[Ahead, set[int]]:
        """As the root hands it to the fleet."""
        return await read_ahead(tx, [self._spoken(received) for received in arrivals], now_ms)

    def _spoken(self, received: Received) -> Received:
        """The same words however often it is asked."""
        if received.id not in self._said:
            number = int(received.account.removeprefix("load-"))
            friend = number * FRIENDS + next(self._turns[received.account]) % FRIENDS + 1
            said = {**received.payload, "talker": f"wxid_friend_{friend}", "text": next(self._lines)}
            self._said[received.id] = replace(received, payload=said)
        return self._said[received.id]

    def committed(self, accounts: frozenset[str]) -> None:
        """The database says so after each commit that planned deliveries."""
        now_ms = time.time() * 1000
        for account in accounts:
            self.took_ms += [now_ms - since_ms for since_ms in self._under_way.pop(account, ())]


def _asked_in(error: AsksMore) -> str:
    """The function that asked, above the doors of storage."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    asking = [frame for frame in frames if frame.f_globals["__name__"].split(".")[0] in _ROOMS]
    return f"{asking[-1].f_globals['__name__']}.{asking[-1].f_code.co_name}"


async def write_staff(db: Database, addresses: Sequence[Address]) -> None:
    """Twelve on duty all day, each with their share of the phones; one desk writes to the staff room."""
    async with db.write() as tx:
        await tx.execute(insert(StaffMember), [
            {"id": f"staff-{number}", "name": f"同事{number}", "role": "service", "accounts": []}
            for number in range(STAFF)
        ])  # fmt: skip
        await tx.execute(insert(Setting), [
            {"key": "staff_room", "value": "staff@chatroom", "changed_ms": 0},
            {"key": "desk", "value": addresses[0].id, "changed_ms": 0},
        ])  # fmt: skip
        await tx.execute(
            update(Account).where(Account.id == bindparam("account")).values(holder=bindparam("staff")),
            [{"account": one.id, "staff": f"staff-{number % STAFF}"} for number, one in enumerate(addresses)],
        )


def _lines() -> list[str]:
    return [*lines.QUESTIONS * 3, *lines.SMALL_TALK, *lines.HOW_TO_BUY, *lines.THANKS, *lines.ODD]


async def loaded(addresses: Sequence[Address], options: argparse.Namespace, database: str) -> None:
    """One run; prints what it saw."""
    customers = Customers()
    async with fresh_database(database) as db:
        await write_matrix(db, addresses, FRIENDS, RunningClock().now_ms())
        async with db.write() as tx:
            await tx.execute(text("DELETE FROM outbox"))  # nobody is pushed to here
            await tx.execute(text(f"UPDATE accounts SET persona = '{PERSONA}', state = 'stopped'"))
        await write_staff(db, addresses)
        await _settle_tables(db)
        idle = await lags(IDLE_S)
        fleet = fleet_of(db, addresses, customers, customers.read_ahead)
        db.on_touched(customers.committed, serves=_Everything())
        running = asyncio.create_task(fleet.run(), name="fleet")
        await all_online(db, len(addresses))
        settle_in()
        driver = await driven(addresses, options.received)
        await asyncio.sleep(SETTLE_S)
        customers.took_ms.clear()
        customers.outcomes.clear()
        customers.asked_more.clear()
        sent = await _accepted(db)
        cpu_s = time.process_time()
        found = await lags(options.seconds)
        cpu = (time.process_time() - cpu_s) / options.seconds
        took, outcomes, asked = list(customers.took_ms), Counter(customers.outcomes), Counter(customers.asked_more)
        sent = await _accepted(db) - sent
        driver.terminate()
        await driver.wait()
        fleet.stop()
        await running
    print(f"  {database}: {outcomes.total() / options.seconds:.0f} messages/s handled, {sent / options.seconds:.0f} "
          f"replies/s sent, {cpu:.0%} of a core; {dict(outcomes.most_common(4))}")  # fmt: skip
    print(f"    message → reply committed {spread_of(took)}   (target: p99 ≤ 50 ms; {len(took)} timed, "
          f"mean {statistics.mean(took):.1f})")  # fmt: skip
    print(f"    {asked.total() / outcomes.total():.1%} were handled alone: {dict(asked.most_common(5))}")
    print(f"    loop lag {spread_of(found)}   (target: p99 ≤ 50 ms)")
    print(f"    the same process with nothing to do: {spread_of(idle)}")


async def _settle_tables(db: Database) -> None:
    """As those of any database that has stood for a minute: without what was deleted, and known to the planner."""
    async with db.read() as connection:
        engine = connection.engine
    if db.dialect == "postgresql":
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(text("VACUUM outbox"))
            await connection.execute(text("VACUUM (ANALYZE) accounts, people, friendships"))


class _Everything:
    def __contains__(self, account: object) -> bool:
        return True


async def _accepted(db: Database) -> int:
    async with db.read() as connection:
        return int(
            (await connection.execute(text("SELECT COUNT(*) FROM outbox WHERE state = 'accepted'"))).scalar_one()
        )


async def main(options: argparse.Namespace) -> None:
    allow_many_files()
    show_machine()
    print(f"{options.accounts} accounts, {options.received} messages/s, {options.seconds:g} s")
    for database in options.database or ("sqlite", "postgresql"):
        async with gateways(options.accounts) as addresses:
            await loaded(addresses, options, database)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replies", description=__doc__)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--received", type=int, default=200, help="messages a second, over all accounts")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    asyncio.run(main(parser.parse_args()))
