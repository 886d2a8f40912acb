"""What an import came to, in words, with the report of what it refused."""

from collections.abc import Iterator
from pathlib import Path

from customers.imports.import_result import ImportResult
from texts.catalogue import say
from texts.problem import ExitCode
from wxfleet.terminal.error_report import write_report
from wxfleet.terminal.terminal import Terminal

_SHOWN = 10
"""Mistakes on the screen; the report has all of them."""


def show_result(terminal: Terminal, result: ImportResult, report: Path | None, *, dry_run: bool) -> int:
    """Say what an import did, write its report to `report` where rows were refused. Returns the exit code."""
    if result.errors and report is not None:
        why_not = write_report(report, result.errors)
        if why_not:
            terminal.note(say("imports.report_failed", file=report, error=why_not))
        else:
            result.error_file = str(report)
    terminal.show(result.as_json(), "\n".join(_told(result, dry_run=dry_run)))
    doubtful = any(one.doubtful for one in result.left_out)
    return ExitCode.PARTLY_DONE if result.refused or doubtful else ExitCode.OK


def _told(result: ImportResult, *, dry_run: bool) -> Iterator[str]:
    yield say("cli.import.would" if dry_run else "cli.import.did", **result.counts())
    yield from _remarks(result)
    for error in result.errors[:_SHOWN]:
        yield say("cli.import.error", file=error.file, row=error.row, column=error.column, reason=error.reason)
    if len(result.errors) > _SHOWN:
        yield say("cli.import.more_errors", count=len(result.errors) - _SHOWN)
    for one in result.left_out[:_SHOWN]:
        yield say("imports.left_out", file=one.file, reason=one.reason)
    if len(result.left_out) > _SHOWN:
        yield say("imports.more_left_out", count=len(result.left_out) - _SHOWN)
    if result.error_file:
        yield say("imports.report_at", file=result.error_file)
    if result.batch is not None:
        yield say("imports.batch_is", batch=result.batch)
    elif not dry_run:
        yield say("imports.all_refused" if 0 < result.rows == result.refused else "imports.nothing_new")


def _remarks(result: ImportResult) -> Iterator[str]:
    """What somebody should know of the rows that went in."""
    if result.older:
        yield say("imports.older", older=result.older)
    if result.masked:
        yield say("imports.masked", masked=result.masked)
    if result.unmatched:
        yield say("imports.unmatched", matched=result.matched, unmatched=result.unmatched)
    elif result.matched:
        yield say("imports.all_matched", matched=result.matched)
    if result.homeless_channels:
        yield say("imports.homeless_channels", count=result.homeless_channels)
    if result.passed_over:
        yield say("imports.passed_over", count=len(result.passed_over))
        for one in result.passed_over[:_SHOWN]:
            yield say("cli.import.error", file=one.file, row=one.row, column=one.column, reason=one.reason)
