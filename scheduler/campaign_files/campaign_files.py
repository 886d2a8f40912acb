"""All of campaigns/: read, and every mistake at its place, before anything of it runs."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

from customers.segments.segment_file import Segment
from personas.errors import TemplateRefused
from personas.voice import variables
from rules.gates import WEEK_MS
from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.campaign_files.campaign_part_checks import part_mistakes
from scheduler.campaign_files.campaign_pushes import push_of, told_of
from scheduler.campaign_files.campaign_reading import Readable, as_far_as_readable, read_campaign, to_fill
from scheduler.campaign_files.campaign_timeline import faults, timeline
from scheduler.campaign_files.series_days import as_if_ms
from scheduler.media_checks import flaw_of
from scheduler.pushes.push_file import COUPON, OWN_NAMES
from texts.catalogue import say
from texts.errors import Mistake, Severity
from texts.nearest import nearest
from texts.yaml_reader import Document

ANSWER_NAMES = frozenset({"call_me", "me", "position", "shop", "brand", "contact", "search", "offer", "gift", "join",
                          "landing", "choice"})  # fmt: skip
"""What an answer may use: the names of a persona's words, and the campaign's own."""


def load_campaigns(
    folder: Path,
    now_ms: int,
    zone_name: str,
    *,
    levels: Collection[str] | None = None,
    segments: Mapping[str, Segment] | None = None,
    media: Path | None = None,
) -> tuple[dict[str, CampaignFile], list[Mistake]]:
    """All `*.yaml` of `folder` by name, and every mistake with its place. Raises nothing.

    Times are looked at as if a campaign started when `series_days.as_if_ms` says. `levels`: those that may be pushed
    to.
    """
    campaigns: dict[str, CampaignFile] = {}
    documents: list[tuple[Document[CampaignFile], CampaignFile]] = []
    mistakes: list[Mistake] = []
    for path in sorted(folder.glob("*.yaml")):
        document, campaign, found = read_campaign(path, segments or {})
        mistakes += found
        if to_fill(document):
            continue
        if (readable := as_far_as_readable(document)) is not None:
            mistakes += _in_times(document, readable, now_ms, zone_name)
        if (written := campaign or document.value) is None:
            continue
        mistakes += _in_levels(document, written, levels)
        mistakes += _in_words(document, written, now_ms, zone_name)
        mistakes += _in_media(document, written, media)
        mistakes += part_mistakes(document, written, now_ms, zone_name)
        if written.name in campaigns:
            mistakes.append(document.mistake(("name",), say("scheduler.campaign.twice", name=written.name)))
        if campaign is not None:
            campaigns[campaign.name] = campaign
            documents.append((document, campaign))
    mistakes += _same_people(documents, now_ms, zone_name)
    return campaigns, sorted(mistakes)


def _in_times(document: Document[CampaignFile], readable: Readable, now_ms: int, zone_name: str) -> Iterator[Mistake]:
    """What is past is a warning: a file may stay when its campaign is over."""
    campaign = readable.campaign
    starts_ms = as_if_ms(campaign, now_ms, zone_name)
    line = timeline(campaign, starts_ms, zone_name)
    past = campaign.from_.absolute and line.until_ms <= starts_ms
    for fault in faults(line, starts_ms, zone_name):
        if past and fault.phase is not None and line.phases[fault.phase].due_ms < starts_ms and not fault.warning:
            continue  # said once, of the whole
        loc = (fault.key,) if fault.phase is None else ("phases", readable.places[fault.phase], fault.key)
        severity = Severity.WARNING if fault.warning or past else Severity.ERROR
        yield document.mistake(loc, fault.words, severity=severity)


def _in_levels(
    document: Document[CampaignFile], campaign: CampaignFile, levels: Collection[str] | None
) -> Iterator[Mistake]:
    for number, level in enumerate(campaign.who.levels):
        if levels is not None and level not in levels:
            allowed = say("texts.comma").join(sorted(levels))
            reason = say("scheduler.push.no_level", level=level, levels=allowed)
            yield document.mistake(("who", "levels", number), reason)


def _in_words(
    document: Document[CampaignFile], campaign: CampaignFile, now_ms: int, zone_name: str
) -> Iterator[Mistake]:
    line = timeline(campaign, now_ms, zone_name)
    coupon = {COUPON} if campaign.coupons is not None else set()
    for number, phase in enumerate(campaign.phases):
        yield from _in_ponds(document, campaign, number, told_of(campaign, phase, line, zone_name))
        if not phase.words:
            continue
        push = push_of(campaign, phase, line, line.phases[number].until_ms, None, zone_name)
        for level in campaign.who.levels:
            if push.template_for(level) is None:
                loc = ("phases", number, "words")
                yield document.mistake(loc, say("scheduler.push.no_words", level=level), at_key=True)
        known = OWN_NAMES | push.variables.keys() | ({COUPON} if push.coupons is not None else set())
        for template, text in phase.words.items():
            missing = known - ({"landing"} if push.landing is None else set())
            yield from _in_text(document, ("phases", number, "words", template), text, missing)
    for name, text in campaign.answers.model_dump(exclude_none=True).items():
        yield from _in_text(document, ("answers", name), text, ANSWER_NAMES | campaign.variables.keys() | coupon)


def _in_ponds(
    document: Document[CampaignFile], campaign: CampaignFile, number: int, told: Collection[str]
) -> Iterator[Mistake]:
    """A group is no person: nothing of one may be named there."""
    phase = campaign.phases[number]
    known = {*told, "landing"} if phase.landing or campaign.landing else set(told)
    listed = isinstance(document.data["phases"][number].get("ponds"), list)
    for place, said in enumerate(phase.ponds):
        yield from _in_text(
            document, ("phases", number, "ponds", *((place,) if listed else ()), "text"), said.text, known
        )


_UNKNOWN = {"landing": "scheduler.push.no_landing", COUPON: "scheduler.push.no_coupons"}


def _in_text(
    document: Document[CampaignFile], loc: Sequence[str | int], text: str, known: Collection[str]
) -> Iterator[Mistake]:
    try:
        names = variables(text)
    except TemplateRefused as problem:
        yield document.mistake(loc, problem.message)
        return
    for name in sorted(names - set(known)):
        reason = say(_UNKNOWN.get(name, "scheduler.push.no_variable"), name=name)
        yield document.mistake(loc, reason, suggestion=nearest(name, list(known)) or "")


def _in_media(document: Document[CampaignFile], campaign: CampaignFile, media: Path | None) -> Iterator[Mistake]:
    if media is None:
        return
    for number, style in enumerate(campaign.arrivals.styles if campaign.arrivals else ()):
        if style.picture is not None and (flaw := flaw_of(media, style.picture)) is not None:
            yield document.mistake(("arrivals", "styles", number, "picture"), flaw.words)
    for number, phase in enumerate(campaign.phases):
        for place, post in enumerate(phase.post):
            for name in post.media:
                flaw = flaw_of(media, name)
                if flaw is not None:
                    listed = isinstance(document.data["phases"][number]["post"], list)
                    loc = ("phases", number, "post", *((place,) if listed else ()), "media")
                    yield document.mistake(loc, flaw.words)


def _same_people(
    documents: Sequence[tuple[Document[CampaignFile], CampaignFile]], now_ms: int, zone_name: str
) -> Iterator[Mistake]:
    """Two campaigns with fixed dates that ask the same levels within seven days. Who exactly, the preview says."""
    fixed = [(document, campaign) for document, campaign in documents if campaign.from_.absolute]
    for (_, one), (document, other) in combinations(fixed, 2):
        shared = set(one.who.levels) & set(other.who.levels)
        asks = [
            [due.due_ms for due in timeline(campaign, now_ms, zone_name).phases if due.phase.asks]
            for campaign in (one, other)
        ]
        near = any(abs(first - second) < WEEK_MS for first in asks[0] for second in asks[1])
        over = all(moment < now_ms for moments in asks for moment in moments)
        if shared and near and not over and one.who.segment == other.who.segment:
            levels = say("texts.comma").join(sorted(shared))
            reason = say("scheduler.campaign.same_people", other=one.title, levels=levels)
            yield document.mistake(("from",), reason, severity=Severity.WARNING)
