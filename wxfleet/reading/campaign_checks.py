"""Campaigns as `check` sees them: what their room finds, and whether their words are fit for customers."""

from collections.abc import Iterator, Sequence

from customers.segments.segment_file import load_segments
from personas.copy_check import findings
from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.campaign_files.campaign_files import load_campaigns
from scheduler.campaign_files.campaign_phase_file import PhaseFile
from scheduler.campaign_files.campaign_reading import open_campaign, to_fill
from scheduler.ponds.pond_file import load_ponds
from texts.catalogue import say
from texts.errors import Mistake
from texts.nearest import nearest
from texts.yaml_reader import Document
from wxfleet.clocks import wall_ms
from wxfleet.reading.files import Files


def read_campaigns(files: Files) -> list[Mistake]:
    """Everything wrong in campaigns/."""
    folder = files.folders["campaigns"]
    levels = {level.id for level in files.ladder.levels[1:]} if files.ladder else None
    segments, _ = load_segments(files.folders["segments"])
    _, mistakes = load_campaigns(
        folder, wall_ms(), files.zone, levels=levels, segments=segments, media=files.folders["media"]
    )
    for path in sorted(folder.glob("*.yaml")):
        document = open_campaign(path)
        if document.value is not None and not to_fill(document):
            mistakes += _words(document, document.value, files)
    return mistakes


def _words(document: Document[CampaignFile], campaign: CampaignFile, files: Files) -> Iterator[Mistake]:
    for number, phase in enumerate(campaign.phases):
        for level, text in phase.words.items():
            yield from _copy(document, ("phases", number, "words", level), text, files)
        yield from _ponds(document, number, phase, files)
        listed = isinstance(document.data["phases"][number].get("post"), list)
        for place, post in enumerate(phase.post):
            loc = ("phases", number, "post", *((place,) if listed else ()))
            yield from _copy(document, (*loc, "text"), post.text, files, post=True)
            for persona in post.personas:
                if persona not in files.book:
                    known = [one.id for one in files.book.all()]
                    reason = say("settings.no_persona", written=persona)
                    yield document.mistake((*loc, "personas"), reason, suggestion=nearest(persona, known))
    for name, text in campaign.answers.model_dump(exclude_none=True).items():
        yield from _copy(document, ("answers", name), text, files)
    for kind, part in (("giveaway", campaign.giveaway), ("contest", campaign.contest)):
        for key in ("won", "lost", "terms"):
            if isinstance(said := getattr(part, key, None), str):
                yield from _copy(document, (kind, key), said, files)


def _ponds(document: Document[CampaignFile], number: int, phase: PhaseFile, files: Files) -> Iterator[Mistake]:
    """Are they there, and is what they hear fit to be said?"""
    if not phase.ponds:
        return
    known = list(load_ponds(files.folders["ponds"])[0])
    listed = isinstance(document.data["phases"][number].get("ponds"), list)
    for place, said in enumerate(phase.ponds):
        loc = ("phases", number, "ponds", *((place,) if listed else ()))
        yield from _copy(document, (*loc, "text"), said.text, files)
        for name in said.names:
            if name not in known:
                reason = say("ponds.no_pond", pond=name)
                yield document.mistake((*loc, "names"), reason, suggestion=nearest(name, known) or "")


def _copy(
    document: Document[CampaignFile], loc: Sequence[str | int], text: str, files: Files, *, post: bool = False
) -> Iterator[Mistake]:
    for found in findings(text, files.style, moments=post):
        yield found.at(document, loc)
