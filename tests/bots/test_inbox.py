"""The way in: once, in order, with all effects, and nothing lost by a crash."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from bots.chunks import LATE_MS
from bots.errors import GatewayUnavailable
from bots.gateway import Message, MessageArrived, MessageKind, RoomChanged
from bots.lifecycle import State
from bots.payloads import LONGEST_TEXT, conversation_of, message_of, message_payload, room_of, room_payload
from storage.engine import Database, open_database
from storage.errors import DatabaseUnavailable
from storage.inbox import OPEN, TRANSITIONS, ArrivalState, NewArrival, Received, mark_handled, record
from storage.tables import Arrival, Setting
from tests.bots.fleet_world import Heard, add_accounts, running
from tests.bots.scripted_gateway import ScriptedGateway
from tests.virtual_time import VirtualClock


def test_every_state_of_an_arrival_has_a_row_and_the_open_ones_lead_on() -> None:
    assert set(TRANSITIONS) == set(ArrivalState)
    assert {state.value for state in ArrivalState if TRANSITIONS[state]} == set(OPEN)


@given(
    st.builds(
        Message,
        id=st.text(min_size=1),
        kind=st.sampled_from(MessageKind),
        text=st.text(st.characters(exclude_characters="\x00")),
        talker=st.text(),
        listener=st.text(),
        room=st.text(),
        sent_ms=st.integers(),
        mentions=st.lists(st.text()).map(tuple),
    )
)
def test_a_message_comes_back_from_the_inbox_as_it_went_in(message: Message) -> None:
    assert message_of(message_payload(message)) == message


def test_nobody_has_a_book_read() -> None:
    """Every rule looks at every sign of a text: what is too long costs others their answers."""
    book = Message("m", MessageKind.TEXT, "淘宝" * LONGEST_TEXT, "wxid_a", "wxid_b", "", 0)
    assert len(message_of(message_payload(book)).text) == LONGEST_TEXT


def test_a_room_change_comes_back_from_the_inbox_as_it_went_in() -> None:
    change = RoomChanged("join", "1@chatroom", ("x", "y"), "z", 5, "topic")
    assert room_of(room_payload(change)) == change


def test_both_directions_of_a_chat_are_one_conversation_and_a_room_is_another() -> None:
    there = {"talker": "x", "listener": "me", "room": ""}
    back = {"talker": "me", "listener": "x", "room": ""}
    room = {"talker": "x", "listener": "", "room": "1@chatroom"}
    assert conversation_of("message", there) == conversation_of("message", back)
    assert conversation_of("message", room) == "1@chatroom"


async def test_an_event_written_twice_is_one_row_and_each_account_has_its_own(database: Database) -> None:
    rows = [NewArrival("a", "message:1", "message", 5), NewArrival("b", "message:1", "message", 5)]
    async with database.write() as tx:
        first = await record(tx, [*rows, rows[0]])
    async with database.write() as tx:
        again = await record(tx, rows)
    assert [(received.account, received.subject) for received in first] == [("a", "1"), ("b", "1")]
    assert again == []


async def test_a_row_is_handled_only_from_fetched(database: Database) -> None:
    async with database.write() as tx:
        [received] = await record(tx, [NewArrival("a", "message:1", "message", 5)])
        await mark_handled(tx, [(received.id, "answered")], now_ms=9)
        assert await tx.scalar(select(Arrival.state)) == ArrivalState.RECEIVED


async def test_repeated_events_are_handled_once_in_the_order_of_the_stream(
    database: Database, clock: VirtualClock
) -> None:
    await add_accounts(database, "a", "b")
    gateways = {"a": ScriptedGateway("wxid_a"), "b": ScriptedGateway("wxid_b")}
    async with running(database, clock, gateways) as world:
        await world.reaches(State.ONLINE, "a")
        await world.reaches(State.ONLINE, "b")
        for number in range(60):
            for account, gateway in gateways.items():
                gateway.say(f"{number}", "wxid_c", f"{account}{number}")
                if number % 3 == 0:
                    gateway.tell(MessageArrived(f"{number}"))
        await world.until(lambda: len(world.heard.arrivals) >= 120)
        assert world.heard.texts("a") == [f"a{number}" for number in range(60)]
        assert world.heard.texts("b") == [f"b{number}" for number in range(60)]

        async def all_handled() -> bool:
            return [row.state for row in await world.arrivals()] == ["handled"] * 120

        await world.eventually(all_handled)


class ForgetfulDatabase(Database):
    """The same database; it breaks right after the commit that wrote the first event, before anybody hears of it."""

    def __init__(self, db: Database) -> None:
        self.__dict__.update(db.__dict__)
        self.broke = False

    @asynccontextmanager
    async def write(self, *, short: bool = False) -> AsyncIterator[AsyncConnection]:
        count = select(func.count()).select_from(Arrival)
        async with super().write(short=short) as tx:
            before = await tx.scalar(count)
            yield tx
            wrote = await tx.scalar(count) != before
        if wrote and not self.broke:
            self.broke = True
            raise DatabaseUnavailable("gone after the commit")


async def test_an_event_whose_commit_was_not_heard_of_is_handled_without_a_restart(
    database: Database, clock: VirtualClock
) -> None:
    await add_accounts(database, "a")
    gateway, forgetful = ScriptedGateway("wxid_a"), ForgetfulDatabase(database)
    async with running(forgetful, clock, {"a": gateway}) as world:
        await world.reaches(State.ONLINE)
        gateway.say("m1", "wxid_c", "退订")
        await world.until(lambda: world.heard.texts() == ["退订"], step_s=0.5)
        assert forgetful.broke


async def test_a_payload_that_is_gone_becomes_a_repair_and_the_rest_goes_on(
    database: Database, clock: VirtualClock
) -> None:
    await add_accounts(database, "a")
    gateway = ScriptedGateway("wxid_a")
    async with running(database, clock, {"a": gateway}) as world:
        await world.reaches(State.ONLINE)
        gateway.tell(MessageArrived("gone"))
        gateway.say("m2", "wxid_c", "还在吗")
        await world.until(lambda: world.heard.texts() == ["还在吗"])

        async def settled() -> bool:
            return [(row.state, row.outcome) for row in await world.arrivals()] == [
                ("lost", "lost"),
                ("handled", "heard"),
            ]

        await world.eventually(settled)
        [lost, _] = await world.arrivals()
        assert await world.repairs() == {f"payload_lost:{lost.id}"}


async def test_a_bad_message_costs_only_itself_and_only_after_three_tries(
    database: Database, clock: VirtualClock
) -> None:
    await add_accounts(database, "a")
    gateway = ScriptedGateway("wxid_a")
    tries: list[str] = []

    async def handle(tx: AsyncConnection, received: Received) -> str:
        text = received.payload["text"]
        await tx.execute(insert(Setting).values(key=f"effect:{text}:{len(tries)}", value="", changed_ms=0))
        if text == "poison":
            tries.append(text)
            raise ValueError(text)
        return "heard"

    with capture_logs() as logs:
        async with running(database, clock, {"a": gateway}, heard=Heard(answer=handle)) as world:
            await world.reaches(State.ONLINE)
            for number, (talker, text) in enumerate([("x", "一"), ("y", "poison"), ("z", "三"), ("y", "四")]):
                gateway.say(f"m{number}", talker, text)

            async def all_closed() -> bool:
                return [row.state for row in await world.arrivals()] == ["handled", "lost", "handled", "handled"]

            await world.eventually(all_closed, step_s=0.1)
    texts = world.heard.texts()
    assert {"一", "三", "四"} == set(texts)
    assert texts[-1] == "四", "who waits behind a bad message of theirs comes after it"
    assert [log["failures"] for log in logs if log["event"] == "arrival_not_handled"] == [1, 2, 3]
    async with database.read() as connection:
        effects = (await connection.scalars(select(Setting.key))).all()
    assert not [key for key in effects if "poison" in key], "what a failed handler wrote is undone"
    assert len([key for key in effects if "一" in key]) == 1, "what the others wrote stands once"


async def test_not_yet_makes_only_that_conversation_wait(sqlite_database: Database, clock: VirtualClock) -> None:
    await add_accounts(sqlite_database, "a")
    gateway = ScriptedGateway("wxid_a")
    in_flight = True

    async def handle(tx: AsyncConnection, received: Received) -> str | None:
        return None if in_flight and received.payload["text"] == "own" else "heard"

    async with running(sqlite_database, clock, {"a": gateway}, heard=Heard(answer=handle)) as world:
        await world.reaches(State.ONLINE)
        gateway.say("m1", "wxid_a", "own", listener="x")
        gateway.say("m2", "x", "after")
        gateway.say("m3", "y", "other")
        await world.until(lambda: world.heard.texts() == ["other"])
        await clock.advance(5)
        assert world.heard.texts() == ["other"]
        in_flight = False
        await world.until(lambda: world.heard.texts() == ["other", "own", "after"], step_s=0.1)


async def test_a_clock_set_back_makes_no_conversation_wait_for_a_time_that_came_already(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "a")
    gateway = ScriptedGateway("wxid_a")
    in_flight = True

    async def handle(tx: AsyncConnection, received: Received) -> str | None:
        return None if in_flight and received.payload["text"] == "own" else "heard"

    async with running(sqlite_database, clock, {"a": gateway}, heard=Heard(answer=handle)) as world:
        await world.reaches(State.ONLINE)
        gateway.say("m1", "wxid_a", "own", listener="x")
        gateway.say("m2", "y", "other")
        await world.until(lambda: world.heard.texts() == ["other"])
        clock.set_by(-2 * 3_600)
        in_flight = False
        gateway.say("m3", "x", "退订")
        await world.until(lambda: world.heard.texts() == ["other", "own", "退订"], step_s=0.1)


async def test_what_a_crash_left_is_taken_up_and_what_waited_too_long_is_late(
    database: Database, clock: VirtualClock
) -> None:
    await add_accounts(database, "a")
    old_ms, new_ms = clock.now_ms() - LATE_MS - 1, clock.now_ms() - 1000

    def message(text: str) -> dict[str, Any]:
        return message_payload(Message("m", MessageKind.TEXT, text, "x", "wxid_a", "", 0))

    async with database.write() as tx:
        await record(
            tx,
            [
                NewArrival("a", "message:1", "message", old_ms, message("old, fetched")),
                NewArrival("a", "message:2", "message", new_ms, message("new, fetched")),
            ],
        )
        await record(tx, [NewArrival("a", "message:3", "message", new_ms)])
    gateway = ScriptedGateway("wxid_a")
    gateway.messages["3"] = Message("3", MessageKind.TEXT, "not fetched", "y", "wxid_a", "", 0)
    async with running(database, clock, {"a": gateway}) as world:
        await world.until(lambda: len(world.heard.arrivals) == 3)
        by_text = {received.payload["text"]: received.id for received in world.heard.arrivals}
        assert set(by_text) == {"old, fetched", "new, fetched", "not fetched"}
        assert world.heard.late == [by_text["old, fetched"]]


async def test_a_payload_that_can_t_be_had_now_is_fetched_when_the_account_is_back(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "a")
    gateway = ScriptedGateway("wxid_a")
    async with running(sqlite_database, clock, {"a": gateway}) as world:
        await world.reaches(State.ONLINE)
        gateway.fails_to_fetch.append(GatewayUnavailable("cut"))
        gateway.say("m1", "x", "一")
        gateway.say("m2", "x", "二")
        gateway.break_connection()
        await world.until(lambda: world.heard.texts() == ["一", "二"], step_s=1)


async def test_an_account_that_hangs_while_fetching_does_not_hold_up_another(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "a", "b")
    gateways = {"a": ScriptedGateway("wxid_a"), "b": ScriptedGateway("wxid_b")}
    gateways["a"].fetch_gate.clear()
    async with running(sqlite_database, clock, gateways) as world:
        await world.reaches(State.ONLINE, "a")
        await world.reaches(State.ONLINE, "b")
        for number in range(40):
            gateways["a"].say(f"{number}", "x", f"a{number}")
            gateways["b"].say(f"{number}", "x", f"b{number}")
        await world.until(lambda: len(world.heard.texts("b")) == 40)
        assert world.heard.texts("a") == []
        assert gateways["a"].most_fetching <= 16
        gateways["a"].fetch_gate.set()
        await world.until(lambda: world.heard.texts("a") == [f"a{number}" for number in range(40)])


async def test_what_was_heard_before_a_stop_is_written_even_if_nobody_handled_it(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "a")
    gateway = ScriptedGateway("wxid_a")
    gateway.fetch_gate.clear()
    async with running(sqlite_database, clock, {"a": gateway}) as world:
        await world.reaches(State.ONLINE)
        gateway.say("m1", "x", "一")
        await world.until(lambda: gateway.fetching == 1)
    assert [row.state for row in await world.arrivals()] == ["received"]
    again = ScriptedGateway("wxid_a")
    again.messages = gateway.messages
    async with running(sqlite_database, clock, {"a": again}) as world:
        await world.until(lambda: world.heard.texts() == ["一"])


async def test_a_room_change_needs_no_fetching(sqlite_database: Database, clock: VirtualClock) -> None:
    await add_accounts(sqlite_database, "a")
    gateway = ScriptedGateway("wxid_a")
    async with running(sqlite_database, clock, {"a": gateway}) as world:
        await world.reaches(State.ONLINE)
        change = RoomChanged("join", "1@chatroom", ("x",), "y", 7)
        gateway.tell(change)
        gateway.tell(change)
        await world.until(lambda: len(world.heard.arrivals) == 1)
        assert room_of(world.heard.arrivals[0].payload) == change
        assert gateway.fetched == []


async def test_a_request_and_its_confirmation_under_one_id_are_both_heard(
    sqlite_database: Database, clock: VirtualClock
) -> None:
    await add_accounts(sqlite_database, "a")
    gateway = ScriptedGateway("wxid_a")
    async with running(sqlite_database, clock, {"a": gateway}) as world:
        await world.reaches(State.ONLINE)
        gateway.befriend("f1", "receive", "wxid_x", "你好", name="小花")
        await world.until(lambda: len(world.heard.arrivals) == 1)
        await clock.advance(1)
        gateway.befriend("f1", "confirm", "wxid_x", name="小花")
        await world.until(lambda: len(world.heard.arrivals) == 2)
        assert [one.payload["kind"] for one in world.heard.arrivals] == ["receive", "confirm"]
        assert [one.payload["name"] for one in world.heard.arrivals] == ["小花", "小花"]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["x", "y"]), st.sampled_from(["ok", "later", "bad"])),
        min_size=1,
        max_size=25,
    )
)
def test_whatever_handlers_do_each_conversation_is_handled_in_order_and_everything_ends(
    sqlite_shape: Path, tmp_path: Path, script: list[tuple[str, str, str]]
) -> None:
    """'later' says not yet once, 'bad' raises for ever: the order within a conversation stands all the same."""
    with capture_logs():
        asyncio.run(_play(shutil.copy(sqlite_shape, tmp_path / f"{uuid4()}.db"), script))


async def _play(path: Path, script: list[tuple[str, str, str]]) -> None:
    db, clock = open_database(f"sqlite:///{path}"), VirtualClock()
    await add_accounts(db, "a", "b")
    gateways = {"a": ScriptedGateway("wxid_a"), "b": ScriptedGateway("wxid_b")}
    asked: set[int] = set()

    async def handle(tx: AsyncConnection, received: Received) -> str | None:
        what = received.payload["text"].split(":")[1]
        if what == "bad":
            raise RuntimeError(what)
        if what == "later" and received.id not in asked:
            asked.add(received.id)
            return None
        return "heard"

    try:
        async with running(db, clock, gateways, heard=Heard(answer=handle)) as world:
            await world.reaches(State.ONLINE, "a")
            await world.reaches(State.ONLINE, "b")
            for number, (account, talker, what) in enumerate(script):
                gateways[account].say(f"{number}", talker, f"{number}:{what}")

            async def all_closed() -> bool:
                rows = await world.arrivals()
                return len(rows) == len(script) and all(row.state in ("handled", "lost") for row in rows)

            await world.eventually(all_closed, step_s=0.3)
            rows = await world.arrivals()
        order: dict[tuple[str, str], list[int]] = {}
        for received in {one.id: one for one in reversed(world.heard.arrivals)}.values():
            order.setdefault((received.account, received.payload["talker"]), []).append(received.id)
        # A chunk that failed is handled anew: the last time counts, and those times are in order.
        for ids in order.values():
            assert list(reversed(ids)) == sorted(ids)
        lost = {row.payload["text"].split(":")[1] for row in rows if row.state == "lost"}
        assert lost <= {"bad"}
        assert len(rows) - sum(row.state == "lost" for row in rows) == sum(what != "bad" for _, _, what in script)
    finally:
        await db.close()
