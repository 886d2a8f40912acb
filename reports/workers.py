"""Who runs the fleet now, and what nobody owns."""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.fleet_tables import Lane, Shard, Worker


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """One process. `kind`: run (owns everything, alone) or worker. Times in epoch ms and ms, of the wall."""

    id: str
    kind: str
    node: str
    pid: int
    version: str
    since_ms: int
    heartbeat_age_ms: int
    alive: bool
    stopping: bool
    shards: int
    accounts: int


@dataclass(frozen=True, slots=True)
class Crew:
    """All processes that were heard of lately, and the shards (and their accounts) that no living one owns."""

    workers: tuple[WorkerStatus, ...]
    ownerless_shards: int
    ownerless_accounts: frozenset[str]


async def crew_now(conn: AsyncConnection, *, wall_ms: int) -> Crew:
    """Who runs the fleet at `wall_ms`, a wall clock in epoch ms: the database server's on PostgreSQL."""
    rows = (await conn.execute(select(Worker).order_by(Worker.started_ms, Worker.id))).all()
    living = {row.id for row in rows if row.heartbeat_ms > wall_ms - row.timeout_ms}
    owners = {row.number: row.owner for row in await conn.execute(select(Shard.number, Shard.owner))}
    lanes = {row.account: owners.get(row.shard) for row in await conn.execute(select(Lane.account, Lane.shard))}
    shards, accounts = Counter(owners.values()), Counter(lanes.values())
    workers = tuple(
        WorkerStatus(
            id=row.id, kind=row.kind, node=row.node, pid=row.pid, version=row.version, since_ms=row.started_ms,
            heartbeat_age_ms=max(0, wall_ms - row.heartbeat_ms), alive=row.id in living, stopping=row.stopping,
            shards=shards[row.id], accounts=accounts[row.id],
        )
        for row in rows
    )  # fmt: skip
    return Crew(
        workers,
        ownerless_shards=sum(owner not in living for owner in owners.values()),
        ownerless_accounts=frozenset(account for account, owner in lanes.items() if owner not in living),
    )
