"""Planning a push to a million people: seconds, the longest wait of a writer beside it, and a bare driver's own pace.

    python -m benchmarks.planning --people 1000000 --database sqlite
    python -m benchmarks.planning --people 1000000 --coupons        everybody with a coupon code of their own

Bare: the very rows that were planned, written into the same table with the same indexes and the same care for the disk,
by the driver's `executemany`, 1,000 a transaction.
"""

import argparse
import asyncio
import shutil
import sqlite3
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import insert, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks.databases import fresh_url
from benchmarks.measuring import show_machine
from rules.limits import Limits
from scheduler.benefits.coupons import NEVER_MS
from scheduler.push_events import CampaignEvent
from scheduler.pushes import pushes
from scheduler.pushes.push_file import PushFile, Who
from scheduler.pushes.push_planning import PushPlanning
from storage.campaign_tables import CouponPool
from storage.engine import Database, open_database
from storage.schema import upgrade
from storage.tables import Account, Delivery, Setting

BREATH_S = 0.03  # as `wxfleet.wiring` has it
DAY_MS = 86_400_000
NOW_MS = 1_795_226_400_000  # a Saturday, 10:00 in Shanghai
ROWS_A_TRANSACTION = 1_000
_PUSH = PushFile(
    name="bench", title="bench", who=Who(levels=("VIP1", "VIP2")), words={"default": "{{ call_me }}，给你留了一件"}
)
_CODED = _PUSH.model_copy(
    update={"words": {"default": "{{ call_me }}，给你留了一件，你的码 {{ coupon }}"}, "coupons": "bench"}
)
_NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :people) {}",
    "postgresql": "WITH n AS (SELECT generate_series(0, CAST(:people AS int) - 1) AS i) {}",
}
_PEOPLE = """
    INSERT INTO people (name, call_me, created_ms, level, orders, net_paid_fen, kind, tier)
    SELECT '朋友', '小' || i, 0, 'VIP1', 1, 10000, 'customer', 'ordinary' FROM n"""
_FRIENDSHIPS = """
    INSERT INTO friendships (account, contact, person, nickname, alias, state, origin, since_ms, last_in_ms)
    SELECT 'load-' || (id % :accounts), 'wxid_friend_' || id, id, '朋友', '', 'friend', 'listed',
           :now_ms - 100 * CAST(:day AS bigint), :now_ms - CAST(:day AS bigint) FROM people"""


_CODES = f"""
    INSERT INTO coupon_codes (pool, code, expires_ms, added_ms)
    SELECT 'bench', 'C' || (i * 618035 % 9999991), {NEVER_MS}, 0 FROM n"""


async def fill(db: Database, people: int, accounts: int, *, coupons: bool) -> int:
    """So many VIPs with one friendship each, and a push to them. Returns its id."""
    values = {"people": people, "accounts": accounts, "now_ms": NOW_MS, "day": DAY_MS}
    async with db.write() as tx:
        limits = Limits().model_dump(mode="json")
        await tx.execute(insert(Account), [
            {"id": f"load-{number}", "persona": "p", "role": "sales", "time_zone": "Asia/Shanghai", "limits": limits}
            for number in range(accounts)
        ])  # fmt: skip
        await tx.execute(text(_NUMBERS[db.dialect].format(_PEOPLE)), values)
        await tx.execute(text(_FRIENDSHIPS), values)
        await tx.execute(insert(Setting).values(key="beside", value="", changed_ms=0))
        if coupons:
            await tx.execute(insert(CouponPool).values(name="bench", added_by="bench", added_ms=0))
            await tx.execute(text(_NUMBERS[db.dialect].format(_CODES)), values)
        await tx.execute(text("ANALYZE"))
        return await pushes.create(tx, _CODED if coupons else _PUSH, "bench", NOW_MS)


class Beside:
    """Somebody else who writes a row now and then, and how long they wait for it."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.waited_s: list[float] = []

    async def run(self) -> None:
        while True:
            began = time.perf_counter()
            async with self._db.write() as tx:
                self.waited_s.append(time.perf_counter() - began)
                await tx.execute(update(Setting).where(Setting.key == "beside").values(changed_ms=len(self.waited_s)))
            await asyncio.sleep(0.02)


async def _nobody(tx: AsyncConnection, event: CampaignEvent, now_ms: int) -> None:
    """Nobody is told."""


async def plan(db: Database, campaign: int) -> tuple[float, float, list[float]]:
    """Seconds of the check, of the planning, and what a writer beside it waited."""
    began = time.perf_counter()
    async with db.read() as connection:
        checked = await pushes.check(connection, campaign, NOW_MS)
    check_s = time.perf_counter() - began
    beside = Beside(db)
    writer = asyncio.create_task(beside.run(), name="beside")
    began = time.perf_counter()
    async with db.write() as tx:
        await pushes.start(tx, campaign, NOW_MS, checked=checked)
    planning = PushPlanning(db, lambda: NOW_MS, tell=_nobody, breathe=lambda: asyncio.sleep(BREATH_S))
    await planning.carry_on(campaign)
    plan_s = time.perf_counter() - began
    writer.cancel()
    await asyncio.gather(writer, return_exceptions=True)
    return check_s, plan_s, beside.waited_s


async def planned_rows(db: Database) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The rows that were planned, as a driver takes them."""
    columns = [column.name for column in Delivery.__table__.columns if column.name != "id"]
    names = ", ".join(columns)
    async with db.read() as connection:
        content = "CAST(content AS text) AS content"
        found = await connection.execute(text(f"SELECT {names.replace('content', content)} FROM outbox ORDER BY id"))
        return columns, [tuple(row) for row in found]


def bare_sqlite(path: Path, columns: list[str], rows: list[tuple[Any, ...]]) -> float:
    """Seconds of the driver's own loop; the pragmas are ours."""
    statement = f"INSERT INTO outbox ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=16000", "cache_size=-32768"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("PRAGMA foreign_keys=ON")
        began = time.perf_counter()
        for start in range(0, len(rows), ROWS_A_TRANSACTION):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(statement, rows[start : start + ROWS_A_TRANSACTION])
            connection.execute("COMMIT")
        return time.perf_counter() - began


def bare_postgresql(url: str, columns: list[str], rows: list[tuple[Any, ...]]) -> float:
    statement = f"INSERT INTO outbox ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"
    with psycopg.connect(url) as connection:
        connection.execute("TRUNCATE outbox")
        connection.commit()
        began = time.perf_counter()
        for start in range(0, len(rows), ROWS_A_TRANSACTION):
            with connection.cursor() as cursor:
                cursor.executemany(statement, rows[start : start + ROWS_A_TRANSACTION])
            connection.commit()
        return time.perf_counter() - began


async def one_round(options: argparse.Namespace) -> tuple[float, float, float, float]:
    """Seconds of the check, the planning, the longest wait beside it, and the bare driver's seconds."""
    with fresh_url(options.database) as url, tempfile.TemporaryDirectory(prefix="wxfleet-bench-") as folder:
        db = open_database(url)
        await upgrade(db)
        campaign = await fill(db, options.people, options.accounts, coupons=options.coupons)
        bare = Path(folder) / "bare.db"
        if db.dialect == "sqlite":
            _checkpoint(db)
            shutil.copy(db.url, bare)
        check_s, plan_s, waits = await plan(db, campaign)
        columns, rows = await planned_rows(db)
        await db.close()
        if len(rows) != options.people:
            raise SystemExit(f"{len(rows)} rows were planned, not {options.people}")
        if db.dialect == "sqlite":
            bare_s = await asyncio.to_thread(bare_sqlite, bare, columns, rows)
        else:
            bare_s = await asyncio.to_thread(bare_postgresql, url, columns, rows)
    return check_s, plan_s, max(waits, default=0.0), bare_s


def _checkpoint(db: Database) -> None:
    """All of it in the one file."""
    with closing(sqlite3.connect(db.url)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def main(options: argparse.Namespace) -> None:
    found = [await one_round(options) for _ in range(options.rounds)]
    show_machine()
    print(
        f"\n{options.people:,} people, {options.accounts} accounts, {options.database}"
        f"{', a coupon code each' if options.coupons else ''}"
    )
    for name, values, target in (
        ("whom it reaches, counted", [one[0] for one in found], ""),
        ("start to all planned", [one[1] for one in found], "target ≤ 15 s a million on SQLite; "),
        ("longest wait of a writer beside it", [one[2] for one in found], "target ≤ 0.3; "),
        ("bare executemany, 1,000 a transaction", [one[3] for one in found], ""),
    ):
        runs = "  ".join(f"{value:.2f}" for value in values)
        print(f"  {name}: {statistics.median(values):.2f} s   ({target}rounds: {runs})")
    pace = [one[3] / one[1] for one in found]
    print(f"  ours over bare: {statistics.median(pace):.2f}   (target ≥ 0.8; rounds: "
          f"{'  '.join(f'{value:.2f}' for value in pace)})")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planning", description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--coupons", action="store_true", help="everybody gets a code of their own")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    asyncio.run(main(parser.parse_args()))
