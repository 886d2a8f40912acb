"""Rows of a push are written slice by slice: each person once, whatever happens between, and none leaves before all."""

from typing import Any

import pytest
from sqlalchemy import insert, text

from customers.segments.segment_file import Segment
from scheduler.campaign_state import read
from scheduler.errors import WordsIncomplete
from scheduler.push_events import CampaignEvent
from scheduler.pushes import push_planning
from scheduler.pushes.push_plan import Stage, stage_of, under_way
from scheduler.pushes.pushes import cancel, check, create, pause, preview, resume, start
from storage.engine import Database
from storage.order_tables import Order
from tests.scheduler.matrix import account, friend, friends, plan_pushes, rows, settle
from tests.scheduler.test_pushes import NOW_MS, OLD_MS, planning, push

HOUR_MS = 3_600_000


async def _started(db: Database, file: Any, now_ms: int = NOW_MS) -> int:
    async with db.write() as tx:
        campaign = await create(tx, file, "staff:owner", now_ms)
        await start(tx, campaign, now_ms)
    return campaign


async def _state(db: Database, campaign: int) -> tuple[str, Stage]:
    async with db.read() as connection:
        return (await read(connection, campaign)).state, await stage_of(connection, campaign)


@pytest.fixture
def short_strides(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven people, or rows, a transaction."""
    for name in ("FIRST_STRIDE", "LONGEST_STRIDE"):
        monkeypatch.setattr(push_planning, name, 7)
    monkeypatch.setattr(push_planning, "PEOPLE_A_BLOCK", 7)


async def test_a_planning_that_is_cut_off_goes_on_where_it_was_and_nothing_leaves_before_it_is_through(
    database: Database, short_strides: None
) -> None:
    await account(database, "lin-1")
    people = await friends(database, "lin-1", 50, NOW_MS)
    campaign = await _started(database, push(first_batch=3))
    for _ in range(4):  # each a process of its own that dies after two transactions
        await planning(database).carry_on(campaign, strides=2)
        assert (await _state(database, campaign))[0] == "planning"
        assert {row.reason for row in await rows(database)} <= {"first_batch"}
    assert 0 < len(await rows(database)) < 50
    await planning(database).carry_on(campaign)
    assert await _state(database, campaign) == ("running", Stage.READY)
    planned = await rows(database)
    assert sorted(row.person for row in planned) == sorted(people)
    assert sum(row.reason is None for row in planned) == 3
    async with database.read() as connection:
        assert await under_way(connection, NOW_MS) == []


async def test_two_planners_at_once_write_each_row_once(database: Database, short_strides: None) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 40, NOW_MS)
    campaign = await _started(database, push())
    one, other = planning(database), planning(database)
    while (await _state(database, campaign))[0] == "planning":
        await one.carry_on(campaign, strides=1)
        await other.carry_on(campaign, strides=2)
    assert len({row.person for row in await rows(database)}) == len(await rows(database)) == 40


async def test_cancelled_while_it_is_planned_nothing_of_it_is_left(database: Database, short_strides: None) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 40, NOW_MS)
    campaign = await _started(database, push())
    await planning(database).carry_on(campaign, strides=4)
    async with database.write() as tx:
        waiting = await cancel(tx, campaign, NOW_MS)
    await plan_pushes(database, NOW_MS)
    found = await rows(database)
    assert 0 < len(found) == waiting < 40
    assert {(row.state, row.reason) for row in found} == {("skipped", "cancelled")}


async def test_paused_while_it_is_planned_it_is_planned_but_waits_for_a_word(
    database: Database, short_strides: None
) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 20, NOW_MS)
    campaign = await _started(database, push(first_batch=2))
    await planning(database).carry_on(campaign, strides=2)
    async with database.write() as tx:
        await pause(tx, campaign, NOW_MS)
    await plan_pushes(database, NOW_MS)
    assert await _state(database, campaign) == ("paused", Stage.PLANNED)
    async with database.write() as tx:
        await resume(tx, campaign, NOW_MS)
    assert (await _state(database, campaign))[0] == "running"
    assert sum(row.reason is None for row in await rows(database)) == 2


async def test_large_pushes_are_opened_and_closed_slice_by_slice(
    database: Database, short_strides: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler.pushes.pushes.AT_ONCE", 5)
    await account(database, "lin-1")
    await friends(database, "lin-1", 30, NOW_MS)
    campaign = await _started(database, push(first_batch=1))
    await plan_pushes(database, NOW_MS)
    await settle(database, [row.key for row in await rows(database) if row.reason is None], "accepted", NOW_MS)
    async with database.write() as tx:
        await pause(tx, campaign, NOW_MS)
        await resume(tx, campaign, NOW_MS + 1)
    assert 0 < sum(row.due_ms == NOW_MS + 1 for row in await rows(database)) < 29
    await plan_pushes(database, NOW_MS + 1)
    assert sum(row.due_ms == NOW_MS + 1 for row in await rows(database)) == 29
    async with database.write() as tx:
        assert await cancel(tx, campaign, NOW_MS + 2) == 29
    assert {row.state for row in await rows(database)} == {"accepted", "skipped", "pending"}
    await plan_pushes(database, NOW_MS + 2)
    assert {row.state for row in await rows(database)} == {"accepted", "skipped"}


@pytest.mark.parametrize("always_ask", [False, True])
async def test_a_push_that_asks_at_its_hour_says_how_many_wait_and_leaves_only_after_a_word(
    database: Database, always_ask: bool
) -> None:
    """By its own file, or because the shop wants it of all."""
    await account(database, "lin-1")
    await friends(database, "lin-1", 5, NOW_MS)
    heard: list[CampaignEvent] = []
    campaign = await _started(database, push(confirm=not always_ask, window="10:30-12:00", first_batch=2))
    await planning(database, NOW_MS, heard, always_ask=always_ask).carry_on(campaign)
    hour_ms = NOW_MS + HOUR_MS // 2
    async with database.read() as connection:
        assert await under_way(connection, hour_ms - 1) == []
        assert await under_way(connection, hour_ms) == [campaign]
    await planning(database, hour_ms, heard).carry_on(campaign)
    assert [(event.what, event.values) for event in heard] == [("confirm", {"people": 5})]
    assert (await _state(database, campaign))[0] == "holding"
    assert {row.reason for row in await rows(database)} == {"first_batch"}
    async with database.write() as tx:
        await resume(tx, campaign, hour_ms)
    assert [row.due_ms for row in await rows(database) if row.reason is None] == [hour_ms] * 2


async def test_a_push_whose_words_lack_something_is_a_draft_again_and_staff_hear_why(database: Database) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 2, NOW_MS)
    heard: list[CampaignEvent] = []
    campaign = await _started(database, push(words={"default": "{{ gift }}"}))
    await planning(database, NOW_MS, heard).carry_on(campaign)
    assert (await _state(database, campaign))[0] == "draft"
    assert [event.what for event in heard] == ["refused"]
    assert "gift" in heard[0].values["why"]
    assert await rows(database) == []


async def test_people_of_a_segment_and_no_others_are_planned_in_slices(database: Database, short_strides: None) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 30, NOW_MS, orders=1)
    wanted = await friends(database, "lin-1", 15, NOW_MS, orders=3)
    often = Segment.model_validate({"name": "often", "title": "常客", "who": {"orders": {"at_least": 2}}})
    campaign = await _started(database, push(who={"levels": ["VIP1"], "segment": often}))
    await planning(database).carry_on(campaign)
    assert sorted(row.person for row in await rows(database)) == wanted


async def test_a_control_group_is_held_back_from_five_hundred_on_and_gold_ones_are_never_in_it(
    database: Database,
) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 400, NOW_MS, tier="ordinary")
    gold = await friends(database, "lin-1", 99, NOW_MS, tier="gold")
    file = push(control={"share": 0.2})
    async with database.read() as connection:
        assert "control_group" not in (await preview(connection, file, NOW_MS)).excluded
    await friend(database, "lin-1", since_ms=OLD_MS, tier=None)
    async with database.write() as tx:  # as PostgreSQL does by itself within a minute of so many rows
        await tx.execute(text("ANALYZE"))
    async with database.read() as connection:
        seen = await preview(connection, file, NOW_MS)
    campaign = await _started(database, file)
    await plan_pushes(database, NOW_MS)
    held = [row for row in await rows(database) if row.reason == "control_group"]
    assert {row.state for row in held} == {"skipped"}
    assert 60 <= len(held) == seen.excluded["control_group"] <= 100
    assert (
        seen.recipients == 500 - len(held) == sum(row.campaign == campaign for row in await rows(database)) - len(held)
    )
    assert not {row.person for row in held} & set(gold)


async def test_each_persons_own_values_stand_in_their_row_and_who_lacks_one_is_said_or_left_out(
    database: Database,
) -> None:
    await account(database, "lin-1")
    known = await friend(database, "lin-1", since_ms=OLD_MS, call_me="阿花", profile={"size": "M"}, orders=2)
    await friend(database, "lin-1", since_ms=OLD_MS, call_me="小林", orders=1)
    async with database.write() as tx:
        for number, item in (("1", "旧围巾"), ("2", "羊毛大衣")):
            bought = {"member_name": "m", "person": known, "status": "done", "paid_fen": 100, "batch": 1}
            row = {**bought, "number": number, "titles": [item], "created_ms": int(number)}
            await tx.execute(insert(Order).values(row))
    words = {"default": "{{ size }}码的{{ last }}有新款"}
    size: dict[str, Any] = {"of": "size"}
    last = {"of": "last_item", "default": "那件"}
    campaign = await _started(database, push(words=words, variables={"size": size, "last": last}))
    async with database.read() as connection:
        with pytest.raises(WordsIncomplete, match="“size”有 1 人没有（小林）"):
            await check(connection, campaign, NOW_MS)
    excluding = push(words=words, variables={"size": {**size, "missing": "exclude"}, "last": last})
    async with database.read() as connection:
        assert (await preview(connection, excluding, NOW_MS)).excluded == {"no_value": 1}
    await _started(database, excluding)
    await plan_pushes(database, NOW_MS)
    contents = [row.content for row in await rows(database)]
    assert contents == [{"template": "default", "values": {"size": "M", "last": "羊毛大衣"}}]


async def test_of_a_push_to_so_many_at_most_who_keeps_their_word_comes_first(database: Database) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 20, NOW_MS)
    chronic = await friends(database, "lin-1", 3, NOW_MS, broken_promises=2)
    keeps = await friends(database, "lin-1", 4, NOW_MS, kept_promises=1)
    file = push(who={"levels": ["VIP1"], "at_most": 10})
    async with database.read() as connection:
        seen = await preview(connection, file, NOW_MS)
    assert (seen.recipients, seen.excluded) == (10, {"beyond_limit": 17})
    await _started(database, file)
    await plan_pushes(database, NOW_MS)
    chosen = {row.person for row in await rows(database)}
    assert len(chosen) == 10
    assert set(keeps) <= chosen
    assert not chosen & set(chronic)
