"""What an import of a table did, or in a dry run would do."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from texts.table_files import LeftOut

OnProgress = Callable[[str, float, int], None]
"""Called with the file that is read, how far it is (0 to 1), and how many rows were read in all."""
MOST_ERRORS = 10_000
"""Mistakes in refused rows that are kept for the report file; all rows are counted."""
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
    `matched` of the new and changed orders belong to somebody we know, `unmatched` to nobody yet.
    `homeless_channels`: rows whose channel no friendship could keep; it became a tag. `passed_over`: cells that can't
    be believed, of rows that went in because they say that somebody wants to be left alone.

    `left_out`: what lies in a folder and is no table of this kind. `batch` is None when nothing was written.
    `error_file` is the report beside the input, where one was written.
    """

    files: list[str] = field(default_factory=list)
    rows: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    older: int = 0
    masked: int = 0
    matched: int = 0
    unmatched: int = 0
    homeless_channels: int = 0
    errors: list[RowError] = field(default_factory=list)
    passed_over: list[RowError] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    batch: int | None = None
    error_file: str | None = None

    @property
    def written(self) -> int:
        """Rows that changed what we know."""
        return self.new + self.changed

    def refuse(self, errors: Sequence[RowError]) -> None:
        """Count the rows of these mistakes as refused, and keep as many mistakes as a report may have."""
        self.refused += len({(error.file, error.row) for error in errors})
        self.errors += errors[: max(0, MOST_ERRORS - len(self.errors))]

    def in_order(self) -> None:
        """Mistakes as they stand in the files, in the order in which these were named."""
        places = {file: place for place, file in enumerate(self.files)}
        for errors in (self.errors, self.passed_over):
            errors.sort(key=lambda error: (places[error.file], error.row))

    def counts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("rows", "new", "changed", "unchanged", "refused")}

    def as_json(self) -> dict[str, Any]:
        """The document of `import … --json`, with the first thousand errors."""
        few = {name: [asdict(one) for one in getattr(self, name)[:_IN_JSON]] for name in ("errors", "passed_over")}
        return asdict(self) | few
