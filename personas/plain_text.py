"""What somebody typed, reduced to what they meant: for comparing, never for showing."""

import re
import unicodedata

_SPACES = re.compile(r"\s+")
_HAN = r"[\u3040-\u30ff\u3400-\u9fff\uff00-\uffef]"
_SPACE_AT_HAN = re.compile(rf"(?<={_HAN}) | (?={_HAN})")
_TRAILING_SOUND = re.compile(r"(?<=..)[呀啊呢吧哦哈嘛啦噢喔哇]+$")
LONGEST = 2000
"""Characters that are looked at; the platform takes no more in one message."""


def plain(text: str) -> str:
    """Full-width to half-width, lower case, no punctuation or emoji, no blanks between Chinese, no sound at the end."""
    folded = unicodedata.normalize("NFKC", text[:LONGEST]).casefold()
    letters = "".join(sign if _counts(sign) else " " for sign in folded)
    joined = _SPACE_AT_HAN.sub("", _SPACES.sub(" ", letters).strip())
    return _TRAILING_SOUND.sub("", joined)


def _counts(sign: str) -> bool:
    return unicodedata.category(sign)[0] in "LN"
