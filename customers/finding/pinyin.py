"""How Chinese characters are read, for finding people by what a keyboard writes most easily."""

import asyncio
import itertools
import os
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache

_MOST_WAYS = 4

# As names they are often read differently from what they usually are.
_ALSO_READ: Mapping[str, str] = {
    "单": "shan", "曾": "zeng", "仇": "qiu", "解": "xie", "查": "zha", "区": "ou", "朴": "piao", "盖": "ge",
    "翟": "zhai", "覃": "qin", "缪": "miao", "乐": "yue", "长": "chang", "重": "chong", "行": "hang", "朝": "zhao",
    "贾": "jia", "尉": "yu", "种": "chong", "员": "yun", "繁": "po", "召": "shao", "洗": "xian", "折": "she",
    "柏": "bai", "都": "du", "参": "shen", "呢": "ni", "吕": "lv", "女": "nv", "绿": "lv", "律": "lv",
}  # fmt: skip


async def load() -> None:
    """Read the dictionary of 40,000 characters: a fifth of a second, once, and beside the event loop."""
    if not _dictionary.cache_info().currsize:
        await asyncio.to_thread(_dictionary)


@lru_cache(maxsize=50_000)
def spellings(characters: str) -> tuple[tuple[str, ...], ...]:
    """The ways to read these characters, each as its syllables: 小曾 → (xiao, ceng), (xiao, zeng).

    At most four ways; a character nobody reads stands for itself.
    """
    ways = itertools.product(*(_readings(character) for character in characters))
    return tuple(itertools.islice(ways, _MOST_WAYS))


@lru_cache(maxsize=20_000)
def _readings(character: str) -> tuple[str, ...]:
    written = _dictionary().get(ord(character))
    first = (_without_tone(written.split(",")[0]) if written else "") or character
    also = _ALSO_READ.get(character, first)
    return (first,) if also == first else (first, also)


def _without_tone(syllable: str) -> str:
    """As a keyboard writes it: lǚ is lv or lu, hǎo is hao."""
    bare = "".join(sign for sign in unicodedata.normalize("NFD", syllable) if not unicodedata.combining(sign))
    return bare if bare.isascii() and bare.isalpha() else ""


@cache
def _dictionary() -> Mapping[int, str]:
    # Phrases would take three times as long to load and tell nothing about names.
    os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")
    from pypinyin.constants import PINYIN_DICT

    return PINYIN_DICT
