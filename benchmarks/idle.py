"""What a fleet costs that has nothing to do: `python -m benchmarks.idle --accounts 1000`.

`wxfleet run` in a process of its own, all accounts online, their friends counted, their own QR codes known, nothing
due, nobody writing; the gateways beat every fifteen seconds. Its processor time by the kernel's count, as a share of
one core; the thread of the database is in it, a PostgreSQL server is not.
"""

import argparse
import asyncio
import statistics
import time

from sqlalchemy import func, select, update

from benchmarks.databases import fresh_url
from benchmarks.gateways import gateways
from benchmarks.measuring import allow_many_files, show_machine
from benchmarks.running_fleet import Running, all_online, installation, running
from storage.engine import Database, open_database
from storage.tables import Account

PATIENCE_S = 600.0
CALM_S = 12.0
"""After the last account has settled: full looks and first beats are over."""


async def settled(db: Database, accounts: int) -> None:
    """Everybody's friends are counted. That the accounts' own QR codes were read, five a second, is written down here:
    it happens in the first minutes of a start and then once a week.
    """
    async with db.write() as tx:
        await tx.execute(update(Account).values(contact_qr_ms=round(time.time() * 1000)))
    query = select(func.count()).select_from(Account).where(Account.first_sync_done_ms.is_not(None))
    async with asyncio.timeout(PATIENCE_S):
        while True:
            async with db.read() as connection:
                if (await connection.execute(query)).scalar_one() == accounts:
                    return
            await asyncio.sleep(0.5)


async def watch(fleet: Running, seconds: float) -> float:
    """Percent of one core."""
    before = fleet.cpu_s
    started = asyncio.get_running_loop().time()
    await asyncio.sleep(seconds)
    return 100 * (fleet.cpu_s - before) / (asyncio.get_running_loop().time() - started)


async def main(options: argparse.Namespace) -> None:
    allow_many_files()
    async with gateways(options.accounts) as addresses:
        with fresh_url(options.database) as url, installation(addresses, url) as config:
            db = open_database(url)
            try:
                async with running(config) as fleet:
                    await all_online(db, options.accounts, fleet)
                    await settled(db, options.accounts)
                    await asyncio.sleep(CALM_S)
                    found = [await watch(fleet, options.seconds) for _ in range(options.rounds)]
            finally:
                await db.close()
    show_machine()
    runs = "  ".join(f"{share:.2f}" for share in found)
    print(f"\n{options.accounts} accounts online, nothing due, {options.database}, {options.seconds:g} s a round")
    print(f"  processor: {statistics.median(found):.2f} % of one core   (target ≤ 2 % for 1,000; rounds: {runs})")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.idle", description=__doc__)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    asyncio.run(main(parser.parse_args()))
