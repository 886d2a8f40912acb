"""What is past its validity is closed, wherever it stands in an outbox of many strides, and nothing else is."""

from sqlalchemy import insert, select

from storage import expiry
from storage.engine import Database
from storage.expiry import Expiry
from storage.tables import Delivery

NOW_MS = 1_795_000_000_000


async def test_every_row_is_found_once_its_time_is_over_stride_by_stride(database: Database) -> None:
    number = expiry.STRIDE_ROWS * 2 + 100
    async with database.write() as tx:
        await tx.execute(
            insert(Delivery),
            [
                {"account": f"lin-{i % 7}", "kind": "push", "priority": 5, "key": f"push:{i}", "to": f"wxid_{i}",
                 "content": {"text": "x"}, "due_ms": NOW_MS - i % 50, "state": "pending", "created_ms": NOW_MS,
                 "valid_until_ms": (None, NOW_MS, NOW_MS + 1000)[i % 3]} for i in range(number)
            ],
        )  # fmt: skip
    walk = Expiry()
    for _ in range(4):
        async with database.write() as tx:
            if await walk.due(tx, NOW_MS):
                await walk.close(tx, NOW_MS)
    async with database.read() as connection:
        found = await connection.execute(select(Delivery.key, Delivery.state, Delivery.reason))
        states = {int(key.split(":")[1]): (state, reason) for key, state, reason in found}
    assert {states[i] for i in range(1, number, 3)} == {("skipped", "expired")}
    assert {states[i] for i in range(number) if i % 3 != 1} == {("pending", None)}
