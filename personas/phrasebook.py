"""Every keyword and question of one persona, laid out so that a message finds its own without asking all of them."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pypinyin import Style, lazy_pinyin
from rapidfuzz import fuzz, process

from personas.model import Persona, ReplyEntry, Stage
from personas.plain_text import plain

_SHORTEST_QUESTION = 3
_BLURRED = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("ng", "n"))
"""Sounds that half of the country does not tell apart, and types accordingly."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """One keyword or question of an entry. `written`: as in the file, where it is the `number`-th; `sound`: its
    syllables.
    """

    number: int

    entry: ReplyEntry
    written: str
    plain: str
    question: bool
    sound: tuple[str, ...]


class Phrasebook:
    """The phrases of one persona for one stage. Lookups cost by the length of the message, not of the book."""

    def __init__(self, persona: Persona, stage: Stage | None) -> None:
        phrases = [
            Phrase(number, entry, written, plain(written), question, sound_of(plain(written)))
            for number, (entry, written, question) in enumerate(_written(persona))
            if entry.fits(stage) and plain(written)
        ]
        self._whole: defaultdict[str, list[Phrase]] = defaultdict(list)
        self._words: defaultdict[str, list[Phrase]] = defaultdict(list)
        self._sounds: defaultdict[tuple[str, ...], list[Phrase]] = defaultdict(list)
        for phrase in phrases:
            self._whole[phrase.plain].append(phrase)
            if not phrase.question and len(phrase.plain) > 1:
                self._words[phrase.plain[:2]].append(phrase)
                if len(phrase.sound) > 1:
                    self._sounds[phrase.sound[:2]].append(phrase)
        self._questions = [phrase for phrase in phrases if len(phrase.plain) >= _SHORTEST_QUESTION]
        self._choices = [phrase.plain for phrase in self._questions]
        self._pairs: defaultdict[str, list[int]] = defaultdict(list)
        for place, choice in enumerate(self._choices):
            for pair in _pairs_of(choice):
                self._pairs[pair].append(place)

    def whole(self, text: str) -> Sequence[Phrase]:
        """Phrases that are exactly `text`."""
        return self._whole.get(text, ())

    def within(self, text: str) -> Iterator[tuple[Phrase, int]]:
        """Keywords that stand in `text`, each time, with where they begin."""
        for start in range(len(text) - 1):
            for phrase in self._words.get(text[start : start + 2], ()):
                if text.startswith(phrase.plain, start):
                    yield phrase, start

    def sounding(self, syllables: tuple[str, ...]) -> Iterator[tuple[Phrase, int]]:
        """Keywords that sound like a part of it, each time, with where they begin."""
        for start in range(len(syllables) - 1):
            for phrase in self._sounds.get(syllables[start : start + 2], ()):
                if syllables[start : start + len(phrase.sound)] == phrase.sound:
                    yield phrase, start

    def very_like(self, text: str, percent: float) -> list[tuple[Phrase, float]]:
        """As `like`, for so much likeness (more than 75) that both have a pair of signs in common, see `_pairs_of`."""
        places = {place for pair in _pairs_of(text) for place in self._pairs.get(pair, ())}
        scored = [
            (self._questions[place], round(score, 1))
            for place in sorted(places)
            if (score := fuzz.ratio(text, self._choices[place], score_cutoff=percent))
        ]
        return sorted(scored, key=lambda one: -one[1])

    def like(self, text: str, percent: float) -> Iterator[tuple[Phrase, float]]:
        """Phrases that look like `text` by at least so many percent, the most alike first. Asks all of them."""
        found: list[tuple[Any, float, int]] = process.extract(
            text, self._choices, scorer=fuzz.ratio, score_cutoff=percent, limit=None
        )
        for _, score, number in found:
            yield self._questions[number], round(score, 1)


def _written(persona: Persona) -> Iterator[tuple[ReplyEntry, str, bool]]:
    """Each phrase of the file with whether it is a question."""
    for entry in persona.replies:
        for question, group in ((False, entry.keywords), (True, entry.questions)):
            for written in group:
                yield entry, written, question


@lru_cache(maxsize=512)
def phrasebook(persona: Persona, stage: Stage | None) -> Phrasebook:
    """The book of `persona` for somebody at `stage`, made once."""
    return Phrasebook(persona, stage)


def sound_of(text: str) -> tuple[str, ...]:
    """The syllables of the Chinese in `text` without their tones; other signs stand for themselves."""
    return tuple(_syllable(sign) for sign in text)


def _pairs_of(text: str) -> set[str]:
    """Neighbouring signs; of three the outer ones too: who writes two of 什么码 shares no neighbours with it."""
    pairs = {text[start : start + 2] for start in range(len(text) - 1)}
    return pairs | {text[0] + text[2]} if len(text) == 3 else pairs


@lru_cache(maxsize=8192)
def _syllable(sign: str) -> str:
    syllable = str(lazy_pinyin(sign, style=Style.NORMAL)[0])
    for sharp, blurred in _BLURRED:
        syllable = syllable.replace(sharp, blurred)
    return syllable
