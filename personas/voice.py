"""Templates for messages, and how people are addressed.

A template puts flat names into a text, with a choice (`{% if %}`) where needed, and nothing else: no calls, no
attributes, no loops, no arithmetic. What customers wrote comes in as a value and is never read as a template.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, UndefinedError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from personas.errors import TemplateRefused, ValueMissing
from rules.nicknames import cleaned

MAX_TEMPLATE = 4000
"""Characters of a template; twice what a message may have. Ours."""
MAX_TEXT = 2000
"""Characters of a rendered text: the length the platform takes in one message or post."""
MAX_DEPTH = 24
"""How deep a template may nest; Python's own compiler gives up not much later."""

_FILTERS = frozenset({"default", "trim", "upper", "lower", "truncate"})
_ALLOWED_NODES: tuple[type[nodes.Node], ...] = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Concat,
    nodes.Filter,
    nodes.Keyword,
    nodes.Test,
)
_TESTS = frozenset({"defined", "undefined"})
_RESERVED = frozenset({"self", "super", "loop", "caller", "varargs", "kwargs"})


def _environment() -> ImmutableSandboxedEnvironment:
    # Messages are plain text for a chat, not HTML: escaping would show customers "&amp;".
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    environment.globals.clear()
    environment.filters = {name: environment.filters[name] for name in _FILTERS}
    environment.tests = {name: environment.tests[name] for name in _TESTS}
    return environment


_ENVIRONMENT = _environment()


def render(template: str, values: Mapping[str, object]) -> str:
    """The text of `template` with `values` put in; blanks at both ends go.

    Raises TemplateRefused (not a plain template, or longer than MAX_TEXT) and ValueMissing (a name without a value).
    """
    compiled = _compiled(template)
    try:
        text = compiled.render(values).strip()
    except UndefinedError as error:
        missing = variables(template) - values.keys()
        raise ValueMissing("、".join(sorted(missing))) from error
    except (TemplateError, TypeError, ValueError) as error:
        # A comparison of a text with a number, a filter on the wrong kind of value.
        raise TemplateRefused("unfit", error=error) from error
    if len(text) > MAX_TEXT:
        raise TemplateRefused("text_long", limit=MAX_TEXT, length=len(text))
    return text


@lru_cache(maxsize=4096)
def variables(template: str) -> frozenset[str]:
    """The names that `template` puts in or asks about. Raises TemplateRefused."""
    return frozenset(meta.find_undeclared_variables(_parsed(template)))


@lru_cache(maxsize=4096)
def _compiled(template: str) -> Template:
    _parsed(template)
    return _ENVIRONMENT.from_string(template)


def _parsed(template: str) -> nodes.Template:
    if len(template) > MAX_TEMPLATE:
        raise TemplateRefused("long", limit=MAX_TEMPLATE, length=len(template))
    try:
        tree = _ENVIRONMENT.parse(template)
    except TemplateSyntaxError as error:
        raise TemplateRefused("syntax", error.lineno, error=error.message) from error
    except RecursionError as error:
        raise TemplateRefused("deep") from error
    _check([tree])
    return tree


def _check(level: Iterable[nodes.Node]) -> None:
    """Walk the tree level by level; whatever is not on the list is refused."""
    depth, layer = 0, list(level)
    while layer:
        depth += 1
        if depth > MAX_DEPTH:
            raise TemplateRefused("deep", layer[0].lineno)
        for node in layer:
            _check_node(node)
        layer = [child for node in layer for child in node.iter_child_nodes()]


def _check_node(node: nodes.Node) -> None:
    if not isinstance(node, _ALLOWED_NODES):
        raise TemplateRefused("forbidden", node.lineno, what=type(node).__name__.lower())
    if isinstance(node, nodes.Name) and (node.name in _RESERVED or node.name.startswith("_")):
        raise TemplateRefused("forbidden", node.lineno, what=node.name)
    if isinstance(node, nodes.Filter) and node.name not in _FILTERS:
        raise TemplateRefused("filter", node.lineno, name=node.name, allowed="、".join(sorted(_FILTERS)))
    if isinstance(node, nodes.Filter | nodes.Test) and (node.dyn_args or node.dyn_kwargs):
        raise TemplateRefused("forbidden", node.lineno, what="*")
    if isinstance(node, nodes.Test) and node.name not in _TESTS:
        raise TemplateRefused("forbidden", node.lineno, what=node.name)
    if isinstance(node, nodes.Const | nodes.TemplateData) and _unsendable(node):
        raise TemplateRefused("character", node.lineno)


def _unsendable(node: nodes.Const | nodes.TemplateData) -> bool:
    """Half a surrogate pair or a control character: no gateway and no database takes it."""
    text = node.data if isinstance(node, nodes.TemplateData) else node.value
    return isinstance(text, str) and any(
        "\ud800" <= sign <= "\udfff" or (sign < " " and sign not in "\t\n\r") for sign in text
    )


def call_me(nickname: str, fallback: str) -> str:
    """A clean way to address the person with this nickname; `fallback` where there is none (ads, only emoji)."""
    return cleaned(nickname) or fallback
