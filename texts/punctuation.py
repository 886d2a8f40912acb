"""Signs between the words we say, as each language writes them."""

from collections.abc import Iterable

from texts.catalogue import say


def listed(words: Iterable[str]) -> str:
    """One after the other: a、b in Chinese, a, b in English."""
    return say("texts.comma").join(words)


def aside(words: str) -> str:
    """In brackets, to stand right behind a word; '' where there is nothing to say."""
    return say("texts.aside", words=words) if words else ""
