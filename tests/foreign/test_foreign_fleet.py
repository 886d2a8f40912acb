"""The same gateways through the whole fleet: runner, inbox, courier and a real database."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bots.lifecycle import State
from bots.wechaty_gateway import WechatyGateway
from rules.kinds import Kind
from storage.engine import Database
from storage.inbox import Received
from storage.outbox import Content, NewDelivery, plan
from tests.bots.fleet_world import Heard, World, add_accounts, running
from tests.foreign.conftest import StartGateway
from tests.foreign.gateway_process import ForeignGateway
from tests.virtual_time import VirtualClock

ANNA = {"id": "wxid_anna", "name": "安娜", "friend": True}
ROOM = {"id": "100@chatroom", "topic": "老客福利群", "memberIdList": ["wxid_anna"], "adminIdList": []}


def ours(foreign: dict[str, ForeignGateway]) -> dict[str, Any]:
    return {id: WechatyGateway(id, one.endpoint, one.token) for id, one in foreign.items()}


async def echo(tx: AsyncConnection, received: Received) -> str:
    """Answers everybody but the account itself, where they spoke: 答 and the account, then their words."""
    message = received.payload
    if not message["talker"].startswith("wxid_lin"):
        to = message["room"] or message["talker"]
        text = f"答{received.account}:{message['text']}"
        row = NewDelivery(Kind.REPLY, received.account, to, Content(text=text), f"echo:{received.id}", 0)
        await plan(tx, [row], now_ms=received.received_ms)
    return "heard"


async def said(world: World, foreign: ForeignGateway, texts: set[str]) -> list[str]:
    """Wait until the account has sent all of `texts`; what it has sent then, in order."""

    async def all_said() -> bool:
        return texts <= {row["what"] for row in await foreign.sent()}

    await world.eventually(all_said, step_s=1)
    return [row["what"] for row in await foreign.sent()]


async def test_each_account_answers_its_own_people_always(
    start_gateway: StartGateway, sqlite_database: Database, clock: VirtualClock
) -> None:
    """Two accounts share a contact and a room; what was said to one is answered by that one, once, and there."""
    foreign = {id: await start_gateway(id) for id in ("lin-1", "lin-2")}
    for one in foreign.values():
        await one.do("contact", contact=ANNA)
        await one.do("room", room=ROOM)
    await add_accounts(sqlite_database, *foreign)
    async with running(sqlite_database, clock, ours(foreign), heard=Heard(answer=echo)) as world:
        for id in foreign:
            await world.reaches(State.ONLINE, id)
        for turn in range(3):
            for id, one in foreign.items():
                where = {"room": ROOM["id"]} if turn % 2 else {}
                await one.do("say", **{"from": "wxid_anna"}, text=f"问{id}-{turn}", **where)
        for id, one in foreign.items():
            expected = [f"答{id}:问{id}-{turn}" for turn in range(3)]
            assert sorted(await said(world, one, set(expected))) == expected
            places = {row["what"]: row["to"] for row in await one.sent()}
            assert [places[text] for text in expected] == ["wxid_anna", ROOM["id"], "wxid_anna"]


async def test_killed_and_restarted_in_the_middle_the_account_comes_back_and_its_sibling_never_left(
    start_gateway: StartGateway, sqlite_database: Database, clock: VirtualClock
) -> None:
    foreign = {id: await start_gateway(id) for id in ("lin-1", "lin-2")}
    for one in foreign.values():
        await one.do("contact", contact=ANNA)
    await add_accounts(sqlite_database, *foreign)
    async with running(sqlite_database, clock, ours(foreign), heard=Heard(answer=echo)) as world:
        for id in foreign:
            await world.reaches(State.ONLINE, id)
        await foreign["lin-1"].kill()
        await world.reaches(State.BACKING_OFF, "lin-1")
        assert world.state("lin-2") is State.ONLINE
        await foreign["lin-2"].do("say", **{"from": "wxid_anna"}, text="你在吗")
        await said(world, foreign["lin-2"], {"答lin-2:你在吗"})
        await foreign["lin-1"].start()
        await foreign["lin-1"].do("contact", contact=ANNA)
        await world.reaches(State.ONLINE, "lin-1", step_s=1)
        await foreign["lin-1"].do("say", **{"from": "wxid_anna"}, text="回来了吗")
        assert await said(world, foreign["lin-1"], {"答lin-1:回来了吗"}) == ["答lin-1:回来了吗"]


async def test_a_repeated_event_is_answered_once_and_a_lost_payload_becomes_a_repair(
    foreign_gateway: ForeignGateway, sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "lin-1")
    gateways = ours({"lin-1": foreign_gateway})
    async with running(sqlite_database, clock, gateways, heard=Heard(answer=echo)) as world:
        await world.reaches(State.ONLINE, "lin-1")
        first = await foreign_gateway.do("say", **{"from": "wxid_anna"}, text="在吗")
        for id in (first["message"], "gone", first["message"]):
            await foreign_gateway.do("emit", event="message", payload={"messageId": id})
        await foreign_gateway.do("say", **{"from": "wxid_anna"}, text="还在吗")
        expected = ["答lin-1:在吗", "答lin-1:还在吗"]
        assert sorted(await said(world, foreign_gateway, set(expected))) == sorted(expected)

        async def repaired() -> bool:
            return any(key.startswith("payload_lost:") for key in await world.repairs())

        await world.eventually(repaired, step_s=1)


async def test_a_ghost_on_the_stream_is_waited_out(
    foreign_gateway: ForeignGateway, sqlite_database: Database, clock: VirtualClock
) -> None:
    """The account backs off while another client holds its stream, and is online once that has gone."""
    ghost = WechatyGateway("ghost", foreign_gateway.endpoint, foreign_gateway.token)
    await ghost.open()
    events = ghost.events()
    await anext(aiter(events))
    await add_accounts(sqlite_database, "lin-1")
    async with running(sqlite_database, clock, ours({"lin-1": foreign_gateway})) as world:
        await world.reaches(State.BACKING_OFF, "lin-1")
        await ghost.close()
        await world.reaches(State.ONLINE, "lin-1", step_s=1)


async def test_what_is_typed_on_the_phone_reaches_the_house_as_the_accounts_own_words(
    foreign_gateway: ForeignGateway, sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "lin-1")
    async with running(sqlite_database, clock, ours({"lin-1": foreign_gateway})) as world:
        await world.reaches(State.ONLINE, "lin-1")
        await foreign_gateway.do("type", text="我来回你", to="wxid_anna")
        await world.until(lambda: world.heard.texts() == ["我来回你"], step_s=1)
        assert world.heard.arrivals[0].payload["talker"] == "wxid_lin-1"
    assert [row["what"] for row in await foreign_gateway.sent()] == [], "the fleet itself sent nothing"
