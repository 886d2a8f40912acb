"""A console for words that strangers wrote: nothing in them steers the terminal or our own layout."""

import unicodedata
from typing import Any

from rich.console import Console
from rich.text import Text

_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They turn the rest of a line around."""


class PlainConsole(Console):
    """Prints texts as they are written, in tables too: no markup, no emoji codes, no control characters."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(harmless(text), **{**options, "markup": False, "emoji": False})


def harmless(text: str) -> str:
    """The text without what a terminal takes for an order, and without halves of characters."""
    return "".join(sign for sign in text if sign in "\n\t" or not _steers(sign))


def _steers(sign: str) -> bool:
    return sign in _DIRECTIONS or unicodedata.category(sign) in ("Cc", "Cs")
