"""From nothing to a fleet that is online, with a full outbox: `python -m benchmarks.cold_start --accounts 1000`.

`wxfleet run` on a database with a million pushes due now and as many that were settled over the last ten days: from
the start of its process (Python, files, database, gateways) until the tables say that every account is online. By then
it is sending; each round begins where the last one was stopped.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import insert, text

from benchmarks.databases import fresh_url
from benchmarks.gateways import Address, gateways
from benchmarks.measuring import allow_many_files, show_machine
from benchmarks.running_fleet import all_online, installation, running
from rules.kinds import Kind, gate_of
from scheduler.pushes.push_file import PushFile, Who, as_spec
from storage.campaign_tables import Campaign
from storage.engine import Database, open_database
from storage.schema import upgrade
from storage.tables import Account
from wxfleet.clocks import RunningClock

DAY_MS = 86_400_000
SETTLED_DAYS = 10
PRIORITY = gate_of(Kind.PUSH).priority
_PUSH = PushFile(name="bench", title="bench", who=Who(levels=("VIP1",)), words={"default": "新到的针织给你留了一件"})

_COUNT = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :rows) {}",
    "postgresql": "WITH n AS (SELECT generate_series(0, CAST(:rows AS int) - 1) AS i) {}",
}
_PEOPLE = """
    INSERT INTO people (id, name, call_me, created_ms, level, orders, net_paid_fen, kind, last_push_ms)
    SELECT i, '朋友', '小' || i, 0, 'VIP1', 1, 10000, 'customer', NULL FROM n"""
_FRIENDSHIPS = """
    INSERT INTO friendships (account, contact, person, nickname, alias, state, origin, since_ms, last_in_ms)
    SELECT 'load-' || (i % :accounts), 'wxid_friend_' || (i / :accounts), i, '朋友', '', 'friend', 'listed',
           :now_ms - 100 * CAST(:day AS bigint), :now_ms - CAST(:day AS bigint) FROM n"""
_OUTBOX = """
    INSERT INTO outbox (account, kind, priority, key, recipient, person, campaign, content, source, due_ms,
                        valid_until_ms, state, attempts, epoch, created_ms, sent_ms, settled_ms)
    SELECT 'load-' || (i % :accounts), 'push', :priority, :name || i, 'wxid_friend_' || (i / :accounts), i, :campaign,
           '{"text": "新到的针织给你留了一件"}', '', :now_ms - 60000, :now_ms + 30 * CAST(:day AS bigint), :state,
           :attempts, 0, :now_ms - 60000, :sent, :sent FROM n"""


async def fill(db: Database, addresses: Sequence[Address], rows: int, now_ms: int) -> None:
    """`rows` people with one friendship each, a settled push of the last days and one that is due."""
    values = {"rows": rows, "accounts": len(addresses), "now_ms": now_ms, "day": DAY_MS}
    numbers = _COUNT[db.dialect]
    sent = f"(:now_ms - 60000 - CAST(i AS bigint) * {SETTLED_DAYS} * CAST(:day AS bigint) / :rows)"
    settled = {"name": "old:", "campaign": 1, "state": "accepted", "attempts": 1, "priority": PRIORITY}
    due = {"name": "new:", "campaign": 2, "state": "pending", "attempts": 0, "priority": PRIORITY}
    async with db.write() as tx:
        await tx.execute(insert(Account), [
            {"id": address.id, "persona": "p", "role": "sales", "time_zone": "UTC", "armed": True, "simulated": False,
             "limits": {}, "self_contact": address.contact, "first_sync_done_ms": now_ms} for address in addresses
        ])  # fmt: skip
        for state in ("finished", "running"):
            await tx.execute(insert(Campaign).values(
                name=state, title=state, kind="push", state=state, spec=as_spec(_PUSH), created_by="owner",
                created_ms=now_ms, starts_ms=now_ms, changed_ms=now_ms, valid_until_ms=now_ms + 30 * DAY_MS,
            ))  # fmt: skip
        for statement in (_PEOPLE, _FRIENDSHIPS):
            await tx.execute(text(numbers.format(statement)), values)
        await tx.execute(text(numbers.format(_OUTBOX.replace(":sent", sent))), values | settled)
        await tx.execute(text(numbers.format(_OUTBOX.replace(":sent", "NULL"))), values | due)
        await tx.execute(text("ANALYZE"))


async def start(config: Path, db: Database, accounts: int) -> float:
    """Seconds from the start of the process until all are online."""
    async with db.write() as tx:
        await tx.execute(text("UPDATE accounts SET state = 'stopped'"))
    began = time.perf_counter()
    async with running(config) as fleet:
        await all_online(db, accounts, fleet)
        return time.perf_counter() - began


async def main(options: argparse.Namespace) -> None:
    allow_many_files()
    friends = ("--friends", str(options.rows // options.accounts))
    async with gateways(options.accounts, *friends) as addresses:
        with fresh_url(options.database) as url, installation(addresses, url) as config:
            db = open_database(url)
            await upgrade(db)
            try:
                await fill(db, addresses, options.rows, RunningClock().now_ms())
                await start(config, db, options.accounts)  # the first one gives people their levels
                found = [await start(config, db, options.accounts) for _ in range(options.rounds)]
            finally:
                await db.close()
    show_machine()
    print(
        f"\n{options.accounts} accounts, {options.rows:,} rows pending and {options.rows:,} settled, {options.database}"
    )
    runs = "  ".join(f"{seconds:.1f}" for seconds in found)
    print(f"  process start to all online: {statistics.median(found):.1f} s   (target ≤ 10; rounds: {runs})")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold_start", description=__doc__)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=1_000_000, help="pending, and as many settled")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    asyncio.run(main(parser.parse_args()))
