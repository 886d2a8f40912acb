"""What a pydantic model expects at a place of a file: its keys, for saying what was probably meant, and its types."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.errors import PydanticInvalidForJsonSchema

Schema = dict[str, Any]


def keys_at(model: type[BaseModel], loc: Sequence[str | int]) -> set[str]:
    """The keys that the mapping at `loc` may have; empty where any key is allowed."""
    return {key for branch in _at(model, loc) for key in branch.get("properties", {})}


def wants_number(model: type[BaseModel], loc: Sequence[str | int]) -> bool:
    """Is the value at `loc` a number and nothing else?"""
    types = {branch.get("type") for branch in _at(model, loc)} - {"null"}
    return bool(types) and types <= {"integer", "number"}


def wants_text(model: type[BaseModel], loc: Sequence[str | int]) -> bool:
    """Is the value at `loc` written as text and nothing else?"""
    types = {branch.get("type", "string" if "enum" in branch else None) for branch in _at(model, loc)} - {"null"}
    return types == {"string"}


def is_secret(model: type[BaseModel], loc: Sequence[str | int]) -> bool:
    """May the value at `loc` be a password or a token?"""
    return any(branch.get("format") == "password" for branch in _at(model, loc))


def _at(model: type[BaseModel], loc: Sequence[str | int]) -> list[Schema]:
    whole = _schema(model)
    found = [whole]
    for step in loc:
        deeper = [inner for schema in found for inner in _step(whole, schema, step)]
        # A step that leads nowhere is the name of a union's member, not a key of the file.
        found = deeper or found
    return [branch for schema in found for branch in _branches(whole, schema)]


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
    members = [member for union in ("anyOf", "oneOf", "allOf") for member in schema.get(union, ())]
    if not members or "discriminator" in schema:
        yield schema
    for member in members:
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
