"""The fleet in Prometheus' terms. The only file that knows prometheus-client.

Nothing is counted twice: at a scrape the plain numbers of courier, inbox and fleet are read as they are.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from bots.tally import Spread
from reports.backlog import Backlog

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that one scrape shows. Times in seconds; None where it is not known (yet)."""

    build: Mapping[str, str]
    lanes: Mapping[str, int]
    in_flight: int
    claimed: int
    outcomes: Mapping[str, int]
    ticks: Spread
    failed_ticks: int
    inbox_waiting: Mapping[str, int]
    inbox_written: int
    accounts: Mapping[str, int]
    shards: int
    heartbeat_age_s: float | None
    loop_lag: Spread
    database_up: bool
    database_errors: int
    backlog: Backlog | None


class Source(Protocol):
    """Who can be read."""

    def reading(self) -> Reading: ...


class Metrics:
    """One process' own registry: nothing is registered anywhere else."""

    def __init__(self, source: Source) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Fleet(source))

    def exposition(self) -> bytes:
        """What a scrape answers: text in `CONTENT_TYPE`."""
        return generate_latest(self._registry)


class _Fleet(Collector):
    def __init__(self, source: Source) -> None:
        self._source = source

    def describe(self) -> Iterable[Metric]:
        return ()  # else it would be read once before anybody scrapes

    def collect(self) -> Iterable[Metric]:
        now = self._source.reading()
        yield from _of_sending(now)
        yield from _of_accounts(now)
        yield from _of_process(now)


def _of_sending(now: Reading) -> Iterable[Metric]:
    yield _labelled("wxfleet_lanes", "Lanes (one per account) of this process by what they do", "state", now.lanes)
    yield _gauge("wxfleet_sends_in_flight", "Sends handed to gateways and not answered yet", now.in_flight)
    yield _counter("wxfleet_claims", "Deliveries claimed through the gates", now.claimed)
    outcomes = CounterMetricFamily("wxfleet_outcomes", "Settled sends by what became of them", labels=["state"])
    for state, count in sorted(now.outcomes.items()):
        outcomes.add_metric([state], count)
    yield outcomes
    yield _histogram("wxfleet_tick_seconds", "The courier's transactions: settle, judge, claim, commit", now.ticks)
    yield _counter("wxfleet_ticks_failed", "Transactions of the courier that failed", now.failed_ticks)
    if now.backlog is not None:
        yield _gauge("wxfleet_due_rows", "Rows of the whole outbox whose time has come", now.backlog.due)
        lag_s = now.backlog.oldest_ms / 1000
        yield _gauge("wxfleet_lag_seconds", "Age of the oldest due row of the whole outbox, by the shop's clock", lag_s)
        yield _gauge("wxfleet_sending_rows", "Rows of the whole outbox that are being sent", now.backlog.sending)
        yield _gauge("wxfleet_in_doubt_rows", "Rows of the whole outbox that may have arrived", now.backlog.in_doubt)


def _of_accounts(now: Reading) -> Iterable[Metric]:
    yield _labelled("wxfleet_accounts", "Accounts of this process by state", "state", now.accounts)
    help_text = "Events in memory, by what they wait for: to be written, fetched, handled"
    yield _labelled("wxfleet_inbox_waiting", help_text, "stage", now.inbox_waiting)
    yield _counter("wxfleet_inbox_written", "Distinct events written to the inbox", now.inbox_written)


def _of_process(now: Reading) -> Iterable[Metric]:
    yield _histogram("wxfleet_loop_lag_seconds", "How late the event loop wakes a sleeper", now.loop_lag)
    yield _gauge("wxfleet_shards_owned", "Shards that this process owns, of 256", now.shards)
    if now.heartbeat_age_s is not None:
        yield _gauge("wxfleet_heartbeat_age_seconds", "Since the last heartbeat that was written", now.heartbeat_age_s)
    yield _gauge("wxfleet_database_up", "Did the database answer the last look (1) or not (0)?", int(now.database_up))
    yield _counter("wxfleet_database_errors", "Transactions that the database refused or lost", now.database_errors)
    build = GaugeMetricFamily("wxfleet_build_info", "What runs here; always 1", labels=list(now.build))
    build.add_metric(list(now.build.values()), 1)
    yield build


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=value)


def _counter(name: str, help_text: str, value: float) -> Metric:
    return CounterMetricFamily(name, help_text, value=value)


def _labelled(name: str, help_text: str, label: str, values: Mapping[str, int]) -> Metric:
    metric = GaugeMetricFamily(name, help_text, labels=[label])
    for value, count in sorted(values.items()):
        metric.add_metric([value], count)
    return metric


def _histogram(name: str, help_text: str, spread: Spread) -> Metric:
    buckets, seen = [], 0
    for bound, count in zip((*map(str, spread.bounds_s), "+Inf"), spread.counts, strict=True):
        seen += count
        buckets.append((bound, seen))
    return HistogramMetricFamily(name, help_text, buckets=buckets, sum_value=spread.sum_s)
