"""What `check` says of a month of the calendar: each warning at the post it is about."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from personas.model import MomentsPlan
from rules.limits import Limits
from rules.roles import Role
from scheduler.moments.calendar_advice import NEAR_DAYS, Note, notes_on, timely
from scheduler.moments.day_slots import LATELY, DayPost, Poster, compose
from scheduler.moments.moments import Calendar, CalendarFile
from scheduler.moments.rhythm import Planned
from texts.catalogue import say
from texts.errors import Mistake, Severity
from texts.yaml_reader import Document, read_folder
from wxfleet.reading.files import Files


@dataclass(frozen=True, slots=True)
class Cast:
    """Which accounts there are: their personas and roles, by id; and the personas' plans for their Moments."""

    personas: Mapping[str, str]
    roles: Mapping[str, Role]
    plans: Mapping[str, MomentsPlan]


def month_notes(files: Files, today: date) -> list[Mistake]:
    """The notes on the calendar; a file with mistakes, or for nobody there is, is passed over."""
    read = read_folder(files.folders["moments"], CalendarFile)
    documents = [document for document in read if document.value is not None and _played(document.value, files)]
    cast = Cast(files.accounts, files.roles, files.book.moments_plans)
    return list(calendar_notes(documents, cast, today))


def _played(file: CalendarFile, files: Files) -> bool:
    """Are those there for whom it is, and is it their own?"""
    own = {persona.id for persona in files.book.all() if persona.mirror_of is None}
    return own.issuperset({file.persona} - {None}) and files.accounts.keys() >= set(file.accounts)


def calendar_notes(documents: Sequence[Document[CalendarFile]], cast: Cast, today: date) -> Iterator[Mistake]:
    """Repetition, balance, rhythm, days that never come: for the 30 days from `today` on. Warnings only."""
    whole = Calendar(tuple(document.value for document in documents if document.value), cast.plans)
    told: set[tuple[str, str]] = set()
    for document in documents:
        if (file := document.value) is None:
            continue
        notes = [note for entry in file.posts if (note := timely(entry, today)) is not None]
        notes += _month(file, whole, cast, today)
        for note in notes:
            mistake = _placed(document, file, note)
            if mistake is not None and (mistake.file, mistake.reason) not in told:
                told.add((mistake.file, mistake.reason))
                yield mistake


def _month(file: CalendarFile, calendar: Calendar, cast: Cast, today: date) -> list[Note]:
    """As the first account sees it that plays the persona, or that the file names."""
    accounts = file.accounts or tuple(id_ for id_, persona in cast.personas.items() if persona == file.persona)
    first = accounts[0] if accounts else ""
    persona = file.persona or cast.personas.get(first, "")
    poster = Poster(first, persona, cast.roles.get(first, Role.SALES), "Asia/Shanghai", Limits(), opened_ms=0)
    composed: list[tuple[date, DayPost]] = []
    before: list[Planned] = []
    for day in (today + timedelta(days=n) for n in range(NEAR_DAYS)):
        posts = compose(poster, calendar, day, around=before)
        before = [*before, *(post.planned for post in posts if not post.skipped)][-LATELY:]
        composed += [(day, post) for post in posts]
    return [*notes_on(composed, _plan(file, calendar, persona), days=NEAR_DAYS), *_left_out(composed, poster)]


def _plan(file: CalendarFile, calendar: Calendar, persona: str) -> MomentsPlan:
    """A file for accounts adds to what their persona posts; its mix is the persona's matter."""
    return calendar.plan_of(persona) if file.persona is not None else MomentsPlan()


def _left_out(posts: Sequence[tuple[date, DayPost]], poster: Poster) -> Iterator[Note]:
    """Posts that a rule leaves out on some day: each once, with the first such day."""
    told: set[str] = set()
    for day, post in posts:
        if post.skipped in ("no_free_slot", "sells_too_often") and post.entry.name not in told:
            told.add(post.entry.name)
            values = {"account": poster.id, "day": day, "reason": say(f"reason.{post.skipped}")}
            yield Note("left_out", post.entry.name, values)


def _placed(document: Document[CalendarFile], file: CalendarFile, note: Note) -> Mistake | None:
    """At its post; None for a post of another file, which says it itself."""
    if not note.entry:
        place: tuple[str | int, ...] = ("persona",) if file.persona is not None else ("accounts",)
        return document.mistake(place, note.words, severity=Severity.WARNING)
    number = next((n for n, entry in enumerate(file.posts) if entry.name == note.entry), None)
    if number is None:
        return None
    return document.mistake(("posts", number, "name"), note.words, severity=Severity.WARNING)
