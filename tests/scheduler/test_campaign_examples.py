"""The committed giveaway, contest and precise task run on virtual time, from their YAML to the report."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from reports.campaign_funnel import campaigns
from reports.period import Period
from reports.report import Asked, Row
from rules.quiet_hours import local
from scheduler.campaign_files.campaign_files import load_campaigns
from scheduler.kinds import draws
from scheduler.kinds.draws import flaws_of
from storage.engine import Database
from storage.entry_tables import PrizeWon
from tests.scheduler.kinds import MINUTE_MS, NOW_MS, ZONE, KindShop, opened
from tests.scheduler.matrix import friends, rows

HOUR = 60 * MINUTE_MS


async def begun(db: Database, name: str) -> tuple[KindShop, int, list[int]]:
    """The example under way for a day and an hour: eight VIP2 were asked."""
    shop = await opened(db)
    people = await friends(db, "lin-1", 8, NOW_MS, level="VIP2")
    files, _ = load_campaigns(Path("campaigns"), NOW_MS, ZONE)
    id = await shop.starts(files[name])
    await hours(shop, 28)
    assert {row.person for row in await rows(db, state="accepted") if row.kind != "moment"} == set(people)
    return shop, id, people


async def hours(shop: KindShop, number: int, step: int = 4) -> None:
    for _ in range(number // step):
        shop.now_ms += step * HOUR
        await shop.tick()


async def funnel(shop: KindShop) -> dict[str, Row]:
    today = local(shop.now_ms, ZONE).date()
    asked = Asked(Period(today - timedelta(days=9), today, ZONE), shop.now_ms)
    async with shop.db.read() as connection:
        return {str(row["push_title"]): row for row in (await campaigns(connection, asked)).rows}


async def test_broken_sizes_find_whom_they_fit(sqlite_database: Database) -> None:
    shop, id, people = await begun(sqlite_database, "broken-sizes")
    said = ["要M码", "我要 XL", "XL", "我要L", "我要"]
    for person, words in zip(people, said, strict=False):
        assert await shop.hears(person, words) is not None
    await hours(shop, 36)
    async with shop.db.write() as tx:
        record = await draws.draw(tx, id, "staff:owner", shop.now_ms)
        won: list[Any] = [tuple(row) for row in (await tx.execute(select(PrizeWon.prize, PrizeWon.size))).all()]
    assert sorted(won) == sorted(
        [("高领毛衣", "M"), ("羊毛大衣", "XL"), ("羊毛大衣", "XL"), ("高领毛衣", "L"), ("缎面发夹", None)]
    )
    assert flaws_of(record) == []
    await hours(shop, 4)
    assert set(await shop.told()) == set(people[:5])
    report = await funnel(shop)
    assert report["断码送一波 · 推送"]["got"] == 8 and report["断码送一波"]["got"] == 5


async def test_the_first_sweater_is_chosen_by_votes_and_its_prizes_leave_the_stock(sqlite_database: Database) -> None:
    shop, id, people = await begun(sqlite_database, "first-sweater")
    for person in people[:3]:
        await shop.hears(person, "参加")
        assert await shop.hears(person, "", photo=True) == "photo_entered"
    for person, words in zip(people[3:], ("2", "投2号", "三号", "3", "2号"), strict=False):
        await shop.hears(person, words)
    await hours(shop, 136, step=8)
    async with shop.db.write() as tx:
        await draws.draw(tx, id, "staff:owner", shop.now_ms)
        won = list((await tx.execute(select(PrizeWon.person, PrizeWon.benefit).order_by(PrizeWon.place))).all())
    assert [tuple(row) for row in won] == [(people[1], "scarf"), (people[2], "pocket")]
    await hours(shop, 4)
    assert set(await shop.told()) == set(people[:3])
    assert (await funnel(shop))["第一件毛衣"]["got"] == 3


async def test_the_first_sixty_are_thanked_when_they_did_it(sqlite_database: Database) -> None:
    shop, id, people = await begun(sqlite_database, "first-sixty")
    assert await shop.hears(people[0], "", photo=True) == "task_done"
    assert await shop.hears(people[1], "收藏好了") == "task_send_screenshot"
    await hours(shop, 88, step=8)
    assert {row.person for row in await rows(shop.db, kind="thanks")} == {people[0]}
    assert await shop.counts(id) == {"invited": 6, "broken": 1, "kept": 1}
    assert (await shop.events()).count("task_ran_out") == 1  # eight people are all there are
    assert (await funnel(shop))["先收藏六十 · 感谢"]["got"] == 1
