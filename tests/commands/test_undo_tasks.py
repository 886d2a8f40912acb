"""/撤销 after /完成: what was ticked off is open again, unless mirrors followed; what can't be taken back says why."""

from typing import Any

import pytest
from sqlalchemy import insert, select, update

from storage.engine import Database
from storage.tables import Account, Delivery
from storage.task_tables import Gift, Task
from tests.commands.test_chat import Office
from tests.conversations.shop import NOW_MS, open_shop, row_of
from tests.databases import ON_SQLITE
from texts.problem import ExitCode


@pytest.fixture
async def shop(database: Database) -> Office:
    await open_shop(database)
    return Office(database)


async def _task(shop: Office, key: str, *, account: str = "lin-1") -> int:
    """A post that mei is to publish by hand."""
    async with shop.db.write() as tx:
        delivery = await tx.scalar(
            insert(Delivery)
            .values(
                key=key, kind="moment", account=account, to="", content={}, state="handed", due_ms=NOW_MS,
                created_ms=NOW_MS, priority=0, source="x",
            )
            .returning(Delivery.id)
        )  # fmt: skip
        values = {"package": key, "kind": "moment", "account": account, "holder": "mei", "title": key}
        made = await tx.scalar(
            insert(Task).values(**values, delivery=delivery, state="open", created_ms=NOW_MS).returning(Task.id)
        )
    return int(made or 0)


async def _states(shop: Office) -> list[tuple[Any, ...]]:
    async with shop.db.read() as conn:
        rows = select(Task.state, Delivery.state, Delivery.settled_ms).join(Delivery, Delivery.id == Task.delivery)
        return [tuple(row) for row in (await conn.execute(rows.order_by(Task.id))).all()]


async def test_what_was_ticked_off_too_early_is_open_again(shop: Office) -> None:
    first, second = await _task(shop, "moment:lin-1:a"), await _task(shop, "moment:lin-1:b")
    await shop.says(f"/完成 {first}", "mei", NOW_MS - 90_000)
    assert (await shop.says("/完成 全部", "mei")).ok
    reply = await shop.says("/撤销", "mei", NOW_MS + 59_000)
    assert reply.text == f"撤销了：任务 {second} 又等着做"
    assert await _states(shop) == [("done", "accepted", NOW_MS - 90_000), ("open", "handed", None)]
    assert (await shop.says("/完成 全部", "mei", NOW_MS + 60_000)).ok


async def test_a_gift_that_was_not_given_after_all(shop: Office) -> None:
    task = await _task(shop, "gift:1")
    async with shop.db.write() as tx:
        await tx.execute(
            insert(Gift).values(
                key="k", person=1, account="lin-1", kind="gift", amount_fen=1, occasion="x", note="", day="2026-11-21",
                state="planned", task=task, planned_by="boss", planned_ms=NOW_MS,
            )
        )  # fmt: skip
    await shop.says(f"/完成 {task}", "mei")
    assert (await row_of(shop.db, Gift)).state == "given"
    await shop.says("/撤销", "mei", NOW_MS + 1)
    gift = await row_of(shop.db, Gift)
    assert (gift.state, gift.done_by, gift.done_ms) == ("planned", None, None)


async def test_a_post_that_mirrors_followed_stays_done_and_the_others_come_back(shop: Office) -> None:
    followed, alone = await _task(shop, "moment:lin-1:a"), await _task(shop, "moment:lin-1:b")
    async with shop.db.write() as tx:
        await tx.execute(update(Account).where(Account.id == "lin-2").values(mirror_of="lin-1"))
    await shop.says("/完成 全部", "mei")
    mirror = await _task(shop, "moment:lin-2:a", account="lin-2")
    reply = await shop.says("/撤销", "mei", NOW_MS + 1)
    assert reply.text == f"撤销了：任务 {alone} 又等着做\n任务 {followed} 撤不回：分身已经照着跟了"
    assert [state for state, *_ in await _states(shop)] == ["done", "open", "open"]
    assert (await row_of(shop.db, Task, id=mirror)).state == "open"
    await shop.says(f"/完成 {followed}", "mei", NOW_MS + 2)


@ON_SQLITE
@pytest.mark.parametrize(
    ("line", "staff", "instead"),
    [
        ("/全停", "mei", "/全部恢复"),
        ("/接手 花花", "mei", "/交回 花花"),
        ("/邀请 小新", "boss", "过期"),
        ("/交回 花花", "mei", "/接手 花花"),
    ],
)
async def test_what_stays_names_what_to_do_instead(shop: Office, line: str, staff: str, instead: str) -> None:
    assert (await shop.says(line, staff)).ok
    reply = await shop.says("/撤销", staff, NOW_MS + 1)
    assert (reply.ok, reply.exit_code) == (False, ExitCode.REFUSED_BY_POLICY)
    assert instead in reply.text


async def test_what_a_code_confirmed_is_named_too(shop: Office) -> None:
    await shop.says(f"/确认 {(await shop.says('/全部恢复')).code}")
    assert "发 /全停" in (await shop.says("/撤销", now_ms=NOW_MS + 1)).text
