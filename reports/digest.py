"""The day (日报) in ten lines, and the next sensible step."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from reports.capacity import capacity
from reports.day_figures import Figures, figures_of
from reports.next_step import next_step
from reports.report import Asked, Report, Row
from storage.order_tables import ImportBatch
from texts.catalogue import say

_COLUMNS = ("digest_line",)


@dataclass(frozen=True, slots=True)
class _Full:
    """`places` anybody may still take, and the ISO day on which they are taken at the pace of the last weeks."""

    places: int
    day: str | None


async def digest(connection: AsyncConnection, asked: Asked) -> Report:
    """The days of the period; who waits and what is open is as it is now."""
    figures = await figures_of(connection, asked)
    full = await _full(connection, asked)
    imported_ms = await connection.scalar(
        select(func.max(ImportBatch.created_ms)).where(ImportBatch.kind == "orders", ImportBatch.undone_ms.is_(None))
    )
    lines = _lines(figures, full)
    lines["next"] = next_step(figures, places=full.places, full_day=full.day, imported_ms=imported_ms, asked=asked)
    rows: list[Row] = [{"topic": topic, "digest_line": line} for topic, line in lines.items()]
    totals: Row = {**figures.as_row(), "open_places": full.places, "full_day": full.day}
    return Report("digest", asked.period, _COLUMNS, rows, totals)


def digest_text(report: Report) -> str:
    """The digest as one message."""
    head = say("reports.digest.head", days=report.period)
    return "\n".join([head, *(str(row["digest_line"]) for row in report.rows)])


async def _full(connection: AsyncConnection, asked: Asked) -> _Full:
    totals = (await capacity(connection, Asked(asked.weeks(), asked.now_ms))).totals
    places, day = totals["open_places"], totals["full_day"]
    return _Full(places if isinstance(places, int) else 0, day if isinstance(day, str) else None)


def _waited(minutes: int) -> str:
    """How long, as people say it: nobody reads thousands of minutes."""
    if minutes < 60:
        return say("reports.digest.minutes", minutes=minutes)
    return say("reports.cell.hours", hours=minutes // 60, minutes=minutes % 60)


def _lines(figures: Figures, full: _Full) -> dict[str, str]:
    values: dict[str, Any] = {
        **figures.as_row(),
        "longest": _waited(figures.longest_waiting_min),
        "net": f"{figures.day_net_fen / 100:,.2f}",
        "matrix_net": f"{figures.day_matrix_net_fen / 100:,.2f}",
    }
    lines = {
        topic: say(f"reports.digest.{topic}", **values)
        for topic in ("sales", "friends", "conversations", "waiting", "pushes", "moments", "claims", "wishes")
    }
    if not figures.day_orders:
        lines["sales"] = say("reports.digest.no_sales")
    if not figures.day_pushed and not figures.day_skipped:
        lines["pushes"] = say("reports.digest.no_pushes")
    if figures.thanks_due:
        lines["thanks"] = say("reports.digest.thanks", **values)
    if figures.day_thanks_reversed:
        lines["thanks_back"] = say("reports.digest.thanks_back", **values)
    key = "capacity" if full.day else "capacity_only"
    lines["capacity"] = say(f"reports.digest.{key}", places=full.places, day=full.day)
    return lines
