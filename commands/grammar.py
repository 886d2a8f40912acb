"""How a command line is written: a prefix, a verb, and arguments. Full-width signs count like half-width ones.

line := prefix verb {arg}      prefix := / | #      arg := word | "some words" | key=value | +tag | -tag | @nick
"""

import re
import unicodedata
from dataclasses import dataclass, field

from texts.script import simplified

LONGEST = 2000
PREFIXES = "/#"
_TOKEN = re.compile(r'[^\s="“”]+=(?:"[^"]*"|“[^”]*”|\S*)|"[^"]*"|“[^”]*”|\S+')
_OPTION = re.compile(r'([^\s="“”]+)=(.*)', re.DOTALL)
_QUOTES = '"“”'


@dataclass(frozen=True, slots=True)
class Line:
    """A command as it was written, in its parts. `words` are the arguments that are nothing else."""

    verb: str
    words: tuple[str, ...] = ()
    options: dict[str, str] = field(default_factory=dict)
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    mentioned: tuple[str, ...] = ()
    arguments: tuple[str, ...] = field(default=(), compare=False)
    """`words` and `mentioned` as they stood, one after the other: who is first, who is second."""
    rest: str = field(default="", compare=False)
    """All that stands after the verb, signs as they were typed: for commands that keep somebody's own words."""

    typed: str = field(default="", compare=False)
    """The line behind its prefix, as it was typed."""

    def word(self, number: int) -> str:
        """The argument in that place, a name without its @; '' where there is none."""
        return self.arguments[number] if number < len(self.arguments) else ""

    def key(self, number: int) -> str:
        """The same to look up among the words of a command: small letters, simplified."""
        return as_key(self.word(number))


def as_key(word: str) -> str:
    """As verbs, names of options and other words of commands are compared; as long as before in Chinese."""
    return simplified(word).casefold()


def parse(text: str) -> Line | None:
    """The parts of a command line; None when it does not begin like one. Never raises."""
    typed = _readable(text[:LONGEST]).strip()
    plain = unicodedata.normalize("NFKC", typed).strip()
    if not plain or plain[0] not in PREFIXES:
        return None
    tokens = _TOKEN.findall(plain[1:].strip())
    if not tokens:
        return None
    words: list[str] = []
    options: dict[str, str] = {}
    arguments: list[str] = []
    marked: dict[str, list[str]] = {"+": [], "-": [], "@": []}
    for token in tokens[1:]:
        option = _OPTION.fullmatch(token)
        if option and not token.startswith(tuple(_QUOTES)):
            options[as_key(option[1])] = option[2].strip(_QUOTES)
        elif token[0] in marked and len(token) > 1:
            marked[token[0]].append(token[1:])
            arguments += [token[1:]] if token[0] == "@" else []
        elif word := token.strip(_QUOTES):
            words.append(word)
            arguments.append(word)
    return Line(
        verb=as_key(tokens[0]),
        words=tuple(words),
        options=options,
        added=tuple(marked["+"]),
        removed=tuple(marked["-"]),
        mentioned=tuple(marked["@"]),
        arguments=tuple(arguments),
        rest=without_first(typed[1:]),
        typed=typed[1:],
    )


def without_first(text: str) -> str:
    """`text` without its first word, or what stands in quotes."""
    text = text.strip()
    first = _TOKEN.match(text)
    return text[first.end() :].strip() if first else ""


def _readable(text: str) -> str:
    """Without what no database keeps: control characters, and halves of a character from a terminal. Lines stay."""
    return "".join(" " if sign != "\n" and unicodedata.category(sign) in ("Cc", "Cs") else sign for sign in text)
