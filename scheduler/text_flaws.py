"""Texts that people write for customers: names that nothing stands for, and words that do harm."""

from collections.abc import Collection, Iterator
from typing import TypeVar

from pydantic import BaseModel

from personas.copy_check import findings, selling
from personas.errors import TemplateRefused
from personas.model import Style
from personas.voice import variables
from texts.catalogue import say
from texts.errors import Mistake
from texts.yaml_reader import Document

M = TypeVar("M", bound=BaseModel)


def text_flaws(
    document: Document[M],
    place: tuple[str | int, ...],
    text: str,
    names: Collection[str],
    style: Style,
    *,
    may_sell: bool = False,
) -> Iterator[Mistake]:
    """What is wrong with the text at that place, which may use only these names."""
    try:
        unknown = sorted(variables(text) - frozenset(names))
    except TemplateRefused as problem:
        yield document.mistake(place, problem.message)
        return
    for name in unknown:
        allowed = say("texts.comma").join(sorted(names)) or say("scheduler.text.no_names")
        yield document.mistake(place, say("scheduler.text.no_name", name=name, names=allowed))
    for found in (*(() if may_sell else selling(text)), *findings(text, style)):
        yield found.at(document, place)
