"""Names that others chose stay in their line: whoever writes a line break into a nickname writes no line of ours."""

import unicodedata

_BREAKS = ("Cc", "Zl", "Zp")
"""Categories of control characters and of the separators of lines and paragraphs."""
_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""What turns the direction of the words behind it."""


def unbroken(name: str) -> str:
    """`name` with a blank for each sign that breaks or turns a line; all else stays as it was written, emoji too."""
    if name.isprintable():
        return name
    return "".join(" " if sign in _TURNS or unicodedata.category(sign) in _BREAKS else sign for sign in name)
