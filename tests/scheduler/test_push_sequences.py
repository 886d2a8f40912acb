"""Whatever pushes follow each other, whoever they name: one a week for each person, VIPs only, sales accounts only."""

from itertools import pairwise
from random import Random

import pytest
from sqlalchemy import func, insert, select

from rules.pacing import DAY_MS
from rules.roles import Role
from scheduler.errors import PushRefused
from scheduler.pushes.pushes import cancel, check, create, preview, start
from storage.engine import Database
from storage.tables import Friendship, Person
from tests.bots.people import OPEN
from tests.scheduler.matrix import rows
from tests.scheduler.sending import MINUTE_MS, Sending
from tests.scheduler.test_pushes import NOW_MS, OLD_MS, push
from tests.virtual_time import VirtualClock

ROLES = {"lin-1": Role.SALES, "suye-1": Role.SALES, "xiaoyu-1": Role.ACQUISITION, "qin-1": Role.TRAINING}
WEEK_MS = 7 * DAY_MS


async def _crowd(db: Database, random: Random, size: int) -> None:
    people = [
        {
            "id": id, "level": random.choice(["friend", "VIP1", "VIP2"]), "orders": random.choice([0, 1, 2]),
            "kind": random.choice(["customer"] * 9 + ["staff"]), "created_ms": 0, "name": "x",
            "opted_out_ms": random.choice([None] * 9 + [1]),
        }
        for id in range(1, size + 1)
    ]  # fmt: skip
    known = [
        {"account": account, "contact": f"wx{person['id']}", "person": person["id"], "since_ms": OLD_MS}
        for person in people
        for account in ROLES
        if random.random() < 0.5
    ]
    async with db.write() as tx:
        await tx.execute(insert(Person), people)
        await tx.execute(insert(Friendship), known)


@pytest.mark.parametrize("seed", range(3))
async def test_any_sequence_of_pushes_keeps_the_weekly_cap_the_levels_and_the_roles(
    sqlite_database: Database, clock: VirtualClock, seed: int
) -> None:
    random = Random(seed)
    sending = Sending(sqlite_database, clock)
    for account, role in ROLES.items():
        await sending.add(account, OPEN, role)
    await _crowd(sqlite_database, random, 40)
    levels: dict[int, tuple[str, ...]] = {}
    for number in range(6):
        now_ms = clock.now_ms()
        levels_asked = tuple(random.sample(["VIP1", "VIP2"], random.choice([1, 2])))
        kind = random.choice(["push", "campaign_push", "wake_up"])
        file = push(name=f"p{number}", kind=kind, who={"levels": levels_asked}, words={"default": "好"}, valid_for="9d")
        async with sqlite_database.write() as tx:
            seen = await preview(tx, file, now_ms)
            everybody = await tx.scalar(select(func.count()).select_from(Person).where(Person.merged_into.is_(None)))
            assert seen.recipients + sum(seen.excluded.values()) == seen.audience == everybody
            assert sum(seen.by_account.values()) == seen.recipients
            campaign = await create(tx, file, "staff:owner", now_ms)
            levels[campaign] = levels_asked
            try:
                await start(tx, campaign, now_ms, checked=await check(tx, campaign, now_ms))
            except PushRefused:
                assert seen.recipients == 0
        pause_ms = random.choice([1, 60, 24 * 60, 3 * 24 * 60, 6 * 24 * 60]) * MINUTE_MS
        await sending.until_done(until_ms=now_ms + min(pause_ms, DAY_MS), look_ms=60 * MINUTE_MS)
        if (
            seen.recipients
            and random.random() < 0.3
            and await rows(sqlite_database, campaign=campaign, state="pending")
        ):
            async with sqlite_database.write() as tx:
                await cancel(tx, campaign, clock.now_ms())
        await clock.advance(max(0, now_ms + pause_ms - clock.now_ms()) / 1000)
    await sending.until_done(until_ms=clock.now_ms() + 10 * DAY_MS, look_ms=12 * 60 * MINUTE_MS)
    async with sqlite_database.read() as connection:
        people = {row.id: row for row in (await connection.execute(select(Person.id, Person.level, Person.kind))).all()}
    planned = await rows(sqlite_database)
    times: dict[int, list[int]] = {}
    for row in planned:
        assert ROLES[row.account] is Role.SALES
        assert people[row.person].level in levels[row.campaign]
        assert people[row.person].kind == "customer"
        if row.state == "accepted":
            times.setdefault(row.person, []).append(row.sent_ms)
    assert times
    for sent in times.values():
        assert all(later - earlier >= WEEK_MS for earlier, later in pairwise(sorted(sent)))
    assert {row.state for row in planned} <= {"accepted", "skipped"}
    assert clock.now_ms() > NOW_MS
