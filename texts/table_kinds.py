"""What a file really is, whatever its name ends with, and in which encoding its text was saved."""

import codecs
import mmap
import zipfile
from enum import StrEnum
from pathlib import Path
from typing import Any

from texts.catalogue import say
from texts.errors import TableMissing, TableUnreadable
from texts.file_text import shown_path
from texts.os_words import os_reason

MAX_BYTES = 500 * 1024 * 1024
"""No table is larger (ours): a million orders are 300 MB."""
_CHUNK = 1 << 20
_HEAD = 4096
_LONGEST_LINE = 8 << 20  # characters; ten thousand columns of the longest cells that Excel writes are rarer than a hoax
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_MAGIC = (
    (b"%PDF", "pdf"),
    (b"\x89PNG", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
    (b"BM", "image"),
    (b"RIFF", "image"),
    (b"SQLite format 3", "database"),
    (b"7z\xbc\xaf", "archive"),
    (b"Rar!", "archive"),
    (b"\x1f\x8b", "archive"),
)
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
"""The stream in which Office keeps a workbook that has a password."""
_PAGE = (b"<!doctype", b"<html", b"<table", b"<?xml")
_WORKBOOKS = ("xl/", "content.xml")  # XLSX and XLSB; ODS


class FileKind(StrEnum):
    TEXT = "text"
    WORKBOOK = "workbook"


def problem(code: str, path: Path, **values: Any) -> TableUnreadable:
    """The error for a table that can't be read, in the words behind `texts.table.`."""
    kind = TableMissing if code == "missing" else TableUnreadable
    return kind(say(f"texts.table.{code}", file=shown_path(path), **values), hint=say(f"texts.table.{code}.hint"))


def kind_of(path: Path) -> FileKind:
    """Text or workbook, by its content. Raises TableUnreadable for anything else."""
    if path.is_dir():
        raise problem("folder", path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise problem("too_large", path, megabytes=MAX_BYTES >> 20)
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except FileNotFoundError as error:
        raise problem("missing", path) from error
    except OSError as error:
        raise problem("unreadable", path, error=os_reason(error)) from error
    if not head.strip():
        raise problem("empty", path)
    if head.startswith(_OLE):
        if _is_encrypted(path):
            raise problem("password", path)
        return FileKind.WORKBOOK
    found = _zip_kind(path) if head.startswith(_ZIP) else _foreign_kind(head)
    if found:
        raise problem("not_a_table", path, found=say(f"texts.kind.{found}"))
    return FileKind.WORKBOOK if head.startswith(_ZIP) else FileKind.TEXT


def _is_encrypted(path: Path) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(_ENCRYPTED) >= 0


def _zip_kind(path: Path) -> str:
    """What is in the archive; '' for a workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError) as error:
        raise problem("damaged", path, error=str(error)) from error
    if any(name.startswith(_WORKBOOKS) for name in names):
        return ""
    return "word" if any(name.startswith(("word/", "ppt/")) for name in names) else "archive"


def _foreign_kind(head: bytes) -> str:
    """What it is when it is no text table; '' when it may be one."""
    for magic, name in _MAGIC:
        # A bitmap's two letters may begin an honest header; its size field brings zero bytes.
        if head.startswith(magic) and (magic != b"BM" or b"\0" in head):
            return name
    if head.lstrip(codecs.BOM_UTF8 + b" \t\r\n").lower().startswith(_PAGE):
        return "page"
    return "binary" if b"\0" in head and not _bom(head) else ""


def _bom(head: bytes) -> str:
    return next((encoding for bom, encoding in _BOMS if head.startswith(bom)), "")


def encoding_of(path: Path) -> str:
    """By byte order mark, else UTF-8 when all of it is, else GB18030. Raises TableUnreadable.

    Guessing libraries take short GBK for Korean; these three are what shops export.
    """
    with path.open("rb") as file:
        by_mark = _bom(file.read(4))
    candidates = (by_mark,) if by_mark else ("utf-8", "gb18030")
    line = 0
    for encoding in candidates:
        line = _first_bad_line(path, encoding)
        if line == 0:
            return encoding
    raise problem("encoding", path, line=line)


def _first_bad_line(path: Path, encoding: str) -> int:
    """The line, from 1, where decoding fails; 0 when all of it decodes.

    Raises TableUnreadable for a line that no table has: a reader would hold all of it at once.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    line, length = 1, 0
    with path.open("rb") as file:
        while True:
            chunk = file.read(_CHUNK)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                return line + error.object[: error.start].count(b"\n")
            end = max(text.rfind("\n"), text.rfind("\r"))
            length = length + len(text) if end < 0 else len(text) - end
            line += text.count("\n")
            if length > _LONGEST_LINE:
                raise problem("too_wide", path, line=line)
            if not chunk:
                return 0
