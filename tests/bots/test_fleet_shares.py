"""A fleet whose accounts come and go while it runs."""

import asyncio

from sqlalchemy import select, update

from bots.fleet import Member
from bots.gateway import Still, always
from bots.inbox import InboxWriter
from bots.lifecycle import State
from rules.kinds import Kind
from storage.engine import Database
from storage.inbox import NewArrival, Received, record
from storage.outbox import Content, NewDelivery, plan
from storage.tables import Account, Arrival
from tests.bots.fleet_world import Heard, add_accounts, lane, running
from tests.bots.scripted_gateway import ScriptedGateway
from tests.virtual_time import VirtualClock


async def test_an_account_is_taken_released_and_taken_again_and_the_others_notice_nothing(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "stays", "moves")
    stays, moves = ScriptedGateway("wxid_stays"), ScriptedGateway("wxid_moves")
    async with sqlite_database.write() as tx:  # left over by whoever had it before
        payload = {"id": "m0", "text": "在吗", "room": "", "talker": "wxid_c", "listener": "", "kind": "text"}
        await record(tx, [NewArrival("moves", "message:m0", "message", clock.now_ms(), payload)])
    async with running(sqlite_database, clock, {"stays": stays}) as world:
        await world.reaches(State.ONLINE, "stays")
        member = Member(lane("moves"), lambda: moves)
        await world.fleet.take([member])
        await world.reaches(State.ONLINE, "moves")
        await world.until(lambda: world.heard.texts("moves") == ["在吗"])
        moves.fetch_gate.clear()
        moves.say("m1", "wxid_c", "还在吗")
        await world.until(lambda: moves.fetching == 1)
        await world.fleet.release(["moves"])
        assert world.fleet.states().keys() == {"stays"}
        assert (moves.attached, stays.attached, stays.closed) == (False, True, 0)
        assert (await world.account("moves")).state == "stopped"
        assert {row.event: row.state for row in await world.arrivals()} == {
            "message:m0": "handled",
            "message:m1": "received",
        }
        moves.fetch_gate.set()
        await world.fleet.take([member])
        await world.until(lambda: world.heard.texts("moves") == ["在吗", "还在吗"])
        stays.say("m2", "wxid_d", "你好")
        await world.until(lambda: world.heard.texts("stays") == ["你好"])


async def test_a_release_waits_for_the_send_in_flight_and_the_channel_stays_open_so_long(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "a", "b")
    gateways = {"a": ScriptedGateway("wxid_a"), "b": ScriptedGateway("wxid_b")}
    under_way, let_go = asyncio.Event(), asyncio.Event()
    closed_when_sent: list[int] = []

    async def slow_send(to: str, content: Content, still: Still = always) -> str:
        under_way.set()
        await let_go.wait()
        closed_when_sent.append(gateways["a"].closed)
        return "m1"

    gateways["a"].send = slow_send  # type: ignore[method-assign]
    async with running(sqlite_database, clock, gateways) as world:
        await world.reaches(State.ONLINE, "a")
        rows = [NewDelivery(Kind.REPLY, "a", "wxid_c", Content(text="好"), f"reply:{n}", clock.now_ms()) for n in "12"]
        async with sqlite_database.write() as tx:
            await plan(tx, rows, now_ms=clock.now_ms())
        await world.until(under_way.is_set, step_s=0.5)
        releasing = asyncio.create_task(world.fleet.release(["a"]), name="release")
        await asyncio.sleep(0.02)
        assert not releasing.done()
        let_go.set()
        await releasing
        assert closed_when_sent == [0]
        assert [row.state for row in await world.deliveries()] == ["accepted", "pending"]


async def test_of_an_account_that_was_lost_nothing_more_is_written(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "a", "b")
    gateways = {"a": ScriptedGateway("wxid_a"), "b": ScriptedGateway("wxid_b")}
    async with running(sqlite_database, clock, gateways) as world:
        await world.reaches(State.ONLINE, "a")
        await world.written_state(State.ONLINE, "a")
        world.fleet.hear_lost(frozenset({"a"}))
        async with sqlite_database.write() as tx:  # what its new owner writes
            await tx.execute(update(Account).where(Account.id == "a").values(state="connecting"))
        await world.until(lambda: "a" not in world.fleet.states(), step_s=0.5)
        assert not gateways["a"].attached
    assert [(await world.account(id)).state for id in ("a", "b")] == ["connecting", "stopped"]


async def test_what_two_owners_believe_to_be_theirs_is_handled_once(database: Database, clock: VirtualClock) -> None:
    """The old one was cut off with arrivals in its memory; the new one took the same from the table."""
    await add_accounts(database, "a")
    heard = Heard()

    async def slowly(tx: object, received: Received) -> str:
        await asyncio.sleep(0.02)
        return "heard"

    heard.answer = slowly
    payload = {"id": "m", "text": "退订", "room": "", "talker": "wxid_c", "listener": "", "kind": "text"}
    async with database.write() as tx:
        await record(tx, [NewArrival("a", f"message:{n}", "message", clock.now_ms(), payload) for n in range(5)])
    writers = [InboxWriter(database, clock, lambda account: None, heard) for _ in range(2)]
    tasks = []
    for writer in writers:
        assert await writer.take_up(["a"]) == 5
        tasks.append(asyncio.create_task(writer.run(), name="inbox"))

    async def all_handled() -> bool:
        async with database.read() as connection:
            return set(await connection.scalars(select(Arrival.state))) == {"handled"}

    async with asyncio.timeout(10):
        while not await all_handled():  # noqa: ASYNC110  # a table has no event
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    for writer in writers:
        await writer.stop()
    await asyncio.gather(*tasks)
    assert len(heard.arrivals) == 5
