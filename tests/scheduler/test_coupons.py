"""Coupon codes: each given once, ever; enough of them before a push starts; back in the pool when nobody was told."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update

from customers.merging.merging import merge
from operations.repairs import noted_repairs
from rules.pacing import DAY_MS
from scheduler.benefits import benefits, coupons
from scheduler.benefits.coupon_import import CodesImported, import_codes
from scheduler.benefits.coupon_shortage import CouponsShort
from scheduler.campaigns import campaigns
from scheduler.errors import CampaignRefused, PushRefused
from scheduler.pushes.coupon_rows import CouponReturns
from scheduler.pushes.push_file import PushFile
from scheduler.pushes.push_progress import advance
from scheduler.pushes.pushes import cancel, check, create, preview, start
from storage.campaign_tables import Campaign, CouponCode
from storage.doubts import Ending, end_doubt
from storage.engine import Database
from storage.tables import Delivery, Person
from tests.scheduler.matrix import account, friends, rows, settle
from tests.scheduler.test_campaigns import campaign
from tests.scheduler.test_push_planning import short_strides
from tests.scheduler.test_pushes import NOW_MS, planning, push

__all__ = ["short_strides"]  # a fixture is used by being here
POOL = "双十一"


def coded(**more: Any) -> PushFile:
    words = {"default": "{{ call_me }}，你的码：{{ coupon }}"}
    return push(**{"words": words, "landing": None, "coupons": POOL, "control": {"share": 0}, **more})


async def fill(db: Database, folder: Path, codes: int, pool: str = POOL, *, start: int = 0) -> CodesImported:
    path = folder / f"{pool}-{start}.txt"
    path.write_text("\n".join(f"{pool}C{number:05}" for number in range(start, start + codes)), encoding="utf-8")
    return await import_codes(db, path, pool, expires_ms=None, by="cli", now_ms=NOW_MS)


async def begin(db: Database, file: PushFile, **columns: Any) -> int:
    async with db.write() as tx:
        campaign = await create(tx, file, "staff:owner", NOW_MS, **columns)
        await start(tx, campaign, NOW_MS, checked=await check(tx, campaign, NOW_MS))
    return campaign


async def begun(db: Database, file: PushFile, **columns: Any) -> int:
    campaign = await begin(db, file, **columns)
    await planning(db).carry_on(campaign)
    return campaign


async def codes_of(db: Database) -> list[Any]:
    async with db.read() as connection:
        given = select(CouponCode.__table__).where(CouponCode.person.is_not(None)).order_by(CouponCode.id)
        return list((await connection.execute(given)).all())


async def free(db: Database, pool: str = POOL) -> int:
    async with db.read() as connection:
        return await coupons.available(connection, pool, NOW_MS)


async def give_back(db: Database) -> None:
    """The planner's part, until there is nothing left to do."""
    returns = CouponReturns()
    for _ in range(5):
        async with db.write() as tx:
            if not await returns.due(tx, NOW_MS):
                return
            await returns.act(tx, NOW_MS)
    raise AssertionError("it is never done")


def told(row: Any) -> str:
    return str(row.content["values"]["coupon"])


async def test_everybody_gets_a_code_of_their_own_in_their_row_and_it_is_theirs(
    database: Database, tmp_path: Path, short_strides: None
) -> None:
    await account(database, "lin-1")
    people = await friends(database, "lin-1", 20, NOW_MS)
    await fill(database, tmp_path, 25)
    campaign = await begun(database, coded())
    planned = await rows(database)
    assert [row.person for row in planned] == people
    assert {row.person: told(row) for row in planned} == {row.person: row.code for row in await codes_of(database)}
    assert {row.campaign for row in await codes_of(database)} == {campaign}
    assert await free(database) == 5


async def test_a_pool_with_fewer_codes_than_people_is_said_with_numbers_before_anything_is_written(
    database: Database, tmp_path: Path
) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 12, NOW_MS)
    await fill(database, tmp_path, 10)
    async with database.read() as connection:
        seen = await preview(connection, coded(), NOW_MS)
    assert seen.coupons == 12
    assert [all(word in fault for word in ("12", "10", POOL, "2")) for fault in seen.faults] == [True]
    with pytest.raises(CouponsShort, match="还差 2 个"):
        await begin(database, coded())
    assert await rows(database) == []
    assert await codes_of(database) == []


async def test_a_start_that_nobody_watches_is_refused_and_stands_among_the_repairs_until_codes_come(
    database: Database, tmp_path: Path
) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 12, NOW_MS)
    await fill(database, tmp_path, 10)
    heard: list[Any] = []
    async with database.write() as tx:
        campaign = await create(tx, coded(), "staff:owner", NOW_MS)
        await start(tx, campaign, NOW_MS)
    await planning(database, heard=heard).carry_on(campaign)
    assert [event.what for event in heard] == ["refused"]
    async with database.read() as connection:
        (line,) = await noted_repairs(connection)
    assert f"wxfleet coupons import 文件 --pool {POOL}" in line.mend
    assert "12" in line.text and "10" in line.text
    await fill(database, tmp_path, 2, start=10)
    async with database.read() as connection:
        assert await noted_repairs(connection) == []
    async with database.write() as tx:
        await start(tx, campaign, NOW_MS)
    await planning(database).carry_on(campaign)
    assert len({told(row) for row in await rows(database)}) == 12


async def test_two_pushes_are_not_promised_the_same_codes(
    database: Database, tmp_path: Path, short_strides: None
) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 10, NOW_MS)
    await friends(database, "lin-1", 10, NOW_MS, level="VIP2")
    await fill(database, tmp_path, 15)
    first = await begin(database, coded(who={"levels": ["VIP1"]}))
    assert await free(database) == 5  # set aside, though no row is written
    with pytest.raises(CouponsShort):
        await begin(database, coded(name="second", who={"levels": ["VIP2"]}))
    await fill(database, tmp_path, 5, start=15)
    second = await begin(database, coded(name="second", who={"levels": ["VIP2"]}))
    one, other = planning(database), planning(database)
    for _ in range(30):
        await one.carry_on(first, strides=1)
        await other.carry_on(second, strides=1)
    assert len({told(row) for row in await rows(database)}) == 20
    assert await free(database) == 0


async def test_only_texts_that_name_a_code_use_one_up_and_who_is_held_back_gets_none(
    sqlite_database: Database, tmp_path: Path
) -> None:
    await account(sqlite_database, "lin-1")
    await friends(sqlite_database, "lin-1", 500, NOW_MS)
    await friends(sqlite_database, "lin-1", 3, NOW_MS, level="VIP2")
    await fill(sqlite_database, tmp_path, 480)
    words = {"VIP1": "{{ call_me }}，{{ landing }}", "VIP2": "{{ call_me }}，照旧"}
    landing = {"search": "小林的衣橱", "coupon": "专属码 {{ coupon }}"}
    await begun(sqlite_database, coded(words=words, landing=landing, control={"share": 0.1}, seed="a"))
    planned = await rows(sqlite_database)
    waiting = [row for row in planned if row.state == "pending" and row.content["template"] == "VIP1"]
    assert {told(row) for row in waiting} == {row.code for row in await codes_of(sqlite_database)}
    assert len(waiting) == len(await codes_of(sqlite_database)) == 480 - await free(sqlite_database) > 400
    assert not any(row.content.get("values") for row in planned if row.content["template"] == "VIP2")
    assert {row.reason for row in planned if row.state == "skipped"} == {"control_group"}


async def test_a_person_has_one_code_for_all_phases_and_gets_it_again_when_they_ask(
    database: Database, tmp_path: Path
) -> None:
    await account(database, "lin-1")
    (person,) = await friends(database, "lin-1", 1, NOW_MS)
    await fill(database, tmp_path, 3)
    async with database.write() as tx:
        whole = await tx.scalar(insert(Campaign).values(_whole_campaign()).returning(Campaign.id))
        first = await coupons.take(tx, pool=POOL, campaign=whole, person=person, now_ms=NOW_MS)
        again = await coupons.take(tx, pool=POOL, campaign=whole, person=person, now_ms=NOW_MS + 1)
        other = await coupons.take(tx, pool=POOL, campaign=whole + 70, person=person, now_ms=NOW_MS)
    assert first == again != other
    await begun(database, coded(), parent=whole, phase="push")
    assert [told(row) for row in await rows(database)] == [first]
    assert await free(database) == 1


def _whole_campaign() -> dict[str, Any]:
    return {
        "name": "whole", "title": "双十一", "kind": "campaign", "state": "running", "spec": {}, "created_by": "cli",
        "created_ms": 0, "starts_ms": 0, "changed_ms": 0,
    }  # fmt: skip


async def test_a_code_that_was_tried_and_released_from_doubt_may_have_been_read_and_stays(
    sqlite_database: Database, tmp_path: Path
) -> None:
    db = sqlite_database
    await account(db, "lin-1")
    await friends(db, "lin-1", 3, NOW_MS)
    await fill(db, tmp_path, 3)
    campaign = await begun(db, coded())
    tried = (await rows(db))[0].id
    async with db.write() as tx:
        doubted = {"state": "in_doubt", "sent_ms": NOW_MS, "settled_ms": NOW_MS, "attempts": 1}
        await tx.execute(update(Delivery).where(Delivery.id == tried).values(doubted))
        await end_doubt(tx, [tried], Ending.RELEASE, shown_ms=NOW_MS, now_ms=NOW_MS)
    async with db.write() as tx:
        await cancel(tx, campaign, NOW_MS)
    await planning(db).carry_on(campaign)
    await give_back(db)
    assert await free(db) == 2


async def test_a_cancelled_push_gives_back_what_nobody_was_told_and_nothing_else(
    database: Database, tmp_path: Path
) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 6, NOW_MS)
    await fill(database, tmp_path, 6)
    campaign = await begun(database, coded(first_batch=3))
    sent, doubtful, failed = [row.key for row in await rows(database) if row.reason is None]
    await settle(database, [sent], "accepted", NOW_MS)
    await settle(database, [doubtful], "in_doubt", NOW_MS)
    await settle(database, [failed], "failed", NOW_MS)
    async with database.write() as tx:
        assert await cancel(tx, campaign, NOW_MS) == 3
    await give_back(database)
    kept = {told(row) for row in await rows(database) if row.key in (sent, doubtful, failed)}
    assert {row.code for row in await codes_of(database)} == kept
    assert await free(database) == 3
    await settle(database, [doubtful], "unknown", NOW_MS)
    await give_back(database)
    assert await free(database) == 3


async def test_a_code_that_another_phase_told_stays_with_its_person(database: Database, tmp_path: Path) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 1, NOW_MS)
    await fill(database, tmp_path, 1)
    async with database.write() as tx:
        whole = await tx.scalar(insert(Campaign).values(_whole_campaign()).returning(Campaign.id))
    first = await begun(database, coded(), parent=whole, phase="push")
    await settle(database, [row.key for row in await rows(database)], "accepted", NOW_MS)
    async with database.write() as tx:
        await advance(tx, first, NOW_MS)
        await tx.execute(update(Person).values(last_push_ms=None))
    second = await begun(database, coded(name="again"), parent=whole, phase="reminder")
    async with database.write() as tx:
        await cancel(tx, second, NOW_MS)
    await give_back(database)
    assert [row.code for row in await codes_of(database)] == [told((await rows(database))[0])]


async def test_codes_that_expire_before_the_message_may_leave_are_not_given(database: Database, tmp_path: Path) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 2, NOW_MS)
    path = tmp_path / "codes.csv"
    path.write_text("兑换码,有效期至\nSOON1,2026-11-21\nSOON2,2026-11-21\nLATE1,2027-01-01\n", encoding="gbk")
    found = await import_codes(database, path, POOL, expires_ms=None, by="cli", now_ms=NOW_MS)
    assert (found.new, found.refused) == (3, 0)
    with pytest.raises(CouponsShort):
        await begin(database, coded())
    await fill(database, tmp_path, 1)
    await begun(database, coded())
    assert {told(row) for row in await rows(database)} == {"LATE1", f"{POOL}C00000"}
    async with database.write() as tx:
        assert await coupons.take(tx, pool=POOL, campaign=99, person=1, now_ms=NOW_MS) == "SOON1"
        assert await coupons.take(tx, pool=POOL, campaign=98, person=1, now_ms=NOW_MS + 2 * DAY_MS) is None


async def test_who_came_in_after_the_count_is_left_out_with_the_reason_when_codes_are_out(
    database: Database, tmp_path: Path
) -> None:
    await account(database, "lin-1")
    await friends(database, "lin-1", 3, NOW_MS)
    await fill(database, tmp_path, 3)
    campaign = await begin(database, coded())
    await friends(database, "lin-1", 1, NOW_MS)
    await planning(database).carry_on(campaign)
    assert [(row.state, row.reason) for row in await rows(database)][-1] == ("skipped", "no_coupon")
    assert len(await codes_of(database)) == 3
    async with database.read() as connection:
        assert len(await noted_repairs(connection)) == 1


async def test_after_a_merge_a_told_code_is_still_nobody_elses(database: Database, tmp_path: Path) -> None:
    await account(database, "lin-1")
    one, two = await friends(database, "lin-1", 2, NOW_MS)
    await fill(database, tmp_path, 3)
    async with database.write() as tx:
        mine = await coupons.take(tx, pool=POOL, campaign=7, person=one, now_ms=NOW_MS)
        theirs = await coupons.take(tx, pool=POOL, campaign=7, person=two, now_ms=NOW_MS)
        await merge(tx, one, two, evidence="staff", by="staff:owner", now_ms=NOW_MS)
        again = await coupons.take(tx, pool=POOL, campaign=7, person=one, now_ms=NOW_MS)
    assert again == mine != theirs
    assert await free(database) == 1


async def test_many_who_ask_at_once_never_get_one_code_twice(database: Database, tmp_path: Path) -> None:
    """On PostgreSQL each is a connection of its own."""
    await account(database, "lin-1")
    people = await friends(database, "lin-1", 8, NOW_MS)
    await fill(database, tmp_path, 30)
    campaign = await begin(database, coded())

    async def ask(person: int, at: int) -> str | None:
        async with database.write() as tx:
            return await coupons.take(tx, pool=POOL, campaign=at, person=person, now_ms=NOW_MS)

    asking = [ask(person, at) for at in (1_001, 1_002, 1_001) for person in people]
    *answers, _ = await asyncio.gather(*asking, planning(database).carry_on(campaign))
    first, second, again = answers[:8], answers[8:16], answers[16:]
    assert first == again
    planned = [told(row) for row in await rows(database)]
    assert len({*first, *second, *planned}) == 24
    assert await free(database) == 6


async def test_a_whole_campaign_sets_codes_aside_when_it_starts_and_is_refused_when_they_are_too_few(
    sqlite_database: Database, tmp_path: Path
) -> None:
    db = sqlite_database
    await account(db, "lin-1")
    await friends(db, "lin-1", 5, NOW_MS)
    await fill(db, tmp_path, 4)
    words = {"default": "{{ offer }}，{{ join }}，你的码 {{ coupon }}"}
    benefit = {"name": "pin", "title": "发带", "units": 3}
    file = campaign(
        coupons=POOL, benefits=[benefit], phases=[{"kind": "push", "at": "0m", "until": "+50m", "words": words}]
    )
    with pytest.raises(CampaignRefused, match="还差 1 个"):
        async with db.write() as tx:
            await campaigns.create(tx, file, "cli", NOW_MS)
    await fill(db, tmp_path, 2, start=4)
    async with db.write() as tx:
        id = await campaigns.create(tx, file, "cli", NOW_MS)
        await campaigns.start(tx, id, NOW_MS)
        assert await coupons.available(tx, POOL, NOW_MS) == 1
        assert (await benefits.stock(tx, id, "pin")).left == 3
        await campaigns.cancel(tx, id, NOW_MS)
    await give_back(db)
    assert await free(db) == 6


Act = tuple[str, int]
_ACTS = st.lists(
    st.tuples(st.sampled_from(["take", "push", "send", "cancel", "give_back", "fill", "merge"]), st.integers(0, 5)),
    min_size=3, max_size=12,
)  # fmt: skip


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=_ACTS)
async def test_whatever_happens_no_code_is_told_to_two_people(
    sqlite_database: Database, tmp_path: Path, acts: list[Act]
) -> None:
    """Pushes, answers, sends, cancellations, returns and imports in any order."""
    db = sqlite_database
    world = _World(db, tmp_path)
    await world.open()
    for act, which in acts:
        await getattr(world, act)(which)
    await give_back(db)
    await world.check()


class _World:
    """Six people of a pool, and everything that anybody was told."""

    opened = 0

    def __init__(self, db: Database, folder: Path) -> None:
        self._db, self._folder = db, folder
        _World.opened += 1
        self._pool = f"池{_World.opened}"
        self._account = f"acc-{_World.opened}"
        self._filled = 0
        self._pushes: list[int] = []
        self.people: list[int] = []

    async def open(self) -> None:
        async with self._db.write() as tx:  # people of earlier examples are nobody's audience any more
            await tx.execute(update(Person).values(level="friend"))
        await account(self._db, self._account)
        self.people = await friends(self._db, self._account, 6, NOW_MS)
        await self.fill(0)

    async def take(self, which: int) -> None:
        async with self._db.write() as tx:
            campaign = self._pushes[which % len(self._pushes)] if self._pushes else 9_000
            await coupons.take(tx, pool=self._pool, campaign=campaign, person=self._one(which), now_ms=NOW_MS)

    async def push(self, which: int) -> None:
        try:
            async with self._db.write() as tx:
                await tx.execute(update(Person).values(last_push_ms=None))
                file = coded(name=f"push-{which}", first_batch=2, coupons=self._pool)
                id = await create(tx, file, "cli", NOW_MS, overrides_weekly=True)
                await start(tx, id, NOW_MS, checked=await check(tx, id, NOW_MS))
        except (CouponsShort, PushRefused):  # too few codes; or nobody is left who bought, after merges
            return
        await planning(self._db).carry_on(id)
        self._pushes.append(id)

    async def send(self, which: int) -> None:
        waiting = await rows(self._db, state="pending", reason=None)
        for row in waiting[:which]:
            await settle(self._db, [row.key], "accepted" if row.id % 2 else "in_doubt", NOW_MS)

    async def cancel(self, which: int) -> None:
        if self._pushes:
            id = self._pushes.pop(which % len(self._pushes))
            async with self._db.write() as tx:
                await cancel(tx, id, NOW_MS)

    async def fill(self, which: int) -> None:
        await fill(self._db, self._folder, 4, self._pool, start=self._filled)
        self._filled += 4

    async def merge(self, which: int) -> None:
        if len(self.people) > 2:
            gone = self.people.pop()
            async with self._db.write() as tx:
                await merge(tx, self._one(which), gone, evidence="staff", by="cli", now_ms=NOW_MS)

    async def give_back(self, which: int) -> None:
        await give_back(self._db)

    def _one(self, which: int) -> int:
        return self.people[which % len(self.people)]

    async def check(self) -> None:
        async with self._db.read() as connection:
            given = (await connection.execute(select(CouponCode.__table__).where(CouponCode.pool == self._pool))).all()
            kept = dict((await connection.execute(select(Person.id, Person.merged_into))).all())
        owner = {row.code: row.person for row in given}
        for row in await rows(self._db, account=self._account):
            if row.state != "skipped":
                assert _today(owner[told(row)], kept) == _today(row.person, kept)
        assert all(row.person is not None for row in given if row.told)


def _today(person: int, kept: dict[int, int | None]) -> int:
    while (merged := kept.get(person)) is not None:
        person = merged
    return person
