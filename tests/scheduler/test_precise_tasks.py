"""A precise task: the right few are asked, batch by batch, nobody twice, until enough did it."""

from typing import Any

import pytest
from sqlalchemy import select, update

from rules.pacing import DAY_MS
from scheduler.campaign_files.campaign_parts import TaskKind
from scheduler.kinds.task_proofs import says_done
from scheduler.kinds.task_runs import RunState, progress
from scheduler.participants.participants import Answer, settle
from storage.campaign_tables import Material, Participant
from storage.engine import Database
from storage.tables import Person
from tests.scheduler.kinds import MINUTE_MS, KindShop, campaign, opened
from tests.scheduler.matrix import account, friends, rows

PART: dict[str, Any] = {"what": "favourite", "target": 3, "next": {"after": "30m", "size": 2, "most": 2}}


@pytest.fixture
async def shop(sqlite_database: Database) -> KindShop:
    return await opened(sqlite_database)


async def asked(shop: KindShop) -> list[int]:
    return [row.person for row in await rows(shop.db, kind="precise_task") if row.state == "accepted"]


async def test_from_the_file_to_the_report_the_next_batch_is_asked_when_too_few_did_it(database: Database) -> None:
    shop = await opened(database)
    await friends(shop.db, "lin-1", 10, shop.now_ms)
    file = campaign("precise_task", PART, who={"levels": ["VIP1"], "at_most": 2})
    id = await shop.starts(file)
    await shop.passes(5)
    first = await asked(shop)
    assert len(first) == 2
    assert await shop.hears(first[0], "1") == "yes"
    assert await shop.hears(first[0], "收藏好了") == "task_send_screenshot"
    assert await shop.hears(first[0], "", photo=True) == "task_done"
    assert await shop.hears(first[0], "", photo=True) == "task_again"
    await shop.passes(40, step=5)
    second = [person for person in await asked(shop) if person not in first]
    assert len(second) == 2
    for person in second:
        await shop.hears(person, "", photo=True)
    await shop.passes(60, step=15)
    assert len(await asked(shop)) == 4  # enough: nobody more
    assert [what for what in await shop.events() if what.startswith("task")] == ["task_batch", "task_reached"]
    async with shop.db.read() as connection:
        assert file.task is not None
        found = await progress(connection, id, file.task)
        kept = await connection.scalar(select(Person.kept_promises).where(Person.id == first[0]))
    assert found is not None and (found.done, found.asked, found.batches) == (3, 4, 2)
    assert found.state is RunState.REACHED and kept == 1
    assert await shop.messages_each() == 1


async def test_after_a_week_nobody_is_asked_twice_and_it_ends_when_nobody_is_left(shop: KindShop) -> None:
    await friends(shop.db, "lin-1", 3, shop.now_ms)
    part = {**PART, "next": {"after": "9d", "size": 5, "most": 5}}
    id = await shop.starts(campaign("precise_task", part, who={"levels": ["VIP1"], "at_most": 2}, until="+40d 12:00"))
    await shop.passes(5)
    shop.now_ms += 9 * DAY_MS
    await shop.passes(4)
    everybody = await asked(shop)
    assert len(everybody) == len(set(everybody)) == 3
    shop.now_ms += 9 * DAY_MS
    await shop.passes(6)
    assert (await shop.events())[-1] == "task_ran_out" and sorted(await asked(shop)) == sorted(everybody)
    assert (await shop.counts(id)) == {"invited": 3}


async def test_a_batch_binds_like_any_push_the_week_and_the_roles(shop: KindShop) -> None:
    await account(shop.db, "xiaoyu-1", role="acquisition")
    people = await friends(shop.db, "lin-1", 3, shop.now_ms)
    await friends(shop.db, "xiaoyu-1", 3, shop.now_ms)
    async with shop.db.write() as tx:
        await tx.execute(update(Person).where(Person.id == people[2]).values(last_push_ms=shop.now_ms - DAY_MS))
    await shop.starts(campaign("precise_task", PART))
    await shop.passes(75, step=15)
    assert sorted(await asked(shop)) == people[:2]


async def test_a_proof_that_staff_look_at_counts_when_they_say_so(shop: KindShop) -> None:
    people = await friends(shop.db, "lin-1", 2, shop.now_ms)
    file = campaign("precise_task", {"what": "buyer_show", "target": 1, "proof": "photo", "checked": True})
    id = await shop.starts(file)
    await shop.passes(5)
    answered = await shop.says(people[0], "", photo=True)
    assert answered is not None and (answered.outcome, answered.notice) == ("task_proof", "task_proof")
    async with shop.db.write() as tx:
        assert file.task is not None
        before = await progress(tx, id, file.task)
        kept_with = await tx.scalar(
            select(Material.source).join(Participant, Participant.material == Material.id).where(
                Participant.person == people[0]
            )
        )  # fmt: skip
        await settle(tx, id, [people[0]], Answer.CAME, "staff:owner", shop.now_ms)
    assert before is not None and (before.done, before.proofs, kept_with) == (0, 1, "chat")
    shop.now_ms += 120 * MINUTE_MS
    await shop.tick()
    assert (await shop.events())[-1] in ("task_reached", "campaign_over")
    assert "task_reached" in await shop.events()


async def test_it_is_over_when_its_time_is_over(shop: KindShop) -> None:
    people = await friends(shop.db, "lin-1", 2, shop.now_ms)
    id = await shop.starts(campaign("precise_task", {"what": "visit", "target": 2, "proof": "words"}))
    await shop.passes(5)
    assert await shop.hears(people[0], "逛过了") == "task_done"
    assert await shop.hears(people[1], "好的") is None
    await shop.hears(people[1], "1")
    shop.now_ms += 3 * DAY_MS
    await shop.passes(3)
    assert "task_over" in await shop.events()
    assert await shop.state(id) == "finished"
    assert await shop.counts(id) == {"kept": 1, "broken": 1}


@pytest.mark.parametrize(
    ("plain", "what", "done"),
    [("收藏了", TaskKind.FAVOURITE, True), ("已收藏", TaskKind.FAVOURITE, True),
     ("我加购好了", TaskKind.ADD_TO_CART, True), ("完成", TaskKind.VISIT, True),
     ("收藏", TaskKind.FAVOURITE, False), ("怎么收藏", TaskKind.FAVOURITE, False),
     ("好的", TaskKind.VISIT, False), ("评价完了", TaskKind.HONEST_REVIEW, True), ("收藏了", TaskKind.VISIT, False)],
)  # fmt: skip
def test_done_is_said_in_many_words(plain: str, what: TaskKind, done: bool) -> None:
    assert says_done(plain, what) is done
