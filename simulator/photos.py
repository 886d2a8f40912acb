"""Photos that simulated people send: a real picture file, a different one for each message."""

import base64
import json
import struct
import zlib
from hashlib import blake2b

_WIDTH, _HEIGHT = 480, 640


def photo(message: str) -> bytes:
    """A small PNG of soft stripes; the same message always shows the same."""
    red, green, blue, stripe = blake2b(message.encode(), digest_size=4).digest()
    rows = bytearray()
    for line in range(_HEIGHT):
        bright = (line // (16 + stripe % 48)) % 2 * 24
        pixel = bytes(min(255, 120 + part // 2 + bright) for part in (red, green, blue))
        rows += b"\0" + pixel * _WIDTH
    header = struct.pack(">IIBBBBB", _WIDTH, _HEIGHT, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def photo_box(message: str) -> str:
    """The photo as gateways hand it out: a file box with the bytes in it."""
    data = base64.b64encode(photo(message)).decode("ascii")
    return json.dumps({"type": 1, "boxType": 1, "name": "photo.png", "base64": data})


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
