"""Connecting to a gateway that nobody here wrote: token, TLS, sessions, ghosts, restarts."""

import asyncio
import ssl
from pathlib import Path

import pytest

from bots.errors import (
    CertificateRejected,
    GarbageAnswer,
    GatewayProblem,
    GatewayUnavailable,
    NotLoggedIn,
    OutcomeUnknown,
    StreamBusy,
    WrongToken,
)
from bots.gateway import Heartbeat, Login, Logout, MessageArrived, Ready, Scan
from bots.wechaty_channel import Timeouts
from bots.wechaty_gateway import WechatyGateway
from storage.outbox import Content
from tests.foreign.conftest import Connect, Listen, StartGateway
from tests.foreign.gateway_process import ForeignGateway


async def test_attaching_tells_that_the_account_is_in(
    foreign_gateway: ForeignGateway, connect: Connect, listen: Listen
) -> None:
    """On attach the gateway sends a heartbeat, then the login; connecting neither stops nor starts its session."""
    ear = await listen(await connect(foreign_gateway))
    assert await ear.next(Login) == Login("wxid_lin-1")
    assert isinstance(ear.heard[0], Heartbeat)
    calls = (await foreign_gateway.do("calls"))["calls"]
    assert calls["stop"] == 0
    assert calls["start"] == 1, "the one of the gateway itself"


async def test_a_wrong_token_is_named_and_not_shown(foreign_gateway: ForeignGateway, connect: Connect) -> None:
    """The gateway's own words repeat the token; ours don't, in no part of the error."""
    with pytest.raises(WrongToken) as caught:
        await connect(foreign_gateway, token="a-secret-from-elsewhere")
    problem = caught.value
    assert problem.retry is False
    assert foreign_gateway.endpoint in problem.message and "gateway.token" in problem.hint
    assert "a-secret" not in f"{problem} {problem!r} {problem.__cause__!r}"


async def test_tls_with_the_gateways_own_certificate(
    start_gateway: StartGateway, connect: Connect, listen: Listen, tmp_path: Path
) -> None:
    foreign = await start_gateway(tls=True)
    ca = tmp_path / "gateway-ca.pem"
    ca.write_text(foreign.ca)
    ours = await connect(foreign, tls=str(ca), tls_name="insecure")
    assert await (await listen(ours)).next(Login) == Login("wxid_lin-1")
    await ours.send("wxid_lin-1", Content(text="给自己记一笔"))
    assert (await foreign.sent())[0]["what"] == "给自己记一笔"


async def test_long_texts_pass_the_small_tls_buffer_both_ways(
    start_gateway: StartGateway, connect: Connect, listen: Listen, tmp_path: Path
) -> None:
    """asyncio's 256 KiB a connection are cut down, since there are thousands; what is longer comes in pieces."""
    foreign = await start_gateway(tls=True)
    ca = tmp_path / "gateway-ca.pem"
    ca.write_text(foreign.ca)
    ours = await connect(foreign, tls=str(ca), tls_name="insecure")
    channel = ours._channel
    assert channel is not None
    assert len(channel._protocol.connection._transport._ssl_protocol._ssl_buffer) <= 32 * 1024
    ear = await listen(ours)
    text = "很长的一段话" * 10_000
    await ours.send("wxid_lin-1", Content(text=text))
    assert (await ours.message((await ear.next(MessageArrived)).id)).text == text
    assert (await foreign.sent())[0]["what"] == text
    assert len(channel._protocol.connection._transport._ssl_protocol._ssl_buffer) <= 32 * 1024


@pytest.mark.parametrize(("trust", "name"), [("system", "insecure"), ("ca", None)])
async def test_a_certificate_that_does_not_verify_is_refused(
    start_gateway: StartGateway, connect: Connect, tmp_path: Path, trust: str, name: str | None
) -> None:
    """An authority that we don't trust, and a name that isn't on the certificate: both need a person."""
    foreign = await start_gateway(tls=True)
    ca = tmp_path / "gateway-ca.pem"
    ca.write_text(foreign.ca)
    with pytest.raises(CertificateRejected) as caught:
        await connect(foreign, tls=str(ca) if trust == "ca" else trust, tls_name=name)
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
    assert "tls_name" in caught.value.hint


async def test_tls_and_no_tls_meeting_is_said(start_gateway: StartGateway, connect: Connect) -> None:
    """Either side without TLS: an error with the setting's name in the hint, no hang, no traceback from asyncio."""
    plain = await start_gateway("lin-1")
    with pytest.raises(CertificateRejected) as caught:
        await connect(plain, tls="system")
    assert "off" in caught.value.hint
    secured = await start_gateway("lin-2", tls=True)
    with pytest.raises((GatewayUnavailable, GarbageAnswer)) as lost:
        await connect(secured)
    assert "tls" in lost.value.hint


async def test_start_is_asked_once_and_only_when_nobody_is_in(
    start_gateway: StartGateway, connect: Connect, listen: Listen
) -> None:
    foreign = await start_gateway(login="on-start")
    ours = await connect(foreign)
    ear = await listen(ours)
    await ours.start_session()
    await ear.next(Login)
    await ours.start_session()
    assert (await foreign.do("calls"))["calls"] == {"start": 1, "stop": 0, "accept": []}


async def test_a_qr_code_and_a_logout_come_through(
    start_gateway: StartGateway, connect: Connect, listen: Listen
) -> None:
    foreign = await start_gateway(login="never")
    ours = await connect(foreign)
    ear = await listen(ours)
    await foreign.do("scan", code="https://login.weixin.qq.com/l/abc")
    assert await ear.next(Scan) == Scan("waiting", "https://login.weixin.qq.com/l/abc")
    with pytest.raises(NotLoggedIn):
        await ours.send("wxid_anna", Content(text="在吗"))
    await foreign.do("login")
    await ear.next(Login)
    await foreign.do("logout", reason="在别处登录")
    assert await ear.next(Logout) == Logout("在别处登录")
    await foreign.do("login")
    assert await ear.next(Login) == Login("wxid_lin-1"), "a second login is heard as well"


async def test_logging_out_is_asked_of_the_gateway(
    foreign_gateway: ForeignGateway, connect: Connect, listen: Listen
) -> None:
    ours = await connect(foreign_gateway)
    ear = await listen(ours)
    await ear.next(Login)
    await ours.log_out()
    await ear.next(Logout)


async def test_a_second_stream_is_refused_while_the_ghost_lives(
    foreign_gateway: ForeignGateway, connect: Connect, listen: Listen
) -> None:
    """StreamBusy while another stream is attached; once that has gone, the same gateway object attaches."""
    ghost = await listen(await connect(foreign_gateway))
    await ghost.next(Login)
    ours = await connect(foreign_gateway)
    with pytest.raises(StreamBusy):
        async for _ in ours.events():
            pass
    await ghost.stop()
    for _ in range(50):
        ear = await listen(ours)
        try:
            assert await ear.next(Login) == Login("wxid_lin-1")
            return
        except AssertionError:
            assert isinstance(ear.failure, StreamBusy)
            await asyncio.sleep(0.05)
    pytest.fail("the ghost never left")


async def test_killed_and_restarted_in_the_middle(
    foreign_gateway: ForeignGateway, connect: Connect, listen: Listen
) -> None:
    """The stream says so, sends know that nothing was written, and `open` on the same object makes it whole."""
    ours = await connect(foreign_gateway)
    ear = await listen(ours)
    await ear.next(Login)
    await foreign_gateway.kill()
    assert isinstance(await ear.ended(), GatewayUnavailable)
    with pytest.raises(GatewayUnavailable) as unsent:
        await ours.send("wxid_anna", Content(text="在吗"))
    assert unsent.value.sent == "no"
    with pytest.raises(GatewayUnavailable):
        await ours.open()
    await foreign_gateway.start()
    await ours.open()
    assert await (await listen(ours)).next(Login) == Login("wxid_lin-1")


async def test_killed_with_a_send_in_flight_is_an_unknown_outcome(
    foreign_gateway: ForeignGateway, connect: Connect
) -> None:
    ours = await connect(foreign_gateway)
    await foreign_gateway.do("hang", hanging=True)
    sending = asyncio.create_task(ours.send("wxid_anna", Content(text="在吗")), name="send")
    while not await foreign_gateway.sent():  # noqa: ASYNC110 - what we wait for is in another process
        await asyncio.sleep(0.01)
    await foreign_gateway.kill()
    with pytest.raises(OutcomeUnknown) as caught:
        await sending
    assert caught.value.sent == "unknown" and caught.value.retry is False


async def test_a_send_that_hangs_is_an_unknown_outcome_and_others_go_on(
    foreign_gateway: ForeignGateway, connect: Connect
) -> None:
    ours = await connect(foreign_gateway, timeouts=Timeouts(send_s=0.05))
    await foreign_gateway.do("hang", hanging=True)
    with pytest.raises(OutcomeUnknown):
        await ours.send("wxid_anna", Content(text="在吗"))
    await foreign_gateway.do("hang", hanging=False)
    assert (await ours.contact("wxid_anna")).name == "安娜"


async def test_every_error_names_the_account_and_its_endpoint(foreign_gateway: ForeignGateway) -> None:
    await foreign_gateway.kill()
    ours = WechatyGateway("lin-1", foreign_gateway.endpoint, foreign_gateway.token)
    with pytest.raises(GatewayProblem) as caught:
        await ours.open()
    assert caught.value.where == f"lin-1 @ {foreign_gateway.endpoint}"
    assert caught.value.hint


async def test_ready_follows_the_login(foreign_gateway: ForeignGateway, connect: Connect, listen: Listen) -> None:
    ear = await listen(await connect(foreign_gateway))
    await ear.next(Login)
    await foreign_gateway.do("emit", event="ready", payload={"data": "ready"})
    await ear.next(Ready)
