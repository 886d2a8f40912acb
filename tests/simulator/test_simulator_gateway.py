"""The simulated gateway speaks the puppet protocol as real gateways do."""

import json
from dataclasses import replace

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError
from grpclib.testing import ChannelFor
from wechaty_grpc.wechaty import PuppetStub

from simulator.crowd import contact_of
from simulator.errors import Refusal
from simulator.messages import Kind, Scene
from simulator.scenario import RoomPlan
from simulator.simulation import Simulation
from simulator.world import World
from tests.simulator.worlds import QUIET, ROOM, Client, bare_client, client_of, listening
from tests.virtual_time import START, VirtualClock, until

NOW_MS = round(START.timestamp() * 1000)
FRIEND = contact_of(30)
LIN_FRIEND = contact_of(10_030)
MESSAGE, FRIENDSHIP, SCAN, READY, LOGIN, LOGOUT, DONG = 2, 17, 22, 23, 25, 26, 3


async def test_attaching_gives_heartbeat_login_ready_in_this_order(yu: Client) -> None:
    await until(lambda: len(yu.events) == 3)
    assert [kind for kind, _ in yu.events] == [1, LOGIN, READY]
    assert yu.events[1][1] == {"contactId": "wxid_yu_1"}


async def test_only_one_event_stream_at_a_time(simulation: Simulation, yu: Client) -> None:
    async with client_of(simulation, "yu-1") as second:
        await until(lambda: second.done)
        assert isinstance(second.ended, GRPCError)
        assert second.ended.status is Status.ALREADY_EXISTS


async def test_the_slot_is_free_when_the_first_reader_has_gone(simulation: Simulation) -> None:
    async with client_of(simulation, "yu-1"):
        pass
    await until(lambda: not simulation.gateways["yu-1"].attached)
    async with client_of(simulation, "yu-1") as second:
        await second.comes(READY)


@pytest.mark.parametrize("token", ["", "wrong", "sim-lin-1"])
async def test_a_wrong_token_is_refused_everywhere(simulation: Simulation, token: str) -> None:
    host, _, port = simulation.endpoints["yu-1"].address.partition(":")
    async with bare_client(host, int(port), token) as stranger:
        for call in (stranger.stub.version, stranger.stub.contact_list):
            with pytest.raises(GRPCError) as refused:
                await call()
            assert refused.value.status is Status.UNAUTHENTICATED
        await stranger.listen()
        assert isinstance(stranger.ended, GRPCError)
        assert stranger.ended.status is Status.UNAUTHENTICATED


async def test_a_message_event_is_an_id_and_the_payload_is_fetched(simulation: Simulation, yu: Client) -> None:
    simulation.world.say(FRIEND, "yu-1", Kind.TEXT, "店名叫什么")
    id = await yu.comes(MESSAGE)
    assert yu.events[-1][1] == {"messageId": id}
    payload = await yu.stub.message_payload(id=id)
    assert (payload.text, payload.from_id, payload.to_id, payload.room_id) == ("店名叫什么", FRIEND, "wxid_yu_1", "")
    assert int(payload.type) == 7
    assert payload.timestamp == NOW_MS


async def test_some_gateways_tell_the_time_in_seconds(simulation: Simulation, lin: Client) -> None:
    simulation.world.say(LIN_FRIEND, "lin-1", Kind.EMOTICON, "[动画表情]")
    payload = await lin.stub.message_payload(id=await lin.comes(MESSAGE))
    assert payload.timestamp == NOW_MS // 1000
    assert int(payload.type) == 5


async def test_a_sent_message_arrives_and_comes_back_as_an_own_one(simulation: Simulation, yu: Client) -> None:
    sent = await yu.stub.message_send_text(conversation_id=FRIEND, text="你好呀")
    assert await yu.comes(MESSAGE) == sent.id
    payload = await yu.stub.message_payload(id=sent.id)
    assert (payload.from_id, payload.to_id) == ("wxid_yu_1", FRIEND)
    [received] = simulation.world.record.received(FRIEND)
    assert (received.at_ms, received.account, received.kind, received.text, received.message_id, received.by_phone) == (
        NOW_MS, "yu-1", Kind.TEXT, "你好呀", sent.id, False,
    )  # fmt: skip


async def test_a_gateway_without_ids_answers_an_empty_one_and_still_sends(simulation: Simulation) -> None:
    friend = contact_of(20_030)
    async with client_of(simulation, "lin-2") as client:
        sent = await client.stub.message_send_text(conversation_id=friend, text="在的")
        assert not sent.id
        assert [item.text for item in simulation.world.record.received(friend)] == ["在的"]
        assert await client.comes(MESSAGE)


async def test_nobody_can_be_written_to_before_they_are_a_friend(simulation: Simulation, yu: Client) -> None:
    stranger = simulation.world.newcomer()
    with pytest.raises(GRPCError, match="not accepted you as a friend"):
        await yu.stub.message_send_text(conversation_id=stranger, text="你好")
    assert simulation.world.record.received(stranger) == []


async def test_who_left_stays_in_the_list_and_can_not_be_reached(simulation: Simulation, yu: Client) -> None:
    simulation.world.leave(FRIEND, "yu-1")
    assert FRIEND in (await yu.stub.contact_list()).ids
    with pytest.raises(GRPCError, match="refused"):
        await yu.stub.message_send_text(conversation_id=FRIEND, text="还在吗")
    assert simulation.world.record.received(FRIEND) == []
    assert [kind for kind, _ in yu.events] == [1, LOGIN, READY]


async def test_a_friend_request_is_received_accepted_and_confirmed(simulation: Simulation, yu: Client) -> None:
    somebody = simulation.world.newcomer()
    request = simulation.world.ask(somebody, "yu-1", "包裹卡 parcel-card", Scene.CARD)
    assert await yu.comes(FRIENDSHIP) == request
    asked = await yu.stub.friendship_payload(id=request)
    assert (int(asked.type), asked.contact_id, asked.hello, int(asked.scene)) == (2, somebody, "包裹卡 parcel-card", 17)
    assert asked.ticket
    await yu.stub.friendship_accept(id=request)
    confirmed = await yu.stub.friendship_payload(id=await yu.comes(FRIENDSHIP, 2))
    assert (int(confirmed.type), confirmed.contact_id) == (1, somebody)
    assert simulation.world.record.accepts("yu-1") == [(NOW_MS, somebody)]
    assert (await yu.stub.contact_payload(id=somebody)).friend


async def test_accepting_twice_makes_one_friend(simulation: Simulation, yu: Client) -> None:
    request = simulation.world.ask(simulation.world.newcomer(), "yu-1", "你好", Scene.QR_CODE)
    await yu.stub.friendship_accept(id=request)
    await yu.stub.friendship_accept(id=request)
    assert len(simulation.world.record.accepts("yu-1")) == 1


async def test_somebody_added_on_the_phone_is_only_confirmed(simulation: Simulation, yu: Client) -> None:
    somebody = simulation.world.newcomer()
    simulation.world.befriend_on_phone("yu-1", somebody)
    confirmed = await yu.stub.friendship_payload(id=await yu.comes(FRIENDSHIP))
    assert (int(confirmed.type), confirmed.contact_id) == (1, somebody)


async def test_the_contact_list_counts_friends_siblings_and_staff_and_is_ids_only(lin: Client) -> None:
    ids = (await lin.stub.contact_list()).ids
    friends = [id for id in ids if (await lin.stub.contact_payload(id=id)).friend]
    assert {"wxid_yu_1", "wxid_lin_2", "wxid_boss", "wxid_clerk"} <= set(friends)
    # All of the plan, and whom it shares with its sibling; the file helper is a contact and no friend.
    assert len(friends) >= 60
    assert set(ids) - set(friends) == {"filehelper"}


async def test_a_known_buyers_remark_carries_the_member_name(simulation: Simulation, lin: Client) -> None:
    known = contact_of(simulation.world.crowd.known["lin-1"][0])
    assert (await lin.stub.contact_payload(id=known)).alias.startswith("会员")
    assert (await lin.stub.contact_payload(id=LIN_FRIEND)).alias == ""


async def test_a_card_needs_its_contact_among_the_senders_own(simulation: Simulation, yu: Client) -> None:
    await yu.stub.message_send_contact(conversation_id=FRIEND, contact_id="wxid_lin_1")
    id = await yu.comes(MESSAGE)
    assert int((await yu.stub.message_payload(id=id)).type) == 3
    assert (await yu.stub.message_contact(id=id)).id == "wxid_lin_1"
    with pytest.raises(GRPCError, match="not in the list"):
        await yu.stub.message_send_contact(conversation_id=FRIEND, contact_id=LIN_FRIEND)
    assert [item.kind for item in simulation.world.record.received(FRIEND)] == [Kind.CARD]


async def test_links_pictures_and_files_arrive_as_what_they_are(simulation: Simulation, yu: Client) -> None:
    link = json.dumps({"url": "https://example.com", "title": "新款"})
    await yu.stub.message_send_url(conversation_id=FRIEND, url_link=link)
    await yu.stub.message_send_file(conversation_id=FRIEND, filebox=json.dumps({"name": "福利.jpg"}))
    await yu.send_file(FRIEND, "尺码表.pdf", b"%PDF")
    received = simulation.world.record.received(FRIEND)
    assert [(item.kind, item.text) for item in received] == [
        (Kind.LINK, link), (Kind.IMAGE, "福利.jpg"), (Kind.FILE, "尺码表.pdf"),
    ]  # fmt: skip
    assert (await yu.stub.message_url(id=received[0].message_id)).url_link == link


@pytest.mark.parametrize("text", ["", "  ", "\n"])
async def test_an_empty_message_is_refused(yu: Client, text: str) -> None:
    with pytest.raises(GRPCError, match="empty"):
        await yu.stub.message_send_text(conversation_id=FRIEND, text=text)


async def test_every_account_in_the_room_hears_one_message(simulation: Simulation, yu: Client, lin: Client) -> None:
    simulation.world.say("wxid_boss", ROOM, Kind.TEXT, "/状态")
    assert await yu.comes(MESSAGE) == await lin.comes(MESSAGE)
    payload = await lin.stub.message_payload(id=lin.ids(MESSAGE)[0])
    assert (payload.room_id, payload.from_id, payload.to_id) == (ROOM, "wxid_boss", "")
    await yu.stub.message_send_text(conversation_id=ROOM, text="在线 3", mentonal_ids=["wxid_boss"])
    heard = await lin.stub.message_payload(id=await lin.comes(MESSAGE, 2))
    assert (heard.text, heard.mention_ids) == ("在线 3", ["wxid_boss"])
    assert [item.text for item in simulation.world.record.received(ROOM)] == ["在线 3"]


async def test_the_staff_room_has_all_staff_and_all_accounts(yu: Client) -> None:
    assert (await yu.stub.room_list()).ids == [ROOM]
    members = {"wxid_boss", "wxid_clerk", "wxid_yu_1", "wxid_lin_1", "wxid_lin_2"}
    assert set((await yu.stub.room_member_list(id=ROOM)).member_ids) == members
    assert set((await yu.stub.room_payload(id=ROOM)).member_ids) == members
    assert (await yu.stub.room_member_payload(id=ROOM, member_id="wxid_boss")).name == "老板"


async def test_a_private_message_is_nobody_elses(simulation: Simulation, yu: Client, lin: Client) -> None:
    simulation.world.say(FRIEND, "yu-1", Kind.TEXT, "悄悄话")
    id = await yu.comes(MESSAGE)
    with pytest.raises(GRPCError) as refused:
        await lin.stub.message_payload(id=id)
    assert refused.value.status is Status.NOT_FOUND
    assert lin.ids(MESSAGE) == []


async def test_an_own_message_from_the_phone_is_told_and_marked_in_the_record(
    simulation: Simulation, yu: Client
) -> None:
    simulation.world.type_on_phone("yu-1", FRIEND, "我是真人")
    payload = await yu.stub.message_payload(id=await yu.comes(MESSAGE))
    assert (payload.from_id, payload.text) == ("wxid_yu_1", "我是真人")
    assert simulation.world.record.received(FRIEND)[0].by_phone


async def test_a_logged_out_account_shows_a_code_and_comes_in_after_the_scan(
    simulation: Simulation, yu: Client
) -> None:
    await simulation.faults.log_out("yu-1")
    await yu.comes(LOGOUT)
    with pytest.raises(GRPCError, match="not logged in"):
        await yu.stub.message_send_text(conversation_id=FRIEND, text="你好")
    with pytest.raises(GRPCError, match="not logged in"):
        await yu.stub.contact_list()
    await yu.stub.start()
    await until(lambda: any(kind == SCAN for kind, _ in yu.events))
    scan = next(payload for kind, payload in yu.events if kind == SCAN)
    assert (scan["status"], scan["qrcode"].startswith("http://weixin.qq.com/x/")) == (2, True)
    await simulation.faults.scan("yu-1")
    await yu.comes(READY, 2)
    assert len(yu.ids(LOGIN)) == 2


async def test_who_attaches_to_a_logged_out_account_gets_only_a_heartbeat(simulation: Simulation) -> None:
    await simulation.faults.log_out("lin-1")
    async with client_of(simulation, "lin-1") as client:
        assert [kind for kind, _ in client.events] == [1]
        assert "lin-1" not in simulation.world.attached


async def test_stop_and_start_restart_the_session_without_a_code(simulation: Simulation, yu: Client) -> None:
    await yu.stub.stop()
    await yu.stub.start()
    await yu.comes(READY, 2)
    assert [kind for kind, _ in yu.events][-3:] == [LOGOUT, LOGIN, READY]
    assert simulation.gateways["yu-1"].starts == 2


async def test_logging_out_on_request_ends_the_session(simulation: Simulation, yu: Client) -> None:
    await yu.stub.logout()
    await yu.comes(LOGOUT)
    assert not simulation.world.accounts["yu-1"].logged_in


async def test_the_profile_can_be_changed_and_the_code_shown(simulation: Simulation, yu: Client) -> None:
    await yu.stub.contact_self_name(name="小鱼儿")
    await yu.stub.contact_self_signature(signature="每天都在看衣服")
    me = simulation.world.accounts["yu-1"]
    assert (me.nickname, me.signature) == ("小鱼儿", "每天都在看衣服")
    assert "wxid_yu_1" in (await yu.stub.contact_self_qr_code()).qrcode


async def test_a_ding_is_answered_on_the_stream(yu: Client) -> None:
    await yu.stub.ding(data="there?")
    assert await yu.comes(DONG) == "there?"


async def test_the_service_serves_in_memory_too(simulation: Simulation) -> None:
    async with ChannelFor([simulation.gateways["yu-1"]]) as channel:
        token = simulation.token("yu-1")
        client = Client(PuppetStub(channel, metadata={"authorization": f"Wechaty {token}"}))
        async with listening(client):
            await client.comes(READY)
            sent = await client.stub.message_send_text(conversation_id=FRIEND, text="不走网线")
            assert await client.comes(MESSAGE) == sent.id


async def test_a_message_is_recalled_for_two_minutes_once_and_only_by_who_sent_it(
    simulation: Simulation, yu: Client, lin: Client, clock: VirtualClock
) -> None:
    async def recall(client: Client, id: str) -> bool:
        return bool((await client.stub.message_recall(id=id)).success)

    sent = [(await yu.stub.message_send_text(conversation_id=FRIEND, text=text)).id for text in ("一", "二")]
    with pytest.raises(GRPCError):
        await recall(lin, sent[0])
    assert [await recall(yu, sent[0]), await recall(yu, sent[0])] == [True, False]
    line = await yu.stub.message_payload(id=await yu.comes(MESSAGE, 3))
    assert (int(line.type), line.text) == (int(Kind.RECALLED), sent[0])
    assert simulation.world.record.recalled == {sent[0]}
    assert [one.text for one in simulation.world.record.received(FRIEND)] == ["一", "二"]  # it was read all the same
    await clock.advance(121)
    assert not await recall(yu, sent[1])


async def test_a_group_of_customers_is_heard_by_those_who_sit_in_it(clock: VirtualClock) -> None:
    group = RoomPlan("7@chatroom", "闺蜜群", ("lin-1", "lin-2"), people=2)
    world = World(replace(QUIET, rooms=(group,)), clock)
    world.start()
    told: list[tuple[str, str]] = []
    for account in world.accounts:
        world.connect_gateway(account, lambda event, _, account=account: told.append((account, event)))  # type: ignore[misc]
    member = world.rooms.members(group.id)[-1]
    world.say(member, group.id, Kind.TEXT, "在吗")
    world.join(group.id, "wxid_new")
    assert told == [(who, what) for what in ("message", "room-join") for who in ("lin-1", "lin-2")]
    with pytest.raises(Refusal):
        world.say("wxid_stranger", group.id, Kind.TEXT, "在吗")
    with pytest.raises(Refusal):
        world.send("yu-1", group.id, Kind.TEXT, "来看看")  # it does not sit there
    world.quit(group.id, "wxid_new")
    assert "wxid_new" not in world.rooms.members(group.id)
