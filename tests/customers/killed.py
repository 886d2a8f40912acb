"""A process that dies in the middle of a merge or an erasure, many times over; says what it left in the database.

`python -m tests.customers.killed DATABASE` (a migrated, empty file) prints JSON: {merge | erase: {points, changed,
left: [before | after | torn, …]}}.
"""

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, insert, text

from customers.merging.merging import merge
from customers.own_data.erasure import erase, traces_of
from storage.customer_tables import PersonNote, PersonTag
from storage.engine import Database, open_database
from storage.order_tables import Claim, Order
from storage.tables import Delivery
from tests.customers.shop import friend, person

KILLS = 4
NUMBER = "2202600000000000017"
NOW_MS = 1_795_000_000_000


async def _fill(db: Database) -> None:
    for number, name in enumerate(("花花", "阿花"), 1):
        who = await person(db, name=name, member_name=f"m{number}", phone=f"1380000000{number}")
        await friend(db, "lin-1", f"wxid_{number}", who, nickname=name)
        sent = {"account": "lin-1", "kind": "push", "priority": 4, "key": f"k{number}", "to": f"wxid_{number}",
                "person": who, "content": {"text": name}, "due_ms": 1, "state": "pending", "created_ms": 1}  # fmt: skip
        bought = {"number": f"{NUMBER}{number}", "member_name": f"m{number}", "person": who, "status": "done",
                  "paid_fen": 100, "receiver": name, "created_ms": 1, "batch": 1}  # fmt: skip
        claimed = {"order_number": f"{NUMBER}{number}", "person": who, "account": "lin-1", "evidence": "chat",
                   "claimed_ms": 1}  # fmt: skip
        async with db.write() as tx:
            for model, row in ((Delivery, sent), (Order, bought), (Claim, claimed)):
                await tx.execute(insert(model).values(row))
            await tx.execute(insert(PersonTag).values(tag=name, person=who, by="staff:owner", since_ms=1))
            await tx.execute(insert(PersonNote).values(text=name, person=who, by="staff:owner", at_ms=1))


async def _act(db: Database, act: str) -> None:
    if act == "erase":
        await erase(db, 2, now_ms=NOW_MS)
        return
    async with db.write() as tx:
        await merge(tx, 1, 2, "staff:owner", "staff:owner", NOW_MS)


async def _acting(file: Path, act: str, reached: Callable[[], None]) -> None:
    """`reached` is called before every statement and every commit."""
    db = open_database(f"sqlite:///{file}")
    async with db.read() as connection:
        await connection.execute(text("SELECT 1"))
    event.listen(Engine, "before_cursor_execute", lambda *_: reached())
    event.listen(Engine, "commit", lambda *_: reached())
    await _act(db, act)
    await db.close()


def _points(file: Path, act: str) -> int:
    count = 0

    def reached() -> None:
        nonlocal count
        count += 1

    asyncio.run(_acting(file, act, reached))
    return count


def _killed_at(file: Path, act: str, point: int) -> None:
    """In a process of its own, so that nothing of it is left but the files."""
    child = os.fork()
    if child == 0:
        left = point

        def reached() -> None:
            nonlocal left
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

        asyncio.run(_acting(file, act, reached))
        os._exit(0)
    os.waitpid(child, 0)


def _left(file: Path) -> Any:
    connection = sqlite3.connect(file)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return sorted(line for line in connection.iterdump() if line.startswith("INSERT INTO"))
    finally:
        connection.close()


def main() -> None:
    pristine = Path(sys.argv[1])

    async def fill() -> None:
        db = open_database(f"sqlite:///{pristine}")
        await _fill(db)
        await traces_of(db, 2)  # the secret behind the pseudonyms is made once
        await db.close()

    asyncio.run(fill())
    print(json.dumps({act: _told(pristine, act) for act in ("merge", "erase")}))


def _told(pristine: Path, act: str) -> dict[str, Any]:
    folder, work = pristine.parent, pristine.with_name("work.db")
    before = _left(pristine)
    shutil.copy(pristine, work)
    points = _points(work, act)
    after = _left(work)
    chosen = sorted({1 + (points - 1) * step // (KILLS - 1) for step in range(KILLS)})
    left = []
    for point in chosen:
        for old in folder.glob("work.db*"):
            old.unlink()
        shutil.copy(pristine, work)
        _killed_at(work, act, point)
        left.append(_left(work))
    told = ["before" if one == before else "after" if one == after else "torn" for one in left]
    return {"points": points, "changed": before != after, "left": told}


if __name__ == "__main__":
    main()
