"""What a name can be found by: its whole, the words in it, and their pinyin. Pure.

A term ends in a sign that sorts before every letter, so that reading an index from the searched words on meets those
whose whole name they are, then those in whose name they are a word, then their pinyin, and what merely begins so last.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from customers.finding.pinyin import spellings

WHOLE, PART, SOUND = " ", "!", "#"
"""How a term ends: the whole name, the rest of a name from some word on, its pinyin."""
LONGEST_NAME = 40
_MOST_TERMS_A_NAME = 60
_LONGEST_RUN = 12
"""Characters of a run of Chinese that are spelled; a whole sentence is no name."""

_RUNS = re.compile(r"(?P<chinese>[\u3400-\u4dbf\u4e00-\u9fff]+)|(?P<other>[^\W_]+)")
_NOISE = re.compile(r"[\W_]+")


def plain(text: str) -> str:
    """As it is searched: in one form and case, without blanks, signs and pictures; '' when it has no letter."""
    return _NOISE.sub("", _folded(text))


def searched(text: str) -> str:
    """What to look for when somebody types `text`: like `plain`, but signs count where there is nothing else."""
    return plain(text) or "".join(_folded(text).split())


def terms_of(names: Iterable[str]) -> set[str]:
    """All terms of somebody with these names."""
    return {term for name in names for term in _limited(_terms_of(name[:LONGEST_NAME]))}


def _limited(terms: Iterator[str]) -> Iterator[str]:
    for number, term in enumerate(terms):
        if number >= _MOST_TERMS_A_NAME:
            return
        yield term


def _terms_of(name: str) -> Iterator[str]:
    whole = searched(name)
    if not whole:
        return
    yield whole + WHOLE
    folded = _folded(name)
    for run in _RUNS.finditer(folded):
        rest = plain(folded[run.start() :])
        if run["other"]:
            if rest != whole:
                yield rest + PART
            continue
        for place in range(min(len(run[0]), _LONGEST_RUN)):
            if rest[place:] != whole:
                yield rest[place:] + PART
            yield from _sounds(run[0][place:_LONGEST_RUN], starts_run=place == 0)


def _sounds(characters: str, *, starts_run: bool) -> Iterator[str]:
    """Full and by the initials; one character alone only where the run begins with it."""
    if len(characters) == 1 and not starts_run:
        return
    for syllables in spellings(characters):
        yield "".join(syllables) + SOUND
        if len(syllables) > 1:
            yield "".join(syllable[0] for syllable in syllables) + SOUND


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
