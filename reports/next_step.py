"""The next sensible step: the first thing on a list that is worth somebody's time now."""

from datetime import timedelta
from typing import Any

from reports.capacity import DAY_MS, SOON_DAYS
from reports.day_figures import Figures
from reports.report import Asked
from rules.quiet_hours import local
from texts.catalogue import say

STALE_ORDERS_DAYS = 7
"""An export older than this says little about today. Ours."""


def next_step(figures: Figures, *, places: int, full_day: str | None, imported_ms: int | None, asked: Asked) -> str:
    """One sentence with the command that does it. People come before machines, machines before plans."""
    today = local(asked.now_ms, asked.zone).date()
    soon = (today + timedelta(days=SOON_DAYS)).isoformat()
    stale = imported_ms is None or imported_ms < asked.now_ms - STALE_ORDERS_DAYS * DAY_MS
    steps = (
        ("stopped", figures.stopped),
        ("waiting", figures.waiting),
        ("repairs", figures.repairs),
        ("in_doubt", figures.in_doubt),
        ("tasks", figures.tasks),
        ("thanks", figures.thanks_due),
        ("no_room", not places),
        ("soon_full", full_day is not None and full_day <= soon),
        ("requests", figures.requests_waiting),
        ("first_orders", imported_ms is None),
        ("orders", stale),
        ("push", not figures.day_pushed),
    )
    step = next((name for name, needed in steps if needed), "well")
    values: dict[str, Any] = {**figures.as_row(), "day": full_day, "days": STALE_ORDERS_DAYS}
    return say("reports.digest.next", step=say(f"reports.next.{step}", **values))
