"""Why a value is wrong, in words of our own: pydantic and libyaml speak English only, and to programmers."""

import re
from collections.abc import Sequence
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic_core import ErrorDetails

from texts.catalogue import catalogue, language, say
from texts.model_shape import keys_at
from texts.nearest import nearest
from texts.yaml_tree import Leaf, Mark, Node

_CHOICE = re.compile(r"'([^']*)'")
_FULL_WIDTH_COLON = re.compile(r"^[\s-]*[\w.-]+：")
_BARE_TEMPLATE = re.compile(r"(?<!['\"])\{\{")
_ORDINARY_COLON = re.compile(r":(\s|$)")

# One sentence serves several of pydantic's kinds.
_SAME = {
    "int_parsing": "int_type",
    "int_from_float": "int_type",
    "int_parsing_size": "int_type",
    "float_parsing": "float_type",
    "bool_parsing": "bool_type",
    "date_parsing": "date_type",
    "date_from_datetime_parsing": "date_type",
    "date_from_datetime_inexact": "date_type",
    "datetime_parsing": "datetime_type",
    "datetime_from_date_parsing": "datetime_type",
    "time_parsing": "time_type",
    "tuple_type": "list_type",
    "set_type": "list_type",
    "frozen_set_type": "list_type",
    "model_type": "dict_type",
    "model_attributes_type": "dict_type",
    "mapping_type": "dict_type",
    "dataclass_type": "dict_type",
    "string_sub_type": "string_type",
    "string_unicode": "string_type",
    "enum": "literal_error",
    "union_tag_invalid": "literal_error",
    "union_tag_not_found": "missing",
    "missing_argument": "missing",
    "unexpected_keyword_argument": "extra_forbidden",
    "url_type": "url_parsing",
    "url_scheme": "url_parsing",
    "url_syntax_violation": "url_parsing",
}


_FORM_KNOWN_BY = 9
_FORMS = {"^[a-z0-9]": ".name", "^https?:/": ".url", "^([01]\\d|": ".hours"}
"""How a pattern of the models begins, and what it asks for in words."""


def reason_for(
    error: ErrorDetails, model: type[BaseModel], node: Node | None, path: Sequence[str | int]
) -> tuple[str, str]:
    """The reason and what was probably meant ('' for nothing) of one of pydantic's errors.

    `node` is the value concerned; a secret stands in it as `${NAME}`, never resolved. `path` leads there by the
    steps that stand in the file.
    """
    kind = _SAME.get(error["type"], error["type"])
    context: dict[str, Any] = {**error.get("ctx", {})}
    key = _key(error, path)
    written = node.text if isinstance(node, Leaf) else ""
    if kind in ("dict_type", "list_type") and _FULL_WIDTH_COLON.match(written):
        return say("texts.yaml.full_width_colon"), ""
    if kind == "extra_forbidden":
        return say("texts.value.extra_forbidden", key=key), nearest(key, keys_at(model, error["loc"][:-1]))
    if kind == "literal_error":
        choices = _CHOICE.findall(str(context.get("expected") or context.get("expected_tags") or ""))
        listed = say("texts.comma").join(map(_choice_words, choices))
        return say("texts.value.literal_error", key=key, choices=listed), nearest(written, choices)
    if kind in ("value_error", "assertion_error"):
        return _own_reason(str(context.get("error", "")), key), ""
    if kind == "string_pattern_mismatch":
        kind += _FORMS.get(str(context.get("pattern", ""))[:_FORM_KNOWN_BY], "")
    return _sentence(kind, key, context, error["msg"]), ""


def _choice_words(choice: str) -> str:
    """As it is written, and what it means where people call it otherwise: gold（黄金）."""
    key = f"texts.choice.{choice}"
    return say(key) if key in catalogue() else choice


def _key(error: ErrorDetails, path: Sequence[str | int]) -> str:
    """The name a person knows the value by: its key, or list[n] counted from 1."""
    if error["type"] in ("union_tag_not_found", "union_tag_invalid"):
        return str(error.get("ctx", {}).get("discriminator", "")).strip("'")
    names = list(path)
    if not names:
        return say("texts.whole_file")
    last = names[-1]
    if isinstance(last, str):
        return last
    before = next((step for step in reversed(names[:-1]) if isinstance(step, str)), "")
    return f"{before}[{last + 1}]" if before else say("texts.item", number=last + 1)


def _own_reason(code: str, key: str) -> str:
    """A validator of a room names a code of the catalogue; a plain sentence passes as it is."""
    for name in (f"texts.rule.{code}", code):
        if name in catalogue():
            return say(name, key=key)
    return f"{key}: {code}" if code else say("texts.value.other", key=key)


def _sentence(kind: str, key: str, context: dict[str, Any], english: str) -> str:
    name = f"texts.value.{kind}"
    values = {k: v for k, v in context.items() if k not in ("key", "lang")}
    for candidate in (name, kind):
        if candidate in catalogue():
            return say(candidate, key=key, **values)
    return f"{key}: {english}" if language() == "en" else say("texts.value.other", key=key)


def syntax_flaw(error: yaml.YAMLError, text: str) -> tuple[Mark, str]:
    """Where and why a text is no YAML."""
    lines = text.splitlines()
    mark = getattr(error, "problem_mark", None)
    start = getattr(error, "context_mark", None)
    problem = str(getattr(error, "problem", "") or error)
    if mark is None:
        return _odd_character(text), say("texts.yaml.control_character")
    context = str(getattr(error, "context", "") or "")
    if "unexpected end of stream" in problem and "quoted" in context and start:
        return Mark(start.line + 1, start.column + 1), say("texts.yaml.unclosed_quote")
    if "did not find expected ','" in problem and start:
        if _BARE_TEMPLATE.search(lines[mark.line] if mark.line < len(lines) else ""):
            return Mark(mark.line + 1, mark.column + 1), say("texts.yaml.bare_template")
        return Mark(start.line + 1, start.column + 1), say("texts.yaml.unclosed_bracket")
    here = Mark(mark.line + 1, mark.column + 1)
    return here, _syntax_reason(problem, lines, here)


def _syntax_reason(problem: str, lines: list[str], here: Mark) -> str:
    line = lines[here.line - 1] if here.line <= len(lines) else ""
    above = lines[here.line - 2] if 2 <= here.line <= len(lines) + 1 else ""
    if line[: here.column].strip(" ").startswith("\t") or "tab character" in problem:
        return say("texts.yaml.tab")
    for candidate in (line, above):
        if _FULL_WIDTH_COLON.match(candidate) and not _ORDINARY_COLON.search(candidate):
            return say("texts.yaml.full_width_colon")
    if "cannot start any token" in problem:
        character = line[here.column - 1 : here.column] or "?"
        return say("texts.yaml.odd_start", character=character)
    for words, code in _PROBLEMS:
        if words in problem:
            return say(f"texts.yaml.{code}")
    return say("texts.yaml.syntax")


_PROBLEMS = (
    ("mapping values are not allowed", "colon_here"),
    ("did not find expected key", "indentation"),
    ("did not find expected '-'", "indentation"),
    ("block sequence entries are not allowed", "indentation"),
    ("could not find expected ':'", "no_colon"),
    ("unknown escape", "escape"),
    ("unexpected end of stream", "unclosed_quote"),
)


def _odd_character(text: str) -> Mark:
    """The first character YAML does not allow."""
    for number, line in enumerate(text.split("\n"), 1):
        for column, character in enumerate(line, 1):
            if (ord(character) < 32 and character not in "\t\r") or 0x7F <= ord(character) < 0xA0:
                return Mark(number, column)
    return Mark(1, 1)
