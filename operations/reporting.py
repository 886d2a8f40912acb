"""Commands that show what came of it: the day so far, and every report as a message."""

from sqlalchemy.ext.asyncio import AsyncConnection

from operations.asking import Asked, Reply
from operations.report_wishes import Wish, is_large, wish
from operations.requests.fleet import ShowReport, Today
from operations.requests.request import Door
from reports.cells import shown, totals_line
from reports.digest import digest_text
from reports.period import period_of
from reports.report import Asked as ReportAsked
from reports.report import Report, header
from reports.shelf import SHELF, volume
from texts.catalogue import say

ROWS_SHOWN = 10
"""Rows of a report in a message; the whole of it is for the terminal and the workbook."""


async def today(tx: AsyncConnection, asked: Asked[Today], zone: str) -> Reply:
    """The day so far. `zone`: the shop's."""
    return await _show(tx, asked, "digest", "today", zone)


async def show_report(tx: AsyncConnection, asked: Asked[ShowReport], zone: str) -> Reply:
    """One report, or the list of them. Raises NoSuchReport and NotAPeriod."""
    if asked.request.name:
        return await _show(tx, asked, asked.request.name, asked.request.period, zone)
    lines = [say("operations.report.listed", name=each.name, title=each.title) for each in SHELF.values()]
    return Reply(True, "\n".join([say("operations.report.list"), *lines]))


async def _show(tx: AsyncConnection, asked: Asked[Today | ShowReport], name: str, when: str, zone: str) -> Reply:
    """At once in a small shop; in a large one it is read outside of this transaction, which holds up the sending."""
    asked_for = volume(name)
    period = period_of(when or asked_for.usual_period, asked.now_ms, zone)
    if await is_large(tx):
        if asked.door is Door.CLI:
            return Reply(True, say("operations.report.terminal", name=asked_for.name))
        await wish(tx, Wish(asked.staff.id, asked_for.name, when or asked_for.usual_period), asked.now_ms)
        return Reply(True, say("operations.report.later", title=asked_for.title))
    report = await asked_for.make(tx, ReportAsked(period, asked.now_ms))
    return Reply(True, message_of(report), data={"report": report.as_json()})


def message_of(report: Report) -> str:
    """The report as a message."""
    return digest_text(report) if report.name == "digest" else report_text(report)


def report_text(report: Report) -> str:
    """The report as a message: a line for each row, the first cell as its name; without what is nothing."""
    lines = [f"{report.title} {report.period}", *(_line(report, row) for row in report.rows[:ROWS_SHOWN])]
    if not report.rows:
        lines.append(say("reports.empty"))
    if len(report.rows) > ROWS_SHOWN:
        lines.append(say("operations.report.more", rows=len(report.rows) - ROWS_SHOWN, name=report.name))
    lines.append(say("operations.report.total", totals=totals_line(report)))
    return "\n".join([*lines, *(f"· {remark}" for remark in report.remarks)])


def _line(report: Report, row: dict[str, str | int | float | bool | None]) -> str:
    first, *others = report.columns
    told = [
        f"{header(column)} {shown(column, cell, report.period.zone)}"
        for column in others
        if (cell := row.get(column)) not in (None, "", 0)
    ]
    name = shown(first, row.get(first), report.period.zone)
    return say("operations.report.row", name=name, cells=" · ".join(told) or "0")
