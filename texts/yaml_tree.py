"""YAML 1.2 (core schema) as a tree that remembers where everything stands.

PyYAML speaks YAML 1.1, where `22:30` is 1350, `on` is true and `010` is 8; so only its parser is used, and
plain scalars are resolved here. The tree is built from events, without recursion: PyYAML's own composer
overruns the stack on a file of brackets.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

MAX_DEPTH = 50
MAX_NODES = 200_000
"""Aliases counted as often as they are used: a file of a few lines can mean billions of nodes."""

_CORE_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")} | {"!"}
_STRING_TAGS = {"tag:yaml.org,2002:str", "!"}
_NULL = re.compile(r"(~|null|Null|NULL|)\Z")
_TRUE = re.compile(r"(true|True|TRUE)\Z")
_FALSE = re.compile(r"(false|False|FALSE)\Z")
_INT = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)\Z")
_NAN = re.compile(r"\.(nan|NaN|NAN)\Z")
_LONGEST_NUMBER = 400  # longer digits are text: Python refuses to convert them


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the file; line and column count from 1. `file` names where a value comes from else."""

    line: int
    column: int
    file: str = ""


@dataclass(slots=True)
class Leaf:
    mark: Mark
    text: str
    value: Any
    size: int = 1


@dataclass(slots=True)
class Entry:
    key: Mark
    node: "Node"


@dataclass(slots=True)
class Branch:
    """A mapping. Keys are always the text as written."""

    mark: Mark
    entries: dict[str, Entry] = field(default_factory=dict)
    size: int = 1


@dataclass(slots=True)
class Row:
    """A sequence."""

    mark: Mark
    items: list["Node"] = field(default_factory=list)
    size: int = 1


Node = Leaf | Branch | Row


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something the tree itself found wrong: `code` is a key of the catalogue behind `texts.yaml.`."""

    mark: Mark
    code: str
    values: dict[str, str] = field(default_factory=dict)


class TooMuch(Exception):
    """Deeper or larger than any file a person writes."""

    def __init__(self, mark: Mark, code: str) -> None:
        super().__init__(code)
        self.mark = mark
        self.code = code


def plain_value(text: str) -> Any:
    """What an unquoted scalar means in the core schema of YAML 1.2."""
    if len(text) > _LONGEST_NUMBER:
        return text
    if _NULL.match(text):
        return None
    if _TRUE.match(text) or _FALSE.match(text):
        return bool(_TRUE.match(text))
    if _INT.match(text):
        return int(text)
    if _OCTAL.match(text) or _HEX.match(text):
        return int(text[2:], 8 if text[1] == "o" else 16)
    if _FLOAT.match(text) or _INFINITE.match(text) or _NAN.match(text):
        return float(
            text.replace(".inf", "inf")
            .replace(".Inf", "inf")
            .replace(".INF", "inf")
            .replace(".n", "n")
            .replace(".N", "N")
        )
    return text


class _Builder:
    def __init__(self) -> None:
        self.root: Node | None = None
        self.flaws: list[Flaw] = []
        self._open: list[Branch | Row] = []
        self._keys: list[tuple[str | None, Mark] | None] = []
        self._anchors: dict[str, Node | None] = {}
        self._anchored: list[str | None] = []
        self._documents = 0

    def feed(self, event: Event) -> None:
        if isinstance(event, ScalarEvent):
            self._place(self._leaf(event), _mark(event))
        elif isinstance(event, MappingStartEvent | SequenceStartEvent):
            self._begin(event)
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            self._end()
        elif isinstance(event, AliasEvent):
            self._alias(event)
        elif isinstance(event, DocumentStartEvent):
            self._documents += 1
            if self._documents == 2:
                self.flaws.append(Flaw(_mark(event), "two_documents"))

    def _leaf(self, event: ScalarEvent) -> Leaf:
        mark = _mark(event)
        self._check_tag(event.tag, mark)
        plain = bool(event.implicit[0]) and event.tag not in _STRING_TAGS
        leaf = Leaf(mark, event.value, plain_value(event.value) if plain else event.value)
        if event.anchor:
            self._anchors[event.anchor] = leaf
        return leaf

    def _begin(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        mark = _mark(event)
        self._check_tag(event.tag, mark)
        if len(self._open) >= MAX_DEPTH:
            raise TooMuch(mark, "too_deep")
        node: Branch | Row = Branch(mark) if isinstance(event, MappingStartEvent) else Row(mark)
        if event.anchor:
            self._anchors[event.anchor] = None
        self._open.append(node)
        self._keys.append(None)
        self._anchored.append(event.anchor)

    def _end(self) -> None:
        node = self._open.pop()
        self._keys.pop()
        anchor = self._anchored.pop()
        if anchor:
            self._anchors[anchor] = node
        self._place(node, node.mark)

    def _alias(self, event: AliasEvent) -> None:
        mark = _mark(event)
        name = event.anchor or ""
        target = self._anchors.get(name)
        if target is None:
            code = "alias_in_itself" if name in self._anchors else "unknown_alias"
            self.flaws.append(Flaw(mark, code, {"name": name}))
            target = Leaf(mark, "", None)
        self._place(target, mark)

    def _place(self, node: Node, mark: Mark) -> None:
        """Put a finished node where it belongs. A mapping takes keys and values in turn."""
        if not self._open:
            if self.root is None:
                self.root = node
            return
        parent = self._open[-1]
        if isinstance(parent, Row):
            parent.items.append(node)
            self._grow(parent, node, mark)
            return
        key = self._keys[-1]
        if key is None:
            self._keys[-1] = (self._key_text(node, mark), mark)
            return
        self._keys[-1] = None
        name, key_mark = key
        if name is None:
            return
        if name in parent.entries:
            first = parent.entries[name].key.line
            self.flaws.append(Flaw(key_mark, "duplicate_key", {"key": name, "line": str(first)}))
            return
        parent.entries[name] = Entry(key_mark, node)
        self._grow(parent, node, mark)

    def _key_text(self, node: Node, mark: Mark) -> str | None:
        if isinstance(node, Leaf):
            return node.text
        self.flaws.append(Flaw(mark, "odd_key"))
        return None

    @staticmethod
    def _grow(parent: Branch | Row, node: Node, mark: Mark) -> None:
        parent.size += node.size
        if parent.size > MAX_NODES:
            raise TooMuch(mark, "too_large")

    def _check_tag(self, tag: str | None, mark: Mark) -> None:
        if tag is not None and tag not in _CORE_TAGS:
            self.flaws.append(Flaw(mark, "unknown_tag", {"tag": tag}))


def build(text: str) -> tuple[Node | None, list[Flaw]]:
    """The tree of a YAML text, and what it found wrong. None for an empty text.

    Raises yaml.YAMLError for what is not YAML, TooMuch for what no person writes.
    """
    builder = _Builder()
    for event in _events(text):
        builder.feed(event)
    return builder.root, builder.flaws


def plain(node: Node | None) -> Any:
    """The tree as plain dicts, lists and scalars."""
    if isinstance(node, Branch):
        return {key: plain(entry.node) for key, entry in node.entries.items()}
    if isinstance(node, Row):
        return [plain(item) for item in node.items]
    return node.value if node else None


def leaves(node: Node | None, loc: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Leaf]]:
    """Every scalar value with the way of keys and indices to it, in the order of the file."""
    if isinstance(node, Branch):
        for key, entry in node.entries.items():
            yield from leaves(entry.node, (*loc, key))
    elif isinstance(node, Row):
        for number, item in enumerate(node.items):
            yield from leaves(item, (*loc, number))
    elif node is not None:
        yield loc, node


def _events(text: str) -> Iterator[Event]:
    yield from yaml.parse(text, Loader=yaml.CSafeLoader)


def _mark(event: Event) -> Mark:
    start = event.start_mark
    return Mark(start.line + 1, start.column + 1) if start else Mark(1, 1)
