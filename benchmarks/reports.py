"""How long each report takes beside one full scan of the orders: `python -m benchmarks.reports --orders 1000000`.

The scan reads every order once, and of each what reports read of it. A report is made for its usual period and for all
days; scan and reports alternate.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable

from sqlalchemy import text

from benchmarks.databases import fresh_database
from benchmarks.filled_shop import fill
from benchmarks.measuring import alternate, ratios, show, show_machine, show_ratio
from reports.period import period_of
from reports.report import Asked
from reports.shelf import SHELF, Volume
from storage.engine import Database

NOW_MS = 1_795_000_000_000
ZONE = "Asia/Shanghai"
_SCANS = {
    # Only sums of two columns, and everything that reports read.
    "narrow scan": "SELECT SUM(paid_fen - refund_fen) FROM orders WHERE status <> 'unpaid'",
    "scan": """
        SELECT COUNT(person), MAX(status), SUM(paid_fen - refund_fen), SUM(item_count), MAX(LENGTH(member_name)),
               MAX(COALESCE(paid_ms, created_ms)), MAX(LENGTH(CAST(titles AS TEXT))), MAX(LENGTH(number))
          FROM orders""",
}


def _scan(db: Database, words: str) -> Callable[[], Awaitable[float]]:
    async def measure() -> float:
        async with db.read() as connection:
            begin = time.perf_counter()
            await connection.execute(text(words))
            return (time.perf_counter() - begin) * 1000

    return measure


def _report(db: Database, volume: Volume, words: str) -> Callable[[], Awaitable[float]]:
    async def measure() -> float:
        asked = Asked(period_of(words, NOW_MS, ZONE), NOW_MS)
        async with db.read() as connection:
            begin = time.perf_counter()
            await volume.make(connection, asked)
            return (time.perf_counter() - begin) * 1000

    return measure


async def main(kind: str, orders: int, rounds: int) -> None:
    async with fresh_database(kind) as db:
        people = await fill(db, orders, now_ms=NOW_MS)
        if db.dialect == "postgresql":
            async with db.write() as tx:
                await tx.execute(text("ANALYZE"))
        measures = {name: _scan(db, words) for name, words in _SCANS.items()}
        for volume in SHELF.values():
            for words in dict.fromkeys((volume.usual_period, "all")):
                measures[f"{volume.name}, {words}"] = _report(db, volume, words)
        found = await alternate(measures, rounds)
    show(f"{kind}: {orders:,} orders, {people:,} people", found, "ms")
    for name in list(measures)[len(_SCANS) :]:
        show_ratio(name, ratios(found, name, "scan"), "≤ 10")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    options = parser.parse_args()
    show_machine()
    asyncio.run(main(options.database, options.orders, options.rounds))
