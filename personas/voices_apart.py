"""Each persona has words of its own: its fillers, and what it calls people. Another's in its mouth break the voice."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from personas.copy_check import Fault, Finding
from personas.model import Persona
from rules.roles import PersonaKind

_SHORTEST = 2
"""Characters: one (嗯, 来) is everybody's."""


_BREAKS = r"\s，。！？!?,～~…、："
_EXCLAMATIONS = ("呀", "啦", "耶", "嘿", "哈", "哎", "欸", "哇")
"""Signs that end what is called out, not a word of a sentence. Ours."""


def words_of_others(persona: Persona, everybody: Iterable[Persona]) -> frozenset[str]:
    """What exactly one other persona of its own right says, and this one never."""
    others = [one for one in everybody if one.kind is not PersonaKind.MIRROR and one.id != persona.id]
    said = Counter(word for one in others for word in _own_words(one))
    mine = "\n".join((*_own_words(persona), persona.voice.address, *persona.voice.samples))
    return frozenset(word for word, times in said.items() if times == 1 and word not in mine)


def borrowed(text: str, words: frozenset[str]) -> Iterator[Finding]:
    """Every place of `text` that begins a sentence, or addresses somebody, as another persona does.

    Inside a sentence such words are ordinary ones (大学同学, 你懂的都懂): there they are not looked at. An exclamation
    needs no comma after it (哎呀今天), and 们 makes one of many (姐妹们).
    """
    for word in sorted(words):
        ends = "" if word.endswith(_EXCLAMATIONS) else rf"(?=们|[{_BREAKS}]|$)"
        for match in re.finditer(rf"(?:^|(?<=[{_BREAKS}“]))({re.escape(word)}){ends}", text):
            yield Finding(Fault.BORROWED, match[1], match.start(1))


def _own_words(persona: Persona) -> frozenset[str]:
    return frozenset(word for word in (*persona.voice.fillers, persona.voice.stranger) if len(word) >= _SHORTEST)
