"""/红包 and /礼物: within the budget, a task for whoever holds the phone, a line in the ledger."""

from typing import Any

import pytest
from sqlalchemy import select

from bots.assisted import Assisted
from bots.phone_tasks import GIFTS_EXPIRE_MS
from storage.engine import Database
from storage.outbox import DeliveryState
from storage.tables import Delivery
from storage.task_tables import Gift, Task
from tests.commands.test_chat import Office
from tests.conversations.shop import NOW_MS, open_shop
from tests.databases import ON_SQLITE
from texts.problem import ExitCode


@pytest.fixture
async def shop(database: Database) -> Office:
    await open_shop(database)
    return Office(database)


async def _ledger(shop: Office) -> list[tuple[Any, ...]]:
    async with shop.db.read() as connection:
        query = select(Gift.kind, Gift.amount_fen, Gift.occasion, Gift.state, Gift.done_by).order_by(Gift.id)
        return [tuple(row) for row in await connection.execute(query)]


async def _task(shop: Office) -> Any:
    async with shop.db.read() as connection:
        return (await connection.execute(select(Task.__table__).order_by(Task.id.desc()))).first()


async def test_a_red_packet_is_a_task_and_stands_in_the_ledger_when_it_was_given(shop: Office) -> None:
    reply = await shop.says("/红包 花花 8.8 生日 生日快乐呀")
    assert reply.ok and "8.8 元红包" in reply.text and "还剩 191.2 元" in reply.text
    assert await _ledger(shop) == [("red_packet", 880, "生日", "planned", None)]
    task = await _task(shop)
    assert (task.kind, task.state) == ("red_packet", "open")
    async with shop.db.read() as connection:
        texts = (await connection.scalars(select(Delivery.content).where(Delivery.source == "assisted"))).all()
    assert [content["text"] for content in texts][1:] == ["生日快乐呀"]
    assert (await shop.says(f"/完成 {task.id}", now_ms=NOW_MS + 5)).ok
    assert await _ledger(shop) == [("red_packet", 880, "生日", "given", "boss")]


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ("/红包 花花 300 双十一", "一个红包最多 200 元"),
        ("/礼物 花花 150 双十一", "90 天里的预算还剩 100 元"),
        ("/礼物 花花 250 双十一", "今天的红包礼物预算还剩 200 元"),
    ],
)
async def test_what_goes_beyond_a_budget_is_refused_with_the_reason(shop: Office, wish: str, why: str) -> None:
    reply = await shop.says(wish)
    assert reply.exit_code == ExitCode.REFUSED_BY_POLICY and why in reply.text
    assert await _ledger(shop) == []


async def test_one_person_gets_something_for_one_occasion_once_a_year(shop: Office) -> None:
    await shop.says("/红包 花花 1 生日")
    again = await shop.says("/礼物 花花 2 生日", now_ms=NOW_MS + 1)
    assert again.exit_code == ExitCode.REFUSED_BY_POLICY and "已经送过或正在送" in again.text


async def test_taken_back_within_a_minute_the_money_is_free_and_nobody_is_told(shop: Office) -> None:
    await shop.says("/礼物 花花 100 生日")
    assert (await shop.says("/撤销", now_ms=NOW_MS + 1000)).ok
    assert (await _task(shop)).state == "expired"
    async with shop.db.read() as connection:
        states = set((await connection.scalars(select(Delivery.state).where(Delivery.source == "assisted"))).all())
    assert states == {DeliveryState.SKIPPED.value}
    assert (await shop.says("/礼物 花花 100 生日", now_ms=NOW_MS + 2000)).ok
    assert [line[3] for line in await _ledger(shop)] == ["dropped", "planned"]


async def test_what_nobody_gave_in_time_is_dropped_and_its_money_free(shop: Office) -> None:
    await shop.says("/礼物 花花 100 生日")
    async with shop.db.write() as tx:
        await Assisted().remind_and_expire(tx, NOW_MS + GIFTS_EXPIRE_MS)
    assert [line[3] for line in await _ledger(shop)] == ["dropped"]
    assert (await shop.says("/红包 花花 100 生日", now_ms=NOW_MS + GIFTS_EXPIRE_MS + 1)).ok


@ON_SQLITE
@pytest.mark.parametrize("wish", ["/红包", "/红包 花花", "/红包 花花 很多 生日", "/红包 花花 8"])
async def test_half_a_wish_is_told_how_to_say_it(shop: Office, wish: str) -> None:
    reply = await shop.says(wish)
    assert not reply.ok and "/红包 客户 金额 名目" in reply.text


async def test_whoever_only_serves_gives_nothing(shop: Office) -> None:
    assert (await shop.says("/红包 花花 8 生日", staff="viewer")).exit_code == ExitCode.NOT_ALLOWED
    assert await _ledger(shop) == []
