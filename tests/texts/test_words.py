"""The catalogue is complete: whatever is said in Chinese is said in English, with the same values."""

import string

import pytest

from texts.catalogue import LANGUAGES, catalogue


def _names(text: str) -> set[str]:
    """Also that whoever shows YAML in braces escaped them: what stands in single braces is put in."""
    for _, name, form, _ in string.Formatter().parse(text):
        assert name is None or (name.isidentifier() and not (form or "").startswith(" ")), text
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("key", sorted(catalogue()))
def test_an_entry_has_both_languages_and_the_same_values_in_both(key: str) -> None:
    entry = catalogue()[key]
    assert set(entry) == set(LANGUAGES)
    assert all(entry[language].strip() for language in LANGUAGES)
    # The words of a foreign library are English; Chinese may do without them.
    assert _names(entry["zh"]) - {"error"} == _names(entry["en"]) - {"error"}
