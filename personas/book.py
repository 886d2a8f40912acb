"""The book of all personas: read from their folder, checked against each other."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from personas.checks import mistakes_of
from personas.errors import NoSuchPersona
from personas.model import MomentsPlan, Persona, Style, inherit
from rules.roles import PersonaKind
from texts.catalogue import say
from texts.errors import Mistake
from texts.file_text import shown_path
from texts.nearest import nearest
from texts.yaml_reader import Document, read_document


@dataclass(frozen=True)
class Book:
    """All personas by id, as written and as they appear."""

    _written: dict[str, Persona] = field(default_factory=dict)
    _resolved: dict[str, Persona] = field(default_factory=dict)

    def get(self, persona_id: str) -> Persona:
        """The persona as its file says. Raises NoSuchPersona."""
        if persona_id not in self._written:
            raise NoSuchPersona(persona_id, nearest(persona_id, self._written) or None)
        return self._written[persona_id]

    def resolved(self, persona_id: str) -> Persona:
        """The persona as it appears: a mirror with all that it has from its source. Raises NoSuchPersona."""
        self.get(persona_id)
        return self._resolved[persona_id]

    def all(self) -> list[Persona]:
        """Every persona as it appears, by id."""
        return [self._resolved[persona_id] for persona_id in sorted(self._resolved)]

    def mirrors_of(self, persona_id: str) -> list[Persona]:
        """The mirrors of this persona, by id."""
        return [persona for persona in self.all() if persona.mirror_of == persona_id]

    @property
    def moments_plans(self) -> dict[str, MomentsPlan]:
        """Mix, topics and usual times of everybody's Moments."""
        return {persona.id: persona.moments for persona in self.all()}

    def __contains__(self, persona_id: object) -> bool:
        return persona_id in self._written


def load_book(folder: Path, style: Style | None = None) -> tuple[Book, list[Mistake]]:
    """Read all `*.yaml` of `folder`; whatever could be read is in the book.

    `style` is the shop's: its words count in the check of the copy. Raises nothing: mistakes come back with places.
    """
    # A leading dot: what editors and macOS leave beside the files people write.
    files = sorted(path for path in folder.glob("*.y*ml") if not path.name.startswith("."))
    if not files:
        return Book(), [Mistake(shown_path(folder), 0, 0, say("personas.none_in_folder"))]
    documents = [read_document(path, Persona) for path in files]
    mistakes = [mistake for document in documents for mistake in document.mistakes]
    good = [document for document in documents if document.value is not None]
    mistakes += _duplicates(good)
    written = {persona.id: persona for document in good if (persona := document.value)}
    known = written.keys() | {_claimed_id(document) for document in documents}
    for document in good:
        mistakes += mistakes_of(document, written, known, style or Style())
    return Book(written, _resolve(written)), sorted(mistakes)


def _resolve(written: dict[str, Persona]) -> dict[str, Persona]:
    resolved = {}
    for persona in written.values():
        source = written.get(persona.mirror_of or "")
        if persona.kind is not PersonaKind.MIRROR:
            resolved[persona.id] = persona
        elif source is not None and source.kind is not PersonaKind.MIRROR:
            resolved[persona.id] = inherit(persona, source)
        else:
            resolved[persona.id] = persona  # its mistake is reported; nothing starts with it
    return resolved


def _claimed_id(document: Document[Persona]) -> str:
    """The id of a file, even of one with errors: others may rightly name it."""
    claimed = document.data.get("id") if isinstance(document.data, dict) else None
    return claimed if isinstance(claimed, str) else ""


def _duplicates(documents: Iterable[Document[Persona]]) -> Iterator[Mistake]:
    first: dict[str, str] = {}
    for document in documents:
        assert document.value is not None  # noqa: S101  # the caller keeps only files that were read
        if document.value.id in first:
            other = first[document.value.id]
            yield document.mistake(("id",), say("personas.duplicate", id=document.value.id, file=other))
        first.setdefault(document.value.id, document.file)
