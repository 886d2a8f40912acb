"""Reading moments/: every file, every mistake with its place."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from personas.model import MomentsPlan
from rules.limits import Limits
from scheduler.media_checks import flaw_of
from scheduler.moments.moments import Calendar, CalendarFile
from scheduler.moments.rhythm import Planned, advise
from texts.catalogue import say
from texts.errors import Mistake, Severity
from texts.yaml_reader import Document, read_folder

_SOME_MONDAY = date(2026, 11, 16)


def load_calendar(
    folder: Path,
    *,
    media: Path | None = None,
    plans: Mapping[str, MomentsPlan] | None = None,
    today: date | None = None,
) -> tuple[Calendar, list[Mistake]]:
    """All `*.yaml` of `folder` (none is a calendar without posts), and every mistake with its place.

    With `media`, a picture that can't be posted from that folder is a mistake too. `plans`: mix and usual times by
    persona. With `today`, days that are past are not looked at. Raises nothing.
    """
    documents = read_folder(folder, CalendarFile)
    mistakes = [mistake for document in documents for mistake in document.mistakes]
    names = _Names()
    files: list[CalendarFile] = []
    for document in documents:
        if (file := document.value) is None:
            continue
        files.append(file)
        mistakes += names.repeated(document, file)
        mistakes += _media_flaws(document, file, media)
        mistakes += _crowded(document, file, today)
    return Calendar(tuple(files), dict(plans or {})), sorted(mistakes)


@dataclass(slots=True)
class _Names:
    """Names seen so far, by whose they are: a post's name is its identity."""

    seen: dict[tuple[str, str], str] = field(default_factory=dict)

    def repeated(self, document: Document[CalendarFile], file: CalendarFile) -> Iterator[Mistake]:
        for number, entry in enumerate(file.posts):
            for whose in (file.persona, *file.accounts):
                if whose is None:
                    continue
                first = self.seen.setdefault((whose, entry.name), document.file)
                if first != document.file or entry.name in [other.name for other in file.posts[:number]]:
                    reason = say("scheduler.moments.twice", name=entry.name, file=first)
                    yield document.mistake(("posts", number, "name"), reason)


def _media_flaws(document: Document[CalendarFile], file: CalendarFile, media: Path | None) -> Iterator[Mistake]:
    if media is None:
        return
    for number, entry in enumerate(file.posts):
        for place, name in enumerate(entry.media):
            if (flaw := flaw_of(media, name)) is not None:
                yield document.mistake(("posts", number, "media", place), flaw.words)


def _crowded(document: Document[CalendarFile], file: CalendarFile, today: date | None) -> Iterator[Mistake]:
    """Days that the caps will not let happen as written: warnings, once for each post and reason."""
    told: set[tuple[str, str]] = set()
    for day in _sample_days(file, today):
        entries = Calendar((file,)).entries(file.accounts[0] if file.accounts else "", file.persona or "", day)
        planned = [Planned(e.name, e.kind, e.due_ms("", day, "UTC")) for e in entries if not e.free]
        for advice in advise(planned, Limits(), "UTC"):
            if (advice.name, advice.reason) in told:
                continue
            told.add((advice.name, advice.reason))
            number = next(n for n, entry in enumerate(file.posts) if entry.name == advice.name)
            reason = say(f"reason.{advice.reason}")
            yield document.mistake(
                ("posts", number), say("scheduler.moments.crowded", day=day, reason=reason), severity=Severity.WARNING
            )


def _sample_days(file: CalendarFile, today: date | None) -> list[date]:
    """A week from `today` on, and each later date that is named; without one any week, and all of them."""
    first = today or _SOME_MONDAY
    named: set[date] = set()
    for word in (word for entry in file.posts for word in entry.days):
        try:
            named.add(date.fromisoformat(word))
        except ValueError:
            """It comes back."""
    later = sorted(day for day in named if today is None or day >= today)
    return [first + timedelta(days=n) for n in range(7)] + later
