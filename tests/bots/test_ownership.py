"""A take-over and the last claim of the owner before it come one after the other, never at once."""

import asyncio

from sqlalchemy import insert, select, update

from bots.ownership import hold_off_take_over, take_all
from storage.engine import Database
from storage.tables import Delivery

NOW_MS = 1_795_000_000_000


async def test_what_the_old_owner_claims_while_another_takes_over_is_in_doubt_and_not_forgotten(
    database: Database,
) -> None:
    async with database.write() as tx:
        await take_all(tx, "old", wall_ms=NOW_MS, now_ms=NOW_MS)
        await tx.execute(
            insert(Delivery).values(
                account="lin-1", kind="reply", priority=1, key="reply:1", to="wxid_hua", content={"text": "在的"},
                due_ms=NOW_MS, state="pending", created_ms=NOW_MS,
            )
        )  # fmt: skip

    async def take_over() -> None:
        async with database.write() as tx:
            await take_all(tx, "new", wall_ms=NOW_MS, now_ms=NOW_MS)

    async with database.write() as tx:
        await hold_off_take_over(tx, "old")
        taking = asyncio.create_task(take_over(), name="take over")
        await asyncio.wait({taking}, timeout=0.1)
        await tx.execute(update(Delivery).values(state="sending", sent_ms=NOW_MS))
    await taking
    async with database.read() as connection:
        assert await connection.scalar(select(Delivery.state)) == "in_doubt"
