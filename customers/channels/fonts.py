"""A font that can write Chinese, as it lies on people's machines. None comes with us: good ones are large."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import ImageFont

from customers.errors import NoChineseFont

_NAMES = (
    "NotoSansCJK-Medium.ttc", "NotoSansCJK-Regular.ttc", "NotoSansSC-Medium.otf", "NotoSansSC-Regular.otf",
    "NotoSansCJKsc-Regular.otf", "NotoSansSC[wght].ttf", "SourceHanSansSC-Regular.otf", "SourceHanSansCN-Regular.otf",
    "PingFang.ttc", "STHeiti Medium.ttc", "Hiragino Sans GB.ttc", "Songti.ttc", "Arial Unicode.ttf",
    "msyh.ttc", "msyh.ttf", "Deng.ttf", "simhei.ttf", "simsun.ttc",
    "wqy-microhei.ttc", "wqy-zenhei.ttc", "DroidSansFallbackFull.ttf", "DroidSansFallback.ttf",
)  # fmt: skip
"""The best first."""
_COLLECTED = {"NotoSansCJK-Medium.ttc": 2, "NotoSansCJK-Regular.ttc": 2}
"""Where several languages share a file, the place of mainland Chinese."""


def folders() -> list[Path]:
    """Where this machine keeps its fonts."""
    home = Path.home()
    if sys.platform == "win32":
        places = [Path(os.environ.get("WINDIR", r"C:\Windows")) / "Fonts"]
        local = os.environ.get("LOCALAPPDATA")
        return places + ([Path(local) / "Microsoft" / "Windows" / "Fonts"] if local else [])
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library" / "Fonts"]
    return [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".local/share/fonts", home / ".fonts"]


class Font:
    """One font in every size."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sizes: dict[int, ImageFont.FreeTypeFont] = {}

    def sized(self, pixels: int) -> ImageFont.FreeTypeFont:
        """Letters about `pixels` high."""
        if pixels not in self._sizes:
            index = _COLLECTED.get(self._path.name, 0)
            self._sizes[pixels] = ImageFont.truetype(str(self._path), pixels, index=index)
        return self._sizes[pixels]

    def knows(self, text: str) -> bool:
        """Has it a shape of its own for every sign of `text`?"""
        return not self.lacks(text)

    def lacks(self, text: str) -> str:
        """The signs of `text`, each once, that it would draw as a box."""
        font = self.sized(24)
        missing = bytes(font.getmask("\U0010fffd"))
        signs = dict.fromkeys(sign for sign in text if not sign.isspace())
        return "".join(sign for sign in signs if bytes(font.getmask(sign)) == missing)


def chinese_font(given: Path | None = None, places: Sequence[Path] | None = None) -> Font:
    """The font at `given`, else the best of those in `places` (else of this machine). Raises NoChineseFont."""
    if given is not None:
        font = _opened(given)
        if font is None:
            raise NoChineseFont(given)
        return font
    for path in _candidates(folders() if places is None else places):
        font = _opened(path)
        if font is not None:
            return font
    raise NoChineseFont(None)


def _candidates(places: Sequence[Path]) -> Iterator[Path]:
    there = {path.name: path for place in places if place.is_dir() for path in place.rglob("*.[to]t[fc]")}
    return (there[name] for name in _NAMES if name in there)


def _opened(path: Path) -> Font | None:
    font = Font(path)
    try:
        return font if font.knows("店衣扫") else None
    except (OSError, ValueError):  # no font at all, or a broken one
        return None
