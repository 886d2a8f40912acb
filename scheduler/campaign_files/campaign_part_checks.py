"""What is wrong with what a kind of campaign says of itself, and with any campaign's promises: before it starts."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from personas.copy_check import Fault, findings
from personas.errors import TemplateRefused
from personas.model import Style
from personas.voice import variables
from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.campaign_files.campaign_timeline import timeline
from texts.catalogue import say
from texts.errors import Mistake
from texts.nearest import nearest
from texts.yaml_reader import Document

RESULT_NAMES = frozenset({
    "call_me", "me", "position", "shop", "brand", "contact", "search", "offer", "gift", "join", "landing", "prize",
    "number", "coupon",
})  # fmt: skip
"""What the words of won and lost may use beside the campaign's own variables."""
_GOOD = r"(?:5|五|全)?(?:星|分)?好评(?!价|如潮|率)|五星(?:评价)?|5星(?:评价)?|晒(?:单|图|五星)"
_SPREAD = r"转发|分享到(?:朋友圈|群)|发朋友圈|发圈|集赞|点赞|集(?:满)?\d+个?赞|带图(?:发)?圈"
_REWARD = r"返现|返|送|领|奖|抽奖|得|换|减|免|红包|礼|有礼|福利|优惠"
_NO_REWARD = r"(?:不|没|无|别)[^，。！？；\n]{0,4}"
_REWARDS = re.compile(rf"(?:{_GOOD}|{_SPREAD})[^，。！？；\n]{{0,10}}?(?:{_REWARD})")
_DENIED = re.compile(rf"{_NO_REWARD}$")
_THANKS_FOR_GOOD = re.compile(rf"(?:给|写|来)(?:个|我|一个)?(?:{_GOOD})")


def part_mistakes(
    document: Document[CampaignFile], campaign: CampaignFile, now_ms: int, zone_name: str
) -> Iterator[Mistake]:
    """Rewards that nobody may give, names that won and lost can't use, photos taken after the votes are counted."""
    for loc, text in _texts(document.data):
        if (found := reward_in(text)) is not None and not _told_of_copy(loc, text):
            yield document.mistake(loc, say("scheduler.campaign.reward", words=found))
    yield from _results(document, campaign)
    yield from _benefits(document, campaign)
    if campaign.contest is not None and campaign.contest.entries_until is not None:
        line = timeline(campaign, now_ms, zone_name)
        if campaign.contest.entries_until.ms(line.from_ms, zone_name) > line.until_ms:
            yield document.mistake(("contest", "entries_until"), say("scheduler.campaign.entries_late"))


def reward_in(text: str) -> str | None:
    """The words by which something is promised for a good review or for posting; None where nothing is.

    Source: what the shop's design leaves out, with the platforms' rules and the law on unfair competition behind it.
    """
    for pattern in (_REWARDS, _THANKS_FOR_GOOD):
        for found in pattern.finditer(text):
            if not _DENIED.search(text[: found.start()]):
                return found[0]
    return None


def _told_of_copy(loc: Sequence[str | int], text: str) -> bool:
    """Does the check of whatever customers read say so already?"""
    read = loc[0] in ("phases", "answers") or loc[-1] in ("won", "lost", "terms")
    return read and any(found.fault is Fault.BAIT for found in findings(text, Style()))


def _results(document: Document[CampaignFile], campaign: CampaignFile) -> Iterator[Mistake]:
    name, part = ("giveaway", campaign.giveaway) if campaign.giveaway else ("contest", campaign.contest)
    for key in ("won", "lost"):
        text = getattr(part, key, None)
        if text is None:
            continue
        try:
            used = variables(text)
        except TemplateRefused as problem:
            yield document.mistake((name, key), problem.message)
            continue
        for unknown in sorted(used - RESULT_NAMES - campaign.variables.keys()):
            yield document.mistake((name, key), say("scheduler.campaign.results_names", name=unknown))


def _benefits(document: Document[CampaignFile], campaign: CampaignFile) -> Iterator[Mistake]:
    """Prizes are of the campaign's benefits, and there are as many of each."""
    places: dict[str, list[Sequence[str | int]]] = {}
    wanted: Counter[str] = Counter()
    if campaign.giveaway is not None and campaign.giveaway.benefit:
        places[campaign.giveaway.benefit] = [("giveaway", "benefit")]
        wanted[campaign.giveaway.benefit] = sum(lots.count for lots in campaign.giveaway.lots())
    for number, prize in enumerate(campaign.contest.prizes if campaign.contest else ()):
        if prize.benefit:
            places.setdefault(prize.benefit, []).append(("contest", "prizes", number, "benefit"))
            wanted[prize.benefit] += prize.places
    units = {benefit.name: benefit.units for benefit in campaign.benefits}
    for name, locs in places.items():
        left = units.get(name)
        if name not in units:
            meant = nearest(name, list(units)) or ""
            yield document.mistake(locs[0], say("scheduler.campaign.no_benefit", name=name), suggestion=meant)
        elif left is not None and left < wanted[name]:
            words = say("scheduler.campaign.benefit_short", name=name, wanted=wanted[name], units=left)
            yield document.mistake(locs[-1], words)


def _texts(data: Any, loc: tuple[str | int, ...] = ()) -> Iterator[tuple[Sequence[str | int], str]]:
    """Every text of the document, with its place."""
    if isinstance(data, str):
        yield loc, data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from _texts(value, (*loc, key))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from _texts(value, (*loc, number))
