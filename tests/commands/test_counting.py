"""In a large shop people are counted by reading: /预览 and /推送 answer at once, and tell what was counted after."""

from typing import Any

from sqlalchemy import insert, select

from operations.asking import Reply
from operations.counting import Counting
from operations.requests.request import Door
from storage.campaign_tables import Campaign
from storage.engine import Database
from storage.staff_tables import Audit
from storage.tables import Delivery, Person
from tests.commands.campaign_office import office_of
from tests.commands.test_campaign_commands import FILE
from tests.commands.test_chat import Office
from tests.conversations.shop import NOW_MS, befriend


class Large:
    """An office whose shop has many customers."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.counting = Counting(office.desk.look, office.desk.finish)
        self.now_ms = NOW_MS

    async def says(self, line: str) -> Reply:
        async with self.office.db.write() as tx:
            return await self.office.chat.run_line(tx, "boss", line, Door.CHAT, self.now_ms)

    async def hears(self) -> list[str]:
        """What the planner's step tells, until nobody waits any more."""
        while True:
            async with self.office.db.read() as connection:
                if not await self.counting.due(connection, self.now_ms):
                    break
            async with self.office.db.write() as tx:
                await self.counting.act(tx, self.now_ms)
        async with self.office.db.read() as connection:
            told = select(Delivery.content).where(Delivery.key.startswith("count:")).order_by(Delivery.id)
            return [content["text"] for content in (await connection.scalars(told)).all()]


async def _large(db: Database, file: dict[str, Any]) -> Large:
    office = await office_of(db, file)
    async with db.write() as tx:
        await befriend(tx, "lin-1", "wxid_boss", "老板")
        await tx.execute(insert(Person).values(id=50_001, created_ms=0))
    return Large(office)


async def test_a_campaign_is_counted_shown_and_begun_without_anybody_waiting(sqlite_database: Database) -> None:
    shop = await _large(sqlite_database, FILE)
    asked = await shop.says("/推送 双十一")
    assert (asked.ok, asked.code) == (True, None) and "正在数" in asked.text
    (shown,) = await shop.hears()
    assert "推送：发给 3 人" in shown
    code = shown.split("/确认 ")[1][:5]
    assert "正在数" in (await shop.says(f"/确认 {code}")).text
    async with sqlite_database.read() as connection:
        assert (await connection.scalars(select(Campaign.id))).all() == []
    told = await shop.hears()
    assert "开始" in told[1]
    async with sqlite_database.read() as connection:
        assert (await connection.scalars(select(Campaign.state))).all() == ["running"]
        outcomes = (await connection.scalars(select(Audit.outcome).where(Audit.verb == "push"))).all()
    assert outcomes[-1] == "done"


async def test_what_is_wrong_is_told_after_the_count_and_a_preview_gives_no_code(sqlite_database: Database) -> None:
    shop = await _large(sqlite_database, {**FILE, "who": {"levels": ["VIP3"]}})
    await shop.says("/预览 双十一")
    await shop.says("/推送 双十一")
    preview, refused = await shop.hears()
    assert "/确认" not in preview and "/确认" not in refused
    assert "一个人都发不到" in refused
    assert await shop.hears() == [preview, refused]
