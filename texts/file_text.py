"""The text of a file that a person saved with whatever editor they have."""

from pathlib import Path

from texts.catalogue import say
from texts.os_words import os_reason

MAX_BYTES = 4 * 1024 * 1024
"""No file that a person writes is larger; a larger one is something else."""

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_OFFICE = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


class Undecodable(Exception):
    """The file has no text that we could read; `reason` says why, in the reader's language.

    Line 0 means the file as a whole.
    """

    def __init__(self, reason: str, line: int = 0, column: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column


def shown_path(path: Path) -> str:
    """The path as a person standing in the present folder would write it."""
    try:
        return path.absolute().relative_to(Path.cwd()).as_posix()
    except (ValueError, OSError):
        return str(path)


def inside(folder: Path, name: str) -> Path | None:
    """The file `name` below `folder`, links followed; None when it leads out of it, or no file can be called so.

    Raises OSError.
    """
    within = folder.resolve()
    try:
        path = (within / name).resolve()
    except ValueError:  # a zero byte
        return None
    return path if path.is_relative_to(within) else None


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, with or without a byte order mark. Raises Undecodable."""
    raw = _read_bytes(path)
    if raw.startswith(_UTF16):
        raise Undecodable(say("texts.file.encoding", found="UTF-16"), 1, 1)
    if raw.startswith(_OFFICE):
        raise Undecodable(say("texts.file.office"))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line = before.count(b"\n") + 1
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        raise Undecodable(say("texts.file.encoding", found=_likely_encoding(raw)), line, column) from error


def _read_bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise Undecodable(say("texts.file.folder"))
        if not path.is_file() and path.exists():
            raise Undecodable(say("texts.file.special"))
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise Undecodable(say("texts.file.missing")) from error
    except OSError as error:
        raise Undecodable(say("texts.file.unreadable", error=os_reason(error))) from error
    except ValueError as error:  # a path with a zero byte
        raise Undecodable(say("texts.file.missing")) from error
    if len(raw) > MAX_BYTES:
        raise Undecodable(say("texts.file.too_large", megabytes=MAX_BYTES // 1024 // 1024))
    return raw


def _likely_encoding(raw: bytes) -> str:
    try:
        raw.decode("gb18030")
    except UnicodeDecodeError:
        return say("texts.file.unknown_encoding")
    return "GBK"
