"""What somebody probably meant to write."""

from collections.abc import Iterable

from rapidfuzz import fuzz, process

_CLOSE = 65.0  # percent; 'freinds' ~ 'friends' is 86, 'x' ~ 'name' is 0


def nearest(word: str, choices: Iterable[str], *, close: float = _CLOSE) -> str:
    """The choice that looks most like `word`, or '' when none is close (`close`: percent that two have in common)."""
    found = process.extractOne(
        word.strip(), sorted(set(choices)), scorer=fuzz.ratio, processor=str.casefold, score_cutoff=close
    )
    return found[0] if found else ""
