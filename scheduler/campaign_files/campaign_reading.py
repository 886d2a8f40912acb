"""One file of campaigns/: read with all its mistakes at once, and as far as it can be read where it has some."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from customers.segments.segment_file import Segment
from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.campaign_files.campaign_misfits import TOLD_APART
from texts.catalogue import say
from texts.errors import Mistake, Severity
from texts.nearest import nearest
from texts.yaml_reader import Document, read_document

TO_FILL = "【填】"
"""Begins what a ready file leaves to the shop. Nothing of such a file is held."""
_CONTEXT = {TOLD_APART: True}
_STAND_INS: Mapping[str, Any] = {
    "name": "draft", "title": "?", "items": ["?"], "offer": "?", "gift": "?", "join": {"how": "?", "open": True},
    "until": "+999d", "who": {"levels": ["?"]},
}  # fmt: skip
"""For what must be there and isn't, or is wrong and told already: the times can be looked at all the same."""
_ROUNDS = 5
"""So often what is wrong is left out: a mistake may show only when another is gone."""


@dataclass(frozen=True, slots=True)
class Readable:
    """A campaign without what is wrong in its file. `places` of its phases: where they stand there."""

    campaign: CampaignFile
    places: tuple[int, ...]


def open_campaign(path: Path) -> Document[CampaignFile]:
    """One file with every mistake. `value` is there when each value is right, even where some don't go together."""
    document = read_document(path, CampaignFile, context=_CONTEXT)
    if document.value is not None:
        document.mistakes += [
            document.mistake(misfit.loc, say(misfit.key), at_key=misfit.at_key) for misfit in document.value.misfits()
        ]
        document.mistakes.sort()
    return document


def read_campaign(
    path: Path, segments: Mapping[str, Segment]
) -> tuple[Document[CampaignFile], CampaignFile | None, list[Mistake]]:
    """One file, with the segment it names as that is written today; no campaign where it has mistakes."""
    document = open_campaign(path)
    if unfilled := to_fill(document):
        # A draft stands in nobody's way: only this file is left out until it is filled in.
        found = [*document.mistakes, *unfilled]
        return document, None, [replace(mistake, severity=Severity.WARNING) for mistake in found]
    if document.value is None and (readable := as_far_as_readable(document)) is not None:
        document.mistakes += _of_steps(document, readable)
    campaign = document.value if not document.mistakes else None
    name = document.value.who.segment if document.value is not None else None
    if not isinstance(name, str):
        return document, campaign, list(document.mistakes)
    if name not in segments:
        reason = say("scheduler.push.no_segment", name=name)
        wrong = document.mistake(("who", "segment"), reason, suggestion=nearest(name, list(segments)) or "")
        return document, None, [*document.mistakes, wrong]
    if campaign is not None:
        who = campaign.who.model_copy(update={"segment": segments[name]})
        campaign = campaign.model_copy(update={"who": who})
    return document, campaign, list(document.mistakes)


def to_fill(document: Document[CampaignFile]) -> list[Mistake]:
    """The lines that wait for the shop's own words; none where the file is no draft."""
    return list(_unfilled(document, (), document.data))


def _unfilled(document: Document[CampaignFile], loc: tuple[str | int, ...], data: object) -> Iterator[Mistake]:
    """Whatever of it still waits for the shop's own words."""
    if isinstance(data, str):
        if data.startswith(TO_FILL):
            yield document.mistake(loc, say("scheduler.campaign.to_fill", what=data.removeprefix(TO_FILL)))
    elif isinstance(data, Mapping):
        for key, value in data.items():
            yield from _unfilled(document, (*loc, key), value)
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from _unfilled(document, (*loc, number), value)


def _of_steps(document: Document[CampaignFile], readable: Readable) -> Iterator[Mistake]:
    """What does not go together in the steps that can be read; of the rest nobody can tell yet."""
    for misfit in readable.campaign.misfits():
        if misfit.loc[0] == "phases" and len(misfit.loc) > 1:
            _, number, *steps = misfit.loc
            loc = ("phases", readable.places[int(number)], *steps)
            yield document.mistake(loc, say(misfit.key), at_key=misfit.at_key)


def as_far_as_readable(document: Document[CampaignFile]) -> Readable | None:
    """What is left without the values that are wrong, for a look at the times; None where nothing can be counted."""
    if document.value is not None:
        return Readable(document.value, tuple(range(len(document.value.phases))))
    data = deepcopy(document.data)
    if not isinstance(data, dict) or not isinstance(data.get("phases"), list):
        return None
    phases: dict[int, Any] = dict(enumerate(data["phases"]))
    for _ in range(_ROUNDS):
        places = tuple(phases)
        try:
            campaign = CampaignFile.model_validate({**data, "phases": [*phases.values()]}, context=_CONTEXT)
        except ValidationError as error:
            for one in error.errors(include_url=False):
                _leave_out(data, phases, places, one["loc"], unknown=one["type"] == "extra_forbidden")
        else:
            return Readable(campaign, places)
    return None


def _leave_out(
    data: dict[str, Any],
    phases: dict[int, Any],
    places: tuple[int, ...],
    loc: tuple[str | int, ...],
    *,
    unknown: bool,
) -> None:
    """Take out of `data`, or of its `phases`, what is wrong at `loc`. `unknown`: a key that nobody knows."""
    if len(loc) > 1 and loc[0] == "phases" and isinstance(loc[1], int):
        place = places[loc[1]]
        phase = phases.get(place)
        if unknown and len(loc) == 3 and isinstance(phase, dict):
            phase.pop(loc[2], None)
        else:
            phases.pop(place, None)
    elif loc:
        data.pop(str(loc[0]), None)
        if loc[0] in _STAND_INS:
            data[str(loc[0])] = _STAND_INS[str(loc[0])]
