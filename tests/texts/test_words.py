"""The catalogue is complete: whatever is said in Chinese is said in English, with the same values."""

import string
from collections.abc import Mapping

from texts.catalogue import LANGUAGES, catalogue


def _names(text: str) -> set[str] | None:
    """What is put in; None where braces of YAML that is shown were not escaped: they would be taken for values."""
    named = [(name, form or "") for _, name, form, _ in string.Formatter().parse(text) if name is not None]
    if all(name.isidentifier() and not form.startswith(" ") for name, form in named):
        return {name for name, _ in named}
    return None


def _whole(entry: Mapping[str, str]) -> bool:
    if set(entry) != set(LANGUAGES) or not all(entry[language].strip() for language in LANGUAGES):
        return False
    zh, en = _names(entry["zh"]), _names(entry["en"])
    # The words of a foreign library are English; Chinese may do without them.
    return zh is not None and en is not None and zh - {"error"} == en - {"error"}


def test_every_entry_has_both_languages_and_the_same_values_in_both() -> None:
    assert len(catalogue()) > 1000
    assert [key for key, entry in sorted(catalogue().items()) if not _whole(entry)] == []
