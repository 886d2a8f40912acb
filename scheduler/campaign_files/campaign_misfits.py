"""Values of a campaign's file that are right one by one and don't go together: all of them told at once."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pydantic import ValidationInfo

TOLD_APART = "misfits_told_apart"
"""In the context of a validation: whoever reads the file tells of its misfits himself, each at its line."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """`loc` leads to its place in the file; `key` says in the catalogue what is wrong there. `at_key`: beside the name
    of the value, where the value is long.
    """

    loc: tuple[str | int, ...]
    key: str
    at_key: bool = False

    def below(self, *steps: str | int) -> "Misfit":
        """The same, seen from further up in the file."""
        return replace(self, loc=(*steps, *self.loc))


def refuse_misfits(misfits: Iterable[Misfit], info: ValidationInfo) -> None:
    """Raises ValueError with the first, unless they are told apart."""
    if isinstance(info.context, dict) and info.context.get(TOLD_APART):
        return
    for misfit in misfits:
        raise ValueError(misfit.key)
