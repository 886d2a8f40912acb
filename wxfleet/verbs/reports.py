"""Commands about what came of it: report NAME, report list."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from reports.cells import is_number, shown, totals_line
from reports.period import FIRST_DAY, Period, period, period_of
from reports.report import Asked, Report, header
from reports.shelf import SHELF, Volume, volume
from reports.workbook import write_workbook
from rules.quiet_hours import local
from texts.catalogue import say
from wxfleet.running.shop_now import shop_now_ms
from wxfleet.terminal.terminal import Terminal, command, table
from wxfleet.terminal.usage import NotUnderstood
from wxfleet.terminal.wide_table import fitting

LIST = "list"


def add_to(app: typer.Typer) -> None:
    """Put these commands into the command line."""
    command(app, "report", "cli.report")(report)


async def report(
    terminal: Terminal,
    name: Annotated[str, typer.Argument(help=say("cli.report.name"))],
    when: Annotated[str, typer.Option("--period", help=say("cli.report.period"))] = "",
    first: Annotated[str, typer.Option("--from", help=say("cli.report.from"))] = "",
    last: Annotated[str, typer.Option("--to", help=say("cli.report.to"))] = "",
    xlsx: Annotated[Path | None, typer.Option("--xlsx", help=say("cli.report.xlsx"))] = None,
) -> None:
    if name == LIST:
        return _list(terminal)
    asked_for = volume(name)
    settings = terminal.settings(strict=False)
    async with terminal.database(settings) as db, db.read() as connection:
        now_ms = await shop_now_ms(connection, settings)
        days = _period(asked_for, when, first, last, now_ms, settings.shop.time_zone)
        made = await asked_for.make(connection, Asked(days, now_ms))
    if xlsx is not None:
        write_workbook(xlsx, made, now_ms)
        terminal.note(say("cli.report.written", place=xlsx))
    if terminal.json:
        terminal.show(made.as_json(), "")
    else:
        _print(terminal, made)
    return None


def _list(terminal: Terminal) -> None:
    shown_ = table(say("cli.report.col.name"), say("cli.report.col.title"), say("cli.report.col.period"))
    for each in SHELF.values():
        shown_.add_row(each.name, each.title, each.usual_days)
    document = [{"name": each.name, "title": each.title, "usual_period": each.usual_period} for each in SHELF.values()]
    terminal.show(document, shown_)


def _period(asked_for: Volume, when: str, first: str, last: str, now_ms: int, zone: str) -> Period:
    if when and (first or last):
        raise NotUnderstood(say("cli.report.both"), hint=say("cli.report.both.hint"))
    if not first and not last:
        return period_of(when or asked_for.usual_period, now_ms, zone)
    begins = period_of(first, now_ms, zone).first if first else FIRST_DAY
    ends = period_of(last, now_ms, zone).last if last else local(now_ms, zone).date()
    return period(begins, ends, zone)


def _print(terminal: Terminal, made: Report) -> None:
    """Title, table, totals; what is counted and how stands beside the data."""
    terminal.show(None, f"{made.title} · {made.period}")
    terminal.show(None, _table(made, Console().width) if made.rows else say("reports.empty"))
    if made.name != "digest":  # its lines say them all, the last one what to do next
        terminal.show(None, totals_line(made))
    for remark in made.remarks:
        terminal.note(f"· {remark}")
    terminal.note(f"\n{made.definition}")


def _table(made: Report, width: int) -> Table | str:
    """Columns in which nothing stands are left out: there is little room on a screen."""
    columns = [column for column in made.columns if any(row.get(column) is not None for row in made.rows)]
    cells = [[shown(column, row.get(column), made.period.zone) for column in columns] for row in made.rows]
    return fitting([header(column) for column in columns], cells, [is_number(one, made) for one in columns], width)
