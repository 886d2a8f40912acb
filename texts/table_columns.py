"""Which column of somebody's table is which of ours: by name, by another name for the same, by their own word."""

import re
import unicodedata
from collections.abc import Mapping, Sequence

Columns = Mapping[str, Sequence[str]]
"""The columns we look for, by our name, each with the other headers that mean it; who stands first is believed."""

_BLANKS = re.compile(r"[\s\u200b\ufeff]+")
_MARKS = "*＊:：'\"‘’“”"


def header_name(value: object) -> str:
    """A header as it is compared: full-width signs made half, without blanks and the marks of required fields."""
    if not isinstance(value, str):
        return ""
    return _BLANKS.sub("", unicodedata.normalize("NFKC", value)).strip(_MARKS).casefold()


def places(headers: Sequence[object], columns: Columns, mapping: Mapping[str, str]) -> dict[str, int]:
    """Where each of our columns stands among `headers`. `mapping` says it by header; then names decide."""
    names = [header_name(header) for header in headers]
    said = {header_name(header): column for header, column in mapping.items()}
    found = {said[name]: place for place, name in reversed(list(enumerate(names))) if name in said}
    spoken_for = set(found.values())
    for column, others in columns.items():
        if column in found:
            continue
        for wanted in (column, *others):
            name = header_name(wanted)
            if name in names and names.index(name) not in spoken_for:
                found[column] = names.index(name)
                spoken_for.add(found[column])
                break
    return found
