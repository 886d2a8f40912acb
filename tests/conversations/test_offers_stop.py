"""An offer that nobody asked for ends with an opt-out; what they asked for by name, they get."""

from sqlalchemy import insert

from customers.consent import opt_in, opt_out
from storage.engine import Database
from storage.tables import Setting
from tests.conversations.matrix import Matrix, friend, open_matrix
from tests.conversations.shop import DAY_MS, NOW_MS, outbox

HUA = "wxid_hua"
ASKS, CHATS, BY_NAME = "店名叫什么，怎么买", "店名叫什么", "能推一下苏叶的名片吗"


async def _matrix(db: Database, *accounts: str, **person: object) -> tuple[Matrix, int]:
    await open_matrix(db)
    async with db.write() as tx:
        hua = await friend(tx, HUA, *(accounts or ("xiaoyu-1",)), **{"call_me": "花花", **person})
        await tx.execute(insert(Setting).values(key="do_not_contact_key", value="00" * 32, changed_ms=0))
    return Matrix(db), hua


async def _waiting(db: Database) -> list[str]:
    """Keys of what is still to be said of other accounts."""
    return [row.key for row in await outbox(db, state="pending") if row.key.startswith("move:")]


async def test_an_opt_out_declines_for_good_what_they_never_asked_for(database: Database) -> None:
    """Planned after "怎么买", and not sent yet when they opt out three seconds later."""
    matrix, hua = await _matrix(database)
    await matrix.says(HUA, "xiaoyu-1", ASKS)
    assert len(await _waiting(database)) == 2
    assert await matrix.says(HUA, "xiaoyu-1", "退订", NOW_MS + 3_000) == "opted_out"
    assert await _waiting(database) == []
    (move,) = await matrix.moves()
    assert (move.state, move.look_ms) == ("declined", None)
    async with database.write() as tx:
        await opt_in(tx, hua, by="staff:boss", words="", now_ms=NOW_MS + DAY_MS)
    await matrix.says(HUA, "xiaoyu-1", ASKS, NOW_MS + 20 * DAY_MS)
    await matrix.look(NOW_MS + 20 * DAY_MS)
    assert len(await matrix.moves()) == 1 and await _waiting(database) == []


async def test_a_card_they_asked_for_by_name_goes_after_an_opt_out(sqlite_database: Database) -> None:
    matrix, hua = await _matrix(sqlite_database)
    await matrix.says(HUA, "xiaoyu-1", BY_NAME)
    async with sqlite_database.write() as tx:
        await opt_out(tx, hua, by="staff:boss", words="", now_ms=NOW_MS + 1_000)
    assert await _waiting(sqlite_database) == ["move:1:card"]
    assert [move.state for move in await matrix.moves()] == ["offered"]


async def test_who_waits_for_a_person_is_not_shown_who_sells(sqlite_database: Database) -> None:
    matrix, _ = await _matrix(sqlite_database)
    await matrix.says(HUA, "xiaoyu-1", "我要投诉你们，衣服破了个洞")
    assert await matrix.says(HUA, "xiaoyu-1", ASKS, NOW_MS + 60_000) == "answered"
    assert await matrix.moves() == []
