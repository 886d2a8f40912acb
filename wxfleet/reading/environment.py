"""The environment, and the file `.env` beside config.yaml: secrets, and values that win over the file's."""

import io
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from dotenv import dotenv_values

from texts.catalogue import say
from texts.errors import Mistake, Severity
from texts.file_text import Undecodable, read_text, shown_path
from texts.nearest import nearest
from texts.overrides import SECRET, Override
from texts.yaml_tree import Node, leaves

PREFIX = "WXFLEET_"
"""`WXFLEET_MODE` is the key `mode`, `WXFLEET_SIMULATOR__SPEED` the key `speed` of `simulator`."""
_DEEPER = "__"


def read_environment(dotenv: Path, environment: Mapping[str, str]) -> tuple[dict[str, str], list[Mistake]]:
    """All names that `${NAME}` may use; the environment's own win over the file's."""
    if not os.path.exists(dotenv):  # Path.exists raises where the folder can't be looked into
        return dict(environment), []
    try:
        text = read_text(dotenv)
    except Undecodable as problem:
        mistake = Mistake(shown_path(dotenv), problem.line, problem.column, problem.reason)
        return dict(environment), [mistake]
    written = dotenv_values(stream=io.StringIO(text), interpolate=False)
    return {**{name: value for name, value in written.items() if value}, **environment}, []


def overrides_in(
    names: Mapping[str, str], environment: Collection[str], root: Node, sections: Collection[str]
) -> tuple[list[Override], list[Mistake]]:
    """What the environment says over the file, by the name of its variables; an empty one says nothing.

    `names`: of the environment and `.env`, `environment`: those of the environment alone; `sections`: the keys at the
    top. A name that the file itself asks for with `${NAME}` is a secret. One with `__` that fits no section is warned
    of.
    """
    asked = {name for _, leaf in leaves(root) for name in SECRET.findall(leaf.text)}
    found: list[Override] = []
    mistakes: list[Mistake] = []
    for name, loc in _places(names, asked):
        source = say("settings.variable" if name in environment else "settings.variable.dotenv", name=name)
        if loc[0] in sections:
            found.append(Override(loc, names[name], source))
        elif len(loc) > 1:
            meant = nearest(loc[0], sections)
            suggestion = PREFIX + _DEEPER.join((meant, *loc[1:])).upper() if meant else ""
            reason = say("settings.no_section", section=loc[0])
            mistakes.append(Mistake(source, 0, 0, reason, suggestion, Severity.WARNING))
    return found, mistakes


def _places(names: Mapping[str, str], asked: Collection[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Names that may stand for a key, and the key. The groups come before what is in them."""
    for name in sorted(names):
        loc = tuple(name.removeprefix(PREFIX).lower().split(_DEEPER))
        if name.startswith(PREFIX) and name not in asked and names[name].strip() and all(loc):
            yield name, loc
