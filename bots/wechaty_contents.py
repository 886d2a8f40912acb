"""What is sent, in the gateway's words: one request for one `Content`."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path

from wechaty_grpc.wechaty.puppet import (
    MessageSendContactRequest,
    MessageSendFileRequest,
    MessageSendUrlRequest,
)

from bots.errors import Refused
from bots.wechaty_errors import Whereabouts
from storage.outbox import Content
from texts.file_text import inside
from texts.os_words import os_reason

_MIB = 1024 * 1024
# Node gateways take 4 MiB a message; base64 makes three bytes four.
LARGEST_FILE_BYTES = 2_900_000

# file-box numbers its forms; its name for the number changed with version 1.
_BASE64_BOX = 1


def request_for(to: str, content: Content, media: Path, at: Whereabouts) -> tuple[str, bytes]:
    """The method and its encoded request for one message. Reads a picture's file: blocks when `content.image` is set.

    Raises Refused when the picture can't be read or is too large, or a text can't be written as UTF-8; ValueError for
    a content that is no message.
    """
    try:
        return _request(to, content, media, at)
    except UnicodeEncodeError as error:  # half of a surrogate pair, as cutting a text in the wrong place leaves it
        raise at.problem(Refused, "half_character", code=f"U+{ord(error.object[error.start]):04X}") from error


def _request(to: str, content: Content, media: Path, at: Whereabouts) -> tuple[str, bytes]:
    if content.text is not None:
        return "MessageSendText", text_request(to, content.text, content.mentions)
    if content.card is not None:
        return "MessageSendContact", bytes(MessageSendContactRequest(conversation_id=to, contact_id=content.card))
    if content.link is not None:
        return "MessageSendUrl", bytes(MessageSendUrlRequest(conversation_id=to, url_link=_link(content.link)))
    if content.image is not None:
        box = _file_box(content.image, media, at)
        return "MessageSendFile", bytes(MessageSendFileRequest(conversation_id=to, filebox=box))
    raise ValueError(f"not a message: {content}")


def text_request(to: str, text: str, mentions: Sequence[str]) -> bytes:
    """`MessageSendTextRequest` as its generated class encodes it, at a fraction of the cost: most are these."""
    return b"".join((
        _text_field(b"\x0a", to) if to else b"",
        _text_field(b"\x12", text) if text else b"",
        *(_text_field(b"\x1a", contact) for contact in mentions if contact),
    ))  # fmt: skip


def _text_field(tag: bytes, value: str) -> bytes:
    """`tag` is the field's number and the wire type 2."""
    data = value.encode()
    length = len(data)
    if length < 0x80:
        return tag + bytes((length,)) + data
    varint = bytearray()
    while length > 0x7F:
        varint.append(length & 0x7F | 0x80)
        length >>= 7
    varint.append(length)
    return tag + varint + data


def _link(link: dict[str, str]) -> str:
    return json.dumps(
        {
            "url": link["url"],
            "title": link.get("title") or link["url"],
            "description": link.get("description", ""),
            "thumbnailUrl": link.get("thumbnail", ""),
        },
        ensure_ascii=False,
    )


def _file_box(name: str, media: Path, at: Whereabouts) -> str:
    try:
        path = inside(media, name)
        if path is None:
            raise at.problem(Refused, "file_outside", file=name)
        size = path.stat().st_size
        if size == 0:
            raise at.problem(Refused, "file_empty", file=name)
        if size > LARGEST_FILE_BYTES:
            raise at.problem(
                Refused,
                "file_too_large",
                file=name,
                size=f"{size / _MIB:.1f} MB",
                limit=f"{LARGEST_FILE_BYTES / _MIB:.1f} MB",
            )
        data = base64.b64encode(path.read_bytes()).decode("ascii")
    except OSError as error:
        raise at.problem(Refused, "file_unreadable", file=name, reason=os_reason(error)) from error
    return json.dumps({"type": _BASE64_BOX, "boxType": _BASE64_BOX, "name": path.name, "base64": data})


def keep_box(box: str, media: Path, stem: str) -> str | None:
    """Write the picture of a file box below `media`, as `stem` with the ending its bytes call for; its name there.

    None for what is no picture or holds no bytes (a bare link). Blocks. Raises OSError.
    """
    try:
        data = base64.b64decode(json.loads(box).get("base64") or "", validate=True)
    except (ValueError, AttributeError):
        return None
    ending = next((ending for start, ending in _PICTURES if data.startswith(start)), None)
    if ending is None:
        return None
    name = f"{stem}{ending}"
    path = media / name
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".part")  # whoever looks at the folder never sees half a picture
    half.write_bytes(data)
    half.replace(path)
    return name


_PICTURES = ((b"\xff\xd8\xff", ".jpg"), (b"\x89PNG\r\n", ".png"), (b"GIF8", ".gif"), (b"RIFF", ".webp"))
"""How the bytes of pictures begin."""
