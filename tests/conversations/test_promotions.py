"""Who climbs the ladder is greeted once, by who knows them, and handed to who serves that level; others in silence."""

from typing import Any

from sqlalchemy import insert, select, update

from conversations.promotions import Promotions
from customers.standing.ladder import Ladder, Level
from customers.standing.levels import adopt_ladder, give_level
from customers.standing.purchases import recompute
from rules.limits import Limits
from storage.engine import Database
from storage.fleet_tables import Repair
from storage.order_tables import ImportBatch, Order
from storage.tables import Account, Delivery, Friendship, Person
from tests.conversations.shop import DAY_MS, NOW_MS, open_shop, voices

LADDER = Ladder(
    levels=(
        Level(id="friend"),
        Level(id="VIP1", name="老朋友", any_purchase=True),
        Level.model_validate({"id": "partner", "name": "合伙人", "from_net_yuan": 500, "served_by": "training"}),
    )
)
_numbers = iter(range(1, 1_000))


async def _open(db: Database) -> int:
    await open_shop(db)
    async with db.write() as tx:
        await adopt_ladder(tx, LADDER, NOW_MS)
        await tx.execute(
            insert(Account).values(
                id="qin-1", persona="lin", role="training", time_zone="Asia/Shanghai", state="online",
                friends_listed=10, limits=Limits().model_dump(mode="json"), self_contact="wxid_qin",
            )
        )  # fmt: skip
        return await tx.scalar(select(Person.id).where(Person.name == "花花🌸")) or 0


async def _befriend_mentor(db: Database, *accounts: str) -> None:
    async with db.write() as tx:
        mentor = (await tx.execute(insert(Person).values(kind="own", created_ms=0).returning(Person.id))).scalar_one()
        for account in accounts:
            await tx.execute(insert(Friendship).values(account=account, contact="wxid_qin", person=mentor, since_ms=0))


async def _buys(db: Database, who: int, fen: int, now_ms: int, *, paid_ms: int | None = None) -> None:
    """An import that brings one order of theirs."""
    number = next(_numbers)
    async with db.write() as tx:
        await tx.execute(insert(ImportBatch).values(
            id=number, kind="orders", files=[], counts={}, created_ms=now_ms, finished_ms=now_ms
        ))  # fmt: skip
        await tx.execute(insert(Order).values(
            number=f"n{number}", member_name="花花", person=who, status="done", paid_fen=fen, batch=number,
            created_ms=paid_ms or now_ms, paid_ms=paid_ms or now_ms,
        ))  # fmt: skip
        await recompute(tx, [who], now_ms=now_ms)


async def _look(db: Database, now_ms: int) -> list[Any]:
    """Let the planner look, twice; what is planned in all."""
    promotions = Promotions(voices())
    async with db.write() as tx:
        while await promotions.somebody_moved(tx, now_ms):
            await promotions.greet(tx, now_ms)
        query = select(Delivery.account, Delivery.kind, Delivery.key, Delivery.content).order_by(Delivery.id)
        return list((await tx.execute(query)).all())


async def test_a_history_is_imported_in_silence_and_what_they_buy_then_is_a_reason(database: Database) -> None:
    hua = await _open(database)
    await _befriend_mentor(database, "lin-1", "lin-2")
    await _buys(database, hua, 10_000, NOW_MS)
    assert await _look(database, NOW_MS) == []
    await _buys(database, hua, 50_000, NOW_MS + DAY_MS)
    words, card = await _look(database, NOW_MS + DAY_MS)
    assert (words.kind, words.key) == ("level_up", f"level_up:{hua}:partner")
    assert "合伙人" in words.content["text"] and "小林" in words.content["text"]
    assert (card.account, card.content) == (words.account, {"card": "wxid_qin"})
    async with database.write() as tx:
        await tx.execute(update(Order).values(refund_fen=Order.paid_fen))
        await recompute(tx, [hua], now_ms=NOW_MS + 2 * DAY_MS)
        await tx.execute(update(Order).values(refund_fen=0))
        await recompute(tx, [hua], now_ms=NOW_MS + 2 * DAY_MS)
    keys = [row.key for row in await _look(database, NOW_MS + 2 * DAY_MS)]
    assert keys == [words.key, card.key], "down in silence, and up again without a second greeting"


async def test_what_was_bought_before_the_friendship_or_long_ago_is_no_reason(sqlite_database: Database) -> None:
    hua = await _open(sqlite_database)
    await _buys(sqlite_database, hua, 0, NOW_MS - 40 * DAY_MS)
    await _buys(sqlite_database, hua, 60_000, NOW_MS, paid_ms=NOW_MS - 20 * DAY_MS)
    assert await _look(sqlite_database, NOW_MS) == []


async def test_without_a_mentor_who_can_be_shown_they_are_greeted_and_staff_hear_of_it(
    sqlite_database: Database,
) -> None:
    hua = await _open(sqlite_database)
    async with sqlite_database.write() as tx:
        await tx.execute(update(Account).values(first_sync_done_ms=0))
        await give_level(tx, hua, "合伙人", by="boss", now_ms=NOW_MS)
    (words,) = await _look(sqlite_database, NOW_MS)
    assert "名片" not in words.content["text"]
    async with sqlite_database.read() as connection:
        assert await connection.scalar(select(Repair.message)) == "conversations.nobody_serves"
