"""How long to wait before the next try."""

from random import Random


class Backoff:
    """Exponential with full jitter: `next(backoff)` gives wall milliseconds, `reset()` begins anew.

    Full jitter (anything from nothing to the whole span) keeps a thousand accounts from coming back in one instant.
    """

    __slots__ = ("_first_ms", "_longest_ms", "_random", "_tries")

    def __init__(self, random: Random, *, first_ms: int = 1_000, longest_ms: int = 60_000) -> None:
        self._random = random
        self._first_ms = first_ms
        self._longest_ms = longest_ms
        self._tries = 0

    def __iter__(self) -> "Backoff":
        return self

    def __next__(self) -> int:
        span_ms = min(self._longest_ms, self._first_ms << min(self._tries, 30))
        self._tries += 1
        return round(self._random.uniform(0, span_ms))

    def reset(self) -> None:
        self._tries = 0
