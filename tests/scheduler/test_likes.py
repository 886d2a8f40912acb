"""Daily likes go round: gold and core customers, each once in a while, by the account they know best."""

from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from rules.pacing import DAY_MS
from scheduler.moments.likes import LikeRound, Likes, LikesConfig, note_asked, whose_turn
from storage.engine import Database
from storage.tables import Friendship
from tests.scheduler.matrix import ZONE, account, friend

NOON = 1_795_233_600_000  # 2026-11-21 12:00 in Shanghai
MINUTE_MS = 60_000


@pytest.fixture
async def shop(database: Database) -> Database:
    for id, holder in (("lin-1", "fan"), ("lin-2", "fan"), ("dry-1", "fan")):
        await account(database, id, holder=holder)
    return database


async def _choose(db: Database, now_ms: int, **config: Any) -> list[int]:
    async with db.write() as tx:
        chosen = await whose_turn(tx, LikesConfig(**config), ["lin-1", "lin-2"], now_ms)
        await note_asked(tx, chosen, now_ms)
        return [one.person for one in chosen]


async def test_gold_first_then_core_and_nobody_twice_within_the_days(shop: Database) -> None:
    core = await friend(shop, "lin-1", since_ms=0, core=True)
    gold = [await friend(shop, "lin-1", since_ms=0, tier="gold") for _ in range(2)]
    await friend(shop, "lin-1", since_ms=0, tier="ordinary")
    await friend(shop, "lin-1", since_ms=0, tier="gold", opted_out_ms=1)
    await friend(shop, "lin-1", since_ms=0, tier="gold", kind="staff")
    await friend(shop, "lin-1", since_ms=0, tier="gold", known={"state": "gone"})
    await friend(shop, "dry-1", since_ms=0, tier="gold")
    assert sorted(await _choose(shop, NOON, per_day=2, again_days=3)) == gold
    assert await _choose(shop, NOON + DAY_MS, per_day=2, again_days=3) == [core]
    assert await _choose(shop, NOON + 2 * DAY_MS, per_day=2, again_days=3) == []
    assert sorted(await _choose(shop, NOON + 3 * DAY_MS, per_day=5, again_days=3)) == gold


async def test_each_person_once_by_the_account_they_wrote_to_last(shop: Database) -> None:
    gold = await friend(shop, "lin-1", since_ms=0, tier="gold", known={"last_in_ms": 5, "nickname": "花"})
    async with shop.write() as tx:
        await tx.execute(
            insert(Friendship).values(
                account="lin-2", contact="wx", person=gold, since_ms=0, last_in_ms=9, nickname="花", alias="花花 M码"
            )
        )
        [one] = await whose_turn(tx, LikesConfig(), ["lin-1", "lin-2"], NOON)
    assert (one.account, one.holder, one.name) == ("lin-2", "fan", "花花 M码")


async def test_it_is_asked_once_a_day_at_its_hour_also_after_a_restart(shop: Database) -> None:
    await friend(shop, "lin-1", since_ms=0, tier="gold")
    rounds: list[LikeRound] = []

    async def hand_out(tx: AsyncConnection, likes: LikeRound, now_ms: int) -> None:
        rounds.append(likes)

    async def tick(step: Likes, now_ms: int) -> bool:
        async with shop.read() as connection:
            due = await step.due(connection, now_ms)
        if due:
            async with shop.write() as tx:
                await step.act(tx, now_ms)
        return due

    config = LikesConfig(again_days=1)
    step = Likes(config, ZONE, {"lin-1"}, hand_out)
    assert [await tick(step, NOON + minute * MINUTE_MS) for minute in (9, 10, 11)] == [False, True, False]
    assert not await tick(Likes(config, ZONE, {"lin-1"}, hand_out), NOON + 60 * MINUTE_MS)
    assert await tick(step, NOON + DAY_MS + 10 * MINUTE_MS)
    assert [(one.holder, one.day, len(one.liked)) for one in rounds] == [
        ("fan", "2026-11-21", 1),
        ("fan", "2026-11-22", 1),
    ]
    assert not await tick(Likes(LikesConfig(per_day=0), ZONE, {"lin-1"}, hand_out), NOON + 3 * DAY_MS)
