"""What can't be posted is said in words: missing, elsewhere, broken, too large, too small, too long."""

import struct
from pathlib import Path

import pytest
from PIL import Image

from rules.post_media import PICTURE_BYTES
from scheduler.media_checks import flaw_of


def _picture(path: Path, width: int, height: int) -> None:
    Image.new("L", (width, height)).save(path)


def _video(path: Path, seconds: int, *, wide: bool = False) -> None:
    """The boxes of an MP4, as far as a header goes."""
    times = (
        struct.pack(">QQIQ", 0, 0, 1000, seconds * 1000) if wide else struct.pack(">IIII", 0, 0, 1000, seconds * 1000)
    )
    mvhd = bytes([1 if wide else 0, 0, 0, 0]) + times + bytes(80)
    inner = struct.pack(">I4s", 8 + len(mvhd), b"mvhd") + mvhd
    boxes = (b"ftyp", b"isomiso2"), (b"mdat", bytes(100)), (b"moov", inner)
    path.write_bytes(b"".join(struct.pack(">I4s", 8 + len(body), kind) + body for kind, body in boxes))


def test_what_can_be_posted_has_no_flaw(tmp_path: Path) -> None:
    _picture(tmp_path / "a.png", 640, 480)
    _video(tmp_path / "b.mp4", 30)
    _video(tmp_path / "c.mov", 12, wide=True)
    assert [flaw_of(tmp_path, name) for name in ("a.png", "b.mp4", "c.mov")] == [None, None, None]


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("nowhere.jpg", "missing"), ("../secret.jpg", "outside"),
        ("/etc/secret.jpg", "outside"), ("link.jpg", "outside"), ("a\0b.jpg", "outside"),
        ("notes.txt", "kind"), ("words.jpg", "no_picture"),
        ("small.png", "too_small"), ("wide.png", "too_wide"), ("large.jpg", "too_big"), ("long.mp4", "too_long"),
        ("words.mp4", "no_video"), ("empty.png", "no_picture"),
    ],
)  # fmt: skip
def test_each_flaw_has_its_words(name: str, what: str, tmp_path: Path) -> None:
    for other in ("notes.txt", "words.jpg", "words.mp4"):
        (tmp_path / other).write_text("这不是图", encoding="utf-8")
    (tmp_path / "empty.png").touch()
    (tmp_path / "link.jpg").symlink_to(tmp_path.parent / "secret.jpg")
    _picture(tmp_path / "small.png", 640, 100)
    _picture(tmp_path / "wide.png", 12_001, 200)
    (tmp_path / "large.jpg").write_bytes(bytes(PICTURE_BYTES + 1))
    _video(tmp_path / "long.mp4", 31)
    flaw = flaw_of(tmp_path, name)
    assert flaw is not None and flaw.what == what
    assert Path(name).name in flaw.words
