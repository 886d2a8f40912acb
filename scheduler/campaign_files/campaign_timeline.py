"""A campaign's phases as moments: when each is due and how long it counts, and what is wrong with them."""

from collections.abc import Iterator
from dataclasses import dataclass

from rules.limits import Limits
from rules.quiet_hours import local, quiet_until
from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.campaign_files.campaign_phase_file import PhaseFile, PhaseKind
from scheduler.campaign_files.campaign_steps import step_words
from scheduler.moments.posts import LIFE_MS
from texts.catalogue import say

LATEST_MS = 36 * 3_600_000
"""So long a phase counts after its moment, unless the next begins or its file says otherwise. Ours."""
LATE_MS = 60_000
"""A phase this far in the past when its campaign starts is not in the past. Ours."""
_ORDER = tuple(PhaseKind)


@dataclass(frozen=True, slots=True)
class Due:
    """One phase, from `due_ms` to `until_ms`."""

    phase: PhaseFile
    due_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """The campaign from `from_ms` to `until_ms`, and its phases in the order of the file. All epoch ms."""

    from_ms: int
    until_ms: int
    phases: tuple[Due, ...]

    @property
    def ends_ms(self) -> int:
        """When nothing of it is left to do."""
        return max(self.until_ms, *(due.until_ms for due in self.phases))


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with the phase in that place, or with the campaign (None). A `warning` keeps nothing back."""

    phase: int | None
    words: str
    key: str = "at"
    warning: bool = False


def timeline(campaign: CampaignFile, starts_ms: int, zone_name: str) -> Timeline:
    """What its times are if it starts then."""
    from_ms = campaign.from_.ms(starts_ms, zone_name)
    dues = [phase.at.ms(from_ms, zone_name) for phase in campaign.phases]
    phases = []
    for place, phase in enumerate(campaign.phases):
        # Phases of the same moment, each for a tier of its own, do not end each other.
        following = next((due for due in dues[place + 1 :] if due != dues[place]), dues[place] + LATEST_MS)
        latest_ms = min(dues[place] + LATEST_MS, following) if phase.words else dues[place] + LIFE_MS
        until_ms = phase.until.ms(from_ms, zone_name) if phase.until else latest_ms
        phases.append(Due(phase, dues[place], until_ms))
    return Timeline(from_ms, campaign.until.ms(from_ms, zone_name), tuple(phases))


def faults(line: Timeline, now_ms: int, zone_name: str) -> list[Fault]:
    """Reversed, overlapping or past phases, and messages that fall into the night."""
    found: list[Fault] = []
    if line.until_ms <= line.from_ms:
        found.append(Fault(None, say("scheduler.campaign.reversed"), "until"))
    elif line.until_ms <= now_ms:
        found.append(Fault(None, say("scheduler.campaign.over", at=_dated(line.until_ms, zone_name)), "until"))
    for place, due in enumerate(line.phases):
        found += _of_one(place, due, now_ms, zone_name)
        if place:
            found += _beside(place, line, zone_name)
    return found


def _of_one(place: int, due: Due, now_ms: int, zone_name: str) -> Iterator[Fault]:
    if due.phase.until is not None and due.until_ms <= due.due_ms:
        yield Fault(place, say("scheduler.campaign.phase_reversed"), "until")
    if due.due_ms < now_ms - LATE_MS:
        yield Fault(place, say("scheduler.campaign.past", at=_dated(due.due_ms, zone_name)))
    limits = Limits()
    ends_ms = quiet_until(due.due_ms, limits.quiet_from, limits.quiet_until, zone_name)
    if due.phase.words and ends_ms is not None:
        at, morning = _shown(due.due_ms, zone_name), _shown(ends_ms, zone_name)
        lost = ends_ms >= due.until_ms
        key = "scheduler.campaign.quiet_lost" if lost else "scheduler.campaign.quiet"
        yield Fault(place, say(key, at=at, morning=morning), warning=not lost)


def _beside(place: int, line: Timeline, zone_name: str) -> Iterator[Fault]:
    before, due = line.phases[place - 1], line.phases[place]
    phases = [each.phase for each in line.phases]
    named = {"phase": step_words(phases, due.phase), "before": step_words(phases, before.phase)}
    kinds = _ORDER.index(before.phase.kind), _ORDER.index(due.phase.kind)
    if due.due_ms < before.due_ms or kinds[1] < kinds[0]:
        yield Fault(place, say("scheduler.campaign.phases_reversed", **named))
    elif before.phase.until is not None and before.until_ms > due.due_ms and not before.phase.apart(due.phase):
        until = _shown(before.until_ms, zone_name)
        yield Fault(place, say("scheduler.campaign.overlap", until=until, **named))


def _dated(ms: int, zone_name: str) -> str:
    """What is past may be so by its year."""
    return f"{local(ms, zone_name):%Y-%m-%d %H:%M}"


def _shown(ms: int, zone_name: str) -> str:
    return f"{local(ms, zone_name):%m-%d %H:%M}"
