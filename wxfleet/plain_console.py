"""A console for words that strangers wrote: nothing in them steers the terminal, and no number is shown whole."""

import unicodedata
from typing import Any

from rich.console import Console
from rich.text import Text

from texts.masking import masked

_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They turn the rest of a line around."""


class PlainConsole(Console):
    """Prints texts as they are written, in tables too: no markup, no emoji codes, no control characters.

    Phones and addresses are masked, unless it is `whole`: what may be seen whole, or words of the shop's own.
    """

    def __init__(self, *, whole: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self._whole = whole

    def render_str(self, text: str, **options: Any) -> Text:
        plain = harmless(text)
        shown = plain if self._whole else masked(plain)
        return super().render_str(shown, **{**options, "markup": False, "emoji": False})


def harmless(text: str) -> str:
    """The text without what a terminal takes for an order, and without halves of characters."""
    return "".join(sign for sign in text if sign in "\n\t" or not _steers(sign))


def _steers(sign: str) -> bool:
    return sign in _DIRECTIONS or unicodedata.category(sign) in ("Cc", "Cs")
