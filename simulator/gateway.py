"""A Wechaty gateway: the puppet protocol as a gRPC service over one account of the world.

The service knows nothing of sockets: an `Endpoint` serves it on one, `grpclib.testing.ChannelFor` in memory.
"""

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any

from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError
from grpclib.server import Stream
from wechaty_grpc.wechaty import puppet

from simulator.errors import NoSuchThing, Refusal
from simulator.faults import AccountFaults, Trouble
from simulator.gateway_calls import CALLS, SENDS, Call, answer_file_stream
from simulator.world import World

HEARTBEAT_S = 15.0
"""Wall seconds between two heartbeats on a quiet stream."""

_EVENTS = {
    "heartbeat": 1, "message": 2, "dong": 3, "error": 16, "friendship": 17, "room-invite": 18, "room-join": 19,
    "room-leave": 20, "room-topic": 21, "scan": 22, "ready": 23, "reset": 24, "login": 25, "logout": 26,
}  # fmt: skip

Event = tuple[str, dict[str, Any]]


class GatewayService:
    """The gateway of one account: token checked, one event stream at a time, no replay."""

    def __init__(
        self, world: World, account: str, token: str, faults: AccountFaults, *, heartbeat_s: float = HEARTBEAT_S
    ) -> None:
        self.world = world
        self.account = account
        self.starts = 0
        """How often a client asked to start or stop the WeChat session: on a real gateway that is no small matter."""
        self._token = f"Wechaty {token}".encode()
        self._faults = faults
        self._heartbeat_s = heartbeat_s
        self._events: asyncio.Queue[Event | None] | None = None
        world.connect_gateway(account, self.tell)

    @property
    def attached(self) -> bool:
        """Is the event slot taken, be it by a ghost?"""
        return self._events is not None

    def tell(self, event: str, payload: dict[str, Any]) -> None:
        """Report something on the event stream; lost while nobody reads it."""
        if self._events is None:
            return
        if event == "login":
            self.world.attached.add(self.account)
        self._events.put_nowait((event, payload))
        if event in ("message", "friendship") and self._faults.repeats_event():
            self._events.put_nowait((event, payload))

    def close_events(self) -> None:
        """End the event stream in good order."""
        if self._events is not None:
            self._events.put_nowait(None)

    def __mapping__(self) -> dict[str, Handler]:
        handlers = {name: self._unary(name, call) for name, call in CALLS.items()}
        handlers["Event"] = Handler(
            self._serve_events, Cardinality.UNARY_STREAM, puppet.EventRequest, puppet.EventResponse
        )
        handlers["MessageSendFileStream"] = Handler(
            self._take_file,
            Cardinality.STREAM_UNARY,
            puppet.MessageSendFileStreamRequest,
            puppet.MessageSendFileStreamResponse,
        )
        return {f"/wechaty.Puppet/{name}": handler for name, handler in handlers.items()}

    def _unary(self, name: str, call: Call) -> Handler:
        async def handle(stream: Stream[Any, Any]) -> None:
            self._check_token(stream)
            request = await stream.recv_message()
            if request is None:
                return
            if self._faults.delay_s:
                await asyncio.sleep(self._faults.delay_s)
            answer = await self._answer(name, lambda: call.answer(self, request))
            await stream.send_message(answer)

        return Handler(handle, Cardinality.UNARY_UNARY, call.request, call.response)

    async def _take_file(self, stream: Stream[Any, Any]) -> None:
        self._check_token(stream)
        parts = [part async for part in stream]
        answer = await self._answer("MessageSendFileStream", lambda: answer_file_stream(self, parts))
        await stream.send_message(answer)

    async def _answer(self, name: str, answer: Callable[[], Any]) -> Any:
        try:
            if name in SENDS:
                return await self._answer_send(answer)
            return answer()
        except NoSuchThing as error:
            raise GRPCError(Status.NOT_FOUND, str(error)) from error
        except Refusal as error:
            # Node gateways answer UNKNOWN with the text for whatever their puppet throws.
            raise GRPCError(Status.UNKNOWN, str(error)) from error

    async def _answer_send(self, answer: Callable[[], Any]) -> Any:
        if self._faults.meets(Trouble.REFUSE_SEND):
            raise Refusal("the message was refused")
        if self._faults.meets(Trouble.RESTRICT_SEND):
            raise Refusal("操作过于频繁，请稍后再试")
        if self._faults.meets(Trouble.HANG_UNSENT):
            await _for_ever()
        result = answer()
        if self._faults.meets(Trouble.HANG_SENT):
            await _for_ever()
        if self._faults.linger_s:
            await asyncio.sleep(self._faults.linger_s)
        if not self.world.accounts[self.account].plan.gives_message_ids or self._faults.meets(Trouble.NO_ID):
            result.id = ""
        return result

    def payload_lost(self, id: str) -> bool:
        """Is this message one of those whose payload is gone?"""
        if self._faults.meets(Trouble.LOSE_PAYLOAD):
            self._faults.lost_payloads.add(id)
        return id in self._faults.lost_payloads

    def _check_token(self, stream: Stream[Any, Any]) -> None:
        given = (stream.metadata or {}).get("authorization", "")
        if not hmac.compare_digest(str(given).encode(), self._token):
            raise GRPCError(Status.UNAUTHENTICATED, "Invalid Wechaty TOKEN")

    async def _serve_events(self, stream: Stream[Any, Any]) -> None:
        self._check_token(stream)
        await stream.recv_message()
        if self._events is not None:
            raise GRPCError(Status.ALREADY_EXISTS, "the event stream is already taken by another client")
        events = self._events = asyncio.Queue()
        try:
            self._greet(events)
            await self._forward(events, stream.send_message)
        finally:
            self._let_go(events)

    def _greet(self, events: "asyncio.Queue[Event | None]") -> None:
        me = self.world.accounts[self.account]
        events.put_nowait(("heartbeat", {"data": "attached"}))
        if me.logged_in:
            events.put_nowait(("login", {"contactId": me.contact}))
            events.put_nowait(("ready", {"data": "ready"}))
            self.world.attached.add(self.account)

    async def _forward(self, events: "asyncio.Queue[Event | None]", send: Callable[[Any], Awaitable[None]]) -> None:
        while True:
            try:
                async with asyncio.timeout(self._heartbeat_s if events.empty() else None):
                    event = await events.get()
            except TimeoutError:
                event = ("heartbeat", {"data": "alive"})
            if event is None:
                return
            name, payload = event
            text = json.dumps(payload)
            if name == "message" and self._faults.meets(Trouble.GARBLE_EVENT):
                text = "{\ufffd" + text[:5]
            await send(puppet.EventResponse(type=_EVENTS[name], payload=text))

    def _let_go(self, events: "asyncio.Queue[Event | None]") -> None:
        """Free the slot, after a while when a ghost haunts it."""

        def free() -> None:
            if self._events is events:
                self._events = None

        if self._faults.ghost_s:
            asyncio.get_running_loop().call_later(self._faults.ghost_s, free)
        else:
            free()


async def _for_ever() -> None:
    """Ends only with the connection, or when the caller gives up."""
    await asyncio.get_running_loop().create_future()
