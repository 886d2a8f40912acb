"""Everything we say to operators, staff and customers, from one catalogue: Chinese first, English beside it.

The catalogue is `texts/words/*.yaml`, one file per room: `key: {zh: …, en: …}` with `str.format` placeholders.
"""

from functools import cache
from importlib.resources import files
from typing import Any

import yaml

LANGUAGES = ("zh", "en")
_language = "zh"


def speak(language: str) -> None:
    """Choose the language of this process: 'zh' or 'en'."""
    global _language
    if language not in LANGUAGES:
        raise ValueError(f"no such language: {language}")
    _language = language


def language() -> str:
    return _language


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """All words: {key: {language: text}}. Raises ValueError when two files say the same key."""
    words: dict[str, dict[str, str]] = {}
    for file in sorted(files("texts").joinpath("words").iterdir(), key=lambda f: f.name):
        if not file.name.endswith(".yaml"):
            continue
        for key, entry in (yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader) or {}).items():
            if key in words:
                raise ValueError(f"{file.name}: {key} stands in two files")
            words[key] = entry
    return words


def say(key: str, /, *, lang: str | None = None, **values: Any) -> str:
    """The words for `key`, with `values` put in. Raises KeyError for a key the catalogue lacks."""
    return catalogue()[key][lang or _language].format(**values)
