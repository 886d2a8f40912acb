"""The rows of a benchmark of sends: accounts, their friends, a push to each, and others that wait beside them."""

from collections.abc import Sequence
from datetime import time

from sqlalchemy import insert, text

from benchmarks.gateways import Address
from rules.kinds import Kind, gate_of
from rules.limits import Limits
from storage.campaign_tables import Campaign
from storage.engine import Database
from storage.tables import Account

ZONE = "UTC"
DAY_MS = 86_400_000
OPEN = Limits(
    gap_min_s=0, gap_max_s=0, people_per_minute=10**6, messages_per_minute=10**6, messages_per_day=10**6,
    pushes_per_day=10**6, replies_kept_per_day=0, quiet_from=time(3, 0), quiet_until=time(3, 1),
)  # fmt: skip
"""All gates are asked, none is in the way; seven days of trust are kept by old friends."""

_RUNNING, _LATER, _PAUSED = 1, 2, 3
"""Campaigns: the one that is measured; one that is due in a month; one that is due and waits for a person's word."""
_NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count) ",
    "postgresql": "WITH n AS (SELECT generate_series(0, CAST(:count AS int) - 1) AS i) ",
}
# SQLite wants the numbers before the INSERT, as PostgreSQL allows.
_PEOPLE = """
    INSERT INTO people (id, name, call_me, created_ms, level, orders, net_paid_fen, kind)
    SELECT i + 1, '朋友' || (i + 1), '小' || (i + 1), 0, 'VIP1', 1, 10000, 'customer' FROM n"""
_FRIENDSHIPS = """
    INSERT INTO friendships (account, contact, person, nickname, alias, state, origin, since_ms, last_in_ms)
    SELECT 'load-' || (i / :rows), 'wxid_friend_' || (i + 1), i + 1, '朋友' || (i + 1), '', 'friend', 'listed',
           :since_ms, :wrote_ms FROM n"""
_OUTBOX = """
    INSERT INTO outbox (account, kind, priority, key, recipient, person, campaign, content, source, due_ms, state,
                        attempts, epoch, created_ms)
    SELECT 'load-' || ({account}), 'push', :priority, :name || i, 'wxid_friend_' || ({person}), {person}, :campaign,
           '{{"template": "VIP1"}}', '', :due_ms, 'pending', 0, 0, :now_ms FROM n"""
_MINE = _OUTBOX.format(account="i / :rows", person="i + 1")
_OTHERS = _OUTBOX.format(account="i % :accounts", person="i % :people + 1")


async def write_matrix(db: Database, addresses: Sequence[Address], rows: int, now_ms: int) -> None:
    """Accounts with `rows` friends each, all different people, and one push planned to each of them."""
    values = {
        "count": len(addresses) * rows, "rows": rows, "now_ms": now_ms, "since_ms": now_ms - 100 * DAY_MS,
        "wrote_ms": now_ms - DAY_MS,
    }  # fmt: skip
    push = {"priority": gate_of(Kind.PUSH).priority, "name": "push:", "campaign": _RUNNING, "due_ms": now_ms}
    numbers = _NUMBERS[db.dialect]
    async with db.write() as tx:
        await tx.execute(insert(Account), [
            {"id": address.id, "persona": "p", "role": "sales", "time_zone": ZONE, "armed": True, "simulated": True,
             "limits": OPEN.model_dump(mode="json"), "state": "online", "self_contact": address.contact}
            for address in addresses
        ])  # fmt: skip
        for id, state in ((_RUNNING, "running"), (_LATER, "running"), (_PAUSED, "paused")):
            await tx.execute(insert(Campaign).values(
                id=id, name=f"bench-{id}", title="bench", kind="push", state=state, spec={}, created_by="bench",
                created_ms=now_ms, starts_ms=now_ms, changed_ms=now_ms,
            ))  # fmt: skip
        await tx.execute(text(numbers + _PEOPLE), values)
        await tx.execute(text(numbers + _FRIENDSHIPS), values)
        await tx.execute(text(numbers + _MINE), values | push)


async def write_others(db: Database, addresses: Sequence[Address], count: int, rows: int, now_ms: int) -> None:
    """That many further pending rows of the same accounts and people: half due in a month, half of a paused campaign
    that has been due for an hour, so that they stand before everything that is measured.
    """
    accounts = len(addresses)
    values = {
        "count": count // 2, "accounts": accounts, "people": accounts * rows, "now_ms": now_ms,
        "priority": gate_of(Kind.PUSH).priority,
    }  # fmt: skip
    later = {"name": "later:", "campaign": _LATER, "due_ms": now_ms + 30 * DAY_MS}
    paused = {"name": "paused:", "campaign": _PAUSED, "due_ms": now_ms - DAY_MS // 24}
    async with db.write() as tx:
        for more in (later, paused):
            await tx.execute(text(_NUMBERS[db.dialect] + _OTHERS), values | more)


async def rewind(db: Database) -> None:
    """As if nothing had been sent yet, and without a trace of it: nobody sends the same rows again in life."""
    async with db.write() as tx:
        await tx.execute(text("UPDATE people SET last_push_ms = NULL, last_push_id = NULL WHERE last_push_id > 0"))
        await tx.execute(
            text("""UPDATE outbox SET state = 'pending', sent_ms = NULL, settled_ms = NULL, gateway_id = NULL,
                                      text = NULL, attempts = 0
                     WHERE campaign = :campaign AND state <> 'pending'"""),
            {"campaign": _RUNNING},
        )
        engine = tx.engine
    if db.dialect == "postgresql":
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            for table in ("outbox", "people"):
                await connection.execute(text(f"VACUUM (ANALYZE) {table}"))


async def unsettled(db: Database) -> int:
    """How many of the measured rows are not accepted yet."""
    async with db.read() as connection:
        found = await connection.execute(
            text("SELECT count(*) FROM outbox WHERE campaign = :campaign AND state <> 'accepted'"),
            {"campaign": _RUNNING},
        )
        return int(found.scalar_one())
