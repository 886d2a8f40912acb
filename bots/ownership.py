"""Who may send: the accounts hash to shards, each with an epoch that rises with every take-over.

Embedded, one process owns all shards. An owner that finds another's name or a later epoch has lost them and must stop.
"""

from collections.abc import Iterable
from zlib import crc32

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.errors import OwnershipHeld, OwnershipLost
from storage.outbox import insert_ignoring
from storage.tables import Lane, Shard
from texts.catalogue import say

SHARDS = 256
HEARTBEAT_TIMEOUT_MS = 30_000
"""An owner that was silent for so long is taken for dead (ours; wall time)."""


def shard_of(account: str) -> int:
    """The shard of an account, the same on every machine and in every version."""
    return crc32(account.encode()) % SHARDS


async def make_lanes(tx: AsyncConnection, accounts: Iterable[str]) -> None:
    """A lane for each of these accounts, and no others."""
    names = set(accounts)
    await tx.execute(delete(Lane).where(Lane.account.not_in(names)))
    rows = [{"account": name, "shard": shard_of(name)} for name in sorted(names)]
    if rows:
        await tx.execute(insert_ignoring(tx, Lane), rows)


async def take_all(tx: AsyncConnection, owner: str, *, wall_ms: int, alone: bool = False) -> int:
    """Own every shard from now on. Returns the new epoch.

    `alone`: a lock proves that no other process is about, however fresh its last heartbeat. Raises OwnershipHeld
    while another owner's heartbeat is fresh.
    """
    fresh = select(Shard.owner).where(
        Shard.owner.is_not(None), Shard.owner != owner, Shard.heartbeat_ms > wall_ms - HEARTBEAT_TIMEOUT_MS
    )
    holder = (await tx.execute(fresh.limit(1))).scalar_one_or_none()
    if holder is not None and not alone:
        raise OwnershipHeld(say("bots.ownership_held", owner=holder), hint=say("bots.ownership_held.hint"))
    known = set((await tx.execute(select(Shard.number))).scalars())
    missing = [{"number": n, "epoch": 0, "heartbeat_ms": 0} for n in range(SHARDS) if n not in known]
    if missing:
        await tx.execute(insert(Shard), missing)
    epoch = int((await tx.execute(select(func.max(Shard.epoch)))).scalar_one()) + 1
    await tx.execute(update(Shard).values(owner=owner, epoch=epoch, heartbeat_ms=wall_ms))
    return epoch


async def beat(tx: AsyncConnection, owner: str, epoch: int, *, wall_ms: int) -> None:
    """Still here. Raises OwnershipLost when somebody took over."""
    result = await tx.execute(
        update(Shard).where(Shard.owner == owner, Shard.epoch == epoch).values(heartbeat_ms=wall_ms)
    )
    if result.rowcount < SHARDS:
        raise OwnershipLost(say("bots.ownership_lost"), hint=say("bots.ownership_lost.hint"))


async def still_owns(tx: AsyncConnection, owner: str, epoch: int) -> None:
    """Every claim asks, and holds off a take-over until it is committed. Raises OwnershipLost."""
    if tx.dialect.name == "postgresql":  # a row written behind the back of a take-over would stay in 'sending'
        await tx.execute(select(Shard.number).where(Shard.number == 0).with_for_update(read=True))
    count = select(func.count()).select_from(Shard).where(Shard.owner == owner, Shard.epoch == epoch)
    if int((await tx.execute(count)).scalar_one()) < SHARDS:
        raise OwnershipLost(say("bots.ownership_lost"), hint=say("bots.ownership_lost.hint"))


async def owner_alive(tx: AsyncConnection, *, wall_ms: int) -> bool:
    """Does some process send for these accounts, by its last heartbeat?"""
    fresh = select(Shard.number).where(Shard.owner.is_not(None), Shard.heartbeat_ms > wall_ms - HEARTBEAT_TIMEOUT_MS)
    return (await tx.execute(fresh.limit(1))).first() is not None


async def give_up(tx: AsyncConnection, owner: str) -> None:
    """An orderly end: the next owner need not wait for a time-out."""
    await tx.execute(update(Shard).where(Shard.owner == owner).values(owner=None, heartbeat_ms=0))
