"""The event stream of a gateway, read in bulk.

grpclib reads five bytes, then a message, and tells the peer after every frame that it was read; for a stream on which
thousands of small messages come at once that is most of the work. Here whatever has come is taken at once, cut into
messages, and acknowledged when all of them have been dealt with: so the gateway still sends no further ahead than the
stream's window. Heartbeats are a few bytes each: they are acknowledged by the lump.
"""

from collections.abc import AsyncIterator
from typing import Any

from grpclib.client import Stream

from bots.wechaty_unary import Compressed

_HEAD = 5  # one byte of flags, four of length
_COMPRESSED = 1
_LUMP_BYTES = 8 * 1024
"""So much may be dealt with and not be acknowledged; a small part of the stream's window (ours)."""


async def messages(call: Stream[Any, Any]) -> AsyncIterator[bytes]:
    """Every message of an open call, as bytes, until the peer ends it.

    Raises what grpclib raises when the connection or the stream breaks; EOFError when it ends within a message,
    Compressed for a compressed one.
    """
    await call.recv_initial_metadata()
    buffer = call._stream.buffer
    rest = b""
    dealt_with = 0
    while True:
        with call._wrapper:  # wakes us when the connection is lost
            parts = [await buffer._unacked.get()]
        while not buffer._unacked.empty():
            parts.append(buffer._unacked.get_nowait())
        rest += b"".join([part.data for part in parts])
        at = 0
        while len(rest) - at >= _HEAD:
            end = at + _HEAD + int.from_bytes(rest[at + 1 : at + _HEAD])
            if rest[at] == _COMPRESSED:
                raise Compressed
            if len(rest) < end:
                break
            yield rest[at + _HEAD : end]
            at = end
        rest = rest[at:]
        dealt_with += sum(part.ack_size for part in parts)
        if dealt_with >= _LUMP_BYTES:
            buffer._ack_callback(dealt_with)
            dealt_with = 0
        if buffer._eof and buffer._unacked.empty():
            break
    if rest:
        raise EOFError("the stream ended within a message")
