"""XLS files for tests: the records of an old workbook (BIFF8) in a compound file, as small as they can be."""

import struct
from collections.abc import Sequence
from pathlib import Path

_SECTOR = 512
_END, _FREE, _FAT, _NONE = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD, 0xFFFFFFFF
_SMALLEST = 4096  # bytes; a shorter stream would live among the small ones


def write_xls(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    """One sheet; text becomes text, numbers numbers, None stays empty."""
    path.write_bytes(_compound({"Workbook": _workbook(rows)}))
    return path


def write_encrypted(path: Path) -> Path:
    """What Office writes for a workbook with a password: a compound file with an encrypted package in it."""
    path.write_bytes(_compound({"EncryptedPackage": bytes(_SMALLEST)}))
    return path


def _workbook(rows: Sequence[Sequence[object]]) -> bytes:
    begin = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 1997, 0, 6))
    end = _record(0x000A, b"")
    name = "表1"
    bound_size = 4 + 8 + 2 * len(name)
    sheet_at = len(begin) + bound_size + len(end)
    bound = _record(0x0085, struct.pack("<IHBB", sheet_at, 0, len(name), 1) + name.encode("utf-16-le"))
    cells = b"".join(_cell(r, c, value) for r, row in enumerate(rows) for c, value in enumerate(row))
    sheet = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 1997, 0, 6)) + cells + end
    return begin + bound + end + sheet


def _cell(row: int, column: int, value: object) -> bytes:
    place = struct.pack("<HHH", row, column, 0)
    if value is None:
        return b""
    if isinstance(value, int | float):
        return _record(0x0203, place + struct.pack("<d", value))
    text = str(value)
    return _record(0x0204, place + struct.pack("<HB", len(text), 1) + text.encode("utf-16-le"))


def _record(kind: int, content: bytes) -> bytes:
    return struct.pack("<HH", kind, len(content)) + content


def _compound(streams: dict[str, bytes]) -> bytes:
    """Sector 0 is the table of sectors, sector 1 the directory, the streams follow."""
    table, entries, data, next_sector = [_FAT, _END], [_entry("Root Entry", 5, _END, 0, child=1)], b"", 2
    for name, content in streams.items():
        content = content.ljust(max(_SMALLEST, -(-len(content) // _SECTOR) * _SECTOR), b"\0")
        sectors = len(content) // _SECTOR
        entries.append(_entry(name, 2, next_sector, len(content)))
        table += [*range(next_sector + 1, next_sector + sectors), _END]
        next_sector += sectors
        data += content
    assert len(table) <= _SECTOR // 4
    fat = struct.pack(f"<{_SECTOR // 4}I", *table, *[_FREE] * (_SECTOR // 4 - len(table)))
    directory = b"".join(entries).ljust(_SECTOR, b"\0")
    head = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<IIIIIIIII", 0, 1, 1, 0, _SMALLEST, _END, 0, _END, 0)
    head += struct.pack("<109I", 0, *[_FREE] * 108)
    return head + fat + directory + data


def _entry(name: str, kind: int, start: int, size: int, child: int = _NONE) -> bytes:
    text = (name + "\0").encode("utf-16-le")
    return (
        text.ljust(64, b"\0") + struct.pack("<HBBIII", len(text), kind, 1, _NONE, _NONE, child) + bytes(36)
        + struct.pack("<IQ", start, size)
    )  # fmt: skip
