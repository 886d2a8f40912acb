"""Two processes on PostgreSQL claim at once: a week is found empty once, and what left meanwhile stays as it is."""

import asyncio

import pytest
from sqlalchemy import select, update

from rules.kinds import Kind
from scheduler.ponds.pond_file import PondFile
from scheduler.ponds.ponds import keep_ponds
from storage import claiming
from storage.engine import Database
from storage.outbox import Content, NewDelivery
from storage.tables import Delivery
from tests.bots.people import add_account, add_campaign, befriend, planned, push, reply
from tests.lock_waits import until_it_waits

NOW_MS = 1_795_000_000_000
ROOM = "100@chatroom"

pytestmark = pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)


async def _pages(db: Database) -> list[claiming.Row]:
    """The first row of `a`, and that of `b`, if it has one."""
    async with db.read() as connection:
        pages = await claiming.page(connection, ["a", "b"], now_ms=NOW_MS)
    return [row for account in sorted(pages) for row in pages[account]]


async def test_two_accounts_that_push_one_person_at_once_find_the_week_empty_once(database: Database) -> None:
    async with database.write() as tx:
        await add_account(tx, "a")
        await add_account(tx, "b")
        hua = await befriend(tx, "a", "w", now_ms=NOW_MS)
        await befriend(tx, "b", "w", now_ms=NOW_MS, person=hua)
        campaigns = [await add_campaign(tx, name=name) for name in ("one", "other")]
    pushes = [push(account, "w", hua, id, NOW_MS) for account, id in zip("ab", campaigns, strict=True)]
    await planned(database, pushes, NOW_MS)
    one, other = await _pages(database)

    async def looks() -> int | None:
        async with database.write() as tx:
            return (await claiming.facts_of(tx, [other]))[other.id].last_push_ms

    async with database.write() as tx:
        assert (await claiming.facts_of(tx, [one]))[one.id].last_push_ms is None
        looking = asyncio.create_task(looks(), name="the other process")
        await until_it_waits(tx, looking)
        intents = {one.id: claiming.Intent("a", "福利")}
        assert await claiming.take_turn(tx, intents, accepted={}, week={hua: one.id}, now_ms=NOW_MS, epoch=0)
    assert await looking == NOW_MS


async def test_two_campaigns_that_go_to_one_pond_at_once_find_its_week_empty_once(database: Database) -> None:
    async with database.write() as tx:
        await add_account(tx, "a")
        file = {"name": "lounge", "title": "闺蜜群", "account": "a", "room": ROOM, "theme": "穿搭"}
        await keep_ponds(tx, {"lounge": PondFile.model_validate(file)}, NOW_MS)
    content = Content(text="上新", pond={"name": "lounge", "by_hand": False})
    keys = ("one", "other")
    await planned(database, [NewDelivery(Kind.POND_CAMPAIGN, "a", ROOM, content, key, NOW_MS) for key in keys], NOW_MS)
    one, other = await _pages(database)

    async def looks() -> int | None:
        async with database.write() as tx:
            return (await claiming.ponds_of(tx, [other.id]))[other.id].last_campaign_ms

    async with database.write() as tx:
        assert (await claiming.ponds_of(tx, [one.id]))[one.id].last_campaign_ms is None
        looking = asyncio.create_task(looks(), name="the other process")
        await until_it_waits(tx, looking)
        await claiming.reserve_ponds(tx, {"lounge": one.id}, now_ms=NOW_MS)
    assert await looking == NOW_MS


async def test_what_another_process_sends_meanwhile_is_neither_skipped_nor_put_off(database: Database) -> None:
    async with database.write() as tx:
        await add_account(tx, "a")
    await planned(database, [reply("a", "w", "k", NOW_MS)], NOW_MS)
    (row,) = await _pages(database)
    async with database.write() as tx:
        await tx.execute(update(Delivery).values(state="sending", sent_ms=NOW_MS))
        await claiming.skip(tx, [(row.id, "expired", None)], now_ms=NOW_MS)
        await claiming.put_off(tx, [(row.id, NOW_MS + 1, "quiet_hours")])
        found = (await tx.execute(select(Delivery.state, Delivery.due_ms, Delivery.reason))).one()
    assert tuple(found) == ("sending", NOW_MS, None)
