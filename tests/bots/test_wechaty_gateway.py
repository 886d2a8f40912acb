"""The gateway adapter against gateways that misbehave: what it says, what it knows about a send, that it goes on."""

import asyncio
import logging
import re
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError
from wechaty_grpc.wechaty import puppet

from bots.errors import (
    AccountRestricted,
    CertificateRejected,
    GarbageAnswer,
    GatewayProblem,
    GatewayUnavailable,
    NotAFriend,
    NotLoggedIn,
    OutcomeUnknown,
    PayloadGone,
    Refused,
    StreamBusy,
    WrongToken,
)
from bots.gateway import Fault, GatewayEvent, Heartbeat, Login, MessageArrived
from bots.wechaty_channel import Timeouts
from bots.wechaty_contents import LARGEST_FILE_BYTES
from bots.wechaty_gateway import WechatyGateway
from storage.outbox import Content
from tests.bots.hostile_gateways import TOKEN, Emit, Puppet, event, never, serving, speaking, wired

HELLO = Content(text="在吗")
IMPATIENT = Timeouts(connect_s=2, read_s=0.05, send_s=0.05)


@pytest.fixture(autouse=True)
def nothing_escapes(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """In no test may asyncio report an exception that nobody caught, or any log show the token."""
    caplog.set_level(logging.DEBUG)
    yield
    records = caplog.get_records("call")
    assert [record.getMessage() for record in records if record.levelno >= logging.WARNING] == []
    assert not any(TOKEN in logging.Formatter().format(record) for record in records)


async def opened(endpoint: str, **options: Any) -> WechatyGateway:
    gateway = WechatyGateway("lin-1", endpoint, TOKEN, **options)
    await gateway.open()
    return gateway


async def all_events(gateway: WechatyGateway) -> list[GatewayEvent]:
    async with aclosing(gateway.events()) as events:
        return [one async for one in events]


def failing(status: Status, text: str = "") -> Any:
    async def answer(_: bytes) -> bytes:
        raise GRPCError(status, text)

    return answer


# Who answers at the endpoint?


async def test_a_web_server_is_not_a_gateway() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await reader.read()

    async with speaking(talk) as endpoint:
        with pytest.raises(GarbageAnswer) as caught:
            await opened(endpoint)
    assert caught.value.where == f"lin-1 @ {endpoint}" and caught.value.retry


@pytest.mark.parametrize(
    "noise",
    [
        b"\x00" * 64,
        bytes(range(256)) * 8,
        b"\x00\x00\x00\x04\x00\x00\x00\x00\x00" + b"\x00\x00\x05\x01\x05\x00\x00\x00\x01\xff\xff\xff\xff\xff",
        b"\x00\x00\x00\x04\x00\x00\x00\x00\x00" + b"\x00\x00\x02\xee\x00\x00\x00\x00\x00hi" * 3 + b"\xff" * 40,
        b"\x00\x00\x00\x04\x00\x00\x00\x00\x00" + b"\x00\x00\x05\x01\x05\x00\x00\x00\x01\x00\x01a\x01\xff",
    ],
)
async def test_noise_is_not_a_gateway(noise: bytes) -> None:
    """Whatever the bytes provoke inside the HTTP/2 library, it is one clear error."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"SM\r\n\r\n")
        await asyncio.sleep(0.02)  # the request follows the preface
        writer.write(noise)
        await writer.drain()
        await reader.read()

    async with speaking(talk) as endpoint:
        with pytest.raises((GarbageAnswer, GatewayUnavailable)):
            await opened(endpoint, timeouts=IMPATIENT)


async def test_extension_frames_are_passed_over() -> None:
    """HTTP/2 asks everybody to ignore frames of unknown types; proxies send them."""
    service = Puppet()
    async with wired(service) as (endpoint, wire):
        gateway = await opened(endpoint)
        wire.whisper(b"\x00\x00\x02\xee\x00\x00\x00\x00\x00hi")
        assert await gateway.contact_ids() == []
        await gateway.close()


async def test_another_grpc_service_is_not_a_gateway() -> None:
    service = Puppet()
    service.answers = {}
    async with serving(service) as endpoint:
        with pytest.raises(GarbageAnswer):
            await opened(endpoint)


async def test_an_answer_that_is_no_message_is_garbage() -> None:
    service = Puppet()

    async def garbage(_: bytes) -> bytes:
        return b"\xff\xff\xff\xff"

    service.answers["ContactList"] = garbage
    async with serving(service) as endpoint:
        gateway = await opened(endpoint)
        with pytest.raises(GarbageAnswer):
            await gateway.contact_ids()
        await gateway.close()


async def test_nobody_listens() -> None:
    with pytest.raises(GatewayUnavailable) as caught:
        await opened("127.0.0.1:1")
    assert caught.value.retry and "127.0.0.1:1" in caught.value.message


async def test_a_listener_that_never_says_a_word() -> None:
    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(100):
            pass

    async with speaking(talk) as endpoint:
        with pytest.raises(GatewayUnavailable):
            await opened(endpoint, timeouts=IMPATIENT)


async def test_a_listener_that_hangs_up() -> None:
    async def talk(*_: object) -> None:
        return

    async with speaking(talk) as endpoint:
        with pytest.raises(GatewayUnavailable):
            await opened(endpoint)


async def test_a_wrong_token_needs_a_person() -> None:
    service = Puppet()
    service.answers["Version"] = failing(Status.UNAUTHENTICATED, f'Invalid Wechaty TOKEN "{TOKEN}"')
    async with serving(service) as endpoint:
        with pytest.raises(WrongToken) as caught:
            await opened(endpoint)
    assert not caught.value.retry
    assert TOKEN not in f"{caught.value} {caught.value.__cause__!r}"


async def test_a_token_that_no_header_can_carry() -> None:
    with pytest.raises(WrongToken) as caught:
        await WechatyGateway("lin-1", "127.0.0.1:1", "口令").open()
    assert "口令" not in f"{caught.value} {caught.value.__context__!r}"


@pytest.mark.parametrize("content", [None, "this is no certificate"])
async def test_a_ca_file_that_is_missing_or_none(tmp_path: Path, content: str | None) -> None:
    ca = tmp_path / "ca.pem"
    if content is not None:
        ca.write_text(content)
    with pytest.raises(CertificateRejected) as caught:
        await opened("127.0.0.1:1", tls=str(ca))
    assert "ca.pem" in caught.value.message


# What is known about a send?


async def test_a_send_without_a_connection_was_not_written() -> None:
    gateway = WechatyGateway("lin-1", "127.0.0.1:1", TOKEN)
    with pytest.raises(GatewayUnavailable) as caught:
        await gateway.send("wxid_anna", HELLO)
    assert caught.value.sent == "no"


async def test_a_send_that_is_read_and_never_answered_is_unknown() -> None:
    service = Puppet()
    service.answers["MessageSendText"] = never
    async with serving(service) as endpoint:
        gateway = await opened(endpoint, timeouts=IMPATIENT)
        with pytest.raises(OutcomeUnknown):
            await gateway.send("wxid_anna", HELLO)
        service.answers["MessageSendText"] = service.answers["Logout"]
        await gateway.send("wxid_bo", HELLO)
        await gateway.close()
    assert [name for name, _ in service.asked].count("MessageSendText") == 2, "nothing was sent again by itself"


async def test_a_line_cut_in_the_middle_of_a_send_is_unknown_and_after_it_nothing_is_written() -> None:
    service = Puppet()
    async with wired(service) as (endpoint, wire):
        gateway = await opened(endpoint)

        async def cut(_: bytes) -> bytes:
            wire.cut()
            return await never(_)

        service.answers["MessageSendText"] = cut
        with pytest.raises(OutcomeUnknown):
            await gateway.send("wxid_anna", HELLO)
        with pytest.raises(GatewayUnavailable) as after:
            await gateway.send("wxid_bo", HELLO)
        assert after.value.sent == "no"
        assert [name for name, _ in service.asked].count("MessageSendText") == 1
        await gateway.open()
        service.answers["MessageSendText"] = service.answers["Logout"]
        assert await gateway.send("wxid_bo", HELLO) == ""
        await gateway.close()


@pytest.mark.parametrize(
    ("status", "text", "problem"),
    [
        (Status.UNKNOWN, "Error: no such contact\n    at somewhere", Refused),
        (Status.INVALID_ARGUMENT, "text too long", Refused),
        (Status.FAILED_PRECONDITION, "not a friend", NotAFriend),
        (Status.UNKNOWN, "小北开启了朋友验证，你还不是他（她）朋友", NotAFriend),
        (Status.UNKNOWN, "wxid_c1 has not accepted you as a friend: the message was refused", NotAFriend),
        (Status.UNKNOWN, "friend list is full", Refused),
        (Status.UNKNOWN, "contact wxid_c1 is not in the list", Refused),
        (Status.INVALID_ARGUMENT, "超过长度限制", Refused),
        (Status.UNIMPLEMENTED, "", Refused),
        (Status.UNKNOWN, "Error: not logged in", NotLoggedIn),
        (Status.FAILED_PRECONDITION, "操作过于频繁，请稍后再试", AccountRestricted),
        (Status.UNKNOWN, "账号功能受限", AccountRestricted),
        (Status.UNAUTHENTICATED, "", WrongToken),
        (Status.UNKNOWN, "TimeoutError: request timed out", OutcomeUnknown),
        (Status.UNKNOWN, "read ECONNRESET", OutcomeUnknown),
        (Status.DEADLINE_EXCEEDED, "", OutcomeUnknown),
        (Status.UNAVAILABLE, "upstream is away", OutcomeUnknown),
        (Status.INTERNAL, "could not serialise the answer", OutcomeUnknown),
        (Status.CANCELLED, "", OutcomeUnknown),
    ],
)
async def test_what_a_status_says_about_a_send(status: Status, text: str, problem: type[GatewayProblem]) -> None:
    """A clear no is a no; whatever may have come after the deed is unknown."""
    service = Puppet()
    service.answers["MessageSendText"] = failing(status, text)
    async with serving(service) as endpoint:
        gateway = await opened(endpoint)
        with pytest.raises(GatewayProblem) as caught:
            await gateway.send("wxid_anna", HELLO)
        await gateway.close()
    assert type(caught.value) is problem
    assert caught.value.hint and "\n" not in caught.value.message and "wxid_" not in caught.value.message


@pytest.mark.parametrize(
    ("reply", "id"),
    [
        (b"", ""),
        (bytes(puppet.MessageSendTextResponse(id="m-1")), "m-1"),
        (b"\x12\x03m-2", "m-2"),
        (bytes(puppet.MessageSendTextResponse(id="m-3")) + b"\x12\x03m-3", "m-3"),
        (b"\xff\xff\xff", ""),
        (b"\x12\x02\xff\xfe", ""),
        (b"\x08\x01", ""),
    ],
)
async def test_an_answer_is_a_success_whatever_id_it_carries(reply: bytes, id: str) -> None:
    """Older gateways wrap the id, newer ones don't, the mock gives none; garbage after the deed is no failure."""
    service = Puppet()

    async def answer(_: bytes) -> bytes:
        return reply

    service.answers["MessageSendText"] = answer
    async with serving(service) as endpoint:
        gateway = await opened(endpoint)
        assert await gateway.send("wxid_anna", HELLO) == id
        await gateway.close()


async def test_an_accept_that_is_not_answered_is_unknown_too() -> None:
    service = Puppet()
    service.answers["FriendshipAccept"] = never
    async with serving(service) as endpoint:
        gateway = await opened(endpoint, timeouts=IMPATIENT)
        with pytest.raises(OutcomeUnknown):
            await gateway.accept("f-1")
        await gateway.close()


async def test_text_and_mentions_arrive_as_they_are() -> None:
    service = Puppet()
    async with serving(service) as endpoint:
        gateway = await opened(endpoint)
        await gateway.send("1@chatroom", Content(text="@安娜 新款到了🌸", mentions=("wxid_anna",)))
        await gateway.close()
    request = puppet.MessageSendTextRequest().parse(service.asked[-1][1])
    assert (request.conversation_id, request.text) == ("1@chatroom", "@安娜 新款到了🌸")
    assert request.mentonal_ids == ["wxid_anna"]


@pytest.mark.parametrize(
    "name",
    [
        "missing.jpg",
        "../secret.jpg",
        "/etc/passwd",
        "link.jpg",
        "linked/secret.jpg",
        "nul\0.jpg",
        "huge.jpg",
        "folder",
        "empty.jpg",
    ],
)
async def test_a_picture_that_cannot_be_sent_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    media = tmp_path / "media"
    (media / "folder").mkdir(parents=True)
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (media / "huge.jpg").write_bytes(b"\0" * (LARGEST_FILE_BYTES + 1))
    (media / "empty.jpg").touch()
    (media / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (media / "linked").symlink_to(tmp_path)
    service = Puppet()
    async with serving(service) as endpoint:
        gateway = await opened(endpoint, media=media)
        with pytest.raises(Refused) as caught:
            await gateway.send("wxid_anna", Content(image=name))
        await gateway.close()
    assert name in caught.value.message
    assert not re.search("[a-z]{6}", caught.value.message.replace(name, ""))  # one language
    assert [asked for asked, _ in service.asked] == ["Version"]


@pytest.mark.parametrize(
    "content",
    [
        Content(text="\ud83c好"),
        Content(text="安娜", mentions=("wxid_\udf38",)),
        Content(link={"url": "https://shop.example", "title": "\ud83c"}),
        Content(card="\udf38"),
    ],
)
async def test_half_a_character_is_refused_before_anything_is_written(content: Content) -> None:
    service = Puppet()
    async with serving(service) as endpoint:
        gateway = await opened(endpoint)
        with pytest.raises(Refused):
            await gateway.send("wxid_anna", content)
        await gateway.close()
    assert [asked for asked, _ in service.asked] == ["Version"]


async def test_a_payload_that_is_empty_or_unknown_is_gone() -> None:
    service = Puppet()
    async with serving(service) as endpoint:
        gateway = await opened(endpoint, timeouts=IMPATIENT)
        with pytest.raises(PayloadGone):
            await gateway.message("m-1")
        service.answers["MessagePayload"] = failing(Status.NOT_FOUND)
        with pytest.raises(PayloadGone):
            await gateway.message("m-1")
        service.answers["MessagePayload"] = never
        with pytest.raises(GatewayUnavailable):
            await gateway.message("m-1")
        await gateway.close()


# The event stream.


async def test_garbage_in_the_stream_is_a_fault_and_the_rest_is_heard() -> None:
    async def stream(emit: Emit) -> None:
        await emit(event(1, "not json, and nobody minds"))
        await emit(b"\xff\xff\xff\xff")
        await emit(event(2, "{"))
        await emit(event(2, "[]"))
        await emit(event(2, '{"messageId": 7}'))
        await emit(event(2, f'{{"{TOKEN}": 1}}'))
        await emit(event(99, "{}"))
        await emit(event(27, '{"payloadType": 2, "payloadId": "wxid_anna"}'))
        await emit(event(25, '{"contactId": "wxid_me"}'))
        await emit(event(2, '{"messageId": "m-1"}'))

    service = Puppet()
    service.stream = stream
    async with serving(service) as endpoint:
        gateway = await opened(endpoint)
        heard = await all_events(gateway)
        await gateway.close()
    assert heard[0] == Heartbeat() and heard[-2:] == [Login("wxid_me"), MessageArrived("m-1")]
    assert [type(one) for one in heard[1:-2]] == [Fault] * 5
    assert TOKEN not in repr(heard)


async def test_long_and_short_messages_of_the_stream_come_whole_and_in_order() -> None:
    """A long one is spread over many frames and more than the window, short ones share what is read at once."""
    ids = [letter * length for letter, length in zip("abcdefgh", (1, 400_000, 1, 1, 70_000, 16_350, 2, 3), strict=True)]

    async def stream(emit: Emit) -> None:
        for id in ids:
            await emit(event(2, f'{{"messageId": "{id}"}}'))

    service = Puppet()
    service.stream = stream
    async with serving(service) as endpoint:
        gateway = await opened(endpoint)
        heard = await all_events(gateway)
        await gateway.close()
    assert heard == [MessageArrived(id) for id in ids]


async def test_a_stream_held_by_somebody_else_is_busy() -> None:
    async def stream(_: Emit) -> None:
        raise GRPCError(Status.ALREADY_EXISTS, "event() can not call twice")

    service = Puppet()
    service.stream = stream
    async with serving(service) as endpoint:
        gateway = await opened(endpoint)
        with pytest.raises(StreamBusy) as caught:
            await all_events(gateway)
        assert caught.value.retry
        await gateway.close()


async def test_a_stream_whose_line_is_cut_raises() -> None:
    service = Puppet()
    async with wired(service) as (endpoint, wire):
        gateway = await opened(endpoint)
        async with aclosing(gateway.events()) as events:
            assert await anext(events) == Heartbeat()
            wire.cut()
            with pytest.raises(GatewayUnavailable):
                await anext(events)
        await gateway.close()


async def test_a_peer_that_hangs_is_noticed() -> None:
    """Nothing closes, nothing comes: the pings go unanswered and the stream raises."""
    service = Puppet()
    async with wired(service) as (endpoint, wire):
        gateway = await opened(endpoint, timeouts=Timeouts(ping_after_s=0.04, ping_answer_s=0.04))
        async with aclosing(gateway.events()) as events:
            assert await anext(events) == Heartbeat()
            wire.freeze()
            async with asyncio.timeout(10):
                with pytest.raises(GatewayUnavailable):
                    await anext(events)
        await gateway.close()


async def test_a_peer_that_talks_is_not_pinged() -> None:
    """A thousand idle accounts beat anyway; a stretch in which this machine itself dawdled does not count."""

    async def stream(emit: Emit) -> None:
        while True:
            await emit(event(1, '{"data":"hello"}'))
            await asyncio.sleep(0.005)

    service = Puppet()
    service.stream = stream
    now_s = asyncio.get_running_loop().time
    async with wired(service) as (endpoint, wire):
        gateway = await opened(endpoint, timeouts=Timeouts(ping_after_s=0.12))
        async with aclosing(gateway.events()) as events, asyncio.timeout(60):
            began_s = last_s = now_s()
            pinged = wire.pings
            while last_s - began_s < 0.2:
                await anext(events)
                if now_s() - last_s > 0.02:
                    began_s, pinged = now_s(), wire.pings
                last_s = now_s()
            assert wire.pings == pinged
        await gateway.close()


async def test_leaving_the_stream_frees_it() -> None:
    """The gateway hears that the reader has gone, so that the next one isn't refused."""
    gone = asyncio.Event()

    async def stream(emit: Emit) -> None:
        try:
            await Puppet.silent(emit)
        finally:
            gone.set()

    service = Puppet()
    service.stream = stream
    async with serving(service) as endpoint:
        gateway = await opened(endpoint)
        async with aclosing(gateway.events()) as events:
            await anext(events)
        async with asyncio.timeout(10):
            await gone.wait()
        await gateway.close()


async def test_events_that_nobody_reads_wait_at_the_gateway_and_hold_up_no_call() -> None:
    """A busy database must not fill our memory with events, nor may waiting events block replies."""
    written = 0

    async def stream(emit: Emit) -> None:
        nonlocal written
        while True:
            await emit(event(16, '{"data": "%s"}' % ("x" * 1000)))
            written += 1

    service = Puppet()
    service.stream = stream
    async with serving(service) as endpoint:
        gateway = await opened(endpoint)
        async with aclosing(gateway.events()) as events:
            await anext(events)
            for _ in range(50):
                assert await gateway.contact_ids() == []
            assert written < 1000, "about the window of 128 KiB"
        await gateway.close()


# One account among many.


async def test_a_start_that_failed_may_be_asked_again_and_one_that_worked_may_not() -> None:
    service = Puppet()
    service.answers["Start"] = failing(Status.UNKNOWN, "not now")
    async with serving(service) as endpoint:
        gateway = await opened(endpoint)
        with pytest.raises(GatewayUnavailable):
            await gateway.start_session()
        service.answers["Start"] = service.answers["Logout"]
        await gateway.start_session()
        await gateway.start_session()
        await gateway.close()
    assert [name for name, _ in service.asked].count("Start") == 2


async def test_two_gateways_in_one_process_share_nothing() -> None:
    """Each speaks with its own token to its own endpoint, at the same time."""
    services = [Puppet(), Puppet()]
    async with serving(services[0]) as first, serving(services[1]) as second:
        gateways = [WechatyGateway(f"lin-{n}", end, f"token-{n}") for n, end in enumerate((first, second))]
        for gateway in gateways:
            await gateway.open()
        await asyncio.gather(*(gateway.send(f"wxid_{n}", HELLO) for n, gateway in enumerate(gateways * 5)))
        for gateway in gateways:
            await gateway.close()
    assert [service.tokens for service in services] == [{"Wechaty token-0"}, {"Wechaty token-1"}]
    assert [len(service.asked) for service in services] == [6, 6]


async def test_a_broken_connection_leaves_no_cancellation_behind() -> None:
    """grpclib wakes its caller by cancelling the task; a task that goes on must not look cancelled."""
    service = Puppet()
    async with wired(service) as (endpoint, wire):
        gateway = await opened(endpoint)

        async def cut(_: bytes) -> bytes:
            wire.cut()
            return await never(_)

        service.answers["MessageSendText"] = cut
        with pytest.raises(OutcomeUnknown):
            await gateway.send("wxid_anna", HELLO)
        task = asyncio.current_task()
        assert task is not None and task.cancelling() == 0
        await gateway.close()


async def test_a_reset_and_a_goodbye_in_one_breath_leave_no_cancellation_behind() -> None:
    """grpclib would wake the caller twice: for the stream and for the connection."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")  # SETTINGS
        await reader.readuntil(b"SM\r\n\r\n")
        await asyncio.sleep(0.02)  # the request follows the preface
        reset = b"\x00\x00\x04\x03\x00\x00\x00\x00\x01" + b"\x00\x00\x00\x08"
        goodbye = b"\x00\x00\x08\x07\x00\x00\x00\x00\x00" + b"\x00" * 8
        writer.write(reset + goodbye)
        await writer.drain()
        await reader.read()

    async with speaking(talk) as endpoint:
        with pytest.raises(GatewayUnavailable):
            await opened(endpoint)
    task = asyncio.current_task()
    assert task is not None and task.cancelling() == 0


async def test_a_send_cancelled_while_its_connection_breaks_is_cancelled() -> None:
    """Whoever stops a task is obeyed, whatever happens to the connection at the same moment."""
    service = Puppet()
    asked = asyncio.Event()

    async def answer(_: bytes) -> bytes:
        asked.set()
        return await never(_)

    service.answers["MessageSendText"] = answer
    async with serving(service) as endpoint:
        gateway = await opened(endpoint)
        sending = asyncio.create_task(gateway.send("wxid_anna", HELLO), name="send")
        await asked.wait()
        await gateway.close()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending


async def test_closing_with_a_send_in_flight_is_an_unknown_outcome() -> None:
    service = Puppet()
    asked = asyncio.Event()

    async def answer(_: bytes) -> bytes:
        asked.set()
        return await never(_)

    service.answers["MessageSendText"] = answer
    async with serving(service) as endpoint:
        gateway = await opened(endpoint)
        sending = asyncio.create_task(gateway.send("wxid_anna", HELLO), name="send")
        await asked.wait()
        await gateway.close()
        with pytest.raises(OutcomeUnknown):
            await sending


async def test_a_cancelled_send_is_cancelled() -> None:
    service = Puppet()
    asked = asyncio.Event()

    async def answer(_: bytes) -> bytes:
        asked.set()
        return await never(_)

    service.answers["MessageSendText"] = answer
    async with serving(service) as endpoint:
        gateway = await opened(endpoint)
        sending = asyncio.create_task(gateway.send("wxid_anna", HELLO), name="send")
        await asked.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await gateway.close()


async def test_many_sends_do_not_make_a_connection_grow() -> None:
    """h2 would remember 65,536 closed streams for each account."""
    service = Puppet()
    async with serving(service) as endpoint:
        gateway = await opened(endpoint)
        for _ in range(100):
            await gateway.send("wxid_anna", HELLO)
        channel = gateway._channel
        assert channel is not None
        assert len(channel._protocol.connection._connection._closed_streams) <= 64
        await gateway.close()


async def test_closing_twice_and_opening_again() -> None:
    service = Puppet()
    async with serving(service) as endpoint:
        gateway = await opened(endpoint)
        await gateway.open()
        await gateway.close()
        await gateway.close()
        await gateway.open()
        assert await gateway.contact_ids() == []
        await gateway.close()


# Taking a message back.


@pytest.mark.parametrize("answer", [b"\x08\x01", b"", b"\x08\x00", b"\xff\xff"], ids=["yes", "empty", "no", "garbage"])
async def test_a_recall_is_done_only_when_the_gateway_says_so(answer: bytes) -> None:
    """A no is what protocol buffers leave out."""
    service = Puppet()
    asked: list[bytes] = []

    async def recall(request: bytes) -> bytes:
        asked.append(request)
        return answer

    service.answers["MessageRecall"] = recall
    async with serving(service) as endpoint:
        gateway = await opened(endpoint)
        if answer == b"\x08\x01":
            await gateway.recall("m1")
        else:
            with pytest.raises(Refused, match="两分钟"):
                await gateway.recall("m1")
        await gateway.close()
    assert [puppet.MessageRecallRequest().parse(request).id for request in asked] == ["m1"]


async def test_a_recall_without_an_answer_is_unknown(caplog: pytest.LogCaptureFixture) -> None:
    service = Puppet()
    service.answers["MessageRecall"] = never
    async with serving(service) as endpoint:
        gateway = await opened(endpoint, timeouts=IMPATIENT)
        with pytest.raises(OutcomeUnknown):
            await gateway.recall("m1")
        await gateway.close()
