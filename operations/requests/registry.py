"""Every request by its verb, and the way back from what the log keeps."""

from typing import Any

from operations.requests import fleet, house, people, posts, pushes
from operations.requests.request import Request, Verb

_MODULES = (fleet, house, people, posts, pushes)


def request_of(row: dict[str, Any]) -> Request:
    """The request that `as_json` wrote. Raises KeyError for a verb of another version."""
    fields = dict(row)
    return BY_VERB[Verb(fields.pop("verb"))](**fields)


BY_VERB: dict[Verb, type[Request]] = {
    kind.verb: kind
    for module in _MODULES
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Request) and kind is not Request
}
