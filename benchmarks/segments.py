"""Segments of a shop with 1.5 million friendships: `python -m benchmarks.segments [--people 1000000]`."""

import argparse
import asyncio
import math
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import psycopg
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks.databases import fresh_database
from benchmarks.measuring import show, show_machine
from customers.segments.segment_file import Segment
from customers.segments.segments import count, first, preview
from customers.standing.purchases import note_items
from storage.engine import Database
from storage.tables import HOUR_MS, Person

FIRST_MS, COUNT_MS = 50.0, 500.0
"""What naming the first people, and counting all, may take."""
_ACCOUNTS = 500
_NOW_MS = 1_795_000_000_000
_DAY_MS = 86_400_000
_ZONE = "Asia/Shanghai"
_ROUNDS = 3

SEGMENTS: Mapping[str, dict[str, Any]] = {
    "everybody": {"orders": {"at_least": 0}},
    "levels": {"levels": ["VIP1", "VIP2"]},
    "a level of few": {"levels": ["partner"]},
    "a tier": {"tiers": ["gold"]},
    "core": {"core": True},
    "not core": {"core": False},
    "tags": {"tags": {"any": ["闺蜜"], "none": ["批发"]}},
    "two tags": {"tags": {"all": ["闺蜜", "宝妈"]}},
    "a tag of few": {"tags": {"any": ["同行"]}},
    "bought lately": {"last_purchase": {"within_days": 30}},
    "bought in a year": {"last_purchase": {"within_days": 365}},
    "sleeping": {"last_purchase": {"not_for_days": 200}},
    "asleep for years": {"last_purchase": {"not_for_days": 2000}},
    "never bought": {"orders": {"at_most": 0}},
    "some orders": {"orders": {"at_least": 2, "at_most": 4}},
    "many orders": {"orders": {"at_least": 50}},
    "spent much": {"net_paid_yuan": {"at_least": 500}},
    "spent very much": {"net_paid_yuan": {"at_least": 100_000}},
    "spent little": {"net_paid_yuan": {"below": 20}},
    "an item many bought": {"items": ["连衣裙"]},
    "an item few bought": {"items": ["皮草"]},
    "an item nobody bought": {"items": ["潜水服"]},
    "birthday in a week": {"birthday": {"to_days": 7}},
    "birthday today": {"birthday": {"to_days": 0}},
    "not pushed": {"not_pushed_for_days": 14},
    "one account": {"accounts": ["a7"]},
    "accounts": {"accounts": [f"a{number}" for number in range(1, 101)]},
    "a persona": {"personas": ["p3"]},
    "a persona of few": {"personas": ["p77"]},
    "a role": {"roles": ["sales"]},
    "a channel": {"channels": ["sms"]},
    "a channel of few": {"channels": ["fair"]},
    "a bond": {"bonds": ["strong", "fan"]},
    "most bonds": {"bonds": ["weak"]},
    "answered": {"answered_within_days": 60},
    "answered today": {"answered_within_days": 0},
    "silent": {"silent_for_days": 300},
    "sleeping VIPs": {"levels": ["VIP1", "VIP2"], "last_purchase": {"not_for_days": 200}, "not_pushed_for_days": 14},
    "gold and asleep: nobody": {"tiers": ["gold"], "last_purchase": {"not_for_days": 800}},
    "a level with the wrong tier: nobody": {"levels": ["friend"], "tiers": ["ordinary"]},
    "bought nothing for much: nobody": {"orders": {"at_most": 0}, "net_paid_yuan": {"at_least": 100}},
    "answered, role and level": {"roles": ["sales"], "levels": ["VIP2"], "answered_within_days": 60},
    "fans of a persona with a birthday": {"bonds": ["fan"], "personas": ["p3"], "birthday": {"to_days": 7}},
    "one account's silent fans": {"accounts": ["a7"], "bonds": ["fan"], "silent_for_days": 300},
    "a role through a channel, silent, of a level": {
        "roles": ["acquisition"], "channels": ["sms"], "silent_for_days": 200, "levels": ["VIP1"],
    },
    "an item and a tier": {"items": ["连衣裙"], "tiers": ["gold"]},
    "not this item": {"tiers": ["gold"], "not": {"items": ["连衣裙"]}},
    "friends of two, and not of a third": {
        "all": [{"accounts": ["a1", "a2"]}, {"roles": ["sales"]}], "not": {"personas": ["p3"]},
    },
    "all, any, not": {
        "any": [{"levels": ["VIP2"], "bonds": ["fan"]}, {"tags": {"any": ["闺蜜"]}}],
        "not": {"accounts": ["a1", "a2"]},
    },
    "any of few": {"any": [{"tags": {"any": ["同行"]}}, {"channels": ["fair"]}, {"levels": ["partner"]}]},
    "any of many": {"any": [{"bonds": ["weak"]}, {"channels": ["sms"]}, {"core": True}, {"items": ["连衣裙"]}]},
    "everything at once": {
        "levels": ["VIP1", "VIP2"], "tags": {"none": ["批发"]}, "orders": {"at_least": 1},
        "net_paid_yuan": {"at_least": 50}, "last_purchase": {"within_days": 365}, "not_pushed_for_days": 7,
        "any": [{"roles": ["sales"], "bonds": ["weak", "strong"]}, {"channels": ["sms"]}],
        "not": {"any": [{"accounts": ["a1"]}, {"items": ["皮草"]}, {"birthday": {"to_days": 3}}]},
    },
}  # fmt: skip
"""Every condition a file can state, of many and of few; and some together, among them such as nobody fulfils."""


def _numbers(db: Database, table: str, columns: str, values: str, number: int) -> str:
    """One INSERT of so many rows; `n` counts from 1."""
    if db.dialect == "sqlite":
        rows = f"WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {number})"
        rows += f" SELECT {values} FROM s"
    else:
        rows = f"SELECT {values} FROM generate_series(1, {number}::bigint) AS s(n)"
    return f"INSERT INTO {table} ({columns}) {rows}"


async def _fill(db: Database, people: int) -> None:
    """Half have bought, a tenth twice and more; everybody has a friend, every second one two."""
    yes = {"sqlite": ("1", "0"), "postgresql": ("true", "false")}[db.dialect]
    statements = [
        _numbers(
            db, "accounts",
            "id, persona, role, main, time_zone, armed, simulated, publisher, limits, removed, state, state_since_ms",
            "'a' || n, CASE WHEN n > 498 THEN 'p77' ELSE 'p' || (n % 9) END, "
            f"CASE WHEN n % 3 = 0 THEN 'acquisition' ELSE 'sales' END, {yes[1]}, '{_ZONE}', "
            f"{yes[1]}, {yes[0]}, 'assisted', '{{}}', {yes[1]}, 'online', 0", _ACCOUNTS,
        ),
        _numbers(
            db, "people",
            "name, call_me, member_name, phone, kind, level, tier, core, orders, net_paid_fen, last_order_ms, "
            "last_push_ms, birthday, birthday_mmdd, birthday_lunar, opted_out_ms, created_ms, profile",
            "'花花' || n, '花' || (n % 1000), 'tb' || n, '138' || n, 'customer', "
            "CASE WHEN n % 99991 = 0 THEN 'partner' WHEN n % 2 = 0 THEN 'friend' WHEN n % 5 = 0 THEN 'VIP2' "
            "ELSE 'VIP1' END, "
            "CASE WHEN n % 2 = 0 THEN NULL WHEN n % 15 = 0 THEN 'gold' WHEN n % 5 = 0 THEN 'growth' "
            "WHEN n % 7 = 0 THEN 'low' ELSE 'ordinary' END, "
            f"CASE WHEN n % 15 = 0 THEN {yes[0]} ELSE {yes[1]} END, CASE WHEN n % 2 = 0 THEN 0 ELSE 1 + n % 5 END, "
            "CASE WHEN n % 2 = 0 THEN 0 ELSE 100 * (n % 997) END, "
            f"CASE WHEN n % 2 = 0 THEN NULL ELSE {_NOW_MS} - (n * 7919 % 700) * {_DAY_MS} END, "
            f"CASE WHEN n % 3 = 0 THEN {_NOW_MS} - (n * 31 % 40) * {_DAY_MS} END, "
            "CASE WHEN n % 4 = 1 THEN '1990-05-05' END, "
            "CASE WHEN n % 4 = 1 THEN 100 * (1 + n / 4 % 12) + 1 + n / 48 % 28 END, "
            f"CASE WHEN n % 20 = 1 THEN {yes[0]} ELSE {yes[1]} END, CASE WHEN n % 50 = 0 THEN {_NOW_MS} END, 0, "
            "NULL", people,
        ),
        _numbers(
            db, "friendships",
            "account, contact, person, nickname, alias, state, origin, since_ms, channel, last_in_ms, "
            "heard_hour, replies, bond",
            f"'a' || (1 + n * 7 % {_ACCOUNTS}), 'wx' || n, 1 + (n - 1) % {people}, '花花' || n, '', 'friend', "
            "'event', 0, "
            "CASE WHEN n % 49999 = 0 THEN 'fair' WHEN n % 3 = 0 THEN 'parcel-card' WHEN n % 3 = 1 THEN 'sms' END, "
            f"CASE WHEN n % 2 = 0 THEN {_NOW_MS} - (n * 13 % 365) * {_DAY_MS} END, "
            f"CASE WHEN n % 2 = 0 THEN ({_NOW_MS} - (n * 13 % 365) * {_DAY_MS}) / {HOUR_MS} END, n % 40, "
            "CASE WHEN n % 97 = 0 THEN 'fan' WHEN n % 11 = 0 THEN 'strong' WHEN n % 2 = 0 THEN 'weak' ELSE 'new' END",
            people * 3 // 2,
        ),
        _numbers(
            db, "person_tags", "tag, person, tagged_by, since_ms",
            "CASE WHEN n % 9973 = 0 THEN '同行' WHEN n % 3 = 0 THEN '闺蜜' WHEN n % 3 = 1 THEN '批发' ELSE '宝妈' END, "
            f"1 + n * 17 % {people}, 'owner', 0",
            people // 10,
        ),
    ]  # fmt: skip
    for statement in statements:
        async with db.write() as tx:
            # A percent sign is an operator of ours, and the beginning of a parameter to psycopg.
            await tx.exec_driver_sql(statement.replace("%", "%%") if db.dialect == "postgresql" else statement)
    async with db.write() as tx:
        orders = _orders(db, people)
        await tx.exec_driver_sql(orders.replace("%", "%%") if db.dialect == "postgresql" else orders)
        await note_items(tx, Person.kind == "customer")
    if db.dialect == "postgresql":
        await _vacuum(db.address)


async def _vacuum(address: str) -> None:
    """What PostgreSQL does by itself within minutes after so many rows. SQLite never does."""
    async with await psycopg.AsyncConnection.connect(address, autocommit=True) as connection:
        await connection.execute("VACUUM (ANALYZE)")


def _orders(db: Database, people: int) -> str:
    titles = (
        """CASE WHEN n % 5 = 0 THEN '["法式碎花连衣裙 春"]' WHEN n % 9999 = 0 THEN '["皮草外套"]' """
        """ELSE '["针织开衫 ' || (n % 300) || '"]' END"""
    )
    columns = (
        "number, member_name, person, status, paid_fen, refund_fen, items, titles, item_count, receiver, phone, "
        "created_ms, batch"
    )
    as_json = f"({titles})::json" if db.dialect == "postgresql" else titles
    values = (
        f"'22' || (100000000000000 + n), 'tb' || n, 1 + 2 * n % {people}, 'done', 10000, 0, "
        "CASE WHEN n % 5 = 0 THEN '法式碎花连衣裙 春' WHEN n % 9999 = 0 THEN '皮草外套' ELSE '针织开衫' END, "
        f"{as_json}, 1, '', '', "
        f"{_NOW_MS}, 1"
    )
    return _numbers(db, "orders", columns, values, people)


async def _number_of_first(connection: AsyncConnection, segment: Segment) -> int:
    """-1 where they are only named with the count."""
    named = await first(connection, segment, _NOW_MS, _ZONE)
    return -1 if named is None else len(named)


async def _count(connection: AsyncConnection, segment: Segment) -> int:
    return await count(connection, segment, _NOW_MS, _ZONE)


async def _whole_preview(connection: AsyncConnection, segment: Segment) -> int:
    return (await preview(connection, segment, _NOW_MS, _ZONE)).count


_MEASURES: Mapping[str, tuple[Callable[[AsyncConnection, Segment], Awaitable[int]], float]] = {
    "first 20": (_number_of_first, FIRST_MS), "count": (_count, COUNT_MS),
    "the command's preview, with the counts by account": (_whole_preview, math.inf),
}  # fmt: skip
"""What is timed, and how long it may take."""


async def _timed(
    db: Database, who: Mapping[str, Any], what: Callable[[AsyncConnection, Segment], Awaitable[int]]
) -> tuple[float, int]:
    segment = Segment.model_validate({"name": "s", "title": "s", "who": who})
    async with db.read() as connection:
        begin = time.perf_counter()
        found = await what(connection, segment)
        return (time.perf_counter() - begin) * 1000, found


async def measure(kind: str, people: int) -> None:
    async with fresh_database(kind) as db:
        await _fill(db, people)
        for title, (what, most) in _MEASURES.items():
            results: dict[str, list[float]] = {}
            for name, who in SEGMENTS.items():
                timed = [await _timed(db, who, what) for _ in range(_ROUNDS)]
                results[f"{name} ({timed[0][1]:,})"] = [took for took, _ in timed]
            show(f"{kind}: {title}, milliseconds", results, "ms")
            worst = max(statistics.median(values) for values in results.values())
            print(f"worst median {worst:.0f} ms, at most {most:.0f}: {'ok' if worst <= most else 'MISSED'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    wanted = parser.parse_args()
    show_machine()
    for kind in ("sqlite", "postgresql"):
        if wanted.database in (kind, "both"):
            asyncio.run(measure(kind, wanted.people))


if __name__ == "__main__":
    main()
