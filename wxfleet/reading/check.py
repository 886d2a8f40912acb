"""`wxfleet check`: everything that people wrote, every mistake, in the order of files and lines."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rules.quiet_hours import local
from texts.catalogue import say
from texts.errors import Mistake, Severity
from wxfleet.clocks import wall_ms
from wxfleet.reading.calendar_notes import month_notes
from wxfleet.reading.settings import Examination, Overridden, examine


def check(path: Path, home: Path | None = None) -> list[Mistake]:
    """All mistakes and warnings of config.yaml and of every file it leads to, by file and line."""
    return everything_about(examine(path, home))


def everything_about(examination: Examination) -> list[Mistake]:
    """What was found, and how a month of the Moments calendar looks: warnings that only `check` takes time for."""
    files = examination.files
    notes = month_notes(files, local(wall_ms(), files.zone).date())
    return sorted({*examination.mistakes, *notes})


def errors_in(mistakes: Sequence[Mistake]) -> list[Mistake]:
    """Those that keep a run from starting."""
    return [mistake for mistake in mistakes if mistake.severity is Severity.ERROR]


def verdict(mistakes: Sequence[Mistake]) -> str:
    """One sentence for the end of the list."""
    errors = len(errors_in(mistakes))
    if errors:
        return say("check.errors", errors=errors, warnings=len(mistakes) - errors)
    return say("check.warnings", warnings=len(mistakes)) if mistakes else say("check.fine")


def overridden_lines(overridden: Sequence[Overridden]) -> list[str]:
    """A line for each value that does not come from config.yaml."""
    return [say("check.overridden", **asdict(one)) for one in overridden]


def as_document(mistakes: Sequence[Mistake], overridden: Sequence[Overridden] = ()) -> dict[str, Any]:
    """The document of `check --json`."""
    return {
        "ok": not errors_in(mistakes),
        "errors": len(errors_in(mistakes)),
        "warnings": len(mistakes) - len(errors_in(mistakes)),
        "mistakes": [
            {
                "file": mistake.file,
                "line": mistake.line,
                "column": mistake.column,
                "severity": mistake.severity.value,
                "reason": mistake.reason,
                "suggestion": mistake.suggestion,
            }
            for mistake in mistakes
        ],
        "overridden": [asdict(one) for one in overridden],
    }
