"""Thanks reach whoever took part, though that comes to be known after their moment; nobody is thanked for nothing."""

from sqlalchemy import select

from scheduler.participants.participants import Answer, settle
from storage.campaign_tables import Phase
from storage.engine import Database
from tests.scheduler.matrix import account, friends, rows
from tests.scheduler.test_campaigns import MINUTE_MS, Shop, campaign


async def _thanked(shop: Shop) -> set[int]:
    return {row.person for row in await rows(shop.db, kind="thanks")}


async def _came(shop: Shop, id: int, *people: int) -> None:
    async with shop.db.write() as tx:
        await settle(tx, id, people, Answer.CAME, "staff:owner", shop.now_ms)


async def test_thanks_wait_for_staff_who_name_one_after_the_other(database: Database) -> None:
    await account(database, "lin-1")
    first, second, away = await friends(database, "lin-1", 3, 1_700_000_000_000)
    shop = Shop(database)
    id = await shop.starts(campaign())
    await shop.passes(20, step=2)
    for person in (first, second, away):
        await shop.says(person, "1")
    await shop.passes(96, step=4)
    assert (await shop.phase_states(id))["thanks"] == "waiting"
    await _came(shop, id, first)
    await shop.passes(8, step=2)
    await _came(shop, id, second)
    await shop.passes(8, step=2)
    assert await _thanked(shop) == set()
    await shop.passes(14, step=2)
    assert await _thanked(shop) == {first, second}
    told = await rows(database, kind="thanks")
    assert [row.content for row in told] == [{"template": "default"}] * 2
    await shop.passes(10, step=5)
    assert (await shop.phase_states(id))["thanks"] == "done"


async def test_thanks_for_nobody_end_with_the_reason(sqlite_database: Database) -> None:
    await account(sqlite_database, "lin-1")
    await friends(sqlite_database, "lin-1", 1, 1_700_000_000_000)
    shop = Shop(sqlite_database)
    id = await shop.starts(campaign())
    await shop.passes(110, step=5)
    async with sqlite_database.read() as connection:
        phase = (await connection.execute(select(Phase.__table__).where(Phase.name == "thanks"))).one()
    assert (phase.state, phase.due_ms > shop.now_ms - MINUTE_MS) == ("waiting", True)
    shop.now_ms = phase.until_ms
    await shop.tick()
    assert ((await shop.phase_states(id))["thanks"], await shop.state(id)) == ("skipped", "finished")
    assert "phase_skipped" in [event.what for event in shop.heard]
