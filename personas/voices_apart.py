"""Each persona has words of its own: its fillers, and what it calls people. Another's in its mouth break the voice."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from personas.copy_check import Fault, Finding
from personas.model import Persona
from rules.roles import PersonaKind

_SHORTEST = 2
"""Characters: one (嗯, 来) is everybody's."""
_LONG = 4
"""Characters from which on nobody says it by chance (等我一下下)."""

_BREAKS = r"\s，。！？!?,～~…、："
_EXCLAMATIONS = ("呀", "啦", "耶", "嘿", "哈", "哎", "欸", "哇")
"""Signs that end what is called out, not a word of a sentence. Ours."""
_ASIDES: Mapping[str, tuple[str, str]] = {
    "说真的": ("不没别你他她们话", "话事假吗"),
    "讲真": ("不没别你他她们", "话心实相情假理人事材货功"),
    "说实话": ("不没别要会该", ""),
    "老实说": ("不没", "话"),
    "我宣布": ("", ""),
    "我发誓": ("", ""),
    "我先笑": ("", ""),
    "我的天": ("", "空地气"),
    "好家伙": ("个", ""),
    "谁懂啊": ("", ""),
    "好耶": ("", ""),
    "嘿嘿": ("", ""),
    "嘻嘻": ("笑", "哈"),
    "天呐": ("", ""),
    "天哪": ("", ""),
    "笑死": ("", ""),
    "救命": ("求呼喊叫的能", "恩稻钱药之用的草"),
}
"""What people throw in anywhere in a sentence: not after the first signs, and not before the second, where it is a part
of something else (讲真心话, 救命恩人). Ours.
"""
_TAGS: Mapping[str, str] = {"对吧": "不没", "你懂的": "", "是吧": "不可但就总还", "懂我意思": ""}
"""What hangs at the end of a sentence (这质感你懂的～), where none of these signs comes before it. Ours."""


def words_of_others(persona: Persona, everybody: Iterable[Persona]) -> frozenset[str]:
    """What exactly one other persona of its own right says, and this one never."""
    others = [one for one in everybody if one.kind is not PersonaKind.MIRROR and one.id != persona.id]
    said = Counter(word for one in others for word in _own_words(one))
    mine = "\n".join((*_own_words(persona), persona.voice.address, *persona.voice.samples))
    return frozenset(word for word, times in said.items() if times == 1 and word not in mine)


def borrowed(text: str, words: frozenset[str]) -> Iterator[Finding]:
    """Every place of `text` where somebody speaks as another persona does.

    A sentence begins so, or somebody is addressed so: an exclamation needs no comma after it (哎呀今天), and 们 makes
    one of many (姐妹们). Inside a sentence most such words are ordinary ones (大学同学, 慢慢来就好): there only asides
    count, tags at its end, and long ones.
    """
    for word in sorted(words):
        places = {match.start(1): match[1] for way in _ways(word) for match in re.finditer(way, text)}
        for start, said in sorted(places.items()):
            yield Finding(Fault.BORROWED, said, start)


def _ways(word: str) -> Iterator[str]:
    """The patterns by which it is heard."""
    said = f"({re.escape(word)})"
    ends = "" if word.endswith(_EXCLAMATIONS) else rf"(?=们|[{_BREAKS}]|$)"
    yield rf"(?:^|(?<=[{_BREAKS}“])){said}{ends}"
    if word in _ASIDES:
        before, after = _ASIDES[word]
        yield _unless(before, said, after)
    if word in _TAGS:
        yield _unless(_TAGS[word], said, "") + rf"(?=[{_BREAKS}]|$)"
    if len(word) >= _LONG:
        yield said


def _unless(before: str, said: str, after: str) -> str:
    return (f"(?<![{before}])" if before else "") + said + (f"(?![{after}])" if after else "")


def _own_words(persona: Persona) -> frozenset[str]:
    return frozenset(word for word in (*persona.voice.fillers, persona.voice.stranger) if len(word) >= _SHORTEST)
