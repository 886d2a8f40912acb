"""One connection to one gateway: grpclib's channel, made small, calm and honest for a fleet of thousands.

What differs from a plain `grpclib.client.Channel`, and why:

* it never reconnects by itself: the runner decides, and a send after a loss is known to be unwritten;
* bytes that are not HTTP/2 end the connection instead of raising in the event loop;
* a task that a broken connection woke does not look cancelled afterwards;
* h2 remembers the last 64 closed streams instead of 65,536 (several MiB after a day of calls), and a TLS connection
  keeps 20 KiB of buffer instead of 256;
* replies are decoded by the caller, so that one broken message doesn't break a stream;
* a ping goes only to a peer that fell silent;
* a question that fits into one frame goes by the short way of `wechaty_unary`.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h2.events
from grpclib.client import Channel, Handler, Stream
from grpclib.config import Configuration
from grpclib.const import Cardinality
from grpclib.encoding.base import GRPC_CONTENT_TYPE, CodecBase
from grpclib.exceptions import StreamTerminatedError
from grpclib.metadata import USER_AGENT
from grpclib.protocol import H2Protocol
from grpclib.utils import Wrapper
from h2.exceptions import TooManyStreamsError
from h2.utilities import SizeLimitDict
from multidict import MultiDict

from bots.wechaty_unary import Processor, RememberingEncoder, Reply, framed, judge, message_of

_CLOSED_STREAMS_REMEMBERED = 64

_TLS_BUFFER_BYTES = 20 * 1024

# How much a gateway may send ahead of us: events that wait for a busy database wait there, not in our memory. The
# connection's is larger, so that a full event stream doesn't hold up the replies to calls.
_STREAM_WINDOW_BYTES = 128 * 1024
_CONNECTION_WINDOW_BYTES = 1024 * 1024

# How often in `ping_after_s` is looked whether the peer has fallen silent: a ping goes after two to three thirds of it.
_LOOKS_A_PING = 3

# The type of the frame with which every HTTP/2 server begins.
_SETTINGS = b"\x04"

# hpack's debug log names every header with its value, the token among them.
logging.getLogger("hpack").setLevel(logging.INFO)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long we wait for a gateway, in seconds of wall time."""

    connect_s: float = 10.0
    read_s: float = 20.0
    send_s: float = 30.0
    ping_after_s: float = 60.0
    """A peer that was silent for this long, at most, is asked whether it lives."""
    ping_answer_s: float = 20.0


DEFAULT_TIMEOUTS = Timeouts()


class _BytesCodec(CodecBase):  # type: ignore[misc]
    """Encodes generated messages; hands replies over as the bytes they are."""

    __content_subtype__ = "proto"

    def encode(self, message: Any, message_type: Any) -> bytes:
        return bytes(message)

    def decode(self, data: bytes, message_type: Any) -> bytes:
        return data


_CODEC = _BytesCodec()


def _trim_tls(transport: asyncio.BaseTransport) -> None:
    """asyncio keeps a buffer of 256 KiB for each TLS connection; frames are at most 16 KiB, and accounts many."""
    tls: Any = getattr(transport, "_ssl_protocol", None)
    if tls is not None:
        tls.max_size = _TLS_BUFFER_BYTES
        tls._ssl_buffer = bytearray(_TLS_BUFFER_BYTES)
        tls._ssl_buffer_view = memoryview(tls._ssl_buffer)


def _pass_over(_: Any) -> None:
    """HTTP/2 extensions that servers and proxies may send at any time; grpclib stumbles over them."""


_PASSED_OVER = dict.fromkeys(
    (h2.events.UnknownFrameReceived, h2.events.AlternativeServiceAvailable, h2.events.InformationalResponseReceived),
    _pass_over,
)


class _Protocol(H2Protocol):  # type: ignore[misc]
    """HTTP/2 on one socket; garbage ends it, in the words that grpclib uses for a protocol error."""

    _greeted = False
    _heard_s = 0.0
    _now_s: Callable[[], float]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        _notice_dead_peer(transport, self.config)
        _trim_tls(transport)
        super().connection_made(transport)
        self._now_s = asyncio.get_running_loop().time
        self.connection._is_need_send_ping = self._is_silent
        self.processor = Processor(self.handler, self.connection)
        self.processor.processors.update(_PASSED_OVER)
        self.connection._connection.encoder = RememberingEncoder()
        self.connection._connection._closed_streams = SizeLimitDict(size_limit=_CLOSED_STREAMS_REMEMBERED)

    def data_received(self, data: bytes) -> None:
        # h2 would wait for the four MiB which the letters "HTT" announce as a frame's length.
        if not self._greeted and data[3:4] not in (_SETTINGS, b""):
            self.processor.close("Protocol error")
            return
        self._greeted = True
        self._heard_s = self._now_s()
        try:
            super().data_received(data)
        except Exception:  # whatever a stranger's bytes provoke in h2, hpack or grpclib means the same to us
            self.processor.close("Protocol error")

    def connection_lost(self, exc: BaseException | None) -> None:
        if not self.handler.connection_lost:  # else it was ended for a reason that says more
            super().connection_lost(exc)

    def _is_silent(self) -> bool:
        """Asked by grpclib at every `_keepalive_time`: is a ping wanted? Whoever was heard lately is alive; gateways
        beat every 15 seconds, and a thousand connections are a thousand pings that nobody needs.
        """
        silent_s = self._now_s() - self._heard_s
        return bool(silent_s >= (_LOOKS_A_PING - 1) * self.config._keepalive_time)


def _notice_dead_peer(transport: asyncio.BaseTransport, config: Any) -> None:
    """Let the kernel end a connection whose peer stopped acknowledging; pings notice a peer that hangs."""
    sock = transport.get_extra_info("socket")
    if sock is None:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT") and sock.family in (socket.AF_INET, socket.AF_INET6):
        wait_ms = int((_LOOKS_A_PING * config._keepalive_time + config._keepalive_timeout) * 1000)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, wait_ms)


class _Waking(Wrapper):  # type: ignore[misc]
    """Wakes the task that waits for a call, and takes the cancellation back by which it did.

    grpclib wakes by cancelling (once for a reset stream, again for the lost connection) and leaves the task's count of
    cancellations raised: `TaskGroup` (3.13) and `asyncio.timeout` further out would then cancel a healthy task. A
    cancellation that came from outside at the same moment is kept.
    """

    _before = 0
    _woken: asyncio.Task[Any] | None = None

    def __enter__(self) -> None:
        super().__enter__()
        self._before = next(iter(self._tasks)).cancelling()  # a call has one task

    def cancel(self, error: Exception) -> None:
        if self._error is None:
            self._woken = next(iter(self._tasks), None)  # a call has one task
            super().cancel(error)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        woken, self._woken = self._woken, None
        if woken is not None and woken.uncancel() > self._before:
            self._tasks.discard(woken)
            return
        self._tasks.clear()  # it was the one
        if self._error is not None:
            self.cancel_failed = kind is not asyncio.CancelledError
            raise self._error


class _Call(Stream):  # type: ignore[misc]
    """One RPC."""

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._wrapper = _Waking()
        return self


def _path(method: str) -> str:
    return f"/wechaty.Puppet/{method}"


class OneConnection(Channel):  # type: ignore[misc]
    """A channel that connects when told to, once."""

    def __init__(self, host: str, port: int, trust: ssl.SSLContext | None, config: Configuration) -> None:
        super().__init__(host, port, ssl=trust, codec=_CODEC, config=config)
        self._headers: dict[str, tuple[tuple[bytes, bytes], ...]] = {}

    @property
    def alive(self) -> bool:
        return bool(self._connected)

    def call(self, method: str, cardinality: Cardinality, metadata: Sequence[tuple[str, str]]) -> _Call:
        """An RPC of the puppet service; its reply comes as bytes. Enter it with `async with`."""
        return _Call(
            self,
            _path(method),
            MultiDict(metadata),
            cardinality,
            object,
            bytes,
            codec=_CODEC,
            status_details_codec=None,
            dispatch=self.__dispatch__,
        )

    def ask(self, method: str, message: bytes, metadata: Sequence[tuple[str, str]]) -> Reply | None:
        """Write a whole question at once, to be followed by `answer`. None: it can't go that way, use `call`.

        With None, or an exception, nothing was written.
        """
        question = framed(message)
        processor: Processor = self._protocol.processor
        if not self._connected or not processor.takes(len(question)):
            return None
        headers = self._headers.get(method)
        if headers is None:
            headers = self._headers[method] = self._headers_for(method, metadata)
        try:
            return processor.ask(headers, question)
        except TooManyStreamsError:
            return None

    async def answer(self, reply: Reply, method: str, timeout_s: float) -> bytes | None:
        """The answer to `ask`, None when there is none.

        Raises TimeoutError, EOFError, and of grpclib GRPCError and StreamTerminatedError.
        """
        await reply.wait(timeout_s)
        if not reply.good:
            judge(reply, self.call(method, Cardinality.UNARY_UNARY, ()))
        return message_of(reply.body)

    def _headers_for(self, method: str, metadata: Sequence[tuple[str, str]]) -> tuple[tuple[bytes, bytes], ...]:
        """What grpclib sends, in its order."""
        headers = (
            (":method", "POST"),
            (":scheme", self._scheme),
            (":path", _path(method)),
            (":authority", self._authority),
            ("te", "trailers"),
            ("content-type", GRPC_CONTENT_TYPE),
            ("user-agent", USER_AGENT),
            *metadata,
        )
        return tuple((name.encode(), value.encode()) for name, value in headers)

    async def connect(self) -> None:
        """Raises OSError, ssl.SSLError."""
        await super().__connect__()

    async def __connect__(self) -> H2Protocol:
        if not self._connected:
            raise StreamTerminatedError("Connection lost")
        return self._protocol

    def _protocol_factory(self) -> _Protocol:
        return _Protocol(Handler(), self._config, self._h2_config)


@lru_cache(maxsize=64)
def configuration(tls_name: str | None, timeouts: Timeouts) -> Configuration:
    """grpclib's settings; equal ones are one object for the whole fleet."""
    return Configuration(
        _keepalive_time=timeouts.ping_after_s / _LOOKS_A_PING,
        _keepalive_timeout=timeouts.ping_answer_s,
        http2_stream_window_size=_STREAM_WINDOW_BYTES,
        http2_connection_window_size=_CONNECTION_WINDOW_BYTES,
        ssl_target_name_override=tls_name,
    )


def trust_of(tls: str) -> ssl.SSLContext | None:
    """Whom to trust for `tls`: 'off' nobody is asked, 'system' the system's authorities, else a CA file (PEM).

    Blocks while it reads files. Contexts hold trust and no identity, and the system's weigh half a MiB: accounts
    share them. A changed file is read anew. Raises OSError, ssl.SSLError for a file that is missing or no PEM.
    """
    if tls == "off":
        return None
    if tls == "system":
        return _system_trust()
    return _file_trust(tls, Path(tls).stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _system_trust() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2"])
    return context


@lru_cache(maxsize=64)
def _file_trust(path: str, _changed_ns: int) -> ssl.SSLContext:
    # Not create_default_context: from Python 3.13 on that asks for extensions which the gateways' own CA lacks.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cafile=path)
    context.set_alpn_protocols(["h2"])
    return context
