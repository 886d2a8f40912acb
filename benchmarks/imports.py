"""A shop's whole export, imported: `python -m benchmarks.imports [--rows 1000000] [--database sqlite] [--rounds 3]`.

Against csv.reader and executemany of the same rows into the same table with the same indexes. Each run is a process of
its own, on a fresh database that knows a third of the buyers; its seconds and its peak of memory count.
"""

import argparse
import asyncio
import csv
import json
import operator
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import insert

from benchmarks.databases import fresh_url
from benchmarks.measuring import show, show_machine, show_ratio
from customers.imports.orders import import_orders
from simulator.history import History
from simulator.names import member_name
from simulator.order_export import write_export
from storage.engine import open_database
from storage.schema import upgrade
from storage.strides import Breathe, no_need
from storage.tables import Person

TARGET, TARGET_MIB, WORKBOOK_ROWS, WORKBOOK_MIB, LOCK_MS = 0.25, 300, 100_000, 500, 300
_SEED, _NOW_MS = 7, 1_793_534_400_000
_PICKED = ("订单编号", "买家会员名", "订单状态", "买家实际支付金额", "退款金额", "宝贝标题", "宝贝总数量",
           "收货人姓名", "联系手机", "店铺名称", "订单创建时间", "订单付款时间")  # fmt: skip
_COLUMNS = ("number", "member_name", "status", "paid_fen", "refund_fen", "items", "item_count", "receiver", "phone",
            "shop", "created_ms", "paid_ms", "titles", "batch")  # fmt: skip


def main() -> None:
    options = _options()
    if options.child:
        print(json.dumps(asyncio.run(_CHILDREN[options.child](options))))
        return
    show_machine()
    with tempfile.TemporaryDirectory(prefix="wxfleet-imports-") as folder:
        if not options.workbook:
            _compare(options, Path(folder) / "orders.csv")
        _workbook(Path(folder) / "orders.xlsx", min(options.rows, WORKBOOK_ROWS))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--workbook", action="store_true", help="only the XLSX")
    parser.add_argument("--child", choices=("raw", "ours", "beside"), help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _compare(options: argparse.Namespace, file: Path) -> None:
    rows = write_export(file, islice(History(_SEED, _NOW_MS).sales(), options.rows), "小林的衣橱", "gb18030")
    print(f"{rows:,} orders, {file.stat().st_size >> 20} MB of CSV, {options.database}")
    found: dict[str, list[dict[str, float]]] = {"raw": [], "ours": []}
    again: list[float] = []
    for _ in range(options.rounds):
        for side, results in found.items():
            with fresh_url(options.database) as url:
                asyncio.run(_prepare(url, options.rows // 6))
                results.append(_run(side, url, file))
                if side == "ours":
                    again.append(_run(side, url, file)["seconds"])
    seconds = {side: [result["seconds"] for result in results] for side, results in found.items()}
    show("seconds", seconds, "s")
    pairs = zip(seconds["raw"], seconds["ours"], strict=True)
    show_ratio("speed of the import over raw", [raw / ours for raw, ours in pairs], f"≥ {TARGET}")
    if options.database == "sqlite":  # of a server's processor the children know nothing
        both = zip(found["raw"], found["ours"], strict=True)
        show_ratio("the same by processor time of the process", [raw["cpu"] / ours["cpu"] for raw, ours in both], "-")
    show_ratio("peak of memory, MiB", [result["mib"] for result in found["ours"]], f"≤ {TARGET_MIB}")
    show_ratio("the same file again, s", again, "-")
    if options.database == "sqlite":
        with fresh_url("sqlite") as url:
            asyncio.run(_prepare(url, options.rows // 6))
            beside = _run("beside", url, file)
        show_ratio("beside another writer: its longest wait, ms", [beside["wait_ms"]], f"~{LOCK_MS}")
        show_ratio("beside another writer: seconds", [beside["seconds"]], "-")


def _workbook(file: Path, rows: int) -> None:
    import xlsxwriter

    plain = file.with_suffix(".csv")
    write_export(plain, islice(History(_SEED, _NOW_MS).sales(), rows), "小林的衣橱", "utf-8-sig")
    with xlsxwriter.Workbook(file, {"constant_memory": True}) as book, plain.open(encoding="utf-8-sig") as lines:
        sheet = book.add_worksheet()
        for number, line in enumerate(csv.reader(lines)):
            for place, cell in enumerate(line):
                sheet.write_string(number, place, cell)
    with fresh_url("sqlite") as url:
        asyncio.run(_prepare(url, rows // 6))
        result = _run("ours", url, file)
    print(f"\nXLSX of {rows:,} rows: {result['seconds']:.1f} s, {result['mib']:.0f} MiB (target ≤ {WORKBOOK_MIB})")


def _run(side: str, url: str, file: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.imports", "--child", side, "--url", url, "--file", str(file)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return dict(json.loads(out))


async def _prepare(url: str, known: int) -> None:
    """An empty shop that knows every third buyer by name."""
    db = open_database(url)
    await upgrade(db)
    names = dict.fromkeys(member_name(_SEED, buyer) for buyer in range(0, known * 3, 3))
    async with db.write() as tx:
        await tx.execute(insert(Person), [{"member_name": name, "created_ms": 0} for name in names])
    await db.close()


async def _ours(options: argparse.Namespace, breathe: Breathe = no_need) -> dict[str, float]:
    db = open_database(options.url)
    began, busy = time.perf_counter(), time.process_time()
    await import_orders(db, [options.file], now_ms=_NOW_MS, breathe=breathe)
    seconds = time.perf_counter() - began
    await db.close()
    return {"seconds": seconds, "cpu": time.process_time() - busy, "mib": _peak_mib()}


def _peak_mib() -> float:
    """Of this process alone: what `getrusage` says begins with the peak of the one that started it."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024


async def _beside(options: argparse.Namespace) -> dict[str, float]:
    """As `wxfleet import` does while a fleet runs: another writer gets its turn between transactions."""
    waits: list[float] = []
    stop = threading.Event()
    watcher = threading.Thread(
        target=_watch, args=(options.url.removeprefix("sqlite:///"), stop, waits), name="watcher"
    )
    watcher.start()
    try:
        found = await _ours(options, lambda: asyncio.sleep(0.03))
    finally:
        stop.set()
        watcher.join()
    return {**found, "wait_ms": max(waits, default=0.0)}


def _watch(file: str, stop: threading.Event, waits: list[float]) -> None:
    """Another writer, who asks every 50 ms and writes nothing."""
    connection = sqlite3.connect(file, isolation_level=None, timeout=30)
    while not stop.wait(0.05):
        began = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        waits.append((time.perf_counter() - began) * 1000)
        connection.execute("ROLLBACK")
    connection.close()


async def _raw(options: argparse.Namespace) -> dict[str, float]:
    write = _raw_sqlite if options.url.startswith("sqlite") else _raw_postgresql
    began, busy = time.perf_counter(), time.process_time()
    write(options.url, options.file)
    return {"seconds": time.perf_counter() - began, "cpu": time.process_time() - busy}


def _raw_rows(file: Path) -> Iterator[tuple[Any, ...]]:
    with file.open(encoding="gb18030", newline="") as lines:
        reader = csv.reader(lines)
        headers = [header.strip() for header in next(reader)]
        pick = operator.itemgetter(*map(headers.index, _PICKED))
        for row in reader:
            number, member, status, _, _, *more, _, _ = pick(row)
            yield (number, member, status, 25900, 0, *more, 1_793_534_400_000, None, "[]", 1)


def _raw_sqlite(url: str, file: Path) -> None:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=16000", "cache_size=-32768"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(_insert("?"), _raw_rows(file))
    connection.execute("COMMIT")
    connection.close()


def _raw_postgresql(url: str, file: Path) -> None:
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.executemany(_insert("%s").encode(), _raw_rows(file))


def _insert(mark: str) -> str:
    return f"INSERT INTO orders ({', '.join(_COLUMNS)}) VALUES ({', '.join([mark] * len(_COLUMNS))})"


_CHILDREN = {"raw": _raw, "ours": _ours, "beside": _beside}

if __name__ == "__main__":
    main()
