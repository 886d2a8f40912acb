"""Which prepared answer fits what somebody wrote, and why.

First the words themselves: the longest keyword that stands in the text. Then, for typing errors, the nearest known
question. An entry for people (`hand_over`) goes before any other that is also found by its words: somebody with a
complaint is not met by a canned text. The same text always finds the same entry.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from rapidfuzz import fuzz, process

from personas.model import Persona, ReplyEntry, Shop, Stage
from personas.plain_text import plain
from personas.speech import names, variant
from personas.voice import render

CLOSE = 80.0
"""Percent of likeness from which a question counts as meant: one wrong character in five. Ours."""
NEAR = 55.0
"""Percent from which it is shown as near. Ours."""
TOO_CLOSE_TO_CALL = 4.0
"""Two entries this near to each other by likeness: nobody guesses, a person answers. Ours."""
LONGEST_LIKENESS = 60
"""Characters; a longer message is a story, not a mistyped question. Ours."""
_MOST_NEAR = 3
_NOT = re.compile(r"(?:不|没|(?<![特分区级])别|勿)(?:太|是|是很|怎么|那么|够|要|想|用|有|很|再|给我)?$")
_EITHER_OR = re.compile(r"(.)[不没]\1$")


class How(StrEnum):
    """How an entry was found."""

    WHOLE = "whole"
    """The text is exactly this keyword or question."""
    WORD = "word"
    """The keyword stands in the text."""
    LIKE = "like"
    """The text looks like this question, typing errors aside."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One entry that fits, by what, and how well (percent)."""

    entry: ReplyEntry
    how: How
    phrase: str
    score: float


@dataclass(frozen=True, slots=True)
class Match:
    """What was found for a text: the entry chosen (None for nobody's guess), and what came near."""

    text: str
    chosen: Candidate | None
    near: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """Ready to be said. `why` tells how it was found; `hand_over`: a person follows up."""

    text: str
    entry: str
    score: float
    why: Candidate
    near: tuple[Candidate, ...]
    hand_over: bool


def answer(
    persona: Persona,
    text: str,
    *,
    stage: Stage | str | None = None,
    shop: Shop,
    values: Mapping[str, object] | None = None,
    seed: int = 0,
) -> Answer | None:
    """The prepared answer to `text`, or None when nothing fits well enough.

    `values` (best from `speech.names`) fill the template; what they lack is taken from shop and persona. `seed`
    chooses among wordings: consecutive seeds give different ones.
    """
    match = find(persona, text, stage=stage)
    if match.chosen is None:
        return None
    entry = match.chosen.entry
    said = render(variant(entry.answers, seed), {**names(persona, shop), **(values or {})})
    return Answer(said, entry.name, match.chosen.score, match.chosen, match.near, entry.hand_over)


def find(persona: Persona, text: str, *, stage: Stage | str | None = None) -> Match:
    """Which entry of this persona fits `text`, for somebody at `stage` (None: not known)."""
    asked = plain(text)
    if not asked:
        return Match(asked, None, ())
    here = [phrase for phrase in _phrases(persona) if _fits(phrase.entry, stage)]
    by_words = _one_each(sorted(_by_words(asked, here), key=_preference))
    by_likeness = _one_each(sorted(_by_likeness(asked, here), key=lambda c: -c.score))
    if by_words:
        chosen: Candidate | None = by_words[0]
    elif by_likeness and by_likeness[0].score >= CLOSE and not _tied(by_likeness):
        chosen = by_likeness[0]
    else:
        chosen = None
    near = [c for c in _one_each([*by_words, *by_likeness]) if chosen is None or c.entry is not chosen.entry]
    return Match(asked, chosen, tuple(near[:_MOST_NEAR]))


@dataclass(frozen=True, slots=True)
class _Phrase:
    entry: ReplyEntry
    written: str
    plain: str
    question: bool


@lru_cache(maxsize=1024)
def _phrases(persona: Persona) -> tuple[_Phrase, ...]:
    """All keywords and questions of a persona, in the order of its file."""
    return tuple(
        _Phrase(entry, written, key, question)
        for entry in persona.replies
        for question, group in ((False, entry.keywords), (True, entry.questions))
        for written in group
        if (key := plain(written))
    )


def _fits(entry: ReplyEntry, stage: Stage | str | None) -> bool:
    return not entry.stage or stage in entry.stage


def _by_words(asked: str, phrases: Iterable[_Phrase]) -> Iterable[Candidate]:
    for phrase in phrases:
        if phrase.plain == asked:
            yield Candidate(phrase.entry, How.WHOLE, phrase.written, 100.0)
        elif not phrase.question and len(phrase.plain) > 1 and _stands_in(phrase.plain, asked):
            # A longer word says more about what was meant: up to 99 for six characters.
            score = min(99.0, 75.0 + 4.0 * len(phrase.plain))
            yield Candidate(phrase.entry, How.WORD, phrase.written, score)


def _stands_in(word: str, text: str) -> bool:
    """Is `word` in `text`, and meant? Latin words count only whole: "hi" is not in "this"."""
    start = text.find(word)
    while start >= 0:
        before, after = text[start - 1 : start], text[start + len(word) : start + len(word) + 1]
        whole = not (_latin(word[0]) and _latin(before)) and not (_latin(word[-1]) and _latin(after))
        if whole and not _denied(text[max(0, start - 4) : start]):
            return True
        start = text.find(word, start + 1)
    return False


def _denied(before: str) -> bool:
    """Does a "not" stand right before a word? 不太好看, 不要发顺丰; but 特别好看 and 会不会缩水 are meant."""
    return bool(_NOT.search(before)) and not _EITHER_OR.search(before)


def _latin(sign: str) -> bool:
    return sign.isascii() and sign.isalnum()


def _preference(candidate: Candidate) -> tuple[bool, bool, int]:
    """People before texts, the whole text before a word in it, long words before short; else the file's order."""
    return (not candidate.entry.hand_over, candidate.how is not How.WHOLE, -len(plain(candidate.phrase)))


def _by_likeness(asked: str, phrases: list[_Phrase]) -> Iterable[Candidate]:
    if len(asked) > LONGEST_LIKENESS:
        return
    choices = {number: phrase.plain for number, phrase in enumerate(phrases) if len(phrase.plain) >= 3}
    for _, score, number in process.extract(asked, choices, scorer=fuzz.ratio, score_cutoff=NEAR, limit=None):
        yield Candidate(phrases[number].entry, How.LIKE, phrases[number].written, round(score, 1))


def _tied(ordered: list[Candidate]) -> bool:
    return len(ordered) > 1 and ordered[0].score - ordered[1].score < TOO_CLOSE_TO_CALL


def _one_each(ordered: Iterable[Candidate]) -> list[Candidate]:
    """The first candidate of each entry."""
    first: dict[str, Candidate] = {}
    for candidate in ordered:
        first.setdefault(candidate.entry.name, candidate)
    return list(first.values())
