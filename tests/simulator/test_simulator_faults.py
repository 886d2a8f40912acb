"""Troubles come on request, hit one account only, and leave the record telling the truth."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from simulator.crowd import contact_of
from simulator.faults import Faults, troubled_day
from simulator.messages import Kind
from simulator.scenario import PlannedFault
from simulator.simulation import Simulation
from tests.simulator.worlds import QUIET, Client, client_of
from tests.virtual_time import VirtualClock, until

FRIEND = contact_of(30)
MESSAGE, READY, RESET = 2, 23, 24


def texts(simulation: Simulation) -> list[str]:
    return [item.text for item in simulation.world.record.received(FRIEND)]


async def test_a_refused_send_did_not_arrive_and_the_next_one_does(simulation: Simulation, yu: Client) -> None:
    simulation.faults.refuse_sends("yu-1")
    with pytest.raises(GRPCError, match="refused"):
        await yu.stub.message_send_text(conversation_id=FRIEND, text="一")
    await yu.stub.message_send_text(conversation_id=FRIEND, text="二")
    assert texts(simulation) == ["二"]


async def test_a_restricted_account_hears_it_in_wechats_words(simulation: Simulation, yu: Client) -> None:
    simulation.faults.restrict("yu-1")
    with pytest.raises(GRPCError, match="操作过于频繁"):
        await yu.stub.message_send_text(conversation_id=FRIEND, text="一")
    assert texts(simulation) == []


@pytest.mark.parametrize("delivered", [True, False])
async def test_a_hanging_send_is_never_answered_and_arrived_or_not(
    simulation: Simulation, yu: Client, delivered: bool
) -> None:
    simulation.faults.hang_sends("yu-1", delivered=delivered)
    send = asyncio.create_task(yu.stub.message_send_text(conversation_id=FRIEND, text="一"))
    await yu.stub.ding(data="still there")  # the gateway answers everything else
    await yu.comes(3)
    assert not send.done()
    assert texts(simulation) == (["一"] if delivered else [])
    await simulation.faults.drop("yu-1")
    with pytest.raises(Exception, match="lost"):
        await send
    assert texts(simulation) == (["一"] if delivered else [])


async def test_a_lost_payload_stays_lost(simulation: Simulation, yu: Client) -> None:
    simulation.faults.lose_payloads("yu-1")
    simulation.world.say(FRIEND, "yu-1", Kind.TEXT, "没了")
    simulation.world.say(FRIEND, "yu-1", Kind.TEXT, "还在")
    await yu.comes(MESSAGE, 2)
    lost, there = yu.ids(MESSAGE)
    for _ in range(2):
        with pytest.raises(GRPCError) as gone:
            await yu.stub.message_payload(id=lost)
        assert gone.value.status is Status.NOT_FOUND
    assert (await yu.stub.message_payload(id=there)).text == "还在"


async def test_a_repeated_event_has_the_same_id(simulation: Simulation, yu: Client) -> None:
    simulation.faults.repeat_events("yu-1")
    simulation.world.say(FRIEND, "yu-1", Kind.TEXT, "一")
    await yu.comes(MESSAGE, 2)
    simulation.world.say(FRIEND, "yu-1", Kind.TEXT, "二")
    await yu.comes(MESSAGE, 3)
    first, again, second = yu.ids(MESSAGE)
    assert first == again != second


async def test_a_garbled_event_is_no_json_and_the_stream_goes_on(simulation: Simulation, yu: Client) -> None:
    simulation.faults.garble_events("yu-1")
    simulation.world.say(FRIEND, "yu-1", Kind.TEXT, "一")
    simulation.world.say(FRIEND, "yu-1", Kind.TEXT, "二")
    await yu.comes(MESSAGE)
    assert len(yu.raw) == len(yu.events) + 1


async def test_forgotten_ids_are_empty_and_the_message_arrives(simulation: Simulation, yu: Client) -> None:
    simulation.faults.forget_ids("yu-1")
    assert not (await yu.stub.message_send_text(conversation_id=FRIEND, text="一")).id
    assert texts(simulation) == ["一"]


async def test_a_dropped_connection_breaks_the_stream_and_leaves_the_others_alone(
    simulation: Simulation, yu: Client, lin: Client
) -> None:
    await simulation.faults.drop("yu-1")
    await until(lambda: yu.done)
    assert yu.ended is not None
    async with client_of(simulation, "yu-1") as again:
        await again.comes(READY)
    assert not lin.done


async def test_a_dead_gateway_refuses_connections_and_comes_back_at_the_same_port(
    simulation: Simulation, yu: Client
) -> None:
    before = simulation.endpoints["yu-1"].address
    await simulation.faults.die("yu-1")
    await until(lambda: yu.done)
    async with client_of(simulation, "yu-1", listens=False) as client:
        with pytest.raises(OSError):
            await client.stub.version()
    await simulation.faults.come_back("yu-1")
    assert simulation.endpoints["yu-1"].address == before
    async with client_of(simulation, "yu-1") as client:
        await client.comes(READY)


async def test_garbage_is_not_grpc_until_the_gateway_comes_back(simulation: Simulation) -> None:
    await simulation.faults.answer_garbage("yu-1")
    async with client_of(simulation, "yu-1", listens=False) as client:
        with pytest.raises(Exception, match=r"Protocol error|lost"):
            await client.stub.version()
    await simulation.faults.come_back("yu-1")
    async with client_of(simulation, "yu-1", listens=False) as client:
        assert (await client.stub.version()).version


async def test_a_ghost_holds_the_event_slot_for_a_while(simulation: Simulation, yu: Client) -> None:
    simulation.faults.haunt("yu-1", 0.05)
    await simulation.faults.drop("yu-1")
    await until(lambda: yu.done)
    async with client_of(simulation, "yu-1") as early:
        await until(lambda: early.done)
        assert isinstance(early.ended, GRPCError)
        assert early.ended.status is Status.ALREADY_EXISTS
    await until(lambda: not simulation.gateways["yu-1"].attached)
    async with client_of(simulation, "yu-1") as later:
        await later.comes(READY)


async def test_events_of_the_time_when_nobody_read_are_lost(simulation: Simulation, yu: Client) -> None:
    await simulation.faults.drop("yu-1")
    await until(lambda: not simulation.gateways["yu-1"].attached)
    simulation.world.say(FRIEND, "yu-1", Kind.TEXT, "没人看见")
    async with client_of(simulation, "yu-1") as again:
        simulation.world.say(FRIEND, "yu-1", Kind.TEXT, "看见了")
        payload = await again.stub.message_payload(id=await again.comes(MESSAGE))
        assert payload.text == "看见了"
        assert len(again.ids(MESSAGE)) == 1


async def test_a_gateway_can_ask_for_a_new_attach_and_end_the_stream_properly(
    simulation: Simulation, yu: Client
) -> None:
    await simulation.faults.reset("yu-1")
    await yu.comes(RESET)
    await simulation.faults.close_events("yu-1")
    await until(lambda: yu.done)
    assert yu.ended is None


async def test_delayed_answers_come_later(simulation: Simulation, yu: Client) -> None:
    simulation.faults.delay("yu-1", 0.05)
    slow = asyncio.create_task(yu.stub.version())
    await asyncio.sleep(0.01)
    assert not slow.done()
    assert (await slow).version


async def test_planned_faults_happen_at_their_minute(clock: VirtualClock, tmp_path: Path) -> None:
    plan = replace(QUIET, faults=(PlannedFault(5, "yu-1", "die"), PlannedFault(7, "yu-1", "come_back")))
    simulation = Simulation(plan, clock, tmp_path / "world.jsonl", with_people=False)
    await simulation.start()
    try:
        async with client_of(simulation, "yu-1") as client:
            await clock.advance(4 * 60)
            assert not client.done
            await clock.advance(60)
            await until(lambda: client.done)
        await clock.advance(2 * 60)
        await until(lambda: simulation.endpoints["yu-1"].serving)
        async with client_of(simulation, "yu-1") as client:
            await client.comes(READY)
    finally:
        await simulation.stop()


def test_a_troubled_day_depends_on_its_seed_and_mends_what_lasts() -> None:
    day = troubled_day(3, ["a", "b"], hours=24, per_hour=4)
    assert day == troubled_day(3, ["a", "b"], hours=24, per_hour=4)
    assert day != troubled_day(4, ["a", "b"], hours=24, per_hour=4)
    assert all(callable(getattr(Faults, fault.kind)) for fault in day)
    for lasting, mend in (("die", "come_back"), ("log_out", "scan"), ("answer_garbage", "come_back")):
        for fault in (fault for fault in day if fault.kind == lasting):
            assert any(
                later.account == fault.account and later.kind == mend and 2 <= later.minute - fault.minute <= 8
                for later in day
            )
