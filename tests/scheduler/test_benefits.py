"""Benefits: never more than there are, whoever gives; each act one line; taken back by a line of its own."""

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import insert

from scheduler.benefits import benefits
from scheduler.benefits.benefit_file import Benefit
from scheduler.errors import BenefitRefused
from storage.engine import Database
from storage.tables import Person
from tests.scheduler.matrix import account, friends
from tests.scheduler.test_pushes import NOW_MS

CAMPAIGN = 5


async def _open(db: Database, **more: Any) -> list[int]:
    await account(db, "lin-1")
    people = await friends(db, "lin-1", 6, NOW_MS)
    async with db.write() as tx:
        for _ in range(2):
            benefit = Benefit.model_validate({"name": "pin", "title": "发夹", "units": 4, **more})
            await benefits.open_for(tx, CAMPAIGN, [benefit])
    return people


async def _give(db: Database, person: int, **more: Any) -> benefits.Given | str:
    async with db.write() as tx:
        try:
            return await benefits.give(
                tx, **{"campaign": CAMPAIGN, "benefit": "pin", "person": person, "by": "cli", "now_ms": NOW_MS, **more}
            )
        except BenefitRefused as problem:
            return problem.reason


async def test_many_who_give_at_once_give_no_more_than_there_is(database: Database) -> None:
    people = await _open(database)
    answers = await asyncio.gather(*(_give(database, person) for person in people))
    assert [isinstance(answer, benefits.Given) for answer in answers].count(True) == 4
    assert {answer for answer in answers if isinstance(answer, str)} == {"stock"}
    async with database.read() as connection:
        assert (await benefits.stock(connection, CAMPAIGN, "pin")).left == 0


async def test_the_same_act_is_one_line_however_often_it_is_done(database: Database) -> None:
    one, two, *_ = await _open(database)
    first = await _give(database, one, key="draw:5:1")
    again = await _give(database, one, key="draw:5:1")
    assert isinstance(first, benefits.Given) and isinstance(again, benefits.Given)
    assert (again.id, again.again, again.left) == (first.id, True, 3)
    assert await _give(database, one) == "per_person"
    assert isinstance(await _give(database, two), benefits.Given)


async def test_what_is_taken_back_can_be_given_again_and_only_once(database: Database) -> None:
    one, *_ = await _open(database)
    given = await _give(database, one)
    assert isinstance(given, benefits.Given)
    async with database.write() as tx:
        back = await benefits.undo(tx, given.id, by="staff:owner", now_ms=NOW_MS)
        for line, reason in ((given.id, "undone"), (back, "undone"), (999, "unknown_line")):
            with pytest.raises(BenefitRefused) as refused:
                await benefits.undo(tx, line, by="staff:owner", now_ms=NOW_MS)
            assert refused.value.reason == reason
        await benefits.require(tx, CAMPAIGN, "pin", 4)
        with pytest.raises(BenefitRefused, match="还剩 4 份，再送 5 份"):
            await benefits.require(tx, CAMPAIGN, "pin", 5)
        assert [row.units for row in await benefits.given_to(tx, CAMPAIGN, one)] == [1, -1]
    assert isinstance(await _give(database, one), benefits.Given)


async def test_nothing_for_staff_for_nobody_and_of_what_there_is_not(database: Database) -> None:
    await _open(database)
    async with database.write() as tx:
        await tx.execute(insert(Person).values(id=900, name="小二", kind="staff", created_ms=0))
    assert await _give(database, 900) == await _give(database, 901) == "customer"
    assert await _give(database, 1, benefit="gold") == "unknown"
    assert await _give(database, 1, units=0) == "stock"


def test_a_benefit_of_codes_is_one_a_person() -> None:
    with pytest.raises(ValidationError, match="one_code"):
        Benefit.model_validate({"name": "ten", "title": "十元券", "per_person": 2, "coupons": "双十一"})
    assert Benefit.model_validate({"name": "pin", "title": "发夹", "value_yuan": 19.9}).value_fen == 1990
