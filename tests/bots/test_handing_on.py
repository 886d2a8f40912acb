"""What a lost account had planned goes on under the sibling's own name for the friend, to friends only, and once."""

import asyncio

import pytest
from sqlalchemy import insert, select, update

from bots.lost_accounts import hand_on
from rules.kinds import Kind
from storage.engine import Database
from storage.outbox import Content, NewDelivery, plan
from storage.tables import Delivery, Friendship, Person
from tests.bots.fleet_world import add_accounts
from tests.lock_waits import until_it_waits

NOW_MS = 1_795_000_000_000


async def _planned(db: Database, **at_sibling: str) -> None:
    """Huahua is `wxid_1` to the account that is lost, `wxid_2` to its sibling; one push waits."""
    await add_accounts(db, "lost", "sibling")
    async with db.write() as tx:
        hua = (await tx.execute(insert(Person).values(created_ms=0).returning(Person.id))).scalar_one()
        for account, contact, more in (("lost", "wxid_1", {}), ("sibling", "wxid_2", at_sibling)):
            row = {"account": account, "contact": contact, "person": hua, "since_ms": 0, **more}
            await tx.execute(insert(Friendship).values(row))
        push = NewDelivery(Kind.PUSH, "lost", "wxid_1", Content(text="福利"), "push:1", NOW_MS, person=hua)
        await plan(tx, [push], now_ms=NOW_MS)


async def _hand_on(db: Database) -> None:
    async with db.write() as tx:
        await hand_on(tx, "lost", NOW_MS)


async def _row(db: Database) -> tuple[str, str, str]:
    async with db.read() as connection:
        row = (await connection.execute(select(Delivery.account, Delivery.to, Delivery.state))).one()
    return row.account, row.to, row.state


async def test_it_goes_to_whom_the_sibling_knows_by_another_id(sqlite_database: Database) -> None:
    """Gateways name the same person differently for each account: under the old id it would reach somebody else."""
    await _planned(sqlite_database)
    await _hand_on(sqlite_database)
    assert await _row(sqlite_database) == ("sibling", "wxid_2", "pending")


@pytest.mark.parametrize("state", ["gone", "deleted", "stranger"])
async def test_who_is_no_friend_of_the_sibling_hears_nothing_from_it(sqlite_database: Database, state: str) -> None:
    await _planned(sqlite_database, state=state)
    await _hand_on(sqlite_database)
    assert await _row(sqlite_database) == ("lost", "wxid_1", "pending")


async def test_what_the_lost_account_sends_in_that_very_moment_is_not_sent_by_the_sibling_too(
    database: Database,
) -> None:
    await _planned(database)
    async with database.write() as tx:
        await tx.execute(update(Delivery).values(state="sending", sent_ms=NOW_MS))
        handing_on = asyncio.create_task(_hand_on(database), name="hand on")
        await until_it_waits(tx, handing_on)  # it has seen the row pending
    await handing_on
    assert await _row(database) == ("lost", "wxid_1", "sending")
