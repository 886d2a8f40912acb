"""How far sending is behind."""

from sqlalchemy import insert, text

from reports.backlog import _PENDING, _PRIORITIES, COUNTED_AT_MOST, backlog
from rules.kinds import Kind
from storage.engine import Database
from storage.fleet_tables import Lane
from storage.outbox import Content, NewDelivery, plan

NOW_MS = 1_800_000_000_000


def row(account: str, number: int, *, due_ms: int, kind: Kind = Kind.REPLY) -> NewDelivery:
    return NewDelivery(
        kind=kind, account=account, to="x", content=Content(text="x"), key=f"{account}:{number}", due_ms=due_ms
    )


async def test_due_rows_are_counted_the_oldest_is_timed_and_the_future_is_not_late(database: Database) -> None:
    async with database.write() as tx:
        await tx.execute(insert(Lane), [{"account": name, "shard": 1} for name in ("a", "b", "c")])
        await plan(tx, [
            row("a", 1, due_ms=NOW_MS - 5_000), row("a", 2, due_ms=NOW_MS), row("a", 3, due_ms=NOW_MS + 1),
            row("b", 4, due_ms=NOW_MS - 9_000, kind=Kind.PUSH), row("c", 5, due_ms=NOW_MS + 60_000),
        ], now_ms=NOW_MS)  # fmt: skip
        await tx.execute(text("UPDATE outbox SET state = 'in_doubt' WHERE key = 'c:5'"))
    async with database.read() as connection:
        found = await backlog(connection, NOW_MS)
        later = await backlog(connection, NOW_MS - 10_000)
    assert (found.due, found.oldest_ms, found.sending, found.in_doubt) == (3, 9_000, 0, 1)
    assert (later.due, later.oldest_ms) == (0, 0)


async def test_it_walks_the_index_of_pending_rows_and_stops_counting(sqlite_database: Database) -> None:
    async with sqlite_database.write() as tx:
        await tx.execute(insert(Lane), [{"account": "a", "shard": 1}])
        rows = [row("a", number, due_ms=NOW_MS - 1) for number in range(COUNTED_AT_MOST + 50)]
        await plan(tx, rows, now_ms=NOW_MS)
    async with sqlite_database.read() as connection:
        assert (await backlog(connection, NOW_MS)).due == COUNTED_AT_MOST
        statement = text("EXPLAIN QUERY PLAN " + _PENDING.format(priorities=_PRIORITIES))
        steps = [found[3] for found in await connection.execute(statement, {"now_ms": 1, "most": 1})]
    of_outbox = [step for step in steps if " o " in f"{step} "]
    assert len(of_outbox) == 2
    assert all("SEARCH" in step and "ix_outbox_pending (account=? AND priority=?" in step for step in of_outbox)
