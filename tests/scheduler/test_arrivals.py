"""New arrivals: a campaign of its own on each of its days, a vote on the style, and a benefit for who took part."""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import select, update

from rules.pacing import DAY_MS
from rules.quiet_hours import local
from scheduler.campaign_files.campaign_file import CampaignFile, campaign_of, campaign_spec
from scheduler.campaign_files.campaign_files import load_campaigns
from scheduler.campaign_files.series_days import as_if_ms, next_start_ms, on_day
from scheduler.campaigns import series
from scheduler.campaigns.series import Rounds
from scheduler.participants.votes import count_votes
from storage.campaign_tables import Campaign
from storage.engine import Database
from storage.series_tables import Round, Series
from tests.scheduler.matrix import ZONE, account, friends, rows
from tests.scheduler.test_campaigns import NOW_MS, Shop

HOUR_MS = 3_600_000  # NOW_MS is a Saturday, 10:00


def arrivals(**more: Any) -> CampaignFile:
    file = {
        "name": "saturday",
        "title": "周六上新",
        "kind": "arrivals",
        "arrivals": {"every": "周六", "start": "09:00", "styles": [
            {"name": "小黑裙", "picture": "a.jpg", "on": "2026-11-28"}, {"name": "风衣", "on": "2026-11-28"},
            {"name": "毛衣", "item": "羊毛衫"},
        ]},
        "offer": "参加选款的半价",
        "gift": "无",
        "join": {"how": "回序号选款"},
        "from": "+60m",
        "until": "+180m",
        "who": {"levels": ["VIP1"]},
        "phases": [
            {"kind": "push", "at": "0m", "until": "+100m", "words": {"default": "{{ styles }}，{{ join }}"}},
            {"kind": "thanks", "at": "+125m", "words": {"default": "选出来的是{{ winner }}，{{ offer }}"}},
        ],
        **more,
    }  # fmt: skip
    return CampaignFile.model_validate(file)


class Weekly(Shop):
    """A shop whose arrivals come back."""

    def __init__(self, db: Database, files: Mapping[str, CampaignFile]) -> None:
        super().__init__(db)
        self.files = dict(files)
        self.rounds = Rounds(lambda: self.files, tell=self._tell, shop_zone=ZONE)

    async def look(self) -> None:
        async with self.db.read() as connection:
            due = await self.rounds.due(connection, self.now_ms)
        if due:
            async with self.db.write() as tx:
                await self.rounds.act(tx, self.now_ms)

    async def held(self) -> list[tuple[str, str | None]]:
        async with self.db.read() as connection:
            found = await connection.execute(select(Round.day, Round.reason).order_by(Round.day))
            return [(row.day, row.reason) for row in found.all()]


async def opened(db: Database) -> Weekly:
    await account(db, "lin-1")
    shop = Weekly(db, {"saturday": arrivals()})
    async with db.write() as tx:
        begins_ms = await series.begin(tx, arrivals(), "staff:owner", NOW_MS, shop_zone=ZONE)
    shop.now_ms = begins_ms
    return shop


async def test_a_round_from_its_day_to_the_thanks_of_those_who_voted(database: Database) -> None:
    shop = await opened(database)
    people = await friends(database, "lin-1", 4, NOW_MS)
    assert f"{local(shop.now_ms, ZONE):%m-%d %H:%M}" == "11-28 09:00"
    await shop.look()
    assert [event.what for event in shop.heard] == ["round_began"]
    assert shop.heard[0].values["people"] == 4
    await shop.passes(70, step=10)
    assert len(await rows(database, kind="campaign_push")) == 4
    shown = await shop.says(people[0], "看看图片")
    assert shown is not None and shown.pictures == ("a.jpg",)
    said = [await shop.says(people[0], "2"), await shop.says(people[0], "投风衣"), await shop.says(people[1], "B"),
            await shop.says(people[2], "1"), await shop.says(people[3], "参加")]  # fmt: skip
    assert [one.outcome if one else None for one in said] == ["voted", "voted", "voted", "voted", "vote_for_which"]
    async with database.read() as connection:
        row = (await connection.execute(select(Campaign).where(Campaign.kind == "campaign"))).one()
        votes = await count_votes(connection, row.id, campaign_of(row.spec).join.choices)
    assert [(vote.choice, vote.votes) for vote in votes] == [("风衣", 2), ("小黑裙", 1), ("毛衣", 0)]
    assert campaign_of(row.spec).items == ("小黑裙", "风衣", "羊毛衫")
    await shop.passes(130, step=10)
    thanked = await rows(database, kind="thanks")
    assert {one.person for one in thanked} == set(people[:3])
    async with database.read() as connection:
        spec = await connection.scalar(select(Campaign.spec).where(Campaign.id == thanked[0].campaign))
    assert spec is not None and spec["variables"]["winner"] == "风衣"


async def test_one_day_has_one_round_however_often_it_is_looked_at(database: Database) -> None:
    shop = await opened(database)
    await friends(database, "lin-1", 2, NOW_MS)
    begins_ms = shop.now_ms
    again = Weekly(database, shop.files)
    again.now_ms = begins_ms
    async with database.read() as connection:
        assert await shop.rounds.due(connection, begins_ms)
        assert await again.rounds.due(connection, begins_ms)
    for one in (shop, again, again):
        async with database.write() as tx:
            await one.rounds.act(tx, begins_ms)
    async with database.write() as tx:  # somebody sets the clock of the series back
        await tx.execute(update(Series).values(next_ms=begins_ms))
    await shop.look()
    async with database.read() as connection:
        assert len((await connection.scalars(select(Campaign.id))).all()) == 1
    assert await shop.held() == [("2026-11-28", None)]


async def test_the_next_round_has_the_styles_of_its_day_and_one_without_is_left_out_with_the_reason(
    database: Database,
) -> None:
    shop = await opened(database)
    await friends(database, "lin-1", 2, NOW_MS)
    await shop.look()
    shop.now_ms += 7 * DAY_MS
    await shop.look()
    assert [event.what for event in shop.heard] == ["round_began", "round_skipped"]
    assert "2026-12-05" in shop.heard[1].values["why"]
    shop.now_ms += 7 * DAY_MS + 15 * HOUR_MS  # the fleet stood still over the day
    await shop.look()
    shop.files = {}
    shop.now_ms += 7 * DAY_MS
    await shop.look()
    days = [day for day, _ in await shop.held()]
    assert days == ["2026-11-28", "2026-12-05", "2026-12-12", "2026-12-19"]
    async with database.read() as connection:
        assert await series.running(connection) == []


async def test_a_series_ends_by_a_word_and_begins_again(database: Database) -> None:
    shop = await opened(database)
    async with database.write() as tx:
        assert await series.end(tx, "saturday", NOW_MS)
        assert not await series.end(tx, "saturday", NOW_MS)
    await shop.look()
    assert await shop.held() == []
    async with database.write() as tx:
        await series.begin(tx, arrivals(), "staff:mei", NOW_MS, shop_zone=ZONE)
        assert [(row.name, row.by) for row in await series.running(tx)] == [("saturday", "staff:mei")]


def test_days_are_those_of_the_words_and_the_excepted_ones_are_passed_over() -> None:
    part = {"every": ["周六", "每月1日"], "except": "2026-11-28", "start": "09:00",
            "styles": [{"name": "甲"}, {"name": "乙"}]}  # fmt: skip
    file = arrivals(arrivals=part)
    first = next_start_ms(file, NOW_MS, ZONE)
    assert first is not None and local(first, ZONE).date() == date(2026, 12, 1)
    assert as_if_ms(file, NOW_MS, ZONE) == first
    once = on_day(file, date(2026, 12, 1))
    assert once is not None and once.join.choices == ("甲", "乙")
    assert campaign_of(campaign_spec(once)) == once
    assert as_if_ms(once, NOW_MS, ZONE) == NOW_MS


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"styles": [{"name": "甲"}]}, "how_many"),
        ({"styles": [{"name": "甲"}, {"name": "甲"}]}, "style_twice"),
        ({"styles": [{"name": "甲", "on": "2026-11-28"}, {"name": "乙"}]}, "dated"),
        (None, "needs_part.arrivals"),
    ],
)
def test_styles_that_can_not_be_voted_on_are_a_mistake(part: dict[str, Any] | None, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        arrivals(arrivals=part, items=["新品"])


def test_a_style_without_its_picture_has_its_place(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    spec = campaign_spec(arrivals())

    (tmp_path / "a.yaml").write_text(json.dumps(spec, ensure_ascii=False), encoding="utf-8")
    _, mistakes = load_campaigns(tmp_path, NOW_MS, ZONE, media=tmp_path / "media")
    assert [("a.jpg" in mistake.reason) for mistake in mistakes] == [True]
