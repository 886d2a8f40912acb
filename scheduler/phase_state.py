"""The states of a phase of a campaign, and every move between them."""

from collections.abc import Mapping
from enum import StrEnum


class PhaseState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    """Did not happen; the reason stands beside."""
    CANCELLED = "cancelled"


PHASE_MOVES: Mapping[PhaseState, frozenset[PhaseState]] = {
    PhaseState.WAITING: frozenset({PhaseState.RUNNING, PhaseState.DONE, PhaseState.SKIPPED, PhaseState.CANCELLED}),
    PhaseState.RUNNING: frozenset({PhaseState.DONE, PhaseState.SKIPPED, PhaseState.CANCELLED}),
    PhaseState.DONE: frozenset(),
    PhaseState.SKIPPED: frozenset(),
    PhaseState.CANCELLED: frozenset(),
}
