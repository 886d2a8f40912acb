"""Friends of lost accounts: two lists share what a sibling can take, and phones of any kind are masked in a chat."""

import pytest
from sqlalchemy import delete, insert, select, update

from operations.losing import LeadIn, Losing
from rules.limits import Limits
from storage.engine import Database
from storage.move_tables import Move
from storage.order_tables import Claim, Order
from storage.tables import Account, Friendship, Person
from tests.commands.test_chat import Office
from tests.conversations.shop import DAY_MS, NOW_MS, befriend, open_shop, row_of

_EACH = 80


@pytest.fixture
async def shop(sqlite_database: Database) -> Office:
    """lin-1 and lin-2 have 80 friends each, known by their phones; xiaoyu-1 has room for 140, 100 a day.

    Its reserve of 50 is not for them: nobody named a channel.
    """
    await open_shop(sqlite_database)
    room = Limits(reserve=0.25, visible=200).model_dump(mode="json")
    async with sqlite_database.write() as tx:
        await tx.execute(delete(Friendship))
        await tx.execute(update(Account).values(friends_listed=10, opened_ms=NOW_MS - 90 * DAY_MS, limits=room))
        for account, head in (("lin-1", 1), ("lin-2", 2)):
            for n in range(_EACH):
                await befriend(tx, account, f"wxid_{account}_{n}", f"客{n}", phone=f"139{head}{n:07d}")
    return Office(sqlite_database)


async def test_two_lost_on_one_day_share_the_days_and_the_rooms_of_a_sibling(shop: Office) -> None:
    async with shop.db.write() as tx:
        for account, lost_ms in (("lin-1", NOW_MS), ("lin-2", NOW_MS - 1)):
            lost = {"removed": True, "lost_ms": lost_ms, "paused_by": "lost"}
            await tx.execute(update(Account).where(Account.id == account).values(**lost))
        offer = {"aim": "sales", "why": "bought", "state": "offered", "offered_ms": NOW_MS, "changed_ms": NOW_MS}
        person = await tx.scalar(select(Person.id).limit(1))
        kept = {"person": person, "from_account": "lin-1", "to_account": "xiaoyu-1", "look_ms": NOW_MS + DAY_MS}
        await tx.execute(insert(Move).values(**offer, **kept))
    losing = Losing(LeadIn("店", {"xiaoyu-1": "xl"}, {}), "Asia/Shanghai")
    async with shop.db.read() as connection:
        lists = [await losing.ways(connection, account, NOW_MS) for account in ("lin-1", "lin-2")]
    second, first = ([way.turn.day if way.turn else None for way in ways] for ways in lists)
    assert first == [1] * _EACH  # whoever was lost first has the first turns
    assert second == [1] * 20 + [2] * 39 + [None] * 21  # one of the 140 places is kept for somebody who was offered it


async def test_a_friend_of_two_lost_accounts_gets_one_text(shop: Office) -> None:
    """In the list of the account that was lost last; while one of them is used, in none."""
    async with shop.db.write() as tx:
        both = await befriend(tx, "lin-2", "wxid_lin-1_0", "客0")
        guessed = (await tx.execute(select(Friendship.person).where(Friendship.contact == "wxid_lin-1_1"))).scalar_one()
        await tx.execute(update(Person).where(Person.id == guessed).values(phone=None))
        order = {"number": "299", "person": guessed, "member_name": "hua88", "phone": "13800001234", "batch": 1}
        await tx.execute(insert(Order).values(**order, status="completed", paid_fen=1, created_ms=1))
        claim = {"order_number": "299", "person": guessed, "account": "lin-1", "evidence": "hint"}
        await tx.execute(insert(Claim).values(**claim, claimed_ms=1))
    losing = Losing(LeadIn("店", {"xiaoyu-1": "xl"}, {}), "Asia/Shanghai")

    async def how(account: str, person: int) -> str:
        async with shop.db.read() as connection:
            ways = await losing.ways(connection, account, NOW_MS)
        return next(f"{way.how} {way.where}" for way in ways if way.friend.person == person)

    async def lose(account: str, lost_ms: int) -> None:
        async with shop.db.write() as tx:
            lost = {"removed": True, "lost_ms": lost_ms}
            await tx.execute(update(Account).where(Account.id == account).values(**lost))

    await lose("lin-1", NOW_MS)
    assert await how("lin-1", both) == "others lin-2"
    assert await how("lin-2", both) == "sms xiaoyu-1"  # as it will be
    await lose("lin-2", NOW_MS)
    assert (await how("lin-1", both), await how("lin-2", both)) == ("told lin-2", "sms xiaoyu-1")
    assert await how("lin-1", guessed) == "nobody "  # the phone of an order that was guessed is the buyer's


async def test_landlines_and_phones_of_other_countries_are_masked_in_the_answer(shop: Office) -> None:
    async with shop.db.write() as tx:
        for tier, contact, phone in (
            ("gold", "wxid_lin-1_0", "0571-88001234"),
            ("gold", "wxid_lin-1_1", "+852 91234567"),
        ):
            person = (await tx.execute(select(Friendship.person).where(Friendship.contact == contact))).scalar_one()
            await tx.execute(update(Person).where(Person.id == person).values(tier=tier, phone=phone))
    shown = (await shop.says("/账号 丢失 lin-1")).text
    assert "057****1234" in shown and "+85****4567" in shown
    assert "8800" not in shown and "9123" not in shown
    assert (await row_of(shop.db, Account, id="lin-1")).lost_ms is None
