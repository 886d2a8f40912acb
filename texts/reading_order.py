"""Characters nobody sees that turn the order in which what follows is read: customers would read it backwards."""

import re
import unicodedata
from collections.abc import Iterator

from texts.yaml_tree import Mark, Node, leaves

_TURNS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""All that Unicode has for it. What joins emoji (U+200D) is none of them."""


def turned(text: str, root: Node | None) -> Iterator[tuple[Mark, str]]:
    """Each line of a file that has such a character: where, and which; written as an escape, at its value."""
    found = False
    for number, line in enumerate(text.split("\n"), start=1):
        if match := _TURNS.search(line):
            found = True
            yield Mark(number, match.start() + 1), _called(match[0])
    if not found:
        for _, leaf in leaves(root):
            if match := _TURNS.search(leaf.text):
                yield leaf.mark, _called(match[0])


def _called(character: str) -> str:
    return f"U+{ord(character):04X} {unicodedata.name(character)}"
