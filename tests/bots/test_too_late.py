"""Whoever was frozen or replaced between the decision and the wire writes nothing, and it stays to be sent."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from bots.courier import Courier
from bots.errors import TooLate
from bots.gateway import Still
from bots.wechaty_gateway import WechatyGateway
from storage.engine import Database
from storage.outbox import Claimed, Content
from tests.bots.hostile_gateways import TOKEN, Puppet, serving
from tests.bots.people import RecordingSender, lane, planned, reply, states
from tests.bots.test_courier import Desk
from tests.virtual_time import VirtualClock, until

LONGER_THAN_A_FRAME = "好" * 10_000


def yes_so_often(count: int) -> Callable[[], bool]:
    """It may go for so many questions, and then no more."""
    left = iter([True] * count)
    return lambda: next(left, False)


@pytest.mark.parametrize(
    ("content", "yes"),
    [(Content(text="在吗"), 0), (Content(image="a.jpg"), 0), (Content(text=LONGER_THAN_A_FRAME), 1)],
)
async def test_the_last_question_is_asked_at_the_socket(tmp_path: Path, content: Content, yes: int) -> None:
    """After a picture was read, after the connection took the beginning of a long message: nobody gets either."""
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8")
    service = Puppet()
    async with serving(service) as endpoint:
        gateway = WechatyGateway("lin-1", endpoint, TOKEN, media=tmp_path)
        await gateway.open()
        with pytest.raises(TooLate):
            await gateway.send("wxid_anna", content, yes_so_often(yes))
        with pytest.raises(TooLate):
            await gateway.accept("f-1", yes_so_often(0))
        assert await gateway.send("wxid_bo", Content(text="好"), yes_so_often(9)) == ""
        await gateway.close()
    assert [name for name, message in service.asked if message] == ["MessageSendText"]


async def test_a_send_that_came_too_late_waits_for_the_next_claim_and_is_no_trouble_of_the_gateway(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    desk = Desk(sqlite_database, clock)
    heard: list[str] = []
    desk.courier._under_way._on_problem = lambda account, problem: heard.append(account)
    tries = 0

    async def late_once(row: Claimed) -> str:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise TooLate("frozen")
        return "m"

    desk.add(lane("a"), RecordingSender(late_once))
    await planned(desk.db, [reply("a", "w1", "k", desk.now_ms)], desk.now_ms)
    await desk.tick()
    await desk.tick()
    await desk.pass_time(1)
    assert (await states(desk.db), tries, heard) == ({"k": ("accepted", None)}, 2, [])


async def test_a_sender_learns_that_its_account_was_lost_while_it_prepared(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    answers: list[bool] = []
    ready = asyncio.Event()

    class Slow(RecordingSender):
        async def deliver(self, row: Claimed, still: Still) -> str:
            answers.append(still())
            await ready.wait()
            answers.append(still())
            return "m"

    desk = Desk(sqlite_database, clock)
    desk.add(lane("a"), Slow())
    await planned(desk.db, [reply("a", "w1", "k", desk.now_ms)], desk.now_ms)
    await desk.tick()
    lost(desk.courier)
    ready.set()
    await until(lambda: len(answers) == 2)
    assert answers == [True, False]


def lost(courier: Courier) -> None:
    """Somebody took its accounts over, and it has heard of it."""
    for one in courier._lanes.values():
        one.held = False
