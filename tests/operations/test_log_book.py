"""The log read back: who, what and what came of it, refusals too, and nobody's private affairs."""

import pytest

from operations.audit import Outcome
from operations.log_book import log_book
from storage.engine import Database
from tests.commands.test_chat import ZONE, Office
from tests.conversations.shop import DAY_MS, NOW_MS, open_shop


@pytest.fixture
async def shop(database: Database) -> Office:
    await open_shop(database)
    return Office(database)


async def test_the_newest_first_with_refusals(shop: Office) -> None:
    await shop.says("/暂停 lin-1", "fan", NOW_MS - 8 * DAY_MS)
    await shop.says("/推送 laoke-fuli", "mei", NOW_MS)
    await shop.says("/勿扰 花花 7天", "mei", NOW_MS + 1)
    await shop.says("/状态", "nobody", NOW_MS + 2)
    async with shop.db.read() as conn:
        week = await log_book(conn, since_ms=NOW_MS - 7 * DAY_MS)
        mei = await log_book(conn, since_ms=0, staff="mei")
        refused = await log_book(conn, since_ms=0, refused=True)
        one = await log_book(conn, since_ms=0, most=1)
    assert [(line.verb, line.outcome) for line in week] == [
        ("status", Outcome.REFUSED), ("mute", Outcome.DONE), ("push", Outcome.REFUSED),
    ]  # fmt: skip
    assert [line.verb for line in mei] == ["mute", "push"]
    assert {line.staff for line in refused} == {"mei", "nobody"}
    assert [line.verb for line in one] == ["status"]
    assert (week[1].name, week[0].name) == ("小美", "")
    assert week[1].words(ZONE) == "花花 11-28 10:00"


async def test_what_somebody_told_staff_is_not_in_it(shop: Office) -> None:
    await shop.says("/备注 花花 刚离婚，别提老公", "mei")
    async with shop.db.read() as conn:
        (line,) = await log_book(conn, since_ms=0)
    assert line.words(ZONE) == "花花 …"
    assert "离婚" not in str(line.as_json())
