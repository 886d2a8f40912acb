"""How people call the steps of a campaign."""

from collections.abc import Sequence

from scheduler.campaign_files.campaign_phase_file import PhaseFile
from texts.catalogue import say


def phase_words(phase: PhaseFile) -> str:
    """How people call that step: 推送, or 推送（黄金） where it is for some tiers."""
    words = say(f"scheduler.phase.{phase.kind}")
    if not phase.tiers:
        return words
    tiers = say("texts.comma").join(say(f"cli.segments.tier.{tier}") for tier in phase.tiers)
    return say("scheduler.phase.of_tiers", phase=words, tiers=tiers)


def step_words(phases: Sequence[PhaseFile], phase: PhaseFile) -> str:
    """The same, with its name, or else its number, where another of the campaign's `phases` is called so too."""
    words = phase_words(phase)
    alike = sum(phase_words(other) == words for other in phases) > 1
    if not alike:
        return words
    if phase.name:
        return f"{words} {phase.name}"
    return say("scheduler.phase.numbered", phase=words, number=_place(phases, phase))


def _place(phases: Sequence[PhaseFile], phase: PhaseFile) -> int:
    """Counted from 1; of the very phase, not of one that is written the same."""
    return next(number for number, other in enumerate(phases, start=1) if other is phase)
