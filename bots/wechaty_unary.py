"""One question and its answer on a connection: h2 and hpack as they are, grpclib's ceremony only where it is needed.

A fleet spends most of its processor time on the wire. A question that fits into one frame, and whose connection takes
it at once, needs no stream object with queues and events: it is written in one piece, and its answer is one future.
Everything else, and every answer that isn't plainly good, goes the way of grpclib.
"""

import asyncio
import struct
from collections.abc import Iterable, Sequence
from typing import Any

from grpclib.exceptions import StreamTerminatedError
from grpclib.protocol import Connection, EventsProcessor
from h2.connection import H2Connection
from hpack import Encoder

_PREFIX = struct.Struct(">?I")
"""Before each gRPC message: is it compressed, and how long is it."""
_GRPC = ("application/grpc", "application/grpc+proto")


class Compressed(Exception):
    """A message is compressed, though we never said that we could read such."""


def framed(message: bytes) -> bytes:
    """A message as gRPC puts it into the stream."""
    return _PREFIX.pack(False, len(message)) + message


def message_of(body: bytes) -> bytes | None:
    """The message in a reply's data, None where there is none. Raises EOFError when it is cut or two, Compressed."""
    if not body:
        return None
    if len(body) < _PREFIX.size:
        raise EOFError("a cut reply")
    compressed, length = _PREFIX.unpack_from(body)
    if compressed:
        raise Compressed
    if length != len(body) - _PREFIX.size:
        raise EOFError("a cut reply")
    return body[_PREFIX.size :]


class RememberingEncoder(Encoder):
    """hpack's encoder, which knows the block of headers that it encoded before.

    A block that only points into the table stays true as long as nothing was put into the table. And a size of the
    table that is told twice is still said to the decoder, which hpack forgets: from then on they would disagree.
    """

    def __init__(self) -> None:
        super().__init__()
        self._newest: object = None
        self._blocks: dict[tuple[Any, ...], bytes] = {}

    @property
    def header_table_size(self) -> int:
        return int(self.header_table.maxsize)

    @header_table_size.setter
    def header_table_size(self, size: int) -> None:
        if size != self.header_table.maxsize:
            self.header_table.maxsize = size
            self.table_size_changes.append(size)

    def encode(self, headers: Iterable[Any], huffman: bool = True) -> bytes:
        headers = tuple(headers)
        table = self.header_table
        if not table.resized and self._top() is self._newest:
            block = self._blocks.get(headers)
            if block is not None:
                return block
        resized = table.resized
        block = super().encode(headers, huffman)
        newest = self._top()
        if resized or newest is not self._newest:  # the block did more than point, or older ones point elsewhere
            self._newest = newest
            self._blocks.clear()
        else:
            self._blocks[headers] = block
        return block

    def _top(self) -> object:
        entries = self.header_table.dynamic_entries
        return entries[0] if entries else None


class Reply:
    """What comes back on one stream. `done` is set when it has ended, however it did."""

    __slots__ = ("body", "broken", "done", "headers", "processor", "stream", "trailers")

    def __init__(self, processor: "Processor", stream: int) -> None:
        self.processor = processor
        self.stream = stream
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.headers: dict[str, str] | None = None
        self.trailers: dict[str, str] | None = None
        self.body = b""
        self.broken: str | None = None
        """Why the stream ended before its time."""

    @property
    def good(self) -> bool:
        """Plainly so: anything else is grpclib's to judge."""
        headers, trailers = self.headers, self.trailers
        return (
            self.broken is None
            and headers is not None
            and trailers is not None
            and trailers.get("grpc-status") == "0"
            and headers.get(":status") == "200"
            and headers.get("content-type") in _GRPC
        )

    def begin(self, headers: dict[str, str]) -> None:
        self.headers = headers
        if headers.get(":status") != "200" or headers.get("content-type") not in _GRPC:
            self.end()  # whatever comes after this is nothing for us

    def end(self, broken: str | None = None) -> None:
        if not self.done.done():
            self.broken = broken
            self.done.set_result(None)

    async def wait(self, timeout_s: float) -> None:
        """Until it has ended; afterwards the stream is nobody's. Raises TimeoutError."""
        late = asyncio.get_running_loop().call_later(timeout_s, self._give_up)
        try:
            await self.done
        finally:
            late.cancel()
            self.processor.forget(self)

    def _give_up(self) -> None:
        if not self.done.done():
            self.done.set_exception(TimeoutError())


class Processor(EventsProcessor):  # type: ignore[misc]
    """grpclib's, which hands the events of our questions to their replies."""

    def __init__(self, handler: Any, connection: Connection) -> None:
        super().__init__(handler, connection)
        self.replies: dict[int, Reply] = {}

    def process_response_received(self, event: Any) -> None:
        reply = self.replies.get(event.stream_id)
        if reply is None:
            super().process_response_received(event)
        else:
            reply.begin(dict(event.headers))

    def process_data_received(self, event: Any) -> None:
        reply = self.replies.get(event.stream_id)
        if reply is None:
            super().process_data_received(event)
        else:
            reply.body += event.data
            # The protocol writes what this makes after it has gone through the events.
            self.connection._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)

    def process_trailers_received(self, event: Any) -> None:
        reply = self.replies.get(event.stream_id)
        if reply is None:
            super().process_trailers_received(event)
        else:
            reply.trailers = dict(event.headers)

    def process_stream_ended(self, event: Any) -> None:
        reply = self.replies.get(event.stream_id)
        if reply is None:
            super().process_stream_ended(event)
        else:
            reply.end()

    def process_stream_reset(self, event: Any) -> None:
        reply = self.replies.get(event.stream_id)
        if reply is None:
            super().process_stream_reset(event)
        else:
            reply.end(f"Stream reset, error_code: {event.error_code}" if event.remote_reset else "Protocol error")

    def close(self, reason: str = "Connection closed") -> None:
        super().close(reason)
        for reply in self.replies.values():
            reply.end(reason)

    def takes(self, size: int) -> bool:
        """Would the connection take a question of that many bytes at once, in one frame?"""
        connection = self.connection
        h2: H2Connection = connection._connection
        return bool(
            connection.write_ready.is_set()
            and not connection.is_closing()
            and size <= h2.max_outbound_frame_size
            and size <= h2.outbound_flow_control_window
            and size <= h2.remote_settings.initial_window_size
        )

    def ask(self, headers: Sequence[tuple[bytes, bytes]], question: bytes) -> Reply:
        """Write it. Raises h2's TooManyStreamsError, with nothing written. Wait for the reply, always."""
        connection = self.connection
        h2: H2Connection = connection._connection
        stream = h2.get_next_available_stream_id()
        h2.send_headers(stream, headers)
        h2.send_data(stream, question, end_stream=True)
        reply = self.replies[stream] = Reply(self, stream)
        connection.flush()
        return reply

    def forget(self, reply: Reply) -> None:
        """Nobody waits for it any more; the gateway hears of that when it is still at it."""
        del self.replies[reply.stream]
        self.connection.stream_close_waiter.set()
        if self.connection.is_closing():
            return
        h2: H2Connection = self.connection._connection
        stream = h2.streams.get(reply.stream)
        if stream is not None and not stream.closed:
            h2.reset_stream(reply.stream)
            if self.connection.write_ready.is_set():
                self.connection.flush()


def judge(reply: Reply, call: Any) -> None:
    """Raise what grpclib would: GRPCError, StreamTerminatedError. `call` is a grpclib stream of the same method."""
    headers, trailers = reply.headers, reply.trailers
    if headers is not None:
        call._raise_for_status(headers)
        if reply.broken is None:
            call._raise_for_content_type(headers)
    if reply.broken is None or trailers is not None or (headers is not None and "grpc-status" in headers):
        status = call._process_grpc_status(headers if trailers is None else trailers)
        call._raise_for_grpc_status(*status)
    if reply.broken is not None:
        raise StreamTerminatedError(reply.broken)
