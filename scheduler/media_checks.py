"""Can this picture or video be posted? Looked at in the media folder, by name, size and what its header says."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from rules.post_media import (
    PICTURE_BYTES,
    PICTURE_EDGE_LEAST,
    PICTURE_EDGE_MOST,
    VIDEO_BYTES,
    VIDEO_SECONDS,
    is_picture,
    is_video,
)
from texts.catalogue import say
from texts.file_text import inside

_MIB = 1024 * 1024
_BOXES = 200


@dataclass(frozen=True, slots=True)
class MediaFlaw:
    """Why a file can't be posted: a word behind `scheduler.media.`, and what it needs."""

    what: str
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """What is wrong and what to do, in the reader's language."""
        return say(f"scheduler.media.{self.what}", **self.values)


def flaw_of(media: Path, name: str) -> MediaFlaw | None:
    """What is wrong with that file of the media folder; None when it can be posted. Reads the disk, raises nothing."""
    try:
        path = inside(media, name)
        if path is None:
            return MediaFlaw("outside", {"name": name, "folder": media.name})
        if not path.is_file():
            return MediaFlaw("missing", {"name": name, "folder": media.name})
        size = path.stat().st_size
        if is_video(name):
            return _video_flaw(path, name, size)
        return _picture_flaw(path, name, size) if is_picture(name) else MediaFlaw("kind", {"name": name})
    except OSError as error:
        return MediaFlaw("unreadable", {"name": name, "error": error.strerror or type(error).__name__})


def _picture_flaw(path: Path, name: str, size: int) -> MediaFlaw | None:
    if size > PICTURE_BYTES:
        return MediaFlaw("too_big", {"name": name, "size": _mib(size), "most": _mib(PICTURE_BYTES)})
    try:
        with Image.open(path) as picture:
            short, long = sorted(picture.size)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        short, long = PICTURE_EDGE_LEAST, PICTURE_EDGE_MOST + 1
    except (OSError, SyntaxError, ValueError):  # Pillow's words for bytes that are no picture
        return MediaFlaw("no_picture", {"name": name})
    if long > PICTURE_EDGE_MOST:
        return MediaFlaw("too_wide", {"name": name, "most": PICTURE_EDGE_MOST})
    if short < PICTURE_EDGE_LEAST:
        return MediaFlaw("too_small", {"name": name, "edge": short, "least": PICTURE_EDGE_LEAST})
    return None


def _video_flaw(path: Path, name: str, size: int) -> MediaFlaw | None:
    if size > VIDEO_BYTES:
        return MediaFlaw("too_big", {"name": name, "size": _mib(size), "most": _mib(VIDEO_BYTES)})
    with path.open("rb") as file:
        seconds = _seconds(file, size)
    if seconds is None:
        return MediaFlaw("no_video", {"name": name})
    if seconds > VIDEO_SECONDS + 0.5:  # encoders round up
        return MediaFlaw("too_long", {"name": name, "seconds": round(seconds), "most": VIDEO_SECONDS})
    return None


def _mib(size: int) -> str:
    return f"{size / _MIB:.1f}"


def _seconds(file: BinaryIO, size: int) -> float | None:
    """How long an MP4 or MOV plays, by the movie header (`moov` / `mvhd`, ISO 14496-12); None when it has none."""
    moov = next((box for box in _boxes(file, 0, size) if box[0] == b"moov"), None)
    if moov is None:
        return None
    header = next((box for box in _boxes(file, moov[1], moov[2]) if box[0] == b"mvhd"), None)
    if header is None:
        return None
    file.seek(header[1])
    body = file.read(32)
    try:
        if body[0] == 1:
            scale, duration = struct.unpack(">IQ", body[20:32])
        else:
            scale, duration = struct.unpack(">II", body[12:20])
    except (struct.error, IndexError):
        return None
    return duration / scale if scale else None


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, where its content begins, where it ends) of the boxes in a stretch of the file."""
    for _ in range(_BOXES):
        file.seek(start)
        head = file.read(16)
        if start + 8 > end or len(head) < 8:
            return
        length, kind = struct.unpack(">I4s", head[:8])
        content = start + 8
        if length == 1 and len(head) == 16:
            length, content = struct.unpack(">Q", head[8:])[0], start + 16
        stop = end if length == 0 else start + length
        if stop <= start or stop > end:
            return
        yield kind, content, stop
        start = stop
