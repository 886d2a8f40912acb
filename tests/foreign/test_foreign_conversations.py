"""Messages, friends and rooms on a gateway that nobody here wrote."""

from pathlib import Path

import pytest

from bots.errors import PayloadGone, Refused
from bots.gateway import (
    Contact,
    Fault,
    Friendship,
    FriendshipChanged,
    Login,
    MessageArrived,
    MessageKind,
    RoomChanged,
    RoomInfo,
)
from storage.outbox import Content
from tests.foreign.conftest import Connect, Listen, StartGateway
from tests.foreign.gateway_process import ForeignGateway

ANNA = {"id": "wxid_anna", "name": "安娜", "friend": True}
ROOM = {
    "id": "100@chatroom",
    "topic": "老客福利群",
    "ownerId": "wxid_anna",
    "memberIdList": ["wxid_anna"],
    "adminIdList": [],
}


async def test_each_account_answers_its_own_people(
    start_gateway: StartGateway, connect: Connect, listen: Listen
) -> None:
    """Two accounts share a contact and a room: what is said to one is heard by it alone and answered by it alone."""
    foreign = [await start_gateway("lin-1"), await start_gateway("lin-2")]
    for one in foreign:
        await one.do("contact", contact=ANNA)
        await one.do("room", room=ROOM)
    ours = [await connect(one) for one in foreign]
    ears = [await listen(one) for one in ours]
    for ear, own in zip(ears, ("wxid_lin-1", "wxid_lin-2"), strict=True):
        assert await ear.next(Login) == Login(own)

    for turn in range(5):
        for n, (gateway, one, ear) in enumerate(zip(ours, foreign, ears, strict=True)):
            where = {"room": ROOM["id"]} if turn % 2 else {}
            await one.do("say", **{"from": "wxid_anna"}, text=f"问{n}-{turn}", **where)
            message = await gateway.message((await ear.next(MessageArrived)).id)
            assert message.text == f"问{n}-{turn}" and message.talker == "wxid_anna"
            await gateway.send(message.room or message.talker, Content(text=f"答{n}-{turn}"))
            await ear.next(MessageArrived)  # our own words come back as an event
    for n, one in enumerate(foreign):
        assert [row["what"] for row in await one.sent()] == [f"答{n}-{turn}" for turn in range(5)]


async def test_a_message_in_our_words(foreign_gateway: ForeignGateway, connect: Connect, listen: Listen) -> None:
    """Kind by TypeScript's numbers, sender, time in milliseconds; an empty id from a send is a success."""
    ours = await connect(foreign_gateway)
    ear = await listen(ours)
    await foreign_gateway.do("say", **{"from": "wxid_anna"}, text="身高160穿什么码")
    message = await ours.message((await ear.next(MessageArrived)).id)
    assert (message.kind, message.talker, message.listener, message.room) == (
        MessageKind.TEXT,
        "wxid_anna",
        "wxid_lin-1",
        "",
    )
    assert 1_600_000_000_000 < message.sent_ms < 4_000_000_000_000
    assert await ours.send("wxid_anna", Content(text="M 码刚好")) == ""


@pytest.mark.parametrize("timestamp", [1_790_000_000, 1_790_000_000_000])
async def test_times_in_seconds_and_in_milliseconds_are_one(
    foreign_gateway: ForeignGateway, connect: Connect, timestamp: int
) -> None:
    ours = await connect(foreign_gateway)
    row = {"id": "m-1", "talkerId": "wxid_anna", "listenerId": "wxid_lin-1", "text": "嗨", "timestamp": timestamp}
    await foreign_gateway.do("message", message=row)
    assert (await ours.message("m-1")).sent_ms == 1_790_000_000_000


@pytest.mark.parametrize(
    ("number", "kind"),
    [(6, MessageKind.IMAGE), (14, MessageKind.LINK), (15, MessageKind.VIDEO), (99, MessageKind.OTHER)],
)
async def test_kinds_are_typescripts_numbers(
    foreign_gateway: ForeignGateway, connect: Connect, number: int, kind: MessageKind
) -> None:
    ours = await connect(foreign_gateway)
    row = {"id": "m-2", "talkerId": "wxid_anna", "listenerId": "wxid_lin-1", "text": "", "type": number}
    await foreign_gateway.do("message", message=row)
    assert (await ours.message("m-2")).kind is kind


async def test_repeated_events_keep_their_id(foreign_gateway: ForeignGateway, connect: Connect, listen: Listen) -> None:
    """A gateway repeats events; each carries the same id, by which the inbox knows it."""
    ours = await connect(foreign_gateway)
    ear = await listen(ours)
    said = await foreign_gateway.do("say", **{"from": "wxid_anna"}, text="在吗")
    for _ in range(2):
        await foreign_gateway.do("emit", event="message", payload={"messageId": said["message"]})
    assert {(await ear.next(MessageArrived)).id for _ in range(3)} == {said["message"]}


async def test_a_payload_that_cannot_be_fetched(
    foreign_gateway: ForeignGateway, connect: Connect, listen: Listen
) -> None:
    """PayloadGone for it, and the next message is read as if nothing had been."""
    ours = await connect(foreign_gateway)
    ear = await listen(ours)
    await foreign_gateway.do("emit", event="message", payload={"messageId": "gone"})
    with pytest.raises(PayloadGone):
        await ours.message((await ear.next(MessageArrived)).id)
    await foreign_gateway.do("say", **{"from": "wxid_anna"}, text="还在吗")
    assert (await ours.message((await ear.next(MessageArrived)).id)).text == "还在吗"


async def test_typed_on_the_phone(foreign_gateway: ForeignGateway, connect: Connect, listen: Listen) -> None:
    """What a person types on the phone comes as a message whose talker is the account itself."""
    ours = await connect(foreign_gateway)
    ear = await listen(ours)
    me = (await ear.next(Login)).contact
    await foreign_gateway.do("type", text="我来回你", to="wxid_anna")
    message = await ours.message((await ear.next(MessageArrived)).id)
    assert (message.talker, message.listener, message.text) == (me, "wxid_anna", "我来回你")


async def test_a_friend_request_received_accepted_confirmed(
    foreign_gateway: ForeignGateway, connect: Connect, listen: Listen
) -> None:
    """Scene 17 (a name card), which the generated classes stumble over, is a number like any other."""
    ours = await connect(foreign_gateway)
    ear = await listen(ours)
    await foreign_gateway.do("contact", contact={"id": "wxid_bo", "name": "小博", "friend": False})
    asked = {"id": "f-1", "contactId": "wxid_bo", "hello": "我是包裹卡来的", "scene": 17, "ticket": "t-1"}
    await foreign_gateway.do("want", friendship=asked)
    request = await ours.friendship((await ear.next(FriendshipChanged)).id)
    assert request == Friendship("f-1", "receive", "wxid_bo", "我是包裹卡来的", 17, "t-1")
    await ours.accept(request.id)
    confirmed = await ours.friendship((await ear.next(FriendshipChanged)).id)
    assert (confirmed.kind, confirmed.contact) == ("confirm", "wxid_bo")
    assert (await foreign_gateway.do("calls"))["calls"]["accept"] == ["f-1"]


async def test_contacts_and_rooms(foreign_gateway: ForeignGateway, connect: Connect) -> None:
    await foreign_gateway.do("room", room=ROOM)
    row = {"id": "wxid_cai", "name": "A-代购小蔡🌸", "alias": "会员:xl_cai", "friend": True, "phone": ["13800000000"]}
    await foreign_gateway.do("contact", contact={**row, "weixin": "cai88"})
    ours = await connect(foreign_gateway)
    assert set(await ours.contact_ids()) == {"wxid_lin-1", "wxid_anna", "wxid_cai"}
    assert await ours.contact("wxid_cai") == Contact(
        "wxid_cai", "A-代购小蔡🌸", "会员:xl_cai", True, "cai88", ("13800000000",)
    )
    assert await ours.room("100@chatroom") == RoomInfo("100@chatroom", "老客福利群", "wxid_anna", ("wxid_anna",))


async def test_a_room_event(foreign_gateway: ForeignGateway, connect: Connect, listen: Listen) -> None:
    ear = await listen(await connect(foreign_gateway))
    joined = {
        "roomId": "100@chatroom",
        "inviteeIdList": ["wxid_anna"],
        "inviterId": "wxid_bo",
        "timestamp": 1_790_000_000,
    }
    await foreign_gateway.do("emit", event="room-join", payload=joined)
    assert await ear.next(RoomChanged) == RoomChanged(
        "join", "100@chatroom", ("wxid_anna",), "wxid_bo", 1_790_000_000_000
    )


async def test_an_event_that_makes_no_sense_leaves_the_stream_whole(
    foreign_gateway: ForeignGateway, connect: Connect, listen: Listen
) -> None:
    ours = await connect(foreign_gateway)
    ear = await listen(ours)
    await ear.next(Login)
    await foreign_gateway.do("emit", event="message", payload={"messageId": None})
    await ear.next(Fault)
    await foreign_gateway.do("say", **{"from": "wxid_anna"}, text="还在吗")
    assert (await ours.message((await ear.next(MessageArrived)).id)).text == "还在吗"


async def test_the_gateways_own_error_is_a_fault(
    foreign_gateway: ForeignGateway, connect: Connect, listen: Listen
) -> None:
    ear = await listen(await connect(foreign_gateway))
    await foreign_gateway.do("emit", event="error", payload={"gerror": '{"message":"upstream is away","code":2}'})
    assert await ear.next(Fault) == Fault("upstream is away")


async def test_card_link_and_picture_arrive_whole(
    foreign_gateway: ForeignGateway, connect: Connect, tmp_path: Path
) -> None:
    (tmp_path / "新款.jpg").write_bytes(b"\xff\xd8 a picture")
    ours = await connect(foreign_gateway, media=tmp_path)
    await ours.send("wxid_anna", Content(card="wxid_lin-2"))
    link = {
        "url": "https://xl.example/1",
        "title": "新款",
        "description": "周三上新",
        "thumbnail": "https://xl.example/1.jpg",
    }
    await ours.send("wxid_anna", Content(link=link))
    await ours.send("wxid_anna", Content(image="新款.jpg"))
    card, got, picture = await foreign_gateway.sent()
    assert (card["kind"], card["what"]) == ("card", "wxid_lin-2")
    assert (got["what"]["url"], got["what"]["title"], got["what"]["thumbnailUrl"]) == (
        "https://xl.example/1",
        "新款",
        "https://xl.example/1.jpg",
    )
    assert picture["what"] == {"name": "新款.jpg", "base64": "/9ggYSBwaWN0dXJl"}


async def test_what_the_gateway_refuses_is_refused(foreign_gateway: ForeignGateway, connect: Connect) -> None:
    """A stranger: the gateway's own reason in one line, without stack trace or their id; nothing was sent."""
    ours = await connect(foreign_gateway)
    with pytest.raises(Refused) as caught:
        await ours.send("wxid_nobody", Content(text="你好"))
    assert "not exist" in caught.value.message
    assert "\n" not in caught.value.message and "wxid_nobody" not in caught.value.message
    assert caught.value.sent == "no"
