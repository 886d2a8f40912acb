"""What `check` says of pushes and campaigns beyond their mistakes: an offer too small, nobody addressed, no way out."""

from collections.abc import Iterator, Mapping

from personas.copy_check import findings
from personas.errors import TemplateRefused
from personas.offer_check import gives_something, weak_offers
from personas.voice import variables
from scheduler.campaign_files.campaign_file import CampaignFile, CampaignKind
from scheduler.campaign_files.campaign_phase_file import PhaseKind
from scheduler.campaign_files.campaign_reading import open_campaign
from scheduler.pushes.push_file import PushFile
from texts.catalogue import say
from texts.errors import Mistake, Severity
from texts.yaml_reader import Document, read_folder
from wxfleet.reading.files import Files

LONGEST = 160
"""Characters of a push before somebody scrolls: one screen of a phone. Ours."""
_NOTHING = frozenset({"无", "没有", "不送"})

Place = tuple[str | int, ...]
Written = Document[PushFile] | Document[CampaignFile]


def read_offers(files: Files) -> list[Mistake]:
    """The notes on pushes/ and campaigns/: warnings only. Their mistakes are told by their own rooms."""
    notes: list[Mistake] = []
    for push in read_folder(files.folders["pushes"], PushFile):
        if push.value is not None:
            notes += _of_push(push, push.value, files)
    for path in sorted(files.folders["campaigns"].glob("*.yaml")):
        campaign = open_campaign(path)
        if campaign.value is not None:
            notes += _of_campaign(campaign, campaign.value, files)
    return notes


def _of_push(document: Document[PushFile], push: PushFile, files: Files) -> Iterator[Mistake]:
    landing = push.landing.words() if push.landing is not None else ""
    said = {name: value for name, value in push.variables.items() if isinstance(value, str)}
    yield from _unused(document, push.variables, (*push.words.values(), landing))
    for name, value in said.items():
        yield from _weak(document, ("variables", name), value)
    yield from _words(document, ("words",), push.words, files)
    if not gives_something((*push.words.values(), *said.values(), landing)):
        yield _note(document, ("words",), say("check.offer.nothing"))


def _of_campaign(document: Document[CampaignFile], campaign: CampaignFile, files: Files) -> Iterator[Mistake]:
    landing = campaign.landing.words() if campaign.landing is not None else ""
    texts = [text for phase in campaign.phases for text in phase.words.values()]
    texts += [post for phase in campaign.phases for one in phase.post for post in one.text]
    texts += [phase.landing.words() for phase in campaign.phases if phase.landing is not None]
    yield from _unused(document, campaign.variables, (*texts, landing, *campaign.answers.model_dump().values()))
    for key, value in (("offer", campaign.offer), ("gift", campaign.gift)):
        yield from _weak(document, (key,), value)
    gives = campaign.kind is not CampaignKind.PRECISE_TASK  # that one asks a favour
    if gives and campaign.gift.strip() in _NOTHING and not gives_something((campaign.offer,)):
        yield _note(document, ("offer",), say("check.offer.nothing"))
    for number, phase in enumerate(campaign.phases):
        if phase.kind is PhaseKind.PUSH:
            yield from _words(document, ("phases", number, "words"), phase.words, files)


def _words(document: Written, place: Place, words: Mapping[str, str], files: Files) -> Iterator[Mistake]:
    """Of each level: by name, with a way out, in one screen, and worth it."""
    for level, text in words.items():
        here = (*place, level)
        yield from _weak(document, here, text)
        if "call_me" not in _names(text):
            yield _note(document, here, say("check.offer.nobody"))
        if "退订" not in text:
            yield _note(document, here, say("check.offer.no_way_out"))
        for found in findings(text, files.style, length=LONGEST):
            if found.fault.value == "long":
                yield _note(document, here, say("check.offer.long", words=found.word, most=LONGEST))


def _weak(document: Written, place: Place, text: str) -> Iterator[Mistake]:
    for found in weak_offers(text):
        yield _note(document, place, found.reason)


def _unused(document: Written, given: Mapping[str, object], texts: tuple[object, ...]) -> Iterator[Mistake]:
    """Something prepared that nobody reads is mostly a name that was typed wrongly elsewhere."""
    used = frozenset().union(*(_names(text) for text in texts if isinstance(text, str)))
    for name in sorted(given.keys() - used):
        yield document.mistake(
            ("variables", name), say("check.offer.unused", name=name), severity=Severity.WARNING, at_key=True
        )


def _names(text: str) -> frozenset[str]:
    """The names in a template; one that can't be read is a mistake of its own."""
    try:
        return frozenset(variables(text))
    except TemplateRefused:
        return frozenset()


def _note(document: Written, place: Place, reason: str) -> Mistake:
    return document.mistake(place, reason, severity=Severity.WARNING)
