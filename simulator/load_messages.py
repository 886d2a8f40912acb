"""The few messages of the puppet protocol that a loaded gateway answers with, written by hand as bytes."""

from simulator.load_http2 import message


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def text_field(number: int, value: bytes) -> bytes:
    """A string field of protocol buffers."""
    return bytes((number << 3 | 2,)) + varint(len(value)) + value


def number_field(number: int, value: int) -> bytes:
    return bytes((number << 3,)) + varint(value)


def first_text(request: bytes) -> bytes:
    """The value of field 1, when that is a string and comes first: so it does in every request served here."""
    if not request or request[0] != 0x0A:
        return b""
    size, place = request[1], 2
    if size > 0x7F:
        size, place = size & 0x7F | request[2] << 7, 3
    return request[place : place + size]


def event(kind: int, payload: bytes) -> bytes:
    return message(number_field(1, kind) + text_field(2, payload))
