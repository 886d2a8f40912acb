"""Just enough HTTP/2 for a gRPC server that must cost less than its client.

Frames are read and written by hand; answers are bytes made beforehand. It serves honest gRPC clients in benchmarks,
nothing else: whoever breaks the protocol is disconnected.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, cast

from hpack import Decoder

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST, _SETTINGS, _PING, _GOAWAY, _WINDOW, _CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
_END_STREAM, _END_HEADERS, _ACK, _PADDED, _PRIORITY = 0x1, 0x4, 0x1, 0x8, 0x20
_INITIAL_WINDOW = 4
_FIRST_WINDOW = 65_535
_FRAME_BYTES = 16_384
"""The longest frame that a client takes who has not said otherwise. Source: RFC 9113, 6.5.2."""
_MOST = 2**31 - 1
_TOP_UP_AT = 2**30


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


def _plain(name: bytes, value: bytes) -> bytes:
    """A header that changes no table, so that its bytes are the same on every connection."""
    return b"\x00" + bytes((len(name),)) + name + bytes((len(value),)) + value


_OK_HEAD = b"\x88" + _plain(b"content-type", b"application/grpc")
_OK_TAIL = _plain(b"grpc-status", b"0")
_HELLO = frame(_SETTINGS, 0, 0, _INITIAL_WINDOW.to_bytes(2) + _MOST.to_bytes(4)) + frame(
    _WINDOW, 0, 0, (_MOST - _FIRST_WINDOW).to_bytes(4)
)
_SETTINGS_ACK = frame(_SETTINGS, _ACK, 0, b"")


def message(payload: bytes) -> bytes:
    """A gRPC message, uncompressed."""
    return b"\x00" + len(payload).to_bytes(4) + payload


class Service(Protocol):
    """Who answers the calls of a connection."""

    def call(self, connection: "Connection", stream: int, path: str, authorization: str, request: bytes) -> None:
        """A whole request is there. Answer with `reply`, `refuse` or, for a stream, `open_stream`."""
        ...

    def gone(self, connection: "Connection", stream: int) -> None:
        """The client has let go of a stream that was opened."""
        ...


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, service: Service) -> None:
        self.writable = asyncio.Event()
        self.writable.set()
        self.on_window: Callable[[], None] | None = None
        """Called when an open stream may go on."""
        self._service = service
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._decoder = Decoder()
        self._known: dict[bytes, tuple[str, str]] = {}
        self._calls: dict[int, tuple[str, str]] = {}
        self._bodies: dict[int, bytes] = {}
        self._partial: tuple[int, int, bytes] | None = None
        self._out: list[bytes] = []
        self._greeted = False
        self._taken = 0
        self._window = _FIRST_WINDOW
        self._stream_start = _FIRST_WINDOW
        self._stream_windows: dict[int, int] = {}

    # --- what the service does --------------------------------------------------------------------------------------

    def reply(self, stream: int, payload: bytes) -> None:
        """One message, and done."""
        body = message(payload)
        number = stream.to_bytes(4)
        if len(body) > _FRAME_BYTES:
            self._reply_in_pieces(stream, body)
            return
        self._out.append(b"".join((
            len(_OK_HEAD).to_bytes(3), b"\x01\x04", number, _OK_HEAD,
            len(body).to_bytes(3), b"\x00\x00", number, body,
            len(_OK_TAIL).to_bytes(3), b"\x01\x05", number, _OK_TAIL,
        )))  # fmt: skip
        self._window -= len(body)

    def _reply_in_pieces(self, stream: int, body: bytes) -> None:
        """A long one (a list of contacts), in frames that every client takes. Its window is taken for wide enough."""
        self._out.append(frame(_HEADERS, _END_HEADERS, stream, _OK_HEAD))
        for start in range(0, len(body), _FRAME_BYTES):
            self._out.append(frame(_DATA, 0, stream, body[start : start + _FRAME_BYTES]))
        self._out.append(frame(_HEADERS, _END_HEADERS | _END_STREAM, stream, _OK_TAIL))
        self._window -= len(body)

    def refuse(self, stream: int, status: int, words: str) -> None:
        """A gRPC error."""
        block = _OK_HEAD + _plain(b"grpc-status", str(status).encode()) + _plain(b"grpc-message", words.encode())
        self._out.append(frame(_HEADERS, _END_HEADERS | _END_STREAM, stream, block))

    def open_stream(self, stream: int) -> None:
        """Begin an answer of many messages."""
        self._stream_windows[stream] = self._stream_start
        self._out.append(frame(_HEADERS, _END_HEADERS, stream, _OK_HEAD))

    def room(self, stream: int) -> int:
        """How many bytes may go out on an open stream now; 0 while the client or the socket is slow."""
        if not self.writable.is_set() or self._transport is None:
            return 0
        return max(0, min(self._window, self._stream_windows.get(stream, 0)))

    def send(self, stream: int, messages: list[bytes]) -> None:
        """Messages on an open stream, which together fit in its `room`; one frame each."""
        head = b"\x00\x00" + stream.to_bytes(4)
        size = 0
        for body in messages:
            self._out.append(len(body).to_bytes(3) + head + body)
            size += len(body)
        self._window -= size
        self._stream_windows[stream] -= size

    def flush(self) -> None:
        if self._out and self._transport is not None:
            self._transport.write(b"".join(self._out))
            self._out.clear()

    # --- what the socket says ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(_HELLO)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        for stream in list(self._stream_windows):
            self._service.gone(self, stream)

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()
        if self.on_window is not None:
            self.on_window()

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        place, end = 0, len(buffer)
        if not self._greeted:
            if end < len(_PREFACE):
                self._buffer = buffer
                return
            if not buffer.startswith(_PREFACE):
                self._break()
                return
            self._greeted, place = True, len(_PREFACE)
        while end - place >= 9:
            size = int.from_bytes(buffer[place : place + 3])
            if end - place - 9 < size:
                break
            self._frame(
                buffer[place + 3],
                buffer[place + 4],
                int.from_bytes(buffer[place + 5 : place + 9]),
                buffer[place + 9 : place + 9 + size],
            )
            place += 9 + size
        self._buffer = buffer[place:]
        self.flush()

    def _frame(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == _DATA:
            self._data(flags, stream, payload)
        elif kind == _HEADERS:
            self._headers(flags, stream, _unpadded(payload, flags, priority=True))
        elif kind == _CONTINUATION and self._partial is not None:
            _, first_flags, block = self._partial
            self._headers(first_flags & ~_END_HEADERS | flags & _END_HEADERS, stream, block + payload)
        elif kind == _WINDOW:
            self._more_window(stream, int.from_bytes(payload) & _MOST)
        elif kind == _SETTINGS and not flags & _ACK:
            self._settings(payload)
        elif kind == _PING and not flags & _ACK:
            self._out.append(frame(_PING, _ACK, 0, payload))
        elif kind == _RST:
            self._forget(stream)
        elif kind == _GOAWAY:
            self.flush()

    def _headers(self, flags: int, stream: int, block: bytes) -> None:
        if not flags & _END_HEADERS:
            self._partial = (stream, flags, block)
            return
        self._partial = None
        known = self._known.get(block)
        if known is None:
            known = self._decode(block)
        self._calls[stream] = known
        if flags & _END_STREAM:
            self._whole(stream, b"")

    def _decode(self, block: bytes) -> tuple[str, str]:
        headers: dict[Any, Any] = dict(self._decoder.decode(block))
        found = (_text(headers.get(":path", "")), _text(headers.get("authorization", "")))
        if min(block) >= 0x80 and 0xFF not in block:
            self._known[block] = found  # only references to the table: the same bytes mean the same next time
        else:
            self._known.clear()  # the table may have moved under the references
        return found

    def _data(self, flags: int, stream: int, payload: bytes) -> None:
        self._taken += len(payload)
        if self._taken > _TOP_UP_AT:
            self._out.append(frame(_WINDOW, 0, 0, self._taken.to_bytes(4)))
            self._taken = 0
        body = _unpadded(payload, flags, priority=False)
        if earlier := self._bodies.pop(stream, b""):
            body = earlier + body
        if flags & _END_STREAM:
            self._whole(stream, body)
        elif stream in self._calls:
            self._bodies[stream] = body

    def _whole(self, stream: int, body: bytes) -> None:
        call = self._calls.pop(stream, None)
        if call is not None:
            self._service.call(self, stream, call[0], call[1], body[5:])

    def _settings(self, payload: bytes) -> None:
        for place in range(0, len(payload), 6):
            if int.from_bytes(payload[place : place + 2]) == _INITIAL_WINDOW:
                start = int.from_bytes(payload[place + 2 : place + 6])
                for stream in self._stream_windows:
                    self._stream_windows[stream] += start - self._stream_start
                self._stream_start = start
        self._out.append(_SETTINGS_ACK)

    def _more_window(self, stream: int, size: int) -> None:
        if stream == 0:
            self._window += size
        elif stream in self._stream_windows:
            self._stream_windows[stream] += size
        if self.on_window is not None:
            self.on_window()

    def _forget(self, stream: int) -> None:
        self._calls.pop(stream, None)
        self._bodies.pop(stream, None)
        if self._stream_windows.pop(stream, None) is not None:
            self._service.gone(self, stream)

    def _break(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _unpadded(payload: bytes, flags: int, *, priority: bool) -> bytes:
    start, end = 0, len(payload)
    if flags & _PADDED:
        start, end = 1, end - payload[0]
    if priority and flags & _PRIORITY:
        start += 5
    return payload[start:end] if start or end != len(payload) else payload
