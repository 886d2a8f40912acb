"""Which keys a pydantic model knows at a place: for saying what was probably meant."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.errors import PydanticInvalidForJsonSchema

Schema = dict[str, Any]


def keys_at(model: type[BaseModel], loc: Sequence[str | int]) -> set[str]:
    """The keys that the mapping at `loc` may have; empty where any key is allowed."""
    whole = _schema(model)
    found = [whole]
    for step in loc:
        deeper = [inner for schema in found for inner in _step(whole, schema, step)]
        # A step that leads nowhere is the name of a union's member, not a key of the file.
        found = deeper or found
    return {
        key for schema in found for branch in _branches(whole, schema) for key in branch.get("properties", {})
    }


@cache
def _schema(model: type[BaseModel]) -> Schema:
    try:
        return model.model_json_schema()
    except PydanticInvalidForJsonSchema:
        return {}


def _branches(whole: Schema, schema: Schema) -> Iterator[Schema]:
    """The schema itself, what it refers to, and each member of a union."""
    if reference := schema.get("$ref"):
        yield from _branches(whole, whole.get("$defs", {}).get(reference.rpartition("/")[2], {}))
        return
    yield schema
    for union in ("anyOf", "oneOf", "allOf"):
        for member in schema.get(union, ()):
            yield from _branches(whole, member)


def _step(whole: Schema, schema: Schema, step: str | int) -> Iterator[Schema]:
    for branch in _branches(whole, schema):
        if isinstance(step, int):
            if isinstance(branch.get("items"), dict):
                yield branch["items"]
        elif step in branch.get("properties", {}):
            yield branch["properties"][step]
        elif step in branch.get("discriminator", {}).get("mapping", {}):
            yield {"$ref": branch["discriminator"]["mapping"][step]}
        elif isinstance(branch.get("additionalProperties"), dict):
            yield branch["additionalProperties"]
