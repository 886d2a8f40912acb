"""What can go wrong with a report that was asked for."""

from pathlib import Path

from texts.catalogue import say
from texts.nearest import nearest
from texts.problem import ExitCode, Problem


class NoSuchReport(Problem):
    """A name that no report has."""

    exit_code = ExitCode.NOT_FOUND

    def __init__(self, name: str, known: list[str]) -> None:
        near = nearest(name, known)
        hint = say("reports.no_such_report.meant", near=near) if near else say("reports.no_such_report.hint")
        super().__init__(say("reports.no_such_report", name=name), hint=hint)


class NotAPeriod(Problem):
    """Words that name no days, or days that end before they begin."""

    exit_code = ExitCode.USAGE

    def __init__(self, words: str, reason: str = "not_a_period") -> None:
        super().__init__(say(f"reports.{reason}", words=words), hint=say("reports.not_a_period.hint"))


class CannotWrite(Problem):
    """A workbook could not be written where it was asked for."""

    def __init__(self, reason: str, place: Path, why: str = "", *, exit_code: ExitCode = ExitCode.FAILURE) -> None:
        self.exit_code = exit_code
        super().__init__(say(f"reports.{reason}", place=place, why=why), hint=say(f"reports.{reason}.hint"))
