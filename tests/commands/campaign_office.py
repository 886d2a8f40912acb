"""An office that knows one campaign, with three VIPs whom it asks."""

from typing import Any

from sqlalchemy import select, update

from commands.chat import Chat
from operations.asking import Reply
from operations.desk import Desk
from rules.pacing import MINUTE_MS
from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.campaigns.phases import Phases
from storage.campaign_tables import Campaign
from storage.engine import Database
from storage.tables import Delivery
from tests.commands.test_chat import Office, vips
from tests.conversations.shop import NOW_MS, open_shop
from tests.scheduler.matrix import nobody_hears
from tests.scheduler.test_pushes import planning

ZONE = "Asia/Shanghai"


async def office_of(db: Database, file: dict[str, Any]) -> Office:
    """Open, with the campaign of that file."""
    await open_shop(db)
    office = Office(db)
    campaign = CampaignFile.model_validate(file)
    office.desk = Desk(office.pushes, zone=ZONE, campaigns={campaign.name: campaign})
    office.chat = Chat(office.desk, ZONE)
    await vips(db, 3)
    return office


async def begin(office: Office, title: str) -> Reply:
    """Started by its code, its push sent to all three; what was said of the start."""
    asked = await office.says(f"/推送 {title}")
    assert asked.code is not None, asked.text
    started = await office.says(f"/确认 {asked.code}")
    assert started.ok
    phases = Phases(tell=nobody_hears, shop_zone=ZONE)
    async with office.db.write() as tx:
        await phases.act(tx, NOW_MS + MINUTE_MS)
        child = await tx.scalar(select(Campaign.id).where(Campaign.phase == "push"))
    await planning(office.db, NOW_MS + MINUTE_MS).carry_on(child or 0)
    async with office.db.write() as tx:
        sent = {"state": "accepted", "sent_ms": NOW_MS + MINUTE_MS}
        await tx.execute(update(Delivery).where(Delivery.campaign == child).values(sent))
        await phases.act(tx, NOW_MS + MINUTE_MS)
    return started
