"""Waking up who has not bought for long: each tier its own words and benefit, and in peace after two tries."""

from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from customers.standing.purchases import recompute
from rules.kinds import Kind
from rules.pacing import DAY_MS
from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.campaign_files.campaign_pushes import push_of
from scheduler.campaign_files.campaign_timeline import timeline
from scheduler.campaigns import campaigns
from storage.claiming import Intent, take_turn
from storage.engine import Database
from storage.order_tables import Order
from storage.outbox import Content, NewDelivery, plan
from storage.settling import give_back_week
from storage.tables import Delivery, Person
from tests.scheduler.matrix import ZONE, account, friend, rows
from tests.scheduler.test_campaigns import NOW_MS, Shop

ASLEEP_MS = NOW_MS - 200 * DAY_MS


def wake_up(**more: Any) -> CampaignFile:
    def push(*tiers: str, **own: Any) -> dict[str, Any]:
        return {"kind": "push", "name": tiers[0], "tiers": list(tiers), "at": "0m", "until": "+60m", **own}

    file = {
        "name": "miss-you",
        "title": "好久不见",
        "kind": "wake_up",
        "wake_up": {"days": 90},
        "items": ["全店"],
        "offer": "老客价",
        "gift": "无",
        "join": {"how": "回复 1"},
        "from": "+0m",
        "until": "+90m",
        "who": {"levels": ["VIP1"]},
        "phases": [
            push("gold", offer="随便挑减 100", words={"default": "{{ call_me }}，{{ offer }}"}),
            push("ordinary", "low", gift="一双袜子", words={"default": "{{ call_me }}，{{ offer }}，送{{ gift }}"}),
        ],
        **more,
    }
    return CampaignFile.model_validate(file)


async def sleeper(db: Database, tier: str, **values: Any) -> int:
    values = {"last_order_ms": ASLEEP_MS, "tier": tier, **values}
    return await friend(db, "lin-1", since_ms=NOW_MS - 300 * DAY_MS, known={"last_in_ms": ASLEEP_MS}, **values)


async def test_each_tier_hears_its_own_and_who_is_awake_or_wants_peace_hears_nothing(database: Database) -> None:
    await account(database, "lin-1")
    gold, low = await sleeper(database, "gold"), await sleeper(database, "low")
    awake = await sleeper(database, "gold", last_order_ms=NOW_MS - 10 * DAY_MS)
    growing, tired = await sleeper(database, "growth"), await sleeper(database, "low", unanswered=2)
    shop = Shop(database)
    async with database.read() as connection:
        seen = await campaigns.preview(connection, wake_up(), NOW_MS, shop_zone=ZONE)
    assert not seen.wrong
    assert [dict(view.push.excluded) for view in seen.phases if view.push] == [
        {"bought_lately": 1, "other_tier": 3},
        {"bought_lately": 1, "other_tier": 2, "left_in_peace": 1},
    ]
    id = await shop.starts(wake_up())
    await shop.passes(3)
    sent = await rows(database, kind="wake_up")
    assert {row.person for row in sent} == {gold, low}
    assert not {awake, growing, tired} & {row.person for row in sent}
    told = [await shop.says(person, "1") for person in (gold, low)]
    assert [(one.values["offer"], one.values["gift"]) for one in told if one] == [
        ("随便挑减 100", "无"), ("老客价", "一双袜子"),
    ]  # fmt: skip
    assert (await shop.counts(id))["yes"] == 2


async def test_a_try_counts_when_it_leaves_and_not_when_it_comes_back(database: Database) -> None:
    await account(database, "lin-1")
    person = await sleeper(database, "low", last_push_ms=None)
    for number in range(3):
        kind = (Kind.WAKE_UP, Kind.PUSH, Kind.WAKE_UP)[number]
        row = NewDelivery(
            kind=kind, account="lin-1", to="w", person=person, content=Content(text="在吗"), key=f"k{number}",
            due_ms=1,
        )  # fmt: skip
        async with database.write() as tx:
            await plan(tx, [row], now_ms=number)
            id = (await tx.scalars(select(Delivery.id).where(Delivery.key == row.key))).one()
            intents = {id: Intent("lin-1", "在吗")}
            await take_turn(tx, intents, accepted={}, week={person: id}, now_ms=NOW_MS + number, epoch=0)
    assert await unanswered(database, person) == 2
    async with database.write() as tx:
        await give_back_week(tx, [id])
    assert await unanswered(database, person) == 1


async def test_a_purchase_answers_a_wake_up(database: Database) -> None:
    await account(database, "lin-1")
    person = await sleeper(database, "low", unanswered=1)
    order = {
        "number": "1" * 18, "member_name": "m", "person": person, "status": "done", "paid_fen": 100,
        "created_ms": NOW_MS, "batch": 1,
    }  # fmt: skip
    async with database.write() as tx:
        await tx.execute(Order.__table__.insert().values(order))
        await recompute(tx, [person], now_ms=NOW_MS)
    assert await unanswered(database, person) == 0


def test_each_tier_may_have_a_pool_of_codes_of_its_own() -> None:
    file = wake_up(coupons="everybody")
    phases = [file.phases[0].model_copy(update={"coupons": "gold-codes"}), file.phases[1]]
    line = timeline(file, NOW_MS, ZONE)
    pushes = [push_of(file, phase, line, NOW_MS + DAY_MS, None, ZONE) for phase in phases]
    assert [push.coupons for push in pushes] == ["gold-codes", "everybody"]
    assert [push.who.tiers for push in pushes] == [("gold",), ("ordinary", "low")]


async def unanswered(db: Database, person: int) -> int:
    async with db.read() as connection:
        return (await connection.scalars(select(Person.unanswered).where(Person.id == person))).one()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"wake_up": None}, "needs_part.wake_up"),
        ({"kind": "promotion"}, "part_of_other.wake_up"),
        ({"phases": [{"kind": "push", "at": "0m", "words": {"default": "在吗"}}]}, "wake_up.no_tiers"),
        (
            {"phases": [{"kind": "push", "name": name, "tiers": ["low"], "at": "0m", "words": {"default": "在吗"}}
                        for name in ("a", "b")]},
            "wake_up.tier_twice",
        ),
    ],
)  # fmt: skip
def test_a_wake_up_without_its_tiers_or_its_days_is_a_mistake(more: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        wake_up(**more)
