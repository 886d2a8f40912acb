"""What must hold in a persona file beyond the types of its fields."""

from collections.abc import Collection, Iterator

from personas.copy_check import findings, selling
from personas.errors import TemplateRefused
from personas.model import ALWAYS, EXTRA, NEEDED, POINT, ROLES_BY_KIND, Occasion, Persona, Place, Style, inherit
from personas.voice import variables
from personas.voices_apart import borrowed, words_of_others
from rules.roles import PersonaKind
from texts.catalogue import say
from texts.errors import Mistake, Severity
from texts.nearest import nearest
from texts.yaml_reader import Document

FEWEST_SAMPLES = 5
"""Fewer sample lines don't show a voice. Ours."""


def mistakes_of(
    document: Document[Persona], written: dict[str, Persona], known: Collection[str], style: Style
) -> Iterator[Mistake]:
    """Everything wrong in one file that was read, seen beside the others. Raises nothing.

    `written` holds the personas that were read, `known` also the ids of files with errors.
    """
    persona = document.value
    if persona is None:
        return
    if persona.kind is PersonaKind.MIRROR:
        yield from _check_mirror(document, persona, written, known)
    else:
        yield from _check_whole(document, persona)
    yield from _check_roles(document, persona)
    yield from _check_replies(document, persona)
    refused = list(_check_templates(document, persona))
    yield from refused
    if not refused:
        yield from _check_point(document, persona)
        source = written.get(persona.mirror_of or "")
        yield from _check_honesty(document, persona, source)
    yield from _check_copy(document, persona, style)
    yield from _check_own_voice(document, persona, written.values())


def _check_mirror(
    document: Document[Persona], persona: Persona, written: dict[str, Persona], known: Collection[str]
) -> Iterator[Mistake]:
    if persona.mirror_of is None:
        yield document.mistake(("kind",), say("personas.mirror_of_whom"))
        return
    source = written.get(persona.mirror_of)
    if source is not None and source.kind is PersonaKind.MIRROR:
        meant = source.mirror_of or ""
        yield document.mistake(("mirror_of",), say("personas.mirror_of_mirror", id=source.id), suggestion=meant)
    elif persona.mirror_of not in known:
        others = [other for other in known if other and other != persona.id]
        meant = nearest(persona.mirror_of, others)
        yield document.mistake(("mirror_of",), say("personas.no_such", id=persona.mirror_of), suggestion=meant)


def _check_whole(document: Document[Persona], persona: Persona) -> Iterator[Mistake]:
    if persona.mirror_of is not None:
        yield document.mistake(("mirror_of",), say("personas.not_a_mirror", kind=persona.kind), at_key=True)
    for needed in NEEDED:
        if needed not in persona.model_fields_set or not getattr(persona, needed):
            yield document.mistake((needed,), say("personas.missing", key=needed), at_key=True)
    if "voice" in persona.model_fields_set and len(persona.voice.samples) < FEWEST_SAMPLES:
        reason = say("personas.few_samples", count=len(persona.voice.samples), fewest=FEWEST_SAMPLES)
        yield document.mistake(("voice", "samples"), reason, at_key=True)
    if "profile" in persona.model_fields_set and not persona.profile.nickname:
        yield document.mistake(("profile",), say("personas.missing", key="profile.nickname"), at_key=True)
    if persona.moments.mix and sum(persona.moments.mix.values()) != 100:
        total = sum(persona.moments.mix.values())
        yield document.mistake(("moments", "mix"), say("personas.mix", total=total), at_key=True)


def _check_roles(document: Document[Persona], persona: Persona) -> Iterator[Mistake]:
    allowed = ROLES_BY_KIND[persona.kind]
    for number, role in enumerate(persona.roles):
        if persona.kind is PersonaKind.MIRROR:
            yield document.mistake(("roles", number), say("personas.mirror_roles"))
        elif role not in allowed:
            listed = say("texts.comma").join(sorted(allowed))
            reason = say("personas.role_of_kind", role=role, kind=persona.kind, allowed=listed)
            yield document.mistake(("roles", number), reason)


def _check_replies(document: Document[Persona], persona: Persona) -> Iterator[Mistake]:
    first: dict[str, int] = {}
    for number, entry in enumerate(persona.replies):
        if entry.name in first:
            reason = say("personas.reply_twice", name=entry.name)
            yield document.mistake(("replies", number, "name"), reason)
        first.setdefault(entry.name, number)
        if not entry.keywords and not entry.questions:
            yield document.mistake(("replies", number), say("personas.reply_deaf", name=entry.name))


def _check_templates(document: Document[Persona], persona: Persona) -> Iterator[Mistake]:
    for place, text, names in _templates_of(persona):
        try:
            used = variables(text)
        except TemplateRefused as refused:
            where = f"{refused.where}: " if "\n" in text else ""
            yield document.mistake(place, f"{where}{refused.message}")
            continue
        for unknown in sorted(used - names):
            reason = say("personas.unknown_name", name=unknown, names=say("texts.comma").join(sorted(names)))
            yield document.mistake(place, reason, suggestion=nearest(unknown, names))


def _templates_of(persona: Persona) -> Iterator[tuple[Place, str, frozenset[str]]]:
    """Every template with its place and the names it may use."""
    yield ("voice", "address"), persona.voice.address, frozenset({"call_me"})
    for place, text in persona.customer_texts():
        if place[0] == "templates":
            yield place, text, ALWAYS | EXTRA.get(Occasion(str(place[1])), frozenset())
        elif place[0] == "disclosure":
            yield place, text, ALWAYS - {"disclosure"}
        elif place[0] in ("welcome", "replies"):
            yield place, text, ALWAYS


def _check_point(document: Document[Persona], persona: Persona) -> Iterator[Mistake]:
    """A text for an occasion says what the occasion is about, in each of its variants."""
    for place, text in persona.customer_texts():
        names = POINT.get(Occasion(str(place[1]))) if place[0] == "templates" else None
        if names and not names & variables(text):
            reason = say("personas.template_lacks", name=say("texts.comma").join(sorted(names)))
            yield document.mistake(place, reason, severity=Severity.WARNING)


def _check_own_voice(
    document: Document[Persona], persona: Persona, everybody: Collection[Persona]
) -> Iterator[Mistake]:
    """Nobody says what only another persona says. A mirror says what its source says."""
    if persona.kind is PersonaKind.MIRROR:
        return
    words = words_of_others(persona, everybody)
    for place, text in persona.customer_texts():
        for found in borrowed(text, words):
            yield found.at(document, place)


def _check_honesty(document: Document[Persona], own: Persona, source: Persona | None) -> Iterator[Mistake]:
    """Who speaks and how to stop it must be in the first message: the advertising law asks for both."""
    if not own.welcome and not own.disclosure:
        return
    if own.kind is PersonaKind.MIRROR and source is None:
        return  # half of its first message is not there to read
    whole = inherit(own, source) if source is not None else own
    for number, text in enumerate(whole.welcome):
        place: Place = ("welcome", number) if own.welcome else ("disclosure",)
        try:
            said = text + whole.disclosure if "disclosure" in variables(text) else text
            names = variables(said)
        except TemplateRefused:
            return  # the source's own mistake, told at its place
        if "退订" not in said:
            yield document.mistake(place, say("personas.welcome_no_way_out"))
        if not names & {"shop", "brand"}:
            yield document.mistake(place, say("personas.welcome_no_shop"), severity=Severity.WARNING)


def _check_copy(document: Document[Persona], persona: Persona, style: Style) -> Iterator[Mistake]:
    for place, text in persona.customer_texts():
        # A welcome introduces itself and says how to stop: it may take twice the breath.
        spoken = {"welcome": 2, "replies": 1, "templates": 1}.get(str(place[0]))
        length = persona.voice.length * spoken if spoken and persona.kind is not PersonaKind.MIRROR else None
        sold = selling(text) if place[:2] == ("templates", Occasion.BIRTHDAY.value) else ()
        for found in (*findings(text, style, length=length), *sold):
            yield found.at(document, place)
