"""The rows of an export in words that the person can read: our columns by name, times, amounts and states in words.

What only a machine can use (keys, ids of the gateway, counters of ours) stands in the JSON alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from customers.profiles.profile_fields import shown_name
from customers.profiles.profile_words import said_by
from rules.quiet_hours import local
from texts.catalogue import catalogue, say

MACHINES: frozenset[str] = frozenset(
    {
        "id", "key", "person", "batch", "priority", "epoch", "attempts", "gateway_id", "echo", "event", "last_push_id",
        "birthday_mmdd", "erased_ms", "task", "arrival", "material", "look_ms", "told_ms", "message", "scene",
        "valid_until_ms", "outcome", "reverses", "titles", "handled_ms", "door", "verb", "moved", "referrals",
        "people.kind", "friend_requests.request", "outbox.settled_ms", "outbox.source", "outbox.campaign",
        "outbox.created_ms", "outbox.post", "pond_members.contact", "waits.friendship", "waits.why", "waits.staff",
        "waits.from_ms", "waits.told_ms", "waits.ended_by", "friendships.heard_hour",
    }
)  # fmt: skip
"""Columns, and keys of documents in them, that nobody reads; a table's own stand with its name."""

_TIME, _AMOUNT = "_ms", "_fen"
_SAYERS = frozenset({"by", "source", "evidence", "origin", "why"})
_ENTRIES = frozenset({"kept", "gone", "referrer", "merged_into"})
_OF_ANOTHER = {"order_versions": "orders", "merges": "people"}
"""Whose columns stand in a document that says how something was before."""
_WORDS_ELSEWHERE = {"orders.status": "profile.order", "outbox.kind": "operations.kind", "outbox.reason": "reason",
                    "profile_changes.field": "profile.field"}  # fmt: skip


def heading(table: str) -> str:
    """Of the rows of this table, as the person reads it."""
    own = f"dossier.part.{table}"
    return say(own if own in catalogue() else f"privacy.part.{table}")


def readable(table: str, row: Mapping[str, Any], zone: str) -> dict[str, str]:
    """What a person reads of the row: the name of each thing, and what it is."""
    if row.get("text") and isinstance(row.get("content"), Mapping):  # what was said stands there once
        row = {**row, "content": {key: value for key, value in row["content"].items() if key != "text"}}
    shown = ((_name(table, column), _shown(table, column, value, zone)) for column, value in row.items())
    return {name: text for name, text in shown if name and text}


def _name(table: str, column: str) -> str:
    """What we call a column; '' for one that only a machine reads. One without a name is shown as it is."""
    own, general = f"dossier.{table}.{column}", f"dossier.{column}"
    if own in catalogue():
        return say(own)
    if not MACHINES.isdisjoint((column, f"{table}.{column}")):
        return ""
    return say(general) if general in catalogue() else column


def _shown(table: str, column: str, value: Any, zone: str) -> str:
    if isinstance(value, bool):
        return say("dossier.yes" if value else "dossier.no")
    if isinstance(value, Mapping):
        return say("dossier.between").join(_pairs(_OF_ANOTHER.get(table, table), column, value, zone))
    if isinstance(value, list | tuple):
        return _listed(table, column, value, zone)
    if isinstance(value, int) and column.endswith(_TIME):
        return f"{local(value, zone):%Y-%m-%d %H:%M}"
    if isinstance(value, int) and column.endswith(_AMOUNT):
        return say("dossier.yuan", yuan=f"{value / 100:.2f}")
    if column in _ENTRIES:
        return f"#{value}"
    return _word(table, column, str(value)) if value is not None else ""


def _listed(table: str, column: str, values: Sequence[Any], zone: str) -> str:
    """In what an import changed, two values are what was before and what came after."""
    words = [_shown(table, column, value, zone) or say("dossier.nothing") for value in values]
    if table == "person_versions" and len(words) == 2:
        return say("dossier.to", before=words[0], after=words[1])
    return say("texts.comma").join(words)


def _pairs(table: str, column: str, document: Mapping[str, Any], zone: str) -> Iterator[str]:
    """A document in a column. Its keys are our columns, fields of a profile, or words of the shop's own."""
    for key, value in document.items():
        if key in ("kept", "gone") and isinstance(value, Mapping):
            name = say(f"dossier.of_{key}")
        elif column == "profile":
            name = shown_name(key)
        else:
            name = "" if key in MACHINES else _nested_name(table, key)
        text = _shown(table, key, value, zone) if name or isinstance(value, Mapping) else ""
        if text:
            yield say("dossier.pair", name=name, value=text) if name else text


def _nested_name(table: str, key: str) -> str:
    """A key that is neither ours nor in the shop's own words says nothing to anybody."""
    name = _name(table, key)
    return "" if name == key and key.isascii() else name


def _word(table: str, column: str, value: str) -> str:
    for key in (f"dossier.value.{table}.{column}.{value}", f"{_WORDS_ELSEWHERE.get(f'{table}.{column}')}.{value}"):
        if key in catalogue():
            return say(key)
    if column in _SAYERS or column.endswith("_by"):
        return said_by(value)
    # '--08-15' is a birthday without a year.
    return value.lstrip("-") if column == "birthday" else value
