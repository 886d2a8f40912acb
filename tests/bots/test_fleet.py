"""The fleet as one: windows, pauses, requests from other processes, publishing, and an end within five seconds."""

import asyncio
import time
from typing import Any

from sqlalchemy import insert, select, update
from structlog.testing import capture_logs

from bots.errors import GatewayUnavailable
from bots.gateway import Contact, Still, always
from bots.lifecycle import State
from bots.publisher import PostPackage
from bots.sync import FriendSync
from rules.kinds import Kind
from storage.campaign_tables import Post
from storage.engine import Database
from storage.fleet_tables import LiveRequest
from storage.outbox import Content, NewDelivery, plan
from storage.tables import Account
from tests.bots.fleet_world import World, add_accounts, running
from tests.bots.scripted_gateway import ScriptedGateway
from tests.virtual_time import VirtualClock


class SlowGateway(ScriptedGateway):
    """Its `open` waits until the test lets it; counts how many open at once over all gateways of a test."""

    def __init__(self, me: str, counter: dict[str, int]) -> None:
        super().__init__(me)
        self.counter = counter
        self.let_go = asyncio.Event()

    async def open(self) -> None:
        self.counter["now"] += 1
        self.counter["most"] = max(self.counter["most"], self.counter["now"])
        try:
            await self.let_go.wait()
        finally:
            self.counter["now"] -= 1
        await super().open()


async def ask(world: World, verb: str, account: str = "a", **payload: Any) -> None:
    async with world.db.write() as tx:
        await tx.execute(
            insert(LiveRequest).values(
                account=account, verb=verb, payload=payload, state="waiting", created_ms=world.clock.now_ms()
            )
        )


async def answer(world: World) -> tuple[str, Any]:
    """The last request's answer, once there is one."""
    found: list[tuple[str, Any]] = []

    async def is_there() -> bool:
        query = select(LiveRequest.state, LiveRequest.result).order_by(LiveRequest.id.desc()).limit(1)
        async with world.db.read() as connection:
            row = (await connection.execute(query)).one()
        found[:] = [(row.state, row.result)]
        return bool(row.state != "waiting")

    await world.eventually(is_there, step_s=0.5)
    return found[0]


async def test_only_so_many_connect_at_once_and_all_come_online(sqlite_database: Database, clock: VirtualClock) -> None:
    counter = {"now": 0, "most": 0}
    gateways: dict[str, ScriptedGateway] = {f"a{n}": SlowGateway(f"wxid_{n}", counter) for n in range(30)}
    await add_accounts(sqlite_database, *gateways)
    async with running(sqlite_database, clock, gateways, at_once=7) as world:
        await world.until(lambda: counter["now"] == 7)
        for gateway in gateways.values():
            assert isinstance(gateway, SlowGateway)
            gateway.let_go.set()
        await world.until(lambda: set(world.fleet.states().values()) == {State.ONLINE})
    assert counter["most"] == 7


async def test_a_start_can_be_interrupted_while_gateways_hang(sqlite_database: Database, clock: VirtualClock) -> None:
    counter = {"now": 0, "most": 0}
    gateways: dict[str, ScriptedGateway] = {f"a{n}": SlowGateway(f"wxid_{n}", counter) for n in range(10)}
    await add_accounts(sqlite_database, *gateways)
    began = time.monotonic()
    async with running(sqlite_database, clock, gateways, at_once=3) as world:
        await world.until(lambda: counter["now"] == 3)
    assert time.monotonic() - began < 5, "the promise to whoever presses Ctrl-C"
    assert counter["now"] == 0
    assert {(await world.account(id)).state for id in gateways} == {"stopped"}


async def test_a_stop_closes_every_gateway_and_writes_that_all_are_stopped(
    database: Database, clock: VirtualClock
) -> None:
    await add_accounts(database, "a", "b")
    gateways = {"a": ScriptedGateway("wxid_a"), "b": ScriptedGateway()}
    async with running(database, clock, gateways) as world:
        await world.reaches(State.ONLINE, "a")
    assert all(gateway.closed and not gateway.attached for gateway in gateways.values())
    assert [(await world.account(id)).state for id in ("a", "b")] == ["stopped", "stopped"]


async def test_a_stop_waits_for_the_send_in_flight_and_settles_it(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "a")
    gateway = ScriptedGateway("wxid_a")
    under_way, let_go = asyncio.Event(), asyncio.Event()
    original = gateway.send

    async def slow_send(to: str, content: Content, still: Still = always) -> str:
        under_way.set()
        await let_go.wait()
        return await original(to, content)

    gateway.send = slow_send  # type: ignore[method-assign]
    async with running(sqlite_database, clock, {"a": gateway}) as world:
        await world.reaches(State.ONLINE)
        row = NewDelivery(Kind.REPLY, "a", "wxid_c", Content(text="好"), "reply:1", clock.now_ms())
        async with sqlite_database.write() as tx:
            await plan(tx, [row], now_ms=clock.now_ms())
        await world.until(under_way.is_set, step_s=0.5)
        world.fleet.stop()
        asyncio.get_running_loop().call_later(0.05, let_go.set)
    [delivery] = await world.deliveries()
    assert (delivery.state, len(gateway.sent)) == ("accepted", 1)


async def test_a_pause_set_by_another_process_is_seen_and_lifted(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "a")
    async with running(sqlite_database, clock, {"a": ScriptedGateway("wxid_a")}) as world:
        await world.reaches(State.ONLINE)
        for paused_by, state in (("owner", State.PAUSED), (None, State.ONLINE)):
            async with sqlite_database.write() as tx:
                await tx.execute(update(Account).values(paused_by=paused_by))
            await world.reaches(state, step_s=0.5)
            await world.written_state(state)


async def test_another_process_gets_the_qr_code_as_soon_as_there_is_one(
    database: Database, clock: VirtualClock
) -> None:
    await add_accounts(database, "a")
    gateway = ScriptedGateway()
    async with running(database, clock, {"a": gateway}) as world:
        await ask(world, "qr")
        assert await answer(world) == ("done", {"qr": gateway.qr})
        gateway.log_in("wxid_a")
        await world.reaches(State.ONLINE)
        await ask(world, "qr")
        state, result = await answer(world)
        assert state == "failed"
        assert "a" in result["problem"]


async def test_a_logout_asked_for_reaches_the_gateway_and_its_refusal_the_asker(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "a")
    gateway = ScriptedGateway("wxid_a")
    async with running(sqlite_database, clock, {"a": gateway}) as world:
        await world.reaches(State.ONLINE)
        await ask(world, "logout")
        assert await answer(world) == ("done", {})
        assert gateway.me == ""

        async def refuse() -> None:
            raise GatewayUnavailable("not now", hint="later")

        gateway.log_out = refuse  # type: ignore[method-assign]
        await ask(world, "logout")
        assert await answer(world) == ("failed", {"problem": "not now", "hint": "later"})


async def test_a_test_message_is_a_row_of_the_outbox_like_any_other(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "a")
    gateway = ScriptedGateway("wxid_a")
    async with running(sqlite_database, clock, {"a": gateway}) as world:
        await world.reaches(State.ONLINE)
        await ask(world, "test_message")
        assert await answer(world) == ("done", {"delivery_planned": True})
        await world.until(lambda: [to for to, _ in gateway.sent] == ["filehelper"], step_s=0.5)
        assert [row.key for row in await world.deliveries()] == ["test:1"]


async def test_requests_for_accounts_of_another_process_are_left_alone(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "a", "elsewhere")
    async with running(sqlite_database, clock, {"a": ScriptedGateway("wxid_a")}) as world:
        await ask(world, "qr", "elsewhere")
        await ask(world, "nonsense")
        state, _ = await answer(world)
        assert state == "failed"
        async with sqlite_database.read() as connection:
            assert await connection.scalar(select(LiveRequest.state).where(LiveRequest.verb == "qr")) == "waiting"


async def test_the_friends_of_an_account_are_learnt_after_its_login(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "a")
    gateway = ScriptedGateway("wxid_a")
    gateway.contacts["x"] = Contact("x", "小花", "", True)
    sync = FriendSync(sqlite_database, clock)
    async with running(sqlite_database, clock, {"a": gateway}, background=sync) as world:

        async def is_counted() -> bool:
            return bool((await world.account()).first_sync_done_ms)

        await world.eventually(is_counted, step_s=0.1)
        assert (await world.account()).friends_listed == 1


class Shelf:
    """A publisher that remembers."""

    def __init__(self) -> None:
        self.posts: list[PostPackage] = []

    async def publish(self, post: PostPackage) -> str:
        self.posts.append(post)
        return "post-1"


async def test_a_post_is_published_with_its_words_under_the_key_of_its_row(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "a", publisher="webhook")
    shelf = Shelf()
    async with sqlite_database.write() as tx:
        await tx.execute(
            insert(Post).values(
                id=7, key="a:day:coffee", account="a", day="2026-11-21", entry="coffee", kind="life", text="早安",
                media=["c.jpg"], link="https://shop.example", due_ms=0,
            )
        )  # fmt: skip
        row = NewDelivery(Kind.MOMENT, "a", "", Content(post=7), "moment:a:coffee", clock.now_ms())
        await plan(tx, [row], now_ms=clock.now_ms())
    gateways = {"a": ScriptedGateway("wxid_a")}
    async with running(sqlite_database, clock, gateways, publishers={"a": shelf}) as world:
        await world.until(lambda: len(shelf.posts) == 1, step_s=0.5)
    assert shelf.posts == [PostPackage("moment:a:coffee", "a", "life", "早安", ("c.jpg",), "https://shop.example")]
    [delivery] = await world.deliveries()
    assert (delivery.state, delivery.gateway_id) == ("accepted", "post-1")


async def test_while_the_tables_can_t_be_read_the_accounts_stay_online_and_it_is_said_once(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "a")
    with capture_logs() as logs:
        async with running(sqlite_database, clock, {"a": ScriptedGateway("wxid_a")}) as world:
            await world.reaches(State.ONLINE)
            async with sqlite_database.write() as tx:
                await tx.exec_driver_sql("ALTER TABLE requests RENAME TO requests_away")
            for _ in range(12):
                await clock.advance(1)
                await asyncio.sleep(0.02)
            assert world.state() is State.ONLINE
            async with sqlite_database.write() as tx:
                await tx.exec_driver_sql("ALTER TABLE requests_away RENAME TO requests")
            await ask(world, "qr")
            assert (await answer(world))[0] == "failed"
    assert len([log for log in logs if log["event"] == "sweep_failed"]) == 1
