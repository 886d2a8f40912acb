"""Moments by hand: one package for each phone, ticked off, reminded of once, and over when its time is."""

from typing import Any

import pytest
from sqlalchemy import insert, select

from bots.assisted import EXPIRES_MS, REMIND_MS, Assisted, complete
from rules.kinds import Kind
from storage.campaign_tables import Post
from storage.engine import Database
from storage.outbox import Claimed, Content, NewDelivery, plan
from storage.staff_tables import StaffContact, StaffMember
from storage.tables import Delivery, Friendship, Person, Setting
from storage.task_tables import Task
from tests.bots.fleet_world import add_accounts

NOW = 1_795_226_400_000
TEXT = "今天的咖啡配新到的小香风，出门五分钟，被夸了三次☕"


class Desk:
    """Accounts of one holder, a post of the first, and its mirrors."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.assisted = Assisted()

    async def furnish(self) -> None:
        await add_accounts(self.db, "lin-1", "desk", holder="fan")
        await add_accounts(self.db, "lin-2", "lin-3", holder="fan", mirror_of="lin-1")
        async with self.db.write() as tx:
            await tx.execute(insert(StaffMember).values(id="fan", name="小范", role="operator"))
            await tx.execute(insert(StaffContact).values(contact="wxid_fan", staff="fan"))
            await tx.execute(insert(Person).values(id=1, kind="staff", created_ms=1))
            await tx.execute(insert(Setting).values(key="desk", value="desk", changed_ms=1))
            for account in ("lin-1", "desk"):
                await tx.execute(insert(Friendship).values(account=account, contact="wxid_fan", person=1, since_ms=1))
            await tx.execute(
                insert(Post).values(
                    id=7, key="lin-1:2026-11-21:coffee", account="lin-1", day="2026-11-21", entry="coffee",
                    kind="life", text=TEXT, media=["coffee.jpg", "me.mp4"], link=None, due_ms=NOW,
                )
            )  # fmt: skip

    async def claim(self, *accounts: str, now_ms: int = NOW) -> None:
        """What the courier does: the rows are handed, and handed over in the same transaction."""
        rows = [
            NewDelivery(Kind.MOMENT, account, "", Content(post=7), f"moment:{account}:coffee", now_ms)
            for account in accounts
        ]
        async with self.db.write() as tx:
            await plan(tx, rows, now_ms=now_ms)
            table = Delivery.__table__
            found = await tx.execute(
                table.update()
                .where(table.c.account.in_(accounts), table.c.kind == "moment")
                .values(state="handed", sent_ms=now_ms)
                .returning(table.c.id, table.c.account)
            )
            claimed = [Claimed(id, account, Kind.MOMENT, "", Content(post=7), None) for id, account in found]
            await self.assisted.hand_over(tx, claimed, now_ms)

    async def notices(self) -> list[Any]:
        query = select(Delivery.__table__).where(Delivery.kind == "staff_notice").order_by(Delivery.due_ms, Delivery.id)
        async with self.db.read() as connection:
            return list((await connection.execute(query)).all())

    async def posts(self) -> dict[str, tuple[str, str | None]]:
        query = select(Delivery.account, Delivery.state, Delivery.reason).where(Delivery.kind == "moment")
        async with self.db.read() as connection:
            return {row.account: (row.state, row.reason) for row in await connection.execute(query)}

    async def tasks(self) -> list[Any]:
        async with self.db.read() as connection:
            return list((await connection.execute(select(Task.__table__).order_by(Task.id))).all())

    async def complete(self, which: str, staff: str = "fan", now_ms: int = NOW + 60_000) -> list[str]:
        async with self.db.write() as tx:
            return [finished.account for finished in await complete(tx, staff, which, now_ms)]

    async def tick(self, now_ms: int) -> int:
        async with self.db.write() as tx:
            return await self.assisted.remind_and_expire(tx, now_ms)


@pytest.fixture
async def desk(database: Database) -> Desk:
    desk = Desk(database)
    await desk.furnish()
    return desk


async def test_the_holder_gets_what_to_do_the_words_alone_and_the_pictures_from_the_desk(desk: Desk) -> None:
    await desk.claim("lin-1")
    head, words, picture = await desk.notices()
    assert {(row.account, row.to if hasattr(row, "to") else row.recipient) for row in (head, words, picture)} == {
        ("desk", "wxid_fan")
    }
    assert "lin-1" in head.content["text"]
    assert "/完成" in head.content["text"]
    assert "me.mp4" in head.content["text"]
    assert words.content == {"text": TEXT}
    assert picture.content == {"image": "coffee.jpg"}
    [task] = await desk.tasks()
    assert (task.holder, task.package, task.state) == ("fan", "fan:lin-1:2026-11-21:coffee", "open")


async def test_handing_over_again_makes_no_second_package(desk: Desk) -> None:
    await desk.claim("lin-1")
    await desk.claim("lin-1")
    assert len(await desk.tasks()) == 1
    assert len(await desk.notices()) == 3


async def test_all_mirrors_on_one_phone_are_one_package(desk: Desk) -> None:
    await desk.claim("lin-2")
    await desk.claim("lin-3", now_ms=NOW + 5 * 60_000)
    heads = [row for row in await desk.notices() if "/完成" in row.content.get("text", "")]
    assert len(heads) == 1
    assert "lin-2、lin-3" in heads[0].content["text"]


async def test_a_mirror_that_falls_due_after_the_others_were_done_is_told_by_itself(desk: Desk) -> None:
    await desk.claim("lin-2")
    await desk.complete("all")
    await desk.claim("lin-3", now_ms=NOW + 9 * 60_000)
    heads = [row.content["text"] for row in await desk.notices() if "/完成" in row.content.get("text", "")]
    assert len(heads) == 2
    assert "lin-3" in heads[1]
    assert "lin-2" not in heads[1]


async def test_ticking_off_all_settles_the_posts_of_ones_own_phones_only(desk: Desk) -> None:
    await add_accounts(desk.db, "suye-1", holder="owner")
    await desk.claim("lin-1", "suye-1")
    assert await desk.complete("all") == ["lin-1"]
    assert await desk.posts() == {"lin-1": ("accepted", None), "suye-1": ("handed", None)}
    assert await desk.complete("all") == []


async def test_one_task_is_ticked_off_by_its_number_or_its_account(desk: Desk) -> None:
    await desk.claim("lin-1", "lin-2")
    first, _ = await desk.tasks()
    assert await desk.complete(str(first.id)) == [first.account]
    assert await desk.complete("lin-2" if first.account == "lin-1" else "lin-1") != []
    assert {state for state, _ in (await desk.posts()).values()} == {"accepted"}


async def test_nothing_matches_nothing(desk: Desk) -> None:
    await desk.claim("lin-1")
    assert await desk.complete("nobody-1") == []
    assert await desk.complete("999999") == []
    assert await desk.complete("all", staff="somebody") == []


async def test_a_package_is_reminded_of_once(desk: Desk) -> None:
    await desk.claim("lin-1", "lin-2")
    before = len(await desk.notices())
    assert await desk.tick(NOW + REMIND_MS - 1) == 0
    assert await desk.tick(NOW + REMIND_MS) > 0
    assert await desk.tick(NOW + REMIND_MS + 60_000) == 0
    reminders = (await desk.notices())[before:]
    assert len(reminders) == 1
    assert "2" in reminders[0].content["text"]


async def test_what_nobody_did_expires_with_the_reason_and_can_t_be_ticked_off_any_more(desk: Desk) -> None:
    await desk.claim("lin-1")
    await desk.tick(NOW + EXPIRES_MS)
    assert await desk.posts() == {"lin-1": ("skipped", "task_expired")}
    assert await desk.complete("all", now_ms=NOW + EXPIRES_MS + 1) == []


async def test_a_holder_whom_no_account_knows_reads_it_in_the_file_helper(desk: Desk) -> None:
    await add_accounts(desk.db, "qin-1", holder="nobody")
    await desk.claim("qin-1")
    head = (await desk.notices())[0]
    assert (head.account, head.recipient) == ("qin-1", "filehelper")
