"""A phase of a campaign speaks in ponds as well: what is planned, what is refused, and what waits for a word."""

from typing import Any

import pytest
from sqlalchemy import select, update

from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.campaigns import campaigns, steering
from scheduler.campaigns.phases import Phases
from scheduler.ponds.pond_file import PondFile
from scheduler.ponds.ponds import keep_ponds
from scheduler.push_events import CampaignEvent
from storage.engine import Database
from storage.pond_tables import Pond
from storage.tables import Delivery
from tests.scheduler.matrix import ZONE, account
from tests.scheduler.test_pushes import NOW_MS

POND = PondFile.model_validate(
    {"name": "lounge", "title": "闺蜜群", "account": "lin-1", "room": "1@chatroom", "theme": "穿搭"}
)


def campaign(**more: Any) -> CampaignFile:
    file = {
        "name": "eleven", "title": "双十一", "items": ["大衣"], "offer": "半价", "gift": "围巾",
        "join": {"how": "回 1", "open": True}, "from": "+1h", "until": "+3d", "who": {"levels": ["VIP1"]},
        "phases": [{"kind": "warm_up", "at": "-30m", "ponds": {"names": ["lounge"], "text": "{{ items }}{{ offer }}"}}],
        **more,
    }  # fmt: skip
    return CampaignFile.model_validate(file)


async def _started(db: Database, *, always_ask: bool = False) -> tuple[int, list[CampaignEvent]]:
    """The campaign at the hour of its only phase."""
    heard: list[CampaignEvent] = []

    async def tell(tx: Any, event: CampaignEvent, now_ms: int) -> None:
        heard.append(event)

    await account(db, "lin-1")
    async with db.write() as tx:
        await keep_ponds(tx, {"lounge": POND}, NOW_MS)
        id = await campaigns.create(tx, campaign(), "staff:owner", NOW_MS, shop_zone=ZONE)
        await campaigns.start(tx, id, NOW_MS, shop_zone=ZONE)
    await _look(db, tell, always_ask=always_ask)
    return id, heard


async def _look(db: Database, tell: Any, *, always_ask: bool) -> None:
    phases = Phases(tell=tell, shop_zone=ZONE, always_ask=always_ask)
    for _ in range(2):  # again changes nothing
        async with db.write() as tx:
            await phases.act(tx, NOW_MS + 1_800_000)


async def _rows(db: Database) -> list[Any]:
    async with db.read() as connection:
        query = select(Delivery.account, Delivery.to, Delivery.content, Delivery.campaign, Delivery.state)
        return list((await connection.execute(query.where(Delivery.kind == "pond_campaign"))).all())


async def test_it_is_planned_once_with_the_words_of_the_campaign_and_dies_with_it(database: Database) -> None:
    id, heard = await _started(database)
    [row] = await _rows(database)
    assert (row.account, row.to, row.content["text"], row.campaign) == ("lin-1", "1@chatroom", "大衣半价", id)
    assert heard == []
    async with database.write() as tx:
        await steering.cancel(tx, id, NOW_MS + 1_800_001)


async def test_a_pond_that_had_its_week_is_left_out_and_staff_hear_why(sqlite_database: Database) -> None:
    async with sqlite_database.write() as tx:
        await keep_ponds(tx, {"lounge": POND}, NOW_MS)
        await tx.execute(update(Pond).values(last_campaign_ms=NOW_MS))
    _, heard = await _started(sqlite_database)
    assert await _rows(sqlite_database) == []
    assert [(event.what, event.values["pond"]) for event in heard] == [("pond_refused", "lounge")]
    assert "7 天" in heard[0].values["why"]


async def test_where_every_push_is_asked_for_a_pond_hears_nothing_by_itself(sqlite_database: Database) -> None:
    _, heard = await _started(sqlite_database, always_ask=True)
    assert await _rows(sqlite_database) == []
    assert [(event.what, event.values["words"]) for event in heard] == [("pond_asks", "大衣半价")]


def test_a_phase_that_only_speaks_in_ponds_is_a_warm_up() -> None:
    with pytest.raises(ValueError, match="no_words"):
        campaign(phases=[{"kind": "push", "at": "0m", "ponds": {"names": ["lounge"], "text": "来"}}])
