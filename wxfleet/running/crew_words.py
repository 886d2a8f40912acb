"""The processes behind a fleet, in words for `wxfleet status`."""

from dataclasses import asdict
from typing import Any

from reports.backlog import COUNTED_AT_MOST, Backlog
from reports.workers import Crew, WorkerStatus
from rules.quiet_hours import local
from texts.catalogue import say

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS


def crew_json(crew: Crew, lag: Backlog) -> dict[str, Any]:
    """`workers`, `ownerless` and `lag` of `status --json`."""
    return {
        "workers": [asdict(worker) for worker in crew.workers],
        "ownerless": {"shards": crew.ownerless_shards, "accounts": sorted(crew.ownerless_accounts)},
        "lag": asdict(lag),
    }


def crew_lines(crew: Crew, lag: Backlog, *, zone: str, running: bool) -> list[str]:
    """One line for each process, and what nobody owns or sends though somebody should."""
    lines = [_worker_line(worker, zone) for worker in crew.workers if worker.alive or worker.shards]
    if running and crew.ownerless_accounts:
        lines.append(
            say("worker.status.ownerless", shards=crew.ownerless_shards, accounts=len(crew.ownerless_accounts))
        )
    if lag.due:
        key = "worker.status.lag" if lag.due < COUNTED_AT_MOST else "worker.status.lag.at_least"
        lines.append(say(key, due=lag.due, age=span_words(lag.oldest_ms)))
    return lines


def _worker_line(worker: WorkerStatus, zone: str) -> str:
    condition = "stopping" if worker.stopping else "fine" if worker.alive else "silent"
    return say(
        "worker.status.one",
        id=worker.id,
        kind=say("worker.status.alone") if worker.kind == "run" else "",
        since=f"{local(worker.since_ms, zone):%m-%d %H:%M}",
        shards=worker.shards,
        accounts=worker.accounts,
        age=f"{worker.heartbeat_age_ms / 1000:.0f}",
        condition="" if condition == "fine" else say(f"worker.status.{condition}"),
    )


def span_words(span_ms: int) -> str:
    """A span of time as a person says it, in its largest whole unit."""
    if span_ms >= _HOUR_MS:
        return say("worker.status.hours", n=span_ms // _HOUR_MS)
    if span_ms >= _MINUTE_MS:
        return say("worker.status.minutes", n=span_ms // _MINUTE_MS)
    return say("worker.status.seconds", n=span_ms // 1000)
