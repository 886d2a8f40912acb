"""What can be wrong with files that people write, in words for whoever wrote them."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from texts.catalogue import say
from texts.problem import ExitCode, Problem


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One thing wrong in one file. `line` and `column` count from 1; 0 stands for the file as a whole."""

    file: str
    line: int
    column: int
    reason: str
    suggestion: str = ""
    """What was probably meant, ready to be typed; empty when nobody can guess."""
    severity: Severity = Severity.ERROR

    @property
    def place(self) -> tuple[str, int, int]:
        return self.file, self.line, self.column

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        reason = say("texts.warning", reason=self.reason) if self.severity is Severity.WARNING else self.reason
        meant = say("texts.did_you_mean", suggestion=self.suggestion) if self.suggestion else ""
        return f"{place}: {reason}{meant}"


class ConfigurationInvalid(Problem):
    """Files that people write have mistakes; nothing was started. `mistakes` has every one of them."""

    exit_code = ExitCode.CONFIGURATION_INVALID

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = sorted(set(mistakes))
        lines = "\n".join(str(mistake) for mistake in self.mistakes)
        super().__init__(
            say("texts.invalid", count=len(self.mistakes), lines=lines),
            hint=say("texts.invalid.hint"),
            where=self.mistakes[0].file if self.mistakes else "",
        )

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.hint}"


class TableUnreadable(Problem):
    """A table (CSV, XLSX, XLS) can't be read, or is something else altogether."""


class TableMissing(TableUnreadable):
    """There is no such file."""

    exit_code = ExitCode.NOT_FOUND
