"""How people call the steps of a campaign."""

from scheduler.campaign_file import CampaignFile
from scheduler.campaign_phase_file import PhaseFile
from texts.catalogue import say


def phase_words(phase: PhaseFile) -> str:
    """How people call that step: 推送, or 推送（黄金） where it is for some tiers."""
    words = say(f"scheduler.phase.{phase.kind}")
    if not phase.tiers:
        return words
    tiers = say("texts.comma").join(say(f"cli.segments.tier.{tier}") for tier in phase.tiers)
    return say("scheduler.phase.of_tiers", phase=words, tiers=tiers)


def step_words(campaign: CampaignFile, phase: PhaseFile) -> str:
    """The same, with its name where another step of the campaign is called so too."""
    words = phase_words(phase)
    alike = sum(phase_words(other) == words for other in campaign.phases) > 1
    return f"{words} {phase.name}" if alike and phase.name else words
