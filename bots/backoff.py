"""What goes wrong with one account's line: said once each, and how long to wait before the next try."""

from random import Random

from bots.errors import GarbageAnswer, GatewayProblem, StreamBusy

NEEDS_PERSON_WALL_MS = 300_000
"""How often a gateway that only a person can mend is tried: a mended token works without a restart."""
LASTING_TRIES = 4
"""So many failures in a row are no hiccup: a person hears of it. The waits between them add up to seconds. Ours."""
GARBAGE_WALL_MS = 30_000
"""What is no gateway today may be one after somebody has put the right thing there."""
STREAM_BUSY_WALL_MS = 10_000
"""Longest wait for a stream that somebody else still holds: a process that lost the account lets go within seconds."""


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


class Trouble:
    """One account's failures since it was last online."""

    __slots__ = ("_backoff", "_kinds", "_tries")

    def __init__(self, random: Random) -> None:
        self._backoff = Backoff(random)
        self._kinds: tuple[str, ...] = ()
        self._tries = 0

    def needs_person(self, problem: GatewayProblem) -> bool:
        """Should a person hear of this failure? What mends itself gets a few tries first."""
        self._tries += 1
        return not problem.retry or isinstance(problem, GarbageAnswer) or self._tries >= LASTING_TRIES

    def is_new(self, kind: str) -> bool:
        """Each kind of failure is logged once until the account is back."""
        if kind in self._kinds:
            return False
        self._kinds = (*self._kinds, kind)
        return True

    def wait(self) -> int:
        """Wall milliseconds until the next try."""
        return next(self._backoff)

    def wait_after(self, problem: GatewayProblem) -> int:
        """The same, by what the error says of the remedy."""
        wait_ms = self.wait()
        if not problem.retry:
            return NEEDS_PERSON_WALL_MS
        if isinstance(problem, StreamBusy):
            return min(wait_ms, STREAM_BUSY_WALL_MS)
        return max(wait_ms, GARBAGE_WALL_MS) if isinstance(problem, GarbageAnswer) else wait_ms

    def over(self) -> tuple[str, ...]:
        """The account is back: the kinds of failure that are over, () when there were none."""
        kinds, self._kinds = self._kinds, ()
        self._backoff.reset()
        self._tries = 0
        return kinds
