"""/老带新 and /兑现: registered once, handed over once, and both taken back within a minute."""

import pytest
from sqlalchemy import insert, select, update

from customers.standing.purchases import recompute
from storage.customer_tables import Referral
from storage.engine import Database
from storage.order_tables import Order
from storage.staff_tables import Audit
from storage.tables import Person
from tests.commands.test_chat import Office
from tests.conversations.shop import NOW_MS, open_shop
from texts.problem import ExitCode


@pytest.fixture
async def shop(sqlite_database: Database) -> Office:
    await open_shop(sqlite_database)
    async with sqlite_database.write() as tx:
        await tx.execute(insert(Person).values(name="新来的小美", created_ms=0))
    return Office(sqlite_database)


async def _state(shop: Office) -> str | None:
    async with shop.db.read() as connection:
        return await connection.scalar(select(Referral.state))


async def _completes_an_order(shop: Office) -> None:
    async with shop.db.write() as tx:
        new = await tx.scalar(select(Person.id).where(Person.name == "新来的小美"))
        row = {"number": "1", "member_name": "m", "person": new, "status": "done", "paid_fen": 100, "batch": 1}
        await tx.execute(insert(Order).values(**row, created_ms=NOW_MS, paid_ms=NOW_MS))
        await recompute(tx, [new or 0], now_ms=NOW_MS)


async def test_a_referral_is_registered_once_and_taken_back_within_a_minute(shop: Office) -> None:
    reply = await shop.says("/老带新 新来的小美 花花", staff="mei")
    assert reply.ok and "登记好了" in reply.text
    again = await shop.says("/refer 花花 新来的小美", staff="mei", now_ms=NOW_MS + 1)
    assert again.exit_code == ExitCode.REFUSED_BY_POLICY and "绕成了圈" in again.text
    assert (await shop.says("/撤销", staff="mei", now_ms=NOW_MS + 2)).ok
    assert await _state(shop) is None
    async with shop.db.read() as connection:
        log = (await connection.execute(select(Audit.verb, Audit.outcome).order_by(Audit.id))).all()
    assert [tuple(row) for row in log] == [("refer", "done"), ("refer", "refused"), ("undo", "done")]


async def test_thanks_are_handed_over_when_due_and_taken_back_within_a_minute(shop: Office) -> None:
    assert (await shop.says("/兑现 新来的小美")).exit_code == ExitCode.NOT_FOUND
    await shop.says("/老带新 新来的小美 花花")
    assert (await shop.says("/兑现 新来的小美")).exit_code == ExitCode.REFUSED_BY_POLICY
    await _completes_an_order(shop)
    reply = await shop.says("/兑现 新来的小美 20元券", now_ms=NOW_MS + 5)
    assert reply.ok and "20元券" in reply.text
    assert await _state(shop) == "delivered"
    assert (await shop.says("/撤销", now_ms=NOW_MS + 6)).ok
    assert await _state(shop) == "due"


async def test_who_only_looks_may_not_register(shop: Office) -> None:
    assert not (await shop.says("/老带新 新来的小美 花花", staff="viewer")).ok
    assert await _state(shop) is None


async def test_staff_hear_of_thanks_that_are_due_with_the_command_and_of_those_a_refund_took_back(
    shop: Office,
) -> None:
    await shop.says("/老带新 新来的小美 花花")
    assert "谢礼" not in (await shop.says("/状态")).text
    await _completes_an_order(shop)
    told = (await shop.says("/状态")).text
    assert "老带新有 1 份谢礼该给：花花🌸（带来新来的小美 #" in told
    line = next(line for line in told.splitlines() if "谢礼" in line)
    assert "有 1 份谢礼该给老客" in (await shop.says("/今日")).text
    assert (await shop.says(line.partition("给了发 ")[2])).ok
    assert "谢礼" not in (await shop.says("/状态")).text
    async with shop.db.write() as tx:
        await tx.execute(update(Order).values(refund_fen=100))
        await recompute(tx, [await tx.scalar(select(Order.person)) or 0], now_ms=NOW_MS)
    assert "因为退款收回 1 份谢礼，其中 1 份已经给出去了" in (await shop.says("/今日")).text
