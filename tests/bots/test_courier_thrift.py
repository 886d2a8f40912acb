"""What a tick asks of the database, however many lanes are due, and however many rows wait beside them."""

from random import Random

from sqlalchemy import text

from benchmarks.processors import Statements
from bots.courier import Courier
from bots.ownership import Owner
from bots.tenure import Tenure
from storage import claim_statements
from storage.engine import Database
from tests.bots.people import (
    PlainWording,
    RecordingSender,
    add_account,
    add_campaign,
    befriend,
    lane,
    let_sends_finish,
    nobody_posts,
    planned,
    push,
    states,
)
from tests.virtual_time import VirtualClock

LANES = 50
STATEMENTS = 5


async def test_fifty_lanes_are_served_with_a_tenth_of_a_statement_for_each_send(
    database: Database, clock: VirtualClock
) -> None:
    """Of a process that owns its shards as `wxfleet run` does. The tick settles fifty pushes and claims fifty more."""
    now_ms = clock.now_ms()
    tenure = Tenure(Owner("a", "here", 1, "0", timeout_ms=3_600_000), alive_ms=clock.now_ms, wall_ms=clock.now_ms)
    senders = {f"a{number}": RecordingSender() for number in range(LANES)}
    async with database.write() as tx:
        await tenure.take_all(tx, now_ms=now_ms)
        campaign = await add_campaign(tx)
        rows = []
        for account in senders:
            await add_account(tx, account)
            people = {f"{account}-{n}": await befriend(tx, account, f"{account}-{n}", now_ms=now_ms) for n in range(3)}
            rows += [push(account, to, person, campaign, now_ms) for to, person in people.items()]
    await planned(database, rows, now_ms)
    courier = Courier(
        database, clock, wording=PlainWording(), hand_over=nobody_posts, random=Random(7), ownership=tenure
    )
    for account, sender in senders.items():
        courier.add(lane(account), sender)
    await courier.tick()  # fetches the pages
    await let_sends_finish()
    async with Statements().of(database) as asked:
        await courier.tick()
    await let_sends_finish()
    assert [len(sender.sent) for sender in senders.values()] == [2] * LANES
    assert list((await states(database)).values()).count(("accepted", None)) == LANES
    assert asked.count <= STATEMENTS


async def test_a_page_passes_over_rows_of_paused_campaigns_by_the_index_alone(sqlite_database: Database) -> None:
    """A lane may have thousands of them, due before everything else."""
    values = {"accounts": "[]", "priorities": "[]", "now_ms": 0, "rows": 32}
    async with sqlite_database.read() as connection:
        plan = await connection.execute(text(f"EXPLAIN QUERY PLAN {claim_statements.PAGE['sqlite']}"), values)
        steps = [row[3] for row in plan]
    assert any("COVERING INDEX ix_outbox_pending" in step for step in steps), steps
