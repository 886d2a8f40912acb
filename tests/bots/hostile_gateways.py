"""Gateways that misbehave on request, on real sockets of 127.0.0.1."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from grpclib.const import Cardinality, Handler
from grpclib.encoding.base import CodecBase
from grpclib.server import Server, Stream
from wechaty_grpc.wechaty import puppet

_CALLS = (
    "Version",
    "Start",
    "Logout",
    "MessageSendText",
    "MessagePayload",
    "ContactList",
    "FriendshipAccept",
    "MessageRecall",
)

TOKEN = "a-token-that-nobody-may-see"

Answer = Callable[[bytes], Awaitable[bytes]]
Emit = Callable[[bytes], Awaitable[None]]


class _Raw(CodecBase):  # type: ignore[misc]
    """Bytes as they are, so that a test can answer anything."""

    __content_subtype__ = "proto"

    def encode(self, message: Any, message_type: Any) -> bytes:
        return bytes(message)

    def decode(self, data: bytes, message_type: Any) -> bytes:
        return data


async def nothing(_: bytes) -> bytes:
    """An empty answer: the right one for most calls."""
    return b""


async def never(_: bytes) -> bytes:
    """Takes the request and never answers."""
    await asyncio.Event().wait()
    return b""


class Puppet:
    """A puppet service whose every answer a test may replace: `puppet.answers["MessageSendText"] = …`."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = dict.fromkeys(_CALLS, nothing)
        self.asked: list[tuple[str, bytes]] = []
        self.tokens: set[str] = set()
        self.stream: Callable[[Emit], Awaitable[None]] = self.silent

    @staticmethod
    async def silent(emit: Emit) -> None:
        """A stream that begins and stays."""
        await emit(event(1, '{"data":"hello"}'))
        await asyncio.Event().wait()

    def __mapping__(self) -> dict[str, Handler]:
        calls = {
            f"/wechaty.Puppet/{name}": Handler(self._unary(name), Cardinality.UNARY_UNARY, bytes, bytes)
            for name in self.answers
        }
        stream = Handler(self._events, Cardinality.UNARY_STREAM, bytes, bytes)
        return {**calls, "/wechaty.Puppet/Event": stream}

    def _unary(self, name: str) -> Callable[[Stream[bytes, bytes]], Awaitable[None]]:
        async def handle(call: Stream[bytes, bytes]) -> None:
            request = await call.recv_message() or b""
            self.tokens.add(str((call.metadata or {}).get("authorization")))
            self.asked.append((name, request))
            await call.send_message(await self.answers[name](request))

        return handle

    async def _events(self, call: Stream[bytes, bytes]) -> None:
        await call.recv_message()
        await self.stream(call.send_message)


def event(number: int, payload: str) -> bytes:
    """One message of the event stream."""
    response = puppet.EventResponse()
    response.type, response.payload = number, payload
    return bytes(response)


@asynccontextmanager
async def serving(service: Puppet) -> AsyncIterator[str]:
    """The endpoint at which `service` answers."""
    server = Server([service], codec=_Raw())
    await server.start("127.0.0.1", 0)
    port = server._server.sockets[0].getsockname()[1]
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.close()
        for handler in list(server._handlers):  # a closed server keeps its connections otherwise
            handler.close()
        await server.wait_closed()


@asynccontextmanager
async def speaking(talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[str]:
    """The endpoint of a TCP server that does `talk` with whoever connects."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


_PING = b"\x00\x00\x08\x06\x00"
"""How an HTTP/2 frame begins that asks for a sign of life."""


class Wire:
    """The line to a gateway, which can be frozen (nothing passes, nothing closes) and cut."""

    def __init__(self, endpoint: str) -> None:
        host, _, port = endpoint.rpartition(":")
        self._far = (host, int(port))
        self._open = asyncio.Event()
        self._open.set()
        self._writers: list[asyncio.StreamWriter] = []
        self.pings = 0
        """How often the near end asked whether the gateway lives."""

    def freeze(self) -> None:
        self._open.clear()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def whisper(self, data: bytes) -> None:
        """Say something to the near end that the gateway never said."""
        self._writers[0].write(data)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._far)
        self._writers += [writer, far_writer]
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._copy(reader, far_writer, self._count), name="up")
                group.create_task(self._copy(far_reader, writer, lambda data: None), name="down")
        except* ConnectionError:
            pass
        finally:
            far_writer.transport.abort()

    def _count(self, data: bytes) -> None:
        self.pings += data.count(_PING)

    async def _copy(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, heed: Callable[[bytes], None]
    ) -> None:
        while data := await source.read(65536):
            heed(data)
            await self._open.wait()
            sink.write(data)
            await sink.drain()
        raise ConnectionResetError


@asynccontextmanager
async def wired(service: Puppet) -> AsyncIterator[tuple[str, Wire]]:
    """`service` behind a wire: (endpoint, wire)."""
    async with serving(service) as far:
        wire = Wire(far)
        async with speaking(wire.carry) as endpoint:
            yield endpoint, wire
