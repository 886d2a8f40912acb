"""What the courier did, in plain numbers: whoever wants to see them reads them; counting costs the hot path little."""

import logging
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog

from storage.outbox import DeliveryState
from storage.settling import Settlement

log = structlog.get_logger(__name__)
_stream = logging.getLogger(__name__)

TICK_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


@dataclass(slots=True)
class Spread:
    """How often something took how long: counts by upper bound, the last one for everything longer."""

    bounds_s: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    sum_s: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds_s) + 1)

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(self.bounds_s, seconds)] += 1
        self.sum_s += seconds

    @property
    def count(self) -> int:
        return sum(self.counts)

    def quantile_s(self, share: float) -> float:
        """The bound below which at least `share` of all lie; infinity when only the last has room for them."""
        wanted, seen = share * self.count, 0
        for bound, count in zip((*self.bounds_s, float("inf")), self.counts, strict=True):
            seen += count
            if seen >= wanted:
                return bound
        return float("inf")


@dataclass(slots=True)
class Tally:
    """Counts since the start of the process. `seconds`: a clock that only runs forward, for how long ticks take.

    A send's outcome is logged once for each account while it stays the same, and its recovery once; every single one
    stands in the outbox, and in the log at level debug.
    """

    seconds: Callable[[], float] = lambda: 0.0
    claimed: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    """By the state that the row was settled with."""
    ticks: Spread = field(default_factory=lambda: Spread(TICK_BUCKETS_S))
    """Transactions of the courier, and how long each took."""
    failed_ticks: int = 0
    _troubled: dict[str, str] = field(default_factory=dict)

    def ticked(self, began_s: float, claimed: int, settled: Iterable[Settlement]) -> None:
        """One transaction of the courier is on the disk."""
        self.ticks.add(self.seconds() - began_s)
        self.claimed += claimed
        outcomes = self.outcomes
        for result in settled:
            outcomes[result.state] += 1

    def came_back(self, account: str, result: Settlement) -> None:
        """A send ended: into the log with it, at the level that it deserves."""
        if result.state is DeliveryState.ACCEPTED:
            if self._troubled and self._troubled.pop(account, ""):
                log.info("sends_accepted_again", account=account, delivery=result.id)
            if _stream.isEnabledFor(logging.DEBUG):
                log.debug("delivery", account=account, delivery=result.id, outcome=result.state.value)
            return
        trouble = f"{result.state}: {result.reason}"
        values = {"account": account, "delivery": result.id, "outcome": result.state.value, "reason": result.reason}
        if result.state is DeliveryState.IN_DOUBT:  # each of them wants a person's eye
            log.warning("delivery", **values)
        elif self._troubled.get(account) != trouble:
            log.info("delivery", **values)
        elif _stream.isEnabledFor(logging.DEBUG):
            log.debug("delivery", **values)
        self._troubled[account] = trouble
