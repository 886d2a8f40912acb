"""The same fleet on the simulated gateways: real gRPC, real sockets, people on the other side."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.friends import Friends
from bots.lifecycle import State
from bots.payloads import friendship_of
from bots.sync import FriendSync, Rates
from bots.wechaty_gateway import WechatyGateway
from simulator.messages import Kind as Said
from simulator.simulation import Simulation
from storage.engine import Database
from storage.inbox import Received
from storage.tables import Account, FriendRequest, Friendship
from tests.bots.fleet_world import Heard, World, add_accounts, running
from tests.simulator.worlds import QUIET
from tests.virtual_time import VirtualClock

QUICK = Rates(account=1e6, fleet=1e6)
STEP_S = 0.2


async def welcome(tx: AsyncConnection, friendship: int, now_ms: int) -> None:
    await tx.execute(update(Friendship).where(Friendship.id == friendship).values(welcomed_ms=now_ms))


@asynccontextmanager
async def simulated(db: Database, clock: VirtualClock, folder: Path) -> AsyncIterator[tuple[Simulation, World]]:
    """Two accounts of a quiet simulated world, and the fleet that keeps them."""
    simulation = Simulation(QUIET, clock, folder / "world.jsonl", with_people=False)
    doors = await simulation.start()
    friends = Friends((), welcome)

    async def handle(tx: AsyncConnection, received: Received) -> str:
        if received.kind == "friendship":
            now_ms = clock.now_ms()
            return await friends.friendship_arrived(tx, received.account, friendship_of(received.payload), now_ms)
        return "heard"

    gateways: dict[str, Any] = {
        account: WechatyGateway(account, *doors.gateways[account]) for account in ("yu-1", "lin-1")
    }
    await add_accounts(db, *gateways)
    sync = FriendSync(db, clock, QUICK, QUICK)
    try:
        async with running(db, clock, gateways, heard=Heard(answer=handle), background=sync) as world:
            for account in gateways:
                await world.reaches(State.ONLINE, account, step_s=STEP_S)
            yield simulation, world
    finally:
        await simulation.stop()


async def synchronised(world: World) -> None:
    async def is_done() -> bool:
        async with world.db.read() as connection:
            query = select(func.count()).select_from(Account).where(Account.first_sync_done_ms.is_(None))
            return not await connection.scalar(query)

    await world.eventually(is_done, step_s=STEP_S)


async def test_the_friends_in_the_tables_are_the_friends_in_the_world(
    sqlite_database: Database, clock: VirtualClock, tmp_path: Path
) -> None:
    async with simulated(sqlite_database, clock, tmp_path) as (simulation, world):
        await synchronised(world)
        for account in ("yu-1", "lin-1"):
            async with sqlite_database.read() as connection:
                rows = await connection.scalars(select(Friendship.contact).where(Friendship.account == account))
                assert set(rows) == set(simulation.world.accounts[account].friends.ids()) - {"filehelper"}


async def test_somebody_asks_is_accepted_confirmed_and_counted(
    sqlite_database: Database, clock: VirtualClock, tmp_path: Path
) -> None:
    async with simulated(sqlite_database, clock, tmp_path) as (simulation, world):
        await synchronised(world)
        before = (await world.account("yu-1")).friends_listed
        contact = simulation.world.newcomer()
        simulation.world.ask(contact, "yu-1", "你好", 3)

        async def is_friend() -> bool:
            async with sqlite_database.read() as connection:
                return await connection.scalar(select(FriendRequest.state)) == "confirmed"

        await world.eventually(is_friend, step_s=STEP_S)
        assert contact in simulation.world.accounts["yu-1"].friends
        assert (await world.account("yu-1")).friends_listed == before + 1


async def test_a_message_said_while_events_repeat_is_heard_once_by_the_account_it_was_said_to(
    sqlite_database: Database, clock: VirtualClock, tmp_path: Path
) -> None:
    async with simulated(sqlite_database, clock, tmp_path) as (simulation, world):
        simulation.faults.repeat_events("yu-1", 3)
        friend = next(id for id in simulation.world.accounts["yu-1"].friends.ids() if id.startswith("wxid_c"))
        for text in ("在吗", "有货吗", "谢谢"):
            simulation.world.say(friend, "yu-1", Said.TEXT, text)
        await world.until(lambda: len(world.heard.arrivals) >= 3, step_s=STEP_S)
        await world.until(lambda: world.heard.texts("yu-1") == ["在吗", "有货吗", "谢谢"], step_s=STEP_S)
        assert world.heard.texts("lin-1") == []


async def test_a_payload_that_the_gateway_lost_is_a_repair(
    sqlite_database: Database, clock: VirtualClock, tmp_path: Path
) -> None:
    async with simulated(sqlite_database, clock, tmp_path) as (simulation, world):
        simulation.faults.lose_payloads("yu-1")
        friend = next(id for id in simulation.world.accounts["yu-1"].friends.ids() if id.startswith("wxid_c"))
        simulation.world.say(friend, "yu-1", Said.TEXT, "在吗")

        async def is_repair() -> bool:
            return any(key.startswith("payload_lost:") for key in await world.repairs())

        await world.eventually(is_repair, step_s=STEP_S)


async def test_an_account_logged_out_by_its_phone_comes_back_when_somebody_scans(
    sqlite_database: Database, clock: VirtualClock, tmp_path: Path
) -> None:
    async with simulated(sqlite_database, clock, tmp_path) as (simulation, world):
        simulation.world.log_out("yu-1", "taken over")
        await world.reaches(State.AWAITING_SCAN, "yu-1", step_s=STEP_S)
        await world.until(lambda: bool(world.codes), step_s=STEP_S)
        assert world.state("lin-1") is State.ONLINE
        simulation.world.log_in("yu-1")
        await world.reaches(State.ONLINE, "yu-1", step_s=STEP_S)


@pytest.mark.parametrize("trouble", ["die", "answer_garbage"])
async def test_a_gateway_that_is_away_takes_only_its_own_account_along(
    sqlite_database: Database, clock: VirtualClock, tmp_path: Path, trouble: str
) -> None:
    async with simulated(sqlite_database, clock, tmp_path) as (simulation, world):
        await getattr(simulation.faults, trouble)("yu-1")
        await world.reaches(State.BACKING_OFF, "yu-1", step_s=STEP_S)
        assert world.state("lin-1") is State.ONLINE
        await simulation.faults.come_back("yu-1")
        await world.reaches(State.ONLINE, "yu-1", step_s=STEP_S)


@pytest.mark.parametrize("trouble", ["drop", "reset", "close_events"])
async def test_after_a_break_of_the_line_what_is_said_is_heard_again(
    sqlite_database: Database, clock: VirtualClock, tmp_path: Path, trouble: str
) -> None:
    async with simulated(sqlite_database, clock, tmp_path) as (simulation, world):
        await getattr(simulation.faults, trouble)("yu-1")
        await world.until(lambda: world.state("yu-1") is not State.ONLINE, step_s=STEP_S)
        await world.reaches(State.ONLINE, "yu-1", step_s=STEP_S)
        friend = next(id for id in simulation.world.accounts["yu-1"].friends.ids() if id.startswith("wxid_c"))
        simulation.world.say(friend, "yu-1", Said.TEXT, "在吗")
        await world.until(lambda: world.heard.texts("yu-1") == ["在吗"], step_s=STEP_S)
