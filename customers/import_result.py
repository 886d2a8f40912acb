"""What an import of a table did, or in a dry run would do."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

MOST_ERRORS = 10_000
"""Refused rows that are kept for the report file; all are counted."""
_IN_JSON = 1_000


@dataclass(frozen=True, slots=True)
class RowError:
    """A cell that can't be believed. `row` is the number a spreadsheet program shows."""

    file: str
    row: int
    column: str
    reason: str


@dataclass(slots=True)
class ImportResult:
    """`rows` is the sum of new, changed, unchanged and refused; `older` are those of the unchanged that the file tells
    as they were before what we know. `masked` are those of the good ones whose member name the export masked.

    `batch` is None when nothing was written. `error_file` is the report beside the input, where one was written.
    """

    files: list[str] = field(default_factory=list)
    rows: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    older: int = 0
    masked: int = 0
    errors: list[RowError] = field(default_factory=list)
    batch: int | None = None
    error_file: str | None = None

    def refuse(self, errors: Sequence[RowError]) -> None:
        """Count these rows as refused, and keep as many as a report may have."""
        self.refused += len(errors)
        self.errors += errors[: max(0, MOST_ERRORS - len(self.errors))]

    def counts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("rows", "new", "changed", "unchanged", "refused")}

    def as_json(self) -> dict[str, Any]:
        """The document of `import … --json`, with the first thousand errors."""
        return asdict(self) | {"errors": [asdict(error) for error in self.errors[:_IN_JSON]]}
