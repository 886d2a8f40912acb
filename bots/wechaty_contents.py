"""What is sent, in the gateway's words: one request for one `Content`."""

import base64
import json
from pathlib import Path
from typing import Any

from wechaty_grpc.wechaty.puppet import (
    MessageSendContactRequest,
    MessageSendFileRequest,
    MessageSendTextRequest,
    MessageSendUrlRequest,
)

from bots.errors import Refused
from bots.wechaty_errors import Whereabouts
from storage.outbox import Content

_MIB = 1024 * 1024
# Node gateways take 4 MiB a message; base64 makes three bytes four.
LARGEST_FILE_BYTES = 2_900_000

# file-box numbers its forms; its name for the number changed with version 1.
_BASE64_BOX = 1


def request_for(to: str, content: Content, media: Path, at: Whereabouts) -> tuple[str, Any]:
    """The method and its request for one message. Reads the file of a picture: blocks when `content.image` is set.

    Raises Refused when the picture can't be read or is too large; ValueError for a content that is no message.
    """
    if content.text is not None:
        request = MessageSendTextRequest()
        request.conversation_id, request.text = to, content.text
        request.mentonal_ids = list(content.mentions)
        return "MessageSendText", request
    if content.card is not None:
        return "MessageSendContact", MessageSendContactRequest(conversation_id=to, contact_id=content.card)
    if content.link is not None:
        return "MessageSendUrl", MessageSendUrlRequest(conversation_id=to, url_link=_link(content.link))
    if content.image is not None:
        return "MessageSendFile", MessageSendFileRequest(
            conversation_id=to, filebox=_file_box(content.image, media, at)
        )
    raise ValueError(f"not a message: {content}")


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
    folder = media.resolve()
    path = (folder / name).resolve()
    try:
        if not path.is_relative_to(folder):
            raise PermissionError(1, "outside the media folder")
        size = path.stat().st_size
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
        raise at.problem(Refused, "file_unreadable", file=name, reason=error.strerror or str(error)) from error
    return json.dumps({"type": _BASE64_BOX, "boxType": _BASE64_BOX, "name": path.name, "base64": data})
