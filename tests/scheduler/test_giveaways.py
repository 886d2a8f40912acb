"""A giveaway of broken sizes: numbered entries, a draw that anybody can repeat, made once, everybody told once."""

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import select, update

from customers.merging.merging import merge
from reports.campaigns import progress
from scheduler.benefits import benefits
from scheduler.campaigns import steering
from scheduler.errors import DrawRefused
from scheduler.kinds import draws
from scheduler.kinds.draws import DrawState, flaws_of
from scheduler.kinds.entries import enter, entrants, withdraw
from scheduler.kinds.giveaways import size_in
from storage.engine import Database
from storage.entry_tables import Draw, PrizeWon
from storage.tables import Person
from tests.scheduler.kinds import MINUTE_MS, KindShop, campaign, opened
from tests.scheduler.matrix import friends, rows

PART: dict[str, Any] = {"items": [{"item": "大衣", "sizes": {"m": 1, 38: 1}}, {"item": "发夹", "count": 1}]}


@pytest.fixture
async def shop(sqlite_database: Database) -> KindShop:
    return await opened(sqlite_database)


async def test_from_the_file_to_the_report_everybody_is_told_once(database: Database) -> None:
    shop = await opened(database)
    people = await friends(shop.db, "lin-1", 6, shop.now_ms)
    async with shop.db.write() as tx:
        await tx.execute(update(Person).where(Person.id == people[0]).values(profile={"size": "M 码"}))
    id = await shop.starts(campaign("giveaway", PART))
    await shop.passes(5)
    said = ["我要", "我要38码", "报名", "1", "参加"]
    heard = [await shop.hears(person, words) for person, words in zip(people, said, strict=False)]
    assert heard == ["entered", "entered", *["entered_which_size"] * 3]
    assert await shop.hears(people[2], "M") == "entered"  # size said afterwards
    assert await shop.hears(people[1], "我要38码") == "entered_again"
    assert await shop.hears(people[4], "算了") == "withdrawn"
    async with shop.db.write() as tx:
        with pytest.raises(DrawRefused, match="还没截止"):
            await draws.draw(tx, id, "staff:owner", shop.now_ms)
    await shop.passes(120, step=20)
    assert await shop.hears(people[5], "我要") is None  # it is over
    assert (await shop.events()).count("entries_closed") == 1
    async with shop.db.write() as tx:
        record = await draws.draw(tx, id, "staff:owner", shop.now_ms)
    assert [one["number"] for one in record["entrants"]] == [1, 2, 3, 4]
    assert len(record["winners"]) == 3
    assert flaws_of(json.loads(json.dumps(record))) == []
    async with shop.db.write() as tx:  # the process died after it had told, before it wrote that down
        await shop.steps[0].act(tx, shop.now_ms)
        await tx.execute(update(Draw).values(state=DrawState.DRAWN.value, told_to=0))
    await shop.passes(4)
    told = await shop.told()
    assert set(told) == set(people[:4]) and all(len(texts) == 1 for texts in told.values())
    assert sum("抽到你啦" in texts[0] for texts in told.values()) == 3
    async with shop.db.write() as tx:
        with pytest.raises(DrawRefused, match="只开一次"):
            await draws.draw(tx, id, "staff:owner", shop.now_ms)
        report = await progress(tx, id)
    assert report[0]["counts"]["accepted"] >= 4
    assert await shop.messages_each() == 2  # the push and the result


async def test_staff_never_win_who_opted_out_is_not_written_to_and_a_merged_person_is_in_once(shop: KindShop) -> None:
    people = await friends(shop.db, "lin-1", 5, shop.now_ms)
    id = await shop.starts(campaign("giveaway", {"items": [{"item": "发夹", "count": 5}]}))
    await shop.passes(5)
    for person in people:
        await shop.hears(person, "我要")
    await shop.is_staff(people[0])
    async with shop.db.write() as tx:
        await tx.execute(update(Person).where(Person.id == people[1]).values(opted_out_ms=shop.now_ms))
        await merge(tx, people[2], people[3], "word", "staff:owner", shop.now_ms)
    await shop.passes(120, step=20)
    async with shop.db.write() as tx:
        record = await draws.draw(tx, id, "staff:owner", shop.now_ms)
        outs = {entrant.person: entrant.out for entrant in await entrants(tx, id)}
        won = set((await tx.scalars(select(PrizeWon.person))).all())
    assert outs[people[0]] == "own_or_staff" and outs[people[1]] == "opted_out"
    assert sorted(record["left_out"]) == ["merged_duplicate", "opted_out", "own_or_staff"]
    assert won == {people[2], people[4]}
    await shop.passes(4)
    assert set(await shop.told()) == {people[2], people[4]}


async def test_the_seed_is_fixed_at_the_start_and_a_record_that_was_changed_is_found_out(shop: KindShop) -> None:
    people = await friends(shop.db, "lin-1", 3, shop.now_ms)
    id = await shop.starts(campaign("giveaway", {"items": [{"item": "发夹", "count": 1}], "public": "红球"}))
    async with shop.db.read() as connection:
        before = (await draws.look(connection, id)).commitment
    await shop.passes(5)
    for person in people:
        await shop.hears(person, "我要")
    await shop.passes(120, step=20)
    async with shop.db.write() as tx:
        with pytest.raises(DrawRefused, match="红球"):
            await draws.draw(tx, id, "staff:owner", shop.now_ms)
        record = await draws.draw(tx, id, "staff:owner", shop.now_ms, public="03 11")
    assert record["commitment"] == before
    other = next(one["number"] for one in record["entrants"] if one["number"] != record["winners"][0]["number"])
    changes: dict[str, dict[str, Any]] = {
        "commitment": {"seed": "0" * 32},
        "entrants": {"entrants": [*record["entrants"], {"number": 9, "wears": []}]},
        "winners": {"winners": [{**record["winners"][0], "number": other}]},
        "algorithm": {"algorithm": "dice"},
    }
    for flaw, change in changes.items():
        assert flaw in flaws_of({**record, **change})


async def test_after_the_close_no_edit_moves_anybody_and_who_dropped_out_is_passed_over(shop: KindShop) -> None:
    people = await friends(shop.db, "lin-1", 6, shop.now_ms)
    id = await shop.starts(campaign("giveaway", {"items": [{"item": "发夹", "count": 1}]}))
    await shop.passes(5)
    for person in people:
        await shop.hears(person, "我要")
    await shop.passes(120, step=20)
    async with shop.db.read() as connection:
        told = (await draws.look(connection, id)).list_hash
    assert [event.values["hash"] for event in shop.heard if event.what == "entries_closed"] == [told]

    async def drawn() -> dict[str, Any]:
        async with shop.db.write() as tx, tx.begin_nested() as trial:
            record = await draws.draw(tx, id, "staff:owner", shop.now_ms)
            await trial.rollback()
        return record

    async def winners_left(gone: list[int]) -> list[int]:
        """One after the other, with whoever won before passed over."""
        record = await drawn()
        assert flaws_of(record, told) == [] and sorted(one["number"] for one in record["passed_over"]) == sorted(gone)
        return [one["number"] for one in record["winners"]]

    first = await winners_left([])
    for size in ("S", "M", "L", "XL"):
        async with shop.db.write() as tx:
            await tx.execute(update(Person).where(Person.id == people[-1]).values(profile={"size": size}))
        assert await winners_left([]) == first
    losers = [number for number in range(1, 7) if number not in first]
    async with shop.db.write() as tx:
        await tx.execute(update(Person).where(Person.id == people[losers[0] - 1]).values(opted_out_ms=shop.now_ms))
        await merge(tx, people[first[0] - 1], people[losers[1] - 1], "word", "staff:owner", shop.now_ms)
        await withdraw(tx, id, people[losers[2] - 1], shop.now_ms)
    assert await winners_left(losers[:3]) == first
    record = await drawn()
    reasons = {one["number"]: one["reason"] for one in record["passed_over"]}
    assert [reasons[number] for number in losers[:3]] == ["opted_out", "merged_duplicate", "entry_withdrawn"]
    assert "closed" in flaws_of(record, "another") and "winners" in flaws_of({**record, "passed_over": [
        {"number": first[0], "reason": "opted_out"}]})  # fmt: skip


async def test_a_draw_by_itself_happens_at_the_close_and_only_then(shop: KindShop) -> None:
    people = await friends(shop.db, "lin-1", 2, shop.now_ms)
    await shop.starts(campaign("giveaway", {"items": [{"item": "发夹", "count": 1}], "by_itself": True}))
    await shop.passes(5)
    for person in people:
        await shop.hears(person, "我要")
    await shop.passes(100, step=20)
    assert await shop.told() == {}
    await shop.passes(40, step=20)
    assert len(await shop.told()) == 2 and (await shop.events()).count("drawn") == 1


async def test_many_at_once_get_numbers_of_their_own_and_of_two_who_draw_one_does(database: Database) -> None:
    shop = await opened(database)
    people = await friends(database, "lin-1", 6, shop.now_ms)
    id = await shop.starts(campaign("giveaway", {"items": [{"item": "发夹", "count": 2}]}))

    async def enters(person: int) -> int:
        async with database.write() as tx:
            return await enter(tx, id, person, shop.now_ms)

    async def draws_it() -> int:
        async with database.write() as tx:
            return len((await draws.draw(tx, id, "staff:owner", shop.now_ms))["winners"])

    assert sorted(await asyncio.gather(*map(enters, people))) == [1, 2, 3, 4, 5, 6]
    shop.now_ms += 121 * MINUTE_MS
    ends = await asyncio.gather(draws_it(), draws_it(), return_exceptions=True)
    assert sorted(type(end).__name__ for end in ends) == ["DrawRefused", "int"]
    async with database.read() as connection:
        assert len((await connection.scalars(select(PrizeWon.person))).all()) == 2


async def test_prizes_come_out_of_the_stock_of_a_benefit(shop: KindShop) -> None:
    people = await friends(shop.db, "lin-1", 3, shop.now_ms)
    part = {"items": [{"item": "发夹", "count": 3}], "benefit": "pin"}
    id = await shop.starts(campaign("giveaway", part, benefits=[{"name": "pin", "title": "发夹", "units": 3}]))
    await shop.passes(5)
    for person in people:
        await shop.hears(person, "我要")
    shop.now_ms += 120 * MINUTE_MS
    await shop.tick()
    async with shop.db.write() as tx:
        await draws.draw(tx, id, "staff:owner", shop.now_ms)
        assert (await benefits.stock(tx, id, "pin")).left == 0


async def test_a_cancelled_giveaway_is_never_drawn(shop: KindShop) -> None:
    await friends(shop.db, "lin-1", 2, shop.now_ms)
    id = await shop.starts(campaign("giveaway", {"items": [{"item": "发夹", "count": 1}], "by_itself": True}))
    async with shop.db.write() as tx:
        await steering.cancel(tx, id, shop.now_ms)
    await shop.passes(140, step=70)
    assert await shop.told() == {} and await rows(shop.db, kind="thanks") == []


@pytest.mark.parametrize(
    ("text", "size"),
    [("M", "M"), ("要m码！", "M"), ("我要 XL", "XL"), ("38号的", "38"), ("我穿M", "M"), ("M码多少钱", None),
     ("MM", None), ("要", None), ("1", None)],
)  # fmt: skip
def test_a_size_is_a_whole_message(text: str, size: str | None) -> None:
    assert size_in(text, frozenset({"M", "XL", "38"})) == size
