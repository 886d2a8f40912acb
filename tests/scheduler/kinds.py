"""A shop that holds giveaways, contests and precise tasks: what the planner looks at for them ticks too."""

from typing import Any

from sqlalchemy import func, insert, select

from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.kinds.announcing import Announcing
from scheduler.kinds.precise_tasks import PreciseTasks
from storage.engine import Database
from storage.staff_tables import StaffContact
from storage.tables import Delivery
from tests.conversations.shop import voices
from tests.scheduler.matrix import ZONE, account, rows, settle
from tests.scheduler.test_campaigns import MINUTE_MS, NOW_MS, Shop

__all__ = ["MINUTE_MS", "NOW_MS", "ZONE"]


def campaign(kind: str, part: dict[str, Any], **more: Any) -> CampaignFile:
    """One that asks at once and ends after two hours."""
    name = {"precise_task": "task"}.get(kind, kind)
    file = {
        "name": f"a-{kind.replace('_', '-')}", "title": "一个活动", "kind": kind, "items": ["大衣"], "offer": "断码送",
        "gift": "无", "join": {"how": "回 我要"}, "from": "0m", "until": "+120m", "who": {"levels": ["VIP1"]},
        "phases": [{"kind": "push", "at": "+1m", "until": "+50m", "words": {"default": "{{ offer }}，{{ join }}"}}],
        name: part, **more,
    }  # fmt: skip
    return CampaignFile.model_validate(file)


class KindShop(Shop):
    """With the steps of its kinds."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        voice = voices()
        self.steps = (
            Announcing(voice.book, voice.shop, tell=self._tell),
            PreciseTasks(tell=self._tell, shop_zone=ZONE),
        )

    async def tick(self) -> None:
        await super().tick()
        for step in self.steps:
            async with self.db.read() as connection:
                due = await step.due(connection, self.now_ms)
            if due:
                async with self.db.write() as tx:
                    await step.act(tx, self.now_ms)
        await self._send()

    async def _send(self) -> None:
        """What was drawn is told when the campaign is over, too."""
        await super()._send()
        results = await rows(self.db, state="pending", kind="thanks")
        due = [row.key for row in results if ":drawn:" in row.key and row.due_ms <= self.now_ms]
        await settle(self.db, due, "accepted", self.now_ms)

    async def hears(self, person: int, text: str, *, photo: bool = False) -> str | None:
        """The outcome of what they say."""
        answered = await self.says(person, text, photo=photo)
        return None if answered is None else answered.outcome

    async def told(self) -> dict[int, list[str]]:
        """What the results said to whom."""
        async with self.db.read() as connection:
            query = select(Delivery.person, Delivery.content).where(Delivery.key.like("campaign:%:drawn:%"))
            found: dict[int, list[str]] = {}
            for row in (await connection.execute(query)).all():
                found.setdefault(row.person, []).append(row.content["text"])
        return found

    async def events(self) -> list[str]:
        return [event.what for event in self.heard]

    async def is_staff(self, person: int) -> None:
        """They turn out to work here."""
        async with self.db.write() as tx:
            await tx.execute(insert(StaffContact).values(contact=f"wx{person}", staff="mei"))

    async def messages_each(self) -> int:
        """The most that anybody got."""
        async with self.db.read() as connection:
            per = select(func.count().label("n")).where(Delivery.person.is_not(None)).group_by(Delivery.person)
            return int(await connection.scalar(select(func.max(per.subquery().c.n))) or 0)


async def opened(db: Database) -> KindShop:
    """With one sales account."""
    await account(db, "lin-1", persona="lin")
    return KindShop(db)
