"""Files that people write in YAML: read into pydantic models, every mistake at once, each with its place."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from texts.catalogue import say
from texts.errors import Mistake, Severity
from texts.file_text import Undecodable, read_text, shown_path
from texts.model_shape import wants_number
from texts.overrides import SECRET, Override, put_over
from texts.reading_order import turned
from texts.reasons import reason_for, syntax_flaw
from texts.yaml_tree import Branch, Leaf, Mark, Node, Row, TooMuch, build, leaves, plain

__all__ = ["Document", "Mistake", "read", "read_document", "read_folder"]

M = TypeVar("M", bound=BaseModel)
Step = str | int

_TOP = Mark(1, 1)


@dataclass(slots=True)
class Document(Generic[M]):
    """One file as read. `value` is None when it has errors; `data` is what could be read all the same."""

    file: str
    root: Node | None = None
    data: Any = None
    value: M | None = None
    mistakes: list[Mistake] = field(default_factory=list)
    overrides: Sequence[Override] = ()
    """What others say over the file, and stands in `root` and `data` by now."""

    def written(self, loc: Sequence[Step]) -> str:
        """The single value at `loc` as it stands in the file, `${NAME}` unresolved: fit for messages. Else ''."""
        _, _, node = _find(self.root, loc)
        return node.text if isinstance(node, Leaf) else ""

    def mistake(
        self,
        loc: Sequence[Step],
        reason: str,
        *,
        suggestion: str = "",
        severity: Severity = Severity.ERROR,
        at_key: bool = False,
    ) -> Mistake:
        """A mistake at `loc`, the way of keys and indices from the top: at its value, or at its key."""
        _, key, node = _find(self.root, loc)
        mark = key if at_key and key else node.mark if node else _TOP
        return Mistake(mark.file or self.file, mark.line, mark.column, reason, suggestion, severity)


def read(
    path: Path, model: type[M], *, context: Any = None, secrets: Mapping[str, str] | None = None
) -> tuple[M | None, list[Mistake]]:
    """Read the file at `path` into `model`; None and every mistake when it has errors. Raises nothing."""
    document = read_document(path, model, context=context, secrets=secrets)
    return document.value, document.mistakes


def read_document(
    path: Path,
    model: type[M],
    *,
    context: Any = None,
    secrets: Mapping[str, str] | None = None,
    overrides: Callable[[Node], Sequence[Override]] = lambda root: (),
) -> Document[M]:
    """As `read`, keeping places for checks of one's own.

    `context` goes to pydantic's validators. With `secrets`, each `${NAME}` in a value is replaced from it,
    and a name that it lacks is a mistake; without, `${NAME}` is plain text. `overrides` is asked, with the tree of the
    file, which of its values others replace.
    """
    document: Document[M] = Document(shown_path(path))
    text = _text_of(path, document)
    if text is None or not _grow_tree(text, document):
        return document
    if document.root is not None:
        document.overrides = overrides(document.root)
        if secrets is not None:
            _put_secrets(document, secrets)
        for override in document.overrides:
            document.mistakes += put_over(document.root, override, model, secrets or {})
    document.data = plain(document.root)
    for loc, leaf in leaves(document.root):
        # Python counts true as 1; nobody who writes `friends: true` means one friend.
        if isinstance(leaf.value, bool) and wants_number(model, loc):
            _note(document, leaf.mark, say("texts.value.float_type", key=loc[-1] if loc else say("texts.whole_file")))
    try:
        value = model.model_validate(document.data, context=context)
    except ValidationError as error:
        known = {mistake.place for mistake in document.mistakes}
        errors = error.errors(include_url=False)
        found = _distinct((_from_pydantic(document, model, e), e["type"] == "missing") for e in errors)
        document.mistakes += [mistake for mistake in found if mistake.place not in known]
    else:
        document.value = value if not document.mistakes else None
    document.mistakes.sort()
    return document


def read_folder(folder: Path, model: type[M]) -> list[Document[M]]:
    """All `*.yaml` of `folder` in the order of their names, each as `read_document` reads it; none where it is not."""
    return [read_document(path, model) for path in sorted(folder.glob("*.yaml"))]


def _text_of(path: Path, document: Document[M]) -> str | None:
    try:
        text = read_text(path)
    except Undecodable as problem:
        document.mistakes.append(Mistake(document.file, problem.line, problem.column, problem.reason))
        return None
    return text


def _grow_tree(text: str, document: Document[M]) -> bool:
    """Fill in the tree; False when there is none to go on with."""
    try:
        document.root, flaws = build(text)
    except TooMuch as problem:
        _note(document, problem.mark, say(f"texts.yaml.{problem.code}"))
        return False
    except yaml.YAMLError as error:
        mark, reason = syntax_flaw(error, text)
        _note(document, mark, reason)
        return False
    for flaw in flaws:
        _note(document, flaw.mark, say(f"texts.yaml.{flaw.code}", **flaw.values))
    if document.root is None:
        _note(document, _TOP, say("texts.yaml.empty"))
        return False
    for mark, character in turned(text, document.root):
        _note(document, mark, say("texts.yaml.turned", character=character))
    return True


def _note(document: Document[M], mark: Mark, reason: str) -> None:
    document.mistakes.append(Mistake(mark.file or document.file, mark.line, mark.column, reason))


def _put_secrets(document: Document[M], secrets: Mapping[str, str]) -> None:
    """Replace `${NAME}`. The leaf keeps the text as written, so that no message can show a secret."""
    for _, leaf in leaves(document.root):
        names = SECRET.findall(leaf.text)
        for name in names:
            if not secrets.get(name):
                _note(document, leaf.mark, say("texts.secret_missing", name=name))
        if names:
            leaf.value = SECRET.sub(lambda match: secrets.get(match[1]) or match[0], leaf.text)


def _from_pydantic(document: Document[M], model: type[M], error: ErrorDetails) -> Mistake:
    loc = error["loc"]
    if error["type"] == "union_tag_invalid":
        loc = (*loc, str(error["ctx"]["discriminator"]).strip("'"))
    path, key, node = _find(document.root, loc)
    kind = error["type"]
    if kind == "missing":
        path.append(loc[-1])  # it stands in no file
    reason, suggestion = reason_for(error, model, node, path)
    if kind == "missing":
        # The key is not there: its parent is, best seen at the parent's own key.
        _, key, node = _find(document.root, loc[:-1])
        mark = key or (node.mark if node else _TOP)
    elif kind == "extra_forbidden":
        mark = key or _TOP
    else:
        mark = node.mark if node else _TOP
    return Mistake(mark.file or document.file, mark.line, mark.column, reason, suggestion)


def _distinct(mistakes: Iterable[tuple[Mistake, bool]]) -> list[Mistake]:
    """One mistake a place: the members of a union all complain about the same value. But each missing key is said."""
    kept: list[Mistake] = []
    places: set[tuple[str, int, int]] = set()
    for mistake, is_missing in mistakes:
        if mistake.place not in places or (is_missing and mistake not in kept):
            kept.append(mistake)
        places.add(mistake.place)
    return kept


def _find(root: Node | None, loc: Sequence[Step]) -> tuple[list[Step], Mark | None, Node | None]:
    """Walk `loc`: the steps that stand in the file, the mark of the last key, its node.

    Pydantic's own steps (the name of a union's member) stand in no file and are passed over.
    """
    path: list[Step] = []
    key: Mark | None = None
    node = root
    for step in loc:
        if isinstance(node, Branch) and str(step) in node.entries:
            entry = node.entries[str(step)]
            key, node = entry.key, entry.node
        elif isinstance(node, Row) and isinstance(step, int) and -len(node.items) <= step < len(node.items):
            key, node = None, node.items[step]
        else:
            continue
        path.append(step)
    return path, key, node
