"""A real Wechaty puppet service behind the port `bots.gateway.Gateway`.

One object, one channel, one account, and nothing shared that could speak for another: no pools, no message ids, no
options. It works below the `Wechaty` and `PuppetService` classes on purpose: those share options, contacts and message
ids between bots, stop the gateway's session on every connect, and raise after a send whose reply carries no id.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from betterproto import parse_fields
from grpclib.const import Cardinality
from wechaty_grpc.wechaty import puppet

from bots.errors import (
    CertificateRejected,
    GarbageAnswer,
    GatewayProblem,
    GatewayUnavailable,
    PayloadGone,
    Refused,
    TooLate,
    WrongToken,
)
from bots.gateway import (
    Contact,
    Friendship,
    GatewayEvent,
    Login,
    Logout,
    Message,
    OwnProfile,
    RoomInfo,
    Still,
    always,
)
from bots.wechaty_channel import (
    DEFAULT_TIMEOUTS,
    OneConnection,
    Timeouts,
    configuration,
    trust_of,
)
from bots.wechaty_contents import keep_box, request_for
from bots.wechaty_errors import Asking, Whereabouts, translate
from bots.wechaty_events import epoch_ms, friendship_kind, message_kind, read_event
from bots.wechaty_stream import messages
from storage.outbox import Content
from texts.catalogue import say
from texts.os_words import os_reason

_NO_MEDIA = Path("media")


class WechatyGateway:
    """One account's gateway.

    `endpoint` is "host:port"; `tls` is "off", "system" or the path of a CA file; `tls_name` the name to expect in
    the gateway's certificate where it isn't the host; `media` the folder below which pictures are.
    """

    __slots__ = ("_at", "_channel", "_media", "_metadata", "_self_id", "_started", "_timeouts", "_tls", "_tls_name")

    def __init__(
        self,
        account_id: str,
        endpoint: str,
        token: str,
        *,
        tls: str = "off",
        tls_name: str | None = None,
        media: Path = _NO_MEDIA,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
    ) -> None:
        self._at = Whereabouts(account_id, endpoint, token)
        self._metadata = (("authorization", f"Wechaty {token}"),)
        self._tls = tls
        self._tls_name = tls_name
        self._media = media
        self._timeouts = timeouts
        self._channel: OneConnection | None = None
        self._self_id = ""
        self._started = False

    async def open(self) -> None:
        await self.close()
        at = self._at
        if not (at.token.isascii() and at.token.isprintable()):  # no header can carry it
            raise at.problem(WrongToken, "wrong_token")
        host, _, port = at.endpoint.rpartition(":")
        trust = await self._trust()
        channel = OneConnection(host.strip("[]"), int(port), trust, configuration(self._tls_name, self._timeouts))
        try:
            async with asyncio.timeout(self._timeouts.connect_s):
                await channel.connect()
        except Exception as error:
            raise translate(error, at, Asking.CONNECT, written=False) from at.cause(error)
        self._channel = channel
        try:
            await self._read("Version", puppet.VersionRequest(), puppet.VersionResponse, Asking.CONNECT)
        except BaseException:
            await self.close()
            raise

    async def events(self) -> AsyncIterator[GatewayEvent]:
        at = self._at
        channel = self._connected()
        try:
            async with channel.call("Event", Cardinality.UNARY_STREAM, self._metadata) as stream:
                await stream.send_message(puppet.EventRequest(), end=True)
                async for raw in messages(stream):
                    event = read_event(raw, at.redact)
                    if event is not None:
                        self._remember(event)
                        yield event
        except Exception as error:
            raise translate(error, at, Asking.ATTACH, written=True) from at.cause(error)

    async def start_session(self) -> None:
        """Ask for a session, unless the account is in or was asked for already: a second `Start` breaks some gateways.

        Call it while `events` is being read: only the stream says that the account is in.
        """
        if self._self_id or self._started:
            return
        self._started = True
        try:
            await self._read("Start", puppet.StartRequest(), puppet.StartResponse, Asking.READ)
        except GatewayProblem:
            self._started = False
            raise

    async def log_out(self) -> None:
        await self._read("Logout", puppet.LogoutRequest(), puppet.LogoutResponse, Asking.READ)

    async def send(self, to: str, content: Content, still: Still = always) -> str:
        self._connected()
        if content.image is None:
            method, request = request_for(to, content, self._media, self._at)
        else:
            method, request = await asyncio.to_thread(request_for, to, content, self._media, self._at)
        return _sent_id(await self._call(method, request, Asking.SEND, self._timeouts.send_s, still))

    async def accept(self, request: str, still: Still = always) -> None:
        question = bytes(puppet.FriendshipAcceptRequest(id=request))
        await self._call("FriendshipAccept", question, Asking.SEND, self._timeouts.send_s, still)

    async def recall(self, message: str, still: Still = always) -> None:
        question = bytes(puppet.MessageRecallRequest(id=message))
        answer = await self._call("MessageRecall", question, Asking.SEND, self._timeouts.send_s, still)
        if not _says_yes(answer):
            raise self._at.problem(Refused, "not_recalled")

    async def message(self, id: str) -> Message:
        got = await self._fetch("MessagePayload", puppet.MessagePayloadRequest(id=id), puppet.MessagePayloadResponse)
        if not got.from_id and not got.room_id:
            raise self._gone(id)
        return Message(
            id=got.id or id,
            kind=message_kind(int(got.type)),
            text=got.text,
            talker=got.from_id,
            listener=got.to_id,
            room=got.room_id,
            sent_ms=epoch_ms(got.timestamp),
            mentions=tuple(got.mention_ids),
        )

    async def friendship(self, id: str) -> Friendship:
        got = await self._fetch(
            "FriendshipPayload", puppet.FriendshipPayloadRequest(id=id), puppet.FriendshipPayloadResponse
        )
        if not got.contact_id:
            raise self._gone(id)
        kind = friendship_kind(int(got.type))
        return Friendship(got.id or id, kind, got.contact_id, got.hello, int(got.scene), got.ticket)

    async def contact(self, id: str) -> Contact:
        got = await self._fetch("ContactPayload", puppet.ContactPayloadRequest(id=id), puppet.ContactPayloadResponse)
        return Contact(got.id or id, got.name, got.alias, bool(got.friend), got.weixin, tuple(got.phone))

    async def contact_ids(self) -> list[str]:
        got = await self._read("ContactList", puppet.ContactListRequest(), puppet.ContactListResponse, Asking.READ)
        return list(got.ids)

    async def room(self, id: str) -> RoomInfo:
        got = await self._fetch("RoomPayload", puppet.RoomPayloadRequest(id=id), puppet.RoomPayloadResponse)
        return RoomInfo(got.id or id, got.topic, got.owner_id, tuple(got.member_ids))

    async def contact_qr(self) -> str:
        got = await self._fetch(
            "ContactSelfQRCode", puppet.ContactSelfQrCodeRequest(), puppet.ContactSelfQrCodeResponse
        )
        if not got.qrcode:
            raise self._gone(self._self_id)
        return str(got.qrcode)

    async def keep_picture(self, message: str, stem: str) -> str:
        asked = puppet.MessageImageRequest(id=message, type=puppet.ImageType.IMAGE_TYPE_HD)
        got = await self._fetch("MessageImage", asked, puppet.MessageImageResponse)
        name = await asyncio.to_thread(keep_box, got.filebox, self._media, stem)
        if name is None:
            raise self._gone(message)
        return name

    async def own_profile(self) -> OwnProfile:
        got = await self._fetch(
            "ContactPayload", puppet.ContactPayloadRequest(id=self._self_id), puppet.ContactPayloadResponse
        )
        return OwnProfile(got.name.strip(), got.signature.strip())

    async def change_profile(
        self, *, nickname: str | None = None, signature: str | None = None, still: Still = always
    ) -> None:
        if nickname is not None:
            await self._set("ContactSelfName", puppet.ContactSelfNameRequest(name=nickname), still)
        if signature is not None:
            await self._set("ContactSelfSignature", puppet.ContactSelfSignatureRequest(signature=signature), still)

    async def close(self) -> None:
        self._self_id = ""
        self._started = False
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    async def _trust(self) -> ssl.SSLContext | None:
        if self._tls == "off":
            return None
        try:
            return await asyncio.to_thread(trust_of, self._tls)
        except OSError as error:  # ssl.SSLError is one, too
            reason = str(error.reason or error) if isinstance(error, ssl.SSLError) else os_reason(error)
            raise self._at.problem(CertificateRejected, "ca_unreadable", reason=f"{self._tls}: {reason}") from error

    def _require(self, still: Still) -> None:
        if not still():
            raise TooLate(say("bots.ownership_lost"), hint=say("bots.ownership_lost.hint"), where=repr(self._at))

    def _connected(self) -> OneConnection:
        if self._channel is None or not self._channel.alive:
            raise self._at.problem(GatewayUnavailable, "not_connected")
        return self._channel

    def _remember(self, event: GatewayEvent) -> None:
        if isinstance(event, Login):
            self._self_id = event.contact
        elif isinstance(event, Logout):
            self._self_id = ""
            self._started = False

    async def _set(self, method: str, request: Any, still: Still) -> None:
        await self._call(method, bytes(request), Asking.SEND, self._timeouts.send_s, still)

    def _gone(self, id: str) -> GatewayProblem:
        return self._at.problem(PayloadGone, "payload_gone", said=id)

    async def _fetch(self, method: str, request: Any, reply: type) -> Any:
        return await self._read(method, request, reply, Asking.FETCH)

    async def _read(self, method: str, request: Any, reply: type, asking: Asking) -> Any:
        raw = await self._call(method, bytes(request), asking, self._timeouts.read_s)
        try:
            return reply().parse(raw)
        except Exception as error:  # betterproto has no error of its own for bytes that make no sense
            raise self._at.problem(GarbageAnswer, "garbage", said=method) from error

    async def _call(
        self, method: str, request: bytes, asking: Asking, timeout_s: float, still: Still = always
    ) -> bytes:
        """One unary call of an encoded request; the reply's bytes, b'' for an empty message.

        Raises the classes of `bots.errors`; TooLate when `still` says no at the last moment.
        """
        channel = self._connected()
        written = False
        try:
            self._require(still)
            asked = channel.ask(method, request, self._metadata)
            if asked is not None:
                written = True  # from here on the gateway may have it
                reply = await channel.answer(asked, method, timeout_s)
            else:
                async with (
                    asyncio.timeout(timeout_s),
                    channel.call(method, Cardinality.UNARY_UNARY, self._metadata) as stream,
                ):
                    await stream.send_request()
                    self._require(still)  # nobody acts upon a request without its message
                    written = True
                    await stream.send_message(request, end=True)
                    reply = await stream.recv_message()
            if reply is None:
                raise EOFError(f"{method}: no reply")
        except Exception as error:
            raise translate(error, self._at, asking, written=written) from self._at.cause(error)
        return reply


def _says_yes(raw: bytes) -> bool:
    """Field 1 of the reply to a recall. A no is what protocol buffers leave out; what can't be read is no yes."""
    try:
        return bool(puppet.MessageRecallResponse().parse(raw).success)
    except Exception:  # betterproto has no error of its own for bytes that make no sense
        return False


def _sent_id(raw: bytes) -> str:
    """The id in a send's reply: field 2, in older gateways field 1, wrapped; '' where there is none we can read.

    The message is out once there is a reply at all, so nothing here may raise.
    """
    found = ""
    try:
        for field in parse_fields(raw):
            if field.number == 2 and isinstance(field.value, bytes):
                return field.value.decode()
            if field.number == 1 and isinstance(field.value, bytes):
                found = next((inner.value.decode() for inner in parse_fields(field.value) if inner.number == 1), "")
    except (IndexError, ValueError, AttributeError):
        return found
    return found
