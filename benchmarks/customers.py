"""Finding one among a million people: `python -m benchmarks.customers [--people 1000000] [--database sqlite]`."""

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from sqlalchemy import insert, text

from benchmarks.databases import fresh_database
from benchmarks.measuring import show, show_machine
from customers.finding.people import find
from customers.finding.search import catch_up_all
from storage.engine import Database
from storage.order_tables import Order
from storage.tables import Friendship, Person

TARGET_MS = 50.0
_ROWS_A_TRANSACTION = 5_000
_ROUNDS = 7
_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎范"
_GIVEN = "小花芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红梅玲燕云雪晶雅欣怡佳琪梦婷思雨晨曦子涵浩轩"
_SHOP_WORDS = ("A-代购", "微商", "美美哒", "", "", "", "", "", "今天也要开心", "Lily ")


def _people(number: int) -> Iterator[dict[str, Any]]:
    roll = random.Random(7)
    for id in range(1, number + 1):
        name = roll.choice(_SURNAMES) + "".join(roll.choices(_GIVEN, k=roll.choice((1, 2, 2))))
        yield {
            "id": id, "name": roll.choice(_SHOP_WORDS) + name + roll.choice(("", "", "🌸", "88")), "created_ms": 0,
            "call_me": name[-2:] if roll.random() < 0.3 else None, "phone": f"1{roll.randrange(30, 99)}{id:08d}",
            "member_name": f"tb{id * 7919 % 99999989:08d}" if id % 2 else f"{name}_{id}", "net_paid_fen": id % 1000,
        }  # fmt: skip


def _friendships(number: int) -> Iterator[dict[str, Any]]:
    for person, row in enumerate(_people(number), 1):
        for account in range(1 + person % 2):
            alias = f"{row['name']} 广州" if person % 10 == 0 else ""
            yield {"account": f"a{account}", "contact": f"wxid_{person}", "person": person, "since_ms": 0,
                   "nickname": row["name"], "alias": alias}  # fmt: skip


def _orders(number: int) -> Iterator[dict[str, Any]]:
    for id in range(1, number + 1):
        yield {"number": order_number(id), "member_name": f"tb{id}", "person": id, "status": "done", "paid_fen": 1,
               "created_ms": 1, "batch": 1}  # fmt: skip


def order_number(id: int) -> str:
    return f"22026{id * 104_729 % 10**14:014d}"


async def _fill(db: Database, people: int) -> None:
    tables: tuple[tuple[type, Iterator[Mapping[str, Any]]], ...] = (
        (Person, _people(people)), (Friendship, _friendships(people)), (Order, _orders(people)),
    )  # fmt: skip
    for table, rows in tables:
        while some := list(islice(rows, _ROWS_A_TRANSACTION)):
            async with db.write() as tx:
                await tx.execute(insert(table), some)


async def _searched(db: Database, people: int) -> dict[str, list[float]]:
    middle = people // 2
    wanted = {
        "a nickname": "王小花", "part of it": "代购王", "one character": "王", "pinyin": "wangxiaohua",
        "initials": "wxh", "one letter": "w", "a member name": "tb", "an order": order_number(middle),
        "its end": order_number(middle)[-4:], "a phone": f"{middle:08d}", "its last four": "4321", "a remark": "广州",
        "a contact": f"wxid_{middle}", "an entry": f"#{middle}", "nobody": "查无此人", "words of many": "lily",
    }  # fmt: skip
    found: dict[str, list[float]] = {}
    for _ in range(_ROUNDS):
        for what, words in wanted.items():
            async with db.read() as connection:
                begin = time.perf_counter()
                people_found = await find(connection, words)
                found.setdefault(f"{what} ({words}, {len(people_found)})", []).append(
                    (time.perf_counter() - begin) * 1000
                )
    return found


async def measure(kind: str, people: int) -> None:
    async with fresh_database(kind) as db:
        begin = time.perf_counter()
        await _fill(db, people)
        filled = time.perf_counter()
        await catch_up_all(db, 1)
        built = time.perf_counter()
        if db.dialect == "postgresql":
            async with db.write() as tx:
                await tx.execute(text("ANALYZE"))
        async with db.read() as connection:
            terms = (await connection.execute(text("SELECT count(*) FROM search_terms"))).scalar_one()
        print(f"\n{kind}: {people:,} people in {filled - begin:.0f} s, {terms:,} terms in {built - filled:.0f} s")
        found = await _searched(db, people)
        show(f"{kind}: find, milliseconds", found, "ms")
        worst = max(statistics.median(values) for values in found.values())
        print(
            f"  worst median {worst:.1f} ms, worst single {max(map(max, found.values())):.1f} ms (target {TARGET_MS})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    given = parser.parse_args()
    show_machine()
    for kind in given.database or ("sqlite", "postgresql"):
        asyncio.run(measure(kind, given.people))


if __name__ == "__main__":
    main()
