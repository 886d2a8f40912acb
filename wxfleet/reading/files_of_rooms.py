"""Calendar and pushes: what their rooms find wrong, and what they can't see for want of the personas and accounts."""

from collections.abc import Iterator

from conversations.products import load_products
from customers.segments.segment_file import load_segments
from personas.copy_check import Fault, findings
from personas.model import Persona
from personas.offer_check import weak_offers
from personas.voices_apart import borrowed, words_of_others
from rules.gates import allowed_by_role
from rules.kinds import Kind
from rules.quiet_hours import local
from rules.roles import PersonaKind, Role
from scheduler.care.care_file import load_care
from scheduler.care.lesson_file import load_lessons
from scheduler.moments.calendar_files import load_calendar
from scheduler.moments.moments import CalendarFile
from scheduler.ponds.pond_file import load_ponds
from scheduler.pushes.push_file import PushFile, load_pushes
from texts.catalogue import say
from texts.errors import Mistake
from texts.nearest import nearest
from texts.yaml_reader import Document, read_folder
from wxfleet.clocks import wall_ms
from wxfleet.reading.campaign_checks import read_campaigns
from wxfleet.reading.files import Files, Reader
from wxfleet.reading.offer_notes import read_offers


def read_calendar(files: Files) -> list[Mistake]:
    """Everything wrong in moments/."""
    folder = files.folders["moments"]
    today = local(wall_ms(), files.zone).date()
    _, mistakes = load_calendar(folder, media=files.folders["media"], today=today)
    documents = read_folder(folder, CalendarFile)
    for document in documents:
        if document.value:
            mistakes += _whose(document, document.value, files)
            for number, entry in enumerate(document.value.posts):
                for text in entry.text:
                    mistakes += _copy(document, ("posts", number, "text"), text, files, post=True)
            mistakes += _voice(document, document.value, files)
    return mistakes


def _voice(document: Document[CalendarFile], file: CalendarFile, files: Files) -> Iterator[Mistake]:
    """Nothing that only another persona says, and no offer too small to be worth a post."""
    everybody = files.book.all()
    named = [file.persona] if file.persona else [files.accounts.get(account, "") for account in file.accounts]
    speakers = [files.book.resolved(name) for name in dict.fromkeys(named) if name in files.book]
    strange = [words_of_others(speaker, everybody) for speaker in speakers]
    words = frozenset[str]().union(*strange)
    for number, entry in enumerate(file.posts):
        for text in entry.text:
            for found in (*borrowed(text, words), *weak_offers(text)):
                yield found.at(document, ("posts", number, "text"))


def _whose(document: Document[CalendarFile], file: CalendarFile, files: Files) -> Iterator[Mistake]:
    """Are they there, and may they post this?"""
    for number, account in enumerate(file.accounts):
        if account not in files.accounts:
            meant = nearest(account, files.accounts)
            yield document.mistake(("accounts", number), say("settings.no_account", written=account), suggestion=meant)
    if file.persona is None:
        return
    if file.persona not in files.book:
        known = [persona.id for persona in files.book.all()]
        reason = say("settings.no_persona", written=file.persona)
        yield document.mistake(("persona",), reason, suggestion=nearest(file.persona, known))
        return
    persona = files.book.resolved(file.persona)
    if persona.kind is PersonaKind.MIRROR:
        yield document.mistake(("persona",), say("settings.mirror_has_no_calendar"), suggestion=persona.mirror_of or "")
    for number, entry in enumerate(file.posts):
        if not any(allowed_by_role(Kind.MOMENT, role, entry.kind) for role in _roles(persona, files)):
            reason = say("settings.post_not_allowed", id=persona.id, kind=entry.kind)
            yield document.mistake(("posts", number, "kind"), reason)


def _roles(persona: Persona, files: Files) -> frozenset[Role]:
    """The roles of the accounts that play it; where none does, all it can play."""
    played = {role for id_, role in files.roles.items() if files.accounts[id_] == persona.id}
    return frozenset(played) or persona.playable


def read_pushes(files: Files) -> list[Mistake]:
    """Everything wrong in pushes/."""
    folder = files.folders["pushes"]
    levels = {level.id for level in files.ladder.levels[1:]} if files.ladder else None
    segments, _ = load_segments(files.folders["segments"])
    _, mistakes = load_pushes(folder, levels, segments=segments)
    for document in read_folder(folder, PushFile):
        if document.value:
            for level, text in document.value.words.items():
                mistakes += _copy(document, ("words", level), text, files)
    return mistakes


def _copy(
    document: Document[CalendarFile] | Document[PushFile],
    loc: tuple[str | int, ...],
    text: str,
    files: Files,
    *,
    post: bool = False,
) -> Iterator[Mistake]:
    for found in findings(text, files.style, moments=post):
        if found.fault is Fault.FOLDED and isinstance(document.value, CalendarFile):
            continue  # told by `calendar_notes`, with the month it is about
        yield found.at(document, loc)


def read_segments(files: Files) -> list[Mistake]:
    """Everything wrong in segments/."""
    levels = files.ladder.ids if files.ladder else None
    return load_segments(files.folders["segments"], levels, list(files.accounts))[1]


def read_care(files: Files) -> list[Mistake]:
    """Everything wrong in care.yaml."""
    levels = set(files.ladder.ids) if files.ladder else None
    return load_care(files.folders["care"], style=files.style, media=files.folders["media"], levels=levels)[1]


def read_lessons(files: Files) -> list[Mistake]:
    """Everything wrong in lessons/."""
    return load_lessons(files.folders["lessons"], style=files.style, media=files.folders["media"])[1]


def read_products(files: Files) -> list[Mistake]:
    """Everything wrong in products.yaml."""
    return load_products(files.folders["products"], style=files.style)[1]


def read_ponds(files: Files) -> list[Mistake]:
    """Everything wrong in ponds/."""
    return load_ponds(
        files.folders["ponds"], accounts=files.accounts, style=files.style, media=files.folders["media"],
        staff_room=files.staff_room,
    )[1]  # fmt: skip


READERS: tuple[Reader, ...] = (
    read_calendar, read_pushes, read_campaigns, read_offers, read_segments, read_care, read_lessons,
    read_ponds,
    read_products,
)  # fmt: skip
"""One per room whose files people write, beside the personas and the ladder."""
