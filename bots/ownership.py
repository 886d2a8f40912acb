"""Who may send: the accounts hash to shards, each owned by one process, with an epoch that rises with every take-over.

An owner lives as long as its row of `workers` shows a fresh heartbeat. These are the statements; what a process knows
of its own shards, and whether it may rely on that, is `bots.tenure`.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from zlib import crc32

from sqlalchemy import ColumnElement, delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.errors import OwnershipHeld
from storage.fleet_tables import Lane, Shard, Worker
from storage.moving import require_not_moved
from storage.outbox import insert_ignoring
from storage.settling import SENDING, doubt_what_was_under_way
from storage.statements import both, rows_of
from storage.tables import Delivery
from texts.catalogue import say

SHARDS = 256
ALL_SHARDS = range(SHARDS)
HEARTBEAT_TIMEOUT_MS = 30_000
"""An owner that was silent for so long is taken for dead (ours; wall time)."""

_LOCKS = 0x77786F77
"""The class of our advisory locks on PostgreSQL; the other half of the key is the owner."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A process as the others see it. `id` is never used twice: `node:pid:random`. `timeout_ms` is wall time."""

    id: str
    node: str
    pid: int
    version: str
    kind: str = "worker"
    timeout_ms: int = HEARTBEAT_TIMEOUT_MS


@dataclass(frozen=True, slots=True)
class Taken:
    """What a take-over brought: the shards with their new epochs, and how many rows were under way in them."""

    epochs: dict[int, int]
    in_doubt: int = 0


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


async def make_shards(tx: AsyncConnection) -> None:
    """All shards are there from now on; those that were are left alone."""
    count = select(func.count()).select_from(Shard)
    if int((await tx.execute(count)).scalar_one()) < SHARDS:
        await tx.execute(insert_ignoring(tx, Shard), [{"number": number, "epoch": 0} for number in ALL_SHARDS])


async def wall_of(tx: AsyncConnection, wall_ms: int) -> int:
    """The wall clock that all owners share, in epoch ms: the server's on PostgreSQL, else this machine's."""
    if tx.dialect.name != "postgresql":
        return wall_ms
    return int(
        (await tx.execute(text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"))).scalar_one()
    )


async def register(tx: AsyncConnection, owner: Owner, *, wall_ms: int, share: int = 0) -> None:
    """A process begins. Whoever was silent for ten time-outs is forgotten; its shards wait to be taken.

    Raises DataMoved when the data lives in another database by now.
    """
    silent = Worker.heartbeat_ms < wall_ms - 10 * Worker.timeout_ms
    await tx.execute(delete(Worker).where(silent, Worker.id != owner.id))
    row = {
        "id": owner.id, "kind": owner.kind, "node": owner.node, "pid": owner.pid, "version": owner.version,
        "started_ms": wall_ms, "heartbeat_ms": wall_ms, "timeout_ms": owner.timeout_ms, "stopping": False,
        "share": share,
    }  # fmt: skip
    await tx.execute(insert(Worker).values(**row))
    await require_not_moved(tx)  # after the row: a move waits for it, or it for the move


async def beat(tx: AsyncConnection, owner: str, *, wall_ms: int) -> bool:
    """Still here. False when the process was forgotten: it must register anew, and owns nothing."""
    return bool(await rows_of(tx, _BEAT, {"owner": owner, "wall_ms": wall_ms}))


async def say_stopping(tx: AsyncConnection, owner: str) -> None:
    """The process hands over what it owns and takes nothing more."""
    await tx.execute(update(Worker).where(Worker.id == owner).values(stopping=True))


async def take_shards(tx: AsyncConnection, numbers: Collection[int], owner: str, *, wall_ms: int, now_ms: int) -> Taken:
    """Own these shards from now on, as far as no other living process does.

    What was under way in them is in doubt from this transaction on (`now_ms` is the shop's clock). A claim of the
    owner before, or of another who takes the same shards, comes before or after, never between.
    """
    if not numbers:
        return Taken({})
    rows = await tx.execute(
        select(Shard.number, Shard.owner).where(Shard.number.in_(numbers)).order_by(Shard.number).with_for_update()
    )
    owners = {row.number: row.owner for row in rows}
    others = {before for before in owners.values() if before is not None and before != owner}
    alive = set((await tx.execute(select(Worker.id).where(Worker.id.in_(others), is_alive(wall_ms)))).scalars())
    mine = [number for number, before in owners.items() if before not in alive]
    await _end_claims(tx, others - alive)
    epoch = int((await tx.execute(select(func.max(Shard.epoch)))).scalar_one()) + 1
    await tx.execute(update(Shard).where(Shard.number.in_(mine)).values(owner=owner, epoch=epoch))
    return Taken(dict.fromkeys(mine, epoch), await _doubt(tx, set(mine), now_ms))


async def take_all(tx: AsyncConnection, owner: str, *, wall_ms: int, now_ms: int, alone: bool = False) -> Taken:
    """Own every shard from now on.

    `alone`: a lock proves that no other process is about, however fresh its last heartbeat. Raises OwnershipHeld
    while another process lives, even if it owns nothing at the moment.
    """
    await make_shards(tx)
    if alone:
        await tx.execute(delete(Worker).where(Worker.id != owner))
    holder = (await tx.execute(select(Worker.id).where(Worker.id != owner, is_alive(wall_ms)).limit(1))).scalar()
    taken = Taken({}) if holder else await take_shards(tx, ALL_SHARDS, owner, wall_ms=wall_ms, now_ms=now_ms)
    if len(taken.epochs) < SHARDS:
        raise OwnershipHeld(say("bots.ownership_held", owner=holder or "?"), hint=say("bots.ownership_held.hint"))
    return taken


async def release_shards(tx: AsyncConnection, numbers: Collection[int], owner: str) -> None:
    """Let go of these shards, after everything that was under way in them is settled."""
    await tx.execute(update(Shard).where(Shard.number.in_(numbers), Shard.owner == owner).values(owner=None))


async def leave(tx: AsyncConnection, owner: str) -> None:
    """An orderly end: the next owner need not wait for a time-out."""
    await tx.execute(update(Shard).where(Shard.owner == owner).values(owner=None))
    await tx.execute(delete(Worker).where(Worker.id == owner))


async def hold_off_take_over(tx: AsyncConnection, owner: str) -> None:
    """From now until this transaction ends nobody takes anything from `owner`. It writes nothing.

    Before any statement that reads who owns what: on PostgreSQL each statement sees what was committed when it began.
    """
    if tx.dialect.name == "postgresql":
        await rows_of(tx, _SHARED, {"class": _LOCKS, "owner": _lock_of(owner)})


async def owned(tx: AsyncConnection, owner: str) -> dict[int, int]:
    """{shard: epoch} of what this process owns."""
    rows = await tx.execute(select(Shard.number, Shard.epoch).where(Shard.owner == owner))
    return {row.number: row.epoch for row in rows}


async def ownerless(tx: AsyncConnection, *, wall_ms: int) -> list[int]:
    """Shards that nobody owns who lives."""
    living = select(Worker.id).where(is_alive(wall_ms))
    query = select(Shard.number).where(Shard.owner.is_(None) | Shard.owner.not_in(living)).order_by(Shard.number)
    return list((await tx.execute(query)).scalars())


def is_alive(wall_ms: int) -> ColumnElement[bool]:
    """Of a row of `workers`: was it heard of within its time-out?"""
    return Worker.heartbeat_ms > wall_ms - Worker.timeout_ms


async def _end_claims(tx: AsyncConnection, owners: Collection[str]) -> None:
    """Wait for the transactions in which these owners claim or settle: what they wrote is then seen by the next
    statement, and those that begin later see that they own nothing.
    """
    if tx.dialect.name == "postgresql":
        for key in sorted({_lock_of(owner) for owner in owners}):
            await tx.execute(_EXCLUSIVE, {"class": _LOCKS, "owner": key})


async def _doubt(tx: AsyncConnection, shards: Collection[int], now_ms: int) -> int:
    """What was under way in these shards may have arrived. Accounts without a lane are not forgotten."""
    under_way = select(Delivery.account).where(text(SENDING))
    accounts = [name for name in (await tx.execute(under_way.distinct())).scalars() if shard_of(name) in shards]
    if not accounts:
        return 0
    return await doubt_what_was_under_way(tx, accounts, reason="owner_died", now_ms=now_ms)


_BEAT = both("UPDATE workers SET heartbeat_ms = :wall_ms WHERE id = :owner RETURNING id")
_SHARED = both("SELECT pg_advisory_xact_lock_shared(:class, :owner)")
_EXCLUSIVE = text("SELECT pg_advisory_xact_lock(:class, :owner)")


def _lock_of(owner: str) -> int:
    """32 bits with a sign, as PostgreSQL wants them. Two owners with one key only wait for each other."""
    return crc32(owner.encode()) - (1 << 31)
