"""What a phase of a campaign sends: the push it is, for whom, and what its words and answers may say of it."""

from rules.quiet_hours import local
from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.campaign_files.campaign_phase_file import PhaseFile, PhaseKind
from scheduler.campaign_files.campaign_steps import phase_words
from scheduler.campaign_files.campaign_timeline import Timeline
from scheduler.participants.participants import SAID_YES, Standing
from scheduler.pushes.push_file import Joined, PushFile
from scheduler.pushes.push_variables import Value
from texts.catalogue import say


def push_of(
    campaign: CampaignFile, phase: PhaseFile, line: Timeline, until_ms: int, invited: int | None, zone_name: str,
    id: int = 0,
) -> PushFile:  # fmt: skip
    """The push by which that phase is sent. `id`: of the campaign, 0 as long as it is only a file."""
    who = campaign.who
    if phase.kind.follows_up:
        who = who.model_copy(update={"joined": Joined(campaign=id, standings=for_whom(campaign, phase))})
    elif invited is not None:
        who = who.model_copy(update={"at_most": min(invited, who.at_most or invited)})
    who = who.model_copy(
        update={"tiers": phase.tiers, "asleep_days": campaign.wake_up.days if campaign.wake_up and phase.asks else None}
    )
    return PushFile.model_validate(
        {
            "name": f"{campaign.name}-{phase.id}"[:64].rstrip("-"),
            "title": f"{campaign.title} · {phase_words(phase)}"[:60],
            "kind": campaign.sent_as(phase),
            "who": who,
            "words": phase.words,
            "variables": told_of(campaign, phase, line, zone_name),
            "landing": phase.landing or campaign.landing,
            "coupons": phase.coupons or campaign.coupons,
            "window": phase.window,
            "valid_until": local(until_ms, zone_name),
            "first_batch": phase.first_batch,
            "hold": phase.hold,
        }
    )


def told_of(campaign: CampaignFile, phase: PhaseFile, line: Timeline, zone_name: str) -> dict[str, Value]:
    """What the words of that phase may say of the campaign, the same to everybody."""
    return {
        "items": say("texts.comma", lang="zh").join(campaign.items),
        "offer": phase.offer or campaign.offer,
        "gift": phase.gift or campaign.gift,
        "join": campaign.join.how,
        "starts": _day(line.from_ms, zone_name),
        "ends": _day(line.until_ms, zone_name),
        **_styles(campaign),
        **campaign.variables,
    }


def values_of(campaign: CampaignFile) -> dict[str, str]:
    """The names of a campaign that its answers may use."""
    landing = {"landing": campaign.landing.words()} if campaign.landing else {"landing": ""}
    own = {"offer": campaign.offer, "gift": campaign.gift, "join": campaign.join.how, "choice": ""}
    return {**own, **landing, **campaign.variables}


def _styles(campaign: CampaignFile) -> dict[str, Value]:
    """What new arrivals may say beside: the styles with their numbers, and the chosen one (in a preview the first)."""
    if campaign.arrivals is None:
        return {}
    names = [style.name for style in campaign.arrivals.styles]
    numbered = say("texts.comma", lang="zh").join(f"{number} {name}" for number, name in enumerate(names, 1))
    return {"styles": numbered, "winner": names[0]}


def for_whom(campaign: CampaignFile, phase: PhaseFile) -> tuple[str, ...]:
    """A reminder: those who said yes and have a place; thanks: those who took part."""
    if phase.kind is PhaseKind.REMINDER:
        return (Standing.YES.value, Standing.PROMISED.value)
    came = (Standing.KEPT.value,)
    return came if campaign.took_part != "said" else (*came, *(standing.value for standing in SAID_YES))


def _day(ms: int, zone_name: str) -> str:
    at = local(ms, zone_name)
    return f"{at.month}月{at.day}日{at:%H:%M}"
