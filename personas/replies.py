"""Which prepared answer fits what somebody wrote, and why.

First the words themselves: the longest keyword that stands in the text, unless a mistyped phrase that it is only a part
of fits better. Then, for typing errors, the nearest known question. An entry for people (`hand_over`) goes before any
other that is also found by its words: somebody with a complaint is not met by a canned text. The same text always
finds the same entry.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from personas.model import Persona, ReplyEntry, Shop, Stage
from personas.phrasebook import Phrase, Phrasebook, phrasebook, sound_of
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
SOUND = 72.0
"""Percent for a keyword that only sounds right: 多少前 for 多少钱. Ours."""
LONG_SOUND = 3
"""Syllables from which a sound is no accident; shorter ones must be half of the message. Ours."""
_WORTH_ASKING = 3
_ASKS = re.compile(
    r"[吗么呢几哪]|什么|怎么|多少|多久|咋|啥|如何|为何|是不是|有没有|能不能|可不可以|可以.*[吗不]|想问|请问|想要|帮我|麻烦"
)
_MOST_NEAR = 3
_PARTICLES = frozenset("吗嘛吧呢啊呀啦么")
"""Where a sentence ends so, the sign is what they meant."""
_LONGEST_CUT = 12
"""Signs from within a keyword to the end of the message: keywords are shorter."""
_NOT = re.compile(r"(?:不|没|(?<![特分区级])别|勿)(?:太|是|是很|怎么|那么|够|要|想|用|有|很|再|给我)?$")
_EITHER_OR = re.compile(r"(.)[不没]\1$")


class How(StrEnum):
    """How an entry was found."""

    WHOLE = "whole"
    """The text is exactly this keyword or question."""
    WORD = "word"
    """The keyword stands in the text."""
    SOUND = "sound"
    """A part of the text sounds like the keyword: typed by its pinyin, the wrong signs chosen."""
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
    match = find(persona, text, stage=stage, near=False)
    if match.chosen is None:
        return None
    entry = match.chosen.entry
    wordings = entry.answers_for(_stage(stage))
    said = render(variant(wordings, seed), {**names(persona, shop), **(values or {})})
    return Answer(said, entry.name, match.chosen.score, match.chosen, match.near, entry.hand_over)


def find(persona: Persona, text: str, *, stage: Stage | str | None = None, near: bool = True) -> Match:
    """Which entry of this persona fits `text`, for somebody at `stage` (None: not known).

    Without `near`, what only came near is not looked for where something was found.
    """
    asked = plain(text)
    if not asked:
        return Match(asked, None, ())
    book = phrasebook(persona, _stage(stage))
    found = _one_each(sorted(_by_words(asked, book), key=_preference))
    if all(candidate.entry.small_talk for candidate in found):
        found = _one_each(sorted([*found, *_by_sound(asked, book)], key=_preference))
    alike = _one_each(_by_likeness(asked, book, near=near)) if near or not found else []
    if found and not _asks_more(asked, found):
        chosen: Candidate | None = _surer(asked, book, found[0]) or found[0]
    elif alike and alike[0].score >= CLOSE and not _tied(alike):
        chosen = alike[0]
    else:
        chosen = None
    others = [c for c in _one_each([*found, *alike]) if chosen is None or c.entry is not chosen.entry]
    return Match(asked, chosen, tuple(others[:_MOST_NEAR]))


def _surer(asked: str, book: Phrasebook, word: Candidate) -> Candidate | None:
    """What fits better than a short keyword cut out of something longer; None where the keyword stands."""
    if word.how is not How.WORD or word.entry.hand_over or word.entry.small_talk:
        return None
    heard = next(_cut_by(asked, book, word), None)
    if heard is not None or len(asked) > LONGEST_LIKENESS:
        return heard
    least = max(CLOSE, word.score)
    alike = _one_each(
        Candidate(phrase.entry, How.LIKE, phrase.written, score)
        for phrase, score in book.very_like(asked, least - TOO_CLOSE_TO_CALL)
    )
    better = alike and alike[0].score > word.score and alike[0].score >= CLOSE and not _tied(alike)
    return alike[0] if better and alike[0].entry is not word.entry else None


def _cut_by(asked: str, book: Phrasebook, word: Candidate) -> Iterator[Candidate]:
    """Keywords of looked-up facts, mistyped by their sound, that begin within `word` and end the message: of 穿什么马
    穿什么 is only a part, 什么码 is what they ask. 什么吗 is no slip of the pen, and 什么马上 goes on.
    """
    short = plain(word.phrase)
    begin = asked.rfind(short)
    end, rest = begin + len(short), asked[begin + 1 :]
    if not end < len(asked) or len(rest) > _LONGEST_CUT or asked[-1] in _PARTICLES:
        return
    for phrase, place in book.sounding(sound_of(rest)):
        start = begin + 1 + place
        stop = start + len(phrase.plain)
        as_long = len(phrase.plain) >= max(LONG_SOUND, len(short)) and _han(phrase.plain)
        cut = start < end < stop == len(asked)
        if phrase.entry.about and as_long and cut and _is_meant(asked, start, stop - start):
            yield Candidate(phrase.entry, How.SOUND, phrase.written, SOUND)


def _asks_more(asked: str, found: list[Candidate]) -> bool:
    """Is there only small talk for what asks something besides? "你好，你们招代理吗" wants no 在呢."""
    if not found[0].entry.small_talk or found[0].how is How.WHOLE:
        return False
    rest = asked
    for candidate in found:
        for word in sorted(candidate.entry.keywords, key=len, reverse=True):
            rest = rest.replace(plain(word), "")
    return len(rest) >= _WORTH_ASKING and bool(_ASKS.search(rest))


def _stage(stage: Stage | str | None) -> Stage | None:
    return None if stage is None else Stage(stage)


def _place(found: tuple[Phrase, int]) -> int:
    return found[0].number


def _by_words(asked: str, book: Phrasebook) -> Iterator[Candidate]:
    for phrase in book.whole(asked):
        yield Candidate(phrase.entry, How.WHOLE, phrase.written, 100.0)
    for phrase, start in sorted(book.within(asked), key=_place):
        if phrase.plain != asked and _is_meant(asked, start, len(phrase.plain)):
            # A longer word says more about what was meant: up to 99 for six characters.
            score = min(99.0, 75.0 + 4.0 * len(phrase.plain))
            yield Candidate(phrase.entry, How.WORD, phrase.written, score)


def _by_sound(asked: str, book: Phrasebook) -> Iterator[Candidate]:
    """Only Chinese, and long enough to be no accident."""
    for phrase, start in sorted(book.sounding(sound_of(asked)), key=_place):
        length = len(phrase.sound)
        if length < LONG_SOUND and 2 * length < len(asked):
            continue
        if _han(phrase.plain) and _is_meant(asked, start, length):
            yield Candidate(phrase.entry, How.SOUND, phrase.written, SOUND)


def _han(text: str) -> bool:
    return all("\u3400" <= sign <= "\u9fff" for sign in text)


def _is_meant(text: str, start: int, length: int) -> bool:
    """Does what begins at `start` stand there for itself? Latin words count only whole: "hi" is not in "this"."""
    end = start + length
    if _latin(text[start]) and _latin(text[start - 1 : start]):
        return False
    if _latin(text[end - 1]) and _latin(text[end : end + 1]):
        return False
    return not _denied(text[max(0, start - 4) : start])


def _denied(before: str) -> bool:
    """Does a "not" stand right before a word? 不太好看, 不要发顺丰; but 特别好看 and 会不会缩水 are meant."""
    return bool(_NOT.search(before)) and not _EITHER_OR.search(before)


def _latin(sign: str) -> bool:
    return sign.isascii() and sign.isalnum()


def _preference(candidate: Candidate) -> tuple[bool, bool, bool, int]:
    """People before texts, business before small talk, the whole text before a word in it, long words before short;
    else the file's order.
    """
    entry = candidate.entry
    return not entry.hand_over, entry.small_talk, candidate.how is not How.WHOLE, -len(plain(candidate.phrase))


def _by_likeness(asked: str, book: Phrasebook, *, near: bool) -> Iterator[Candidate]:
    """The most alike first. What can be chosen, or ties with it; `near`: what is worth showing, too."""
    if len(asked) <= LONGEST_LIKENESS:
        found = book.like(asked, NEAR) if near else book.very_like(asked, CLOSE - TOO_CLOSE_TO_CALL)
        for phrase, score in found:
            yield Candidate(phrase.entry, How.LIKE, phrase.written, score)


def _tied(ordered: list[Candidate]) -> bool:
    return len(ordered) > 1 and ordered[0].score - ordered[1].score < TOO_CLOSE_TO_CALL


def _one_each(ordered: Iterable[Candidate]) -> list[Candidate]:
    """The first candidate of each entry."""
    first: dict[str, Candidate] = {}
    for candidate in ordered:
        first.setdefault(candidate.entry.name, candidate)
    return list(first.values())
