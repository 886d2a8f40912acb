"""What holds for the whole fleet, by its key: each word stands in the place of the one before."""

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.outbox import insert_ignoring
from storage.tables import Setting


async def setting(tx: AsyncConnection, key: str) -> str | None:
    """What stands under that key; None while nothing was put there."""
    return await tx.scalar(select(Setting.value).where(Setting.key == key))


async def put_setting(tx: AsyncConnection, key: str, value: str, now_ms: int) -> None:
    """It stands there from now on."""
    row = {"key": key, "value": value, "changed_ms": now_ms}
    await tx.execute(insert_ignoring(tx, Setting).values(row))
    await tx.execute(update(Setting).where(Setting.key == key).values(row))


async def change_setting(tx: AsyncConnection, key: str, value: str, now_ms: int) -> bool:
    """As `put_setting`. False where it stood there already: of two processes that come at once one was the first."""
    row = {"key": key, "value": value, "changed_ms": now_ms}
    if await tx.scalar(insert_ignoring(tx, Setting).values(row).returning(Setting.key)) is not None:
        return True
    changed = await tx.execute(update(Setting).where(Setting.key == key, Setting.value != value).values(row))
    return changed.rowcount > 0
