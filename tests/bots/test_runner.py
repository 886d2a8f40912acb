"""One account's life: login, logout, broken lines, wrong accounts, limits; and none of it touches a neighbour."""

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from bots.backoff import LASTING_TRIES, NEEDS_PERSON_WALL_MS
from bots.errors import (
    AccountRestricted,
    GarbageAnswer,
    GatewayUnavailable,
    NotLoggedIn,
    StreamBusy,
    WrongToken,
)
from bots.gateway import Logout, Reset, Scan
from bots.lifecycle import State
from bots.lost_accounts import set_aside, take_back
from bots.runner import REST_MS
from rules.kinds import Kind
from storage.engine import Database
from storage.outbox import Content, NewDelivery, plan
from storage.tables import Account
from tests.bots.fleet_world import add_accounts, running
from tests.bots.scripted_gateway import ScriptedGateway
from tests.virtual_time import VirtualClock


async def plan_reply(db: Database, clock: VirtualClock, key: str, to: str = "wxid_c", account: str = "a") -> None:
    row = NewDelivery(Kind.REPLY, account, to, Content(text="好呀"), key, clock.now_ms())
    async with db.write() as tx:
        await plan(tx, [row], now_ms=clock.now_ms())


async def test_an_account_that_is_logged_in_comes_online_and_its_own_id_is_written(
    database: Database, clock: VirtualClock
) -> None:
    await add_accounts(database, "a")
    async with running(database, clock, {"a": ScriptedGateway("wxid_a")}) as world:
        await world.reaches(State.ONLINE)
        await world.written_state(State.ONLINE)
        row = await world.account()
        assert row.self_contact == "wxid_a"
        assert row.state_since_ms == clock.now_ms()
    assert (await world.account()).state == State.STOPPED


async def test_a_logged_out_gateway_is_asked_once_for_a_session_and_shows_its_code(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "a")
    gateway = ScriptedGateway()
    async with running(sqlite_database, clock, {"a": gateway}) as world:
        await world.reaches(State.AWAITING_SCAN, step_s=1)
        await clock.advance(30)
        assert gateway.sessions_started == 1
        assert world.codes == [("a", gateway.qr)]
        assert world.fleet.codes() == {"a": gateway.qr}
        await world.written_state(State.AWAITING_SCAN)
        assert await world.repairs() == {"scan:a"}
        gateway.tell(Scan("waiting", "second code"))
        gateway.tell(Scan("scanned", ""))
        gateway.log_in("wxid_a")
        await world.reaches(State.ONLINE)
        assert world.codes[-1] == ("a", "second code")
        assert await world.repairs() == set()
        assert world.fleet.codes() == {}


async def test_nobody_is_asked_to_scan_for_a_lost_account_until_it_is_found(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "a", "b")
    async with sqlite_database.write() as tx:
        await set_aside(tx, "a", "boss", clock.now_ms())
    gateways = {"a": ScriptedGateway(), "b": ScriptedGateway()}
    async with running(sqlite_database, clock, gateways) as world:
        await world.reaches(State.AWAITING_SCAN, "b", step_s=1)
        gateways["a"].tell(Scan("waiting", "a code of its own accord"))
        await world.reaches(State.AWAITING_SCAN)
        await clock.advance(30)
        assert (gateways["a"].sessions_started, list(world.fleet.codes())) == (0, ["b"])
        assert [account for account, _ in world.codes] == ["b"] and await world.repairs() == {"scan:b"}
        async with sqlite_database.write() as tx:
            await take_back(tx, "a")
            await set_aside(tx, "b", "boss", clock.now_ms())
        await world.until(lambda: world.codes[-1] == ("a", "a code of its own accord"), step_s=1)
        assert list(world.fleet.codes()) == ["a"]

        async def only_a_is_asked_for() -> bool:
            return await world.repairs() == {"scan:a"}

        await world.eventually(only_a_is_asked_for)


async def test_a_gateway_that_is_logged_in_is_never_asked_for_a_session(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "a")
    gateway = ScriptedGateway("wxid_a")
    async with running(sqlite_database, clock, {"a": gateway}) as world:
        await world.reaches(State.ONLINE)
        await clock.advance(60)
        assert gateway.sessions_started == 0


async def test_a_broken_line_is_logged_once_comes_back_by_itself_and_its_recovery_is_logged_once(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "a")
    gateway = ScriptedGateway("wxid_a")
    with capture_logs() as logs:
        async with running(sqlite_database, clock, {"a": gateway}) as world:
            await world.reaches(State.ONLINE)
            gateway.fails_to_open.extend(GatewayUnavailable("nobody there") for _ in range(6))
            gateway.break_connection()
            await world.reaches(State.BACKING_OFF)
            await world.written_state(State.BACKING_OFF)
            assert (await world.account()).state_detail == "the line broke"
            await world.reaches(State.ONLINE, step_s=5)
    assert gateway.opened == 8
    assert [log["event"] for log in logs if log["event"] in ("account_down", "account_recovered")] == [
        "account_down",
        "account_recovered",
    ]


async def test_a_stream_held_by_our_own_ghost_is_tried_again(sqlite_database: Database, clock: VirtualClock) -> None:
    await add_accounts(sqlite_database, "a")
    gateway = ScriptedGateway("wxid_a")
    gateway.fails_to_open.extend([StreamBusy("busy"), StreamBusy("busy")])
    async with running(sqlite_database, clock, {"a": gateway}) as world:
        await world.reaches(State.ONLINE, step_s=1)
        assert gateway.opened == 3


async def test_a_wrong_token_needs_a_person_and_once_mended_works_without_a_restart(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "a")
    gateway = ScriptedGateway("wxid_a")
    gateway.fails_to_open.append(WrongToken("no", hint="look at the token"))
    async with running(sqlite_database, clock, {"a": gateway}) as world:
        await world.reaches(State.BACKING_OFF)
        await world.written_state(State.BACKING_OFF)
        assert await world.repairs() == {"gateway:a"}
        await clock.advance(NEEDS_PERSON_WALL_MS / 1000 - 1)
        assert gateway.opened == 1
        await clock.advance(2)
        await world.reaches(State.ONLINE)
        assert await world.repairs() == set()


async def test_a_gateway_that_stays_away_becomes_a_repair_and_mends_itself(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "a")
    gateway = ScriptedGateway("wxid_a")
    away = [GatewayUnavailable("nobody there", hint="start it") for _ in range(LASTING_TRIES)]
    gateway.fails_to_open.extend(away)
    async with running(sqlite_database, clock, {"a": gateway}) as world:
        await world.reaches(State.BACKING_OFF)
        await world.written_state(State.BACKING_OFF)
        assert await world.repairs() == set()  # a hiccup is nobody's business
        for _ in range(60):
            if gateway.opened >= LASTING_TRIES:
                break
            await clock.advance(1)
        for _ in range(60):  # what happened is written down by another task
            if await world.repairs() == {"gateway:a"}:
                break
            await clock.advance(0.01)
        assert await world.repairs() == {"gateway:a"}
        await clock.advance(60)
        await world.reaches(State.ONLINE)
        assert await world.repairs() == set()


async def test_what_is_not_a_gateway_is_tried_rarely(sqlite_database: Database, clock: VirtualClock) -> None:
    await add_accounts(sqlite_database, "a")
    gateway = ScriptedGateway("wxid_a")
    gateway.fails_to_open.extend(GarbageAnswer("hello, I am a web server") for _ in range(3))
    async with running(sqlite_database, clock, {"a": gateway}) as world:
        await world.reaches(State.BACKING_OFF)
        await clock.advance(29)
        assert gateway.opened == 1
        await clock.advance(2)
        await world.until(lambda: gateway.opened == 2)


async def test_a_surprise_in_one_account_is_logged_with_its_traceback_once_and_touches_no_neighbour(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "a", "b")
    gateways = {"a": ScriptedGateway("wxid_a"), "b": ScriptedGateway("wxid_b")}
    gateways["a"].fails_to_open.extend(ZeroDivisionError("a bug") for _ in range(4))
    with capture_logs() as logs:
        async with running(sqlite_database, clock, gateways) as world:
            await world.reaches(State.ONLINE, "b")
            await world.until(lambda: gateways["a"].opened >= 3, step_s=1)
            gateways["b"].say("m1", "wxid_c", "在吗")
            await world.until(lambda: world.heard.texts("b") == ["在吗"])
            await world.reaches(State.ONLINE, "a", step_s=5)
            assert gateways["b"].opened == 1
    surprises = [log for log in logs if log["event"] == "account_surprised"]
    assert len(surprises) == 1
    assert surprises[0]["exc_info"]


async def test_a_reset_attaches_anew_at_once_without_a_failure(sqlite_database: Database, clock: VirtualClock) -> None:
    await add_accounts(sqlite_database, "a")
    gateway = ScriptedGateway("wxid_a")
    with capture_logs() as logs:
        async with running(sqlite_database, clock, {"a": gateway}) as world:
            await world.reaches(State.ONLINE)
            gateway.tell(Reset("memory"))
            await world.until(lambda: gateway.opened == 2, step_s=0.5)
            await world.reaches(State.ONLINE)
    assert not [log for log in logs if log["event"] == "account_down"]


async def test_after_a_logout_the_same_account_may_log_in_again(sqlite_database: Database, clock: VirtualClock) -> None:
    await add_accounts(sqlite_database, "a")
    gateway = ScriptedGateway("wxid_a")
    async with running(sqlite_database, clock, {"a": gateway}) as world:
        await world.reaches(State.ONLINE)
        gateway.me = ""
        gateway.tell(Logout("taken over by a phone"))
        await world.reaches(State.AWAITING_SCAN)
        await world.until(lambda: gateway.sessions_started == 1, step_s=1)
        assert "scan:a" in await world.repairs()
        gateway.log_in("wxid_a")
        await world.reaches(State.ONLINE)


async def test_another_wechat_on_the_gateway_neither_speaks_nor_is_heard(
    database: Database, clock: VirtualClock
) -> None:
    await add_accounts(database, "a", self_contact="wxid_a")
    gateway = ScriptedGateway("wxid_other")
    async with running(database, clock, {"a": gateway}) as world:
        await world.reaches(State.RESTRICTED)
        gateway.say("m1", "wxid_c", "你是谁")
        await plan_reply(database, clock, "reply:1")
        await clock.advance(30)
        await world.written_state(State.RESTRICTED)
        assert gateway.sent == []
        assert await world.arrivals() == []
        assert await world.repairs() == {"wrong_account:a"}
        assert (await world.account()).self_contact == "wxid_a"
        gateway.log_in("wxid_a")
        await world.reaches(State.ONLINE)
        await world.until(lambda: len(gateway.sent) == 1, step_s=1)
        assert "wrong_account:a" not in await world.repairs()


async def test_two_accounts_on_one_wechat_do_not_both_speak_for_it(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "a", "b")
    gateways = {"a": ScriptedGateway("wxid_same"), "b": ScriptedGateway("wxid_same")}
    async with running(sqlite_database, clock, gateways) as world:
        await world.until(lambda: set(world.fleet.states().values()) == {State.ONLINE, State.RESTRICTED})


async def test_a_limited_account_rests_and_then_goes_on(database: Database, clock: VirtualClock) -> None:
    await add_accounts(database, "a")
    gateway = ScriptedGateway("wxid_a")
    gateway.fails_to_send.append(AccountRestricted("操作频繁"))
    async with running(database, clock, {"a": gateway}) as world:
        await world.reaches(State.ONLINE)
        await plan_reply(database, clock, "reply:1")
        await world.reaches(State.RESTRICTED, step_s=0.5)
        await plan_reply(database, clock, "reply:2", "wxid_d")
        await clock.advance(REST_MS / 1000 - 60)
        await world.written_state(State.RESTRICTED)
        assert gateway.sent == []
        assert "restricted:a" in await world.repairs()
        await world.reaches(State.ONLINE, step_s=30)
        await world.until(lambda: [to for to, _ in gateway.sent] == ["wxid_d"], step_s=1)
        await world.written_state(State.ONLINE)
        assert "restricted:a" not in await world.repairs()


async def test_a_restart_does_not_end_a_rest(sqlite_database: Database, clock: VirtualClock) -> None:
    await add_accounts(sqlite_database, "a")
    gateway = ScriptedGateway("wxid_a")
    gateway.fails_to_send.append(AccountRestricted("操作频繁"))
    async with running(sqlite_database, clock, {"a": gateway}) as world:
        await world.reaches(State.ONLINE)
        await plan_reply(sqlite_database, clock, "reply:1")
        await world.reaches(State.RESTRICTED, step_s=0.5)
    async with running(sqlite_database, clock, {"a": ScriptedGateway("wxid_a")}) as world:
        await world.reaches(State.RESTRICTED)


async def test_a_send_that_finds_the_account_out_asks_for_a_scan(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "a")
    gateway = ScriptedGateway("wxid_a")
    gateway.fails_to_send.append(NotLoggedIn("logged out"))
    async with running(sqlite_database, clock, {"a": gateway}) as world:
        await world.reaches(State.ONLINE)
        await plan_reply(sqlite_database, clock, "reply:1")
        await world.reaches(State.AWAITING_SCAN, step_s=0.5)
        gateway.log_in("wxid_a")
        await world.until(lambda: len(gateway.sent) == 1, step_s=1)


@pytest.mark.parametrize("kind, leaves", [(Kind.REPLY, False), (Kind.COMMAND_REPLY, True)])
async def test_a_paused_account_receives_and_answers_only_commands(
    sqlite_database: Database, clock: VirtualClock, kind: Kind, leaves: bool
) -> None:
    await add_accounts(sqlite_database, "a", paused_by="owner")
    gateway = ScriptedGateway("wxid_a")
    async with running(sqlite_database, clock, {"a": gateway}) as world:
        await world.reaches(State.PAUSED)
        gateway.say("m1", "wxid_c", "在吗")
        await world.until(lambda: world.heard.texts() == ["在吗"])
        row = NewDelivery(kind, "a", "wxid_c", Content(text="好"), "k", clock.now_ms())
        async with sqlite_database.write() as tx:
            await plan(tx, [row], now_ms=clock.now_ms())
        if leaves:
            await world.until(lambda: len(gateway.sent) == 1, step_s=0.5)
        for _ in range(20):
            await clock.advance(1)
            await world.account()
        assert (len(gateway.sent) == 1) is leaves
        async with sqlite_database.write() as tx:
            await tx.execute(update(Account).values(paused_by=None))
        await world.reaches(State.ONLINE, step_s=1)
        await world.until(lambda: len(gateway.sent) == 1, step_s=1)
