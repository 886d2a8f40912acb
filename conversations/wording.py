"""What a customer typed, made comparable: one width, one case, one script, split where they drew breath."""

import re
import unicodedata
from collections.abc import Iterator

from texts.script import simplified

LONGEST = 500
"""Characters that are looked at; nobody hides a wish behind more."""
_CLAUSES = re.compile(r"[,。.!?;:、~…\n\r]+|\s{2,}")
_LAST = re.compile(
    r"(?!(?:你|您|亲)+(?:好|呢|们呢)|可以了?呢)(?:好|行|嗯|哦|噢|喔|哈|嘿|耶|ok|okay|收到|知道了?|明白了?|了解|懂了|可以|没事了?|不用了?|不客气|谢|多谢|感谢|感恩|辛苦|麻烦|再见|拜|晚安"
    r"|早点休息|回聊|先这样|thanks?|thankyou|thx|bye|gotit|got|的|了|呀|啊|哒|滴|呢|吧|哟|哇|亲|你|您|啦|啊|那|就|先|太|非常|真是|你们|老板|小姐姐)*"
)
_LONGEST_LAST = 16
_FACE = re.compile(r"\[[^\[\]]{1,4}\]")
"""As old phones send it: [微笑]."""
_BARE = re.compile(r"[^0-9a-z\u3400-\u9fff]+")


def folded(text: str) -> str:
    """Half width, lower case, simplified; at most `LONGEST` characters."""
    plain = unicodedata.normalize("NFKC", text[:LONGEST]).casefold().replace("’", "'")
    return simplified(plain).strip()


def clauses(plain: str) -> Iterator[str]:
    """The parts of a folded text between its marks."""
    return (clause for clause in _CLAUSES.split(plain) if clause.strip())


def bare(clause: str) -> str:
    """Letters, digits and Chinese alone: no blank, mark or emoji."""
    return _BARE.sub("", clause)


def is_a_last_word(text: str) -> bool:
    """Thanks, a yes, a good-bye, or a face: with that a talk ends, and nobody waits for an answer."""
    words = bare(_FACE.sub("", folded(text)))
    return bool(text.strip()) and len(words) <= _LONGEST_LAST and _LAST.fullmatch(words) is not None
