"""Values that come from somewhere else than the file and win over what stands there: the environment's."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import yaml
from pydantic import BaseModel

from texts.catalogue import say
from texts.errors import Mistake
from texts.model_shape import is_secret, wants_text
from texts.yaml_tree import Branch, Entry, Leaf, Mark, Node, Row, TooMuch, build, leaves, plain_value

SECRET = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
"""How a value refers to a name of the environment."""

_HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class Override:
    """`text` instead of what stands at `loc`, the way of keys from the top. `source` names for people who says so.

    The text is read as YAML 1.2: `120`, `true`, `[a, b]`; where only text is allowed it stays as it is.
    """

    loc: tuple[str, ...]
    text: str
    source: str

    @property
    def key(self) -> str:
        """The place as people write it: `simulator.speed`."""
        return ".".join(self.loc)


def put_over(root: Node, override: Override, model: type[BaseModel], secrets: Mapping[str, str]) -> list[Mistake]:
    """Put the value into the tree; groups that the file lacks are made. Returns what is wrong with it: for an unknown
    key see the model. Messages about it name `override.source`, and show no password.
    """
    mark = Mark(0, 0, override.source)
    missing = [name for name in SECRET.findall(override.text) if not secrets.get(name)]
    if missing:
        return [_mistake(override, say("texts.secret_missing", name=name)) for name in missing]
    group = _group(root, override, mark)
    if group is None:
        return [_mistake(override, say("texts.override.list", key=override.key))]
    node = _node(override, model, mark, secrets)
    if node is None:
        return [_mistake(override, say("texts.override.syntax"))]
    group.entries[override.loc[-1]] = Entry(mark, node)
    return []


def shown_value(root: Node | None, override: Override) -> str:
    """The value for people, a password blotted out; of a list or a group only that it is one."""
    node: Node | None = root
    for key in override.loc:
        entry = node.entries.get(key) if isinstance(node, Branch) else None
        node = entry.node if entry else None
    if isinstance(node, Leaf):
        return node.text
    return "[…]" if isinstance(node, Row) else "{…}" if isinstance(node, Branch) else ""


def _group(root: Node, override: Override, mark: Mark) -> Branch | None:
    """The mapping that the value belongs into; None where the way leads through a list."""
    node: Node = root
    for key in override.loc[:-1]:
        if not isinstance(node, Branch):
            return None
        entry = node.entries.get(key)
        if entry is None or isinstance(entry.node, Leaf):
            entry = node.entries[key] = Entry(mark, Branch(mark))
        node = entry.node
    return node if isinstance(node, Branch) else None


def _node(override: Override, model: type[BaseModel], mark: Mark, secrets: Mapping[str, str]) -> Node | None:
    """None for a list or a group that can't be read. Leaves keep `${NAME}` as written, so that none is shown."""
    text = override.text
    if wants_text(model, override.loc):
        node: Node = Leaf(mark, text, text)
    elif not text.lstrip().startswith(("[", "{")):
        node = Leaf(mark, text, plain_value(text.strip()))
    else:
        try:
            built, flaws = build(text)
        except (yaml.YAMLError, TooMuch):
            return None
        if flaws or built is None:
            return None
        node = built
    _mark_all(node, mark)
    for loc, leaf in leaves(node, override.loc):
        if SECRET.search(leaf.text):
            leaf.value = SECRET.sub(lambda match: secrets[match[1]], leaf.text)
        if is_secret(model, loc):
            leaf.text = _HIDDEN
    return node


def _mark_all(node: Node, mark: Mark) -> None:
    """Whatever is wrong with it is wrong there, not at a line of the file."""
    node.mark = mark
    inner: Sequence[Node] = ()
    if isinstance(node, Branch):
        for entry in node.entries.values():
            entry.key = mark
        inner = [entry.node for entry in node.entries.values()]
    elif isinstance(node, Row):
        inner = node.items
    for each in inner:
        _mark_all(each, mark)


def _mistake(override: Override, reason: str) -> Mistake:
    return Mistake(override.source, 0, 0, reason)
