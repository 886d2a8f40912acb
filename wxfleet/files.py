"""The files that config.yaml leads to: each room reads its own."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from customers.ladder import Ladder, load_ladder
from personas.book import Book, load_book
from personas.model import Style
from texts.catalogue import say
from texts.errors import Mistake
from texts.file_text import shown_path

_DEFAULTS = {
    "personas": "personas/",
    "ladder": "ladder.yaml",
    "segments": "segments/",
    "pushes": "pushes/",
    "moments": "moments/",
    "media": "media/",
}
_FOLDERS = ("personas", "segments", "pushes", "moments", "media")


@dataclass(frozen=True, slots=True)
class Files:
    """Where everything lies, as far as a config.yaml, perhaps with mistakes, says so; and what was read."""

    home: Path
    folders: dict[str, Path]
    style: Style
    accounts: dict[str, str]
    """Account ids and their personas' ids, as written."""
    book: Book = field(default_factory=Book)
    ladder: Ladder | None = None

    @classmethod
    def of(cls, data: Any, home: Path) -> "Files":
        """From the plain data of config.yaml; what is missing or wrong there takes its default."""
        written = data if isinstance(data, dict) else {}
        folders = {
            key: home / (value if isinstance(value := written.get(key), str) else default)
            for key, default in _DEFAULTS.items()
        }
        accounts = written.get("accounts")
        ids = {
            str(account["id"]): str(account.get("persona", ""))
            for account in (accounts if isinstance(accounts, list) else [])
            if isinstance(account, dict) and "id" in account
        }
        return cls(home, folders, _style(written.get("shop")), ids)


Reader = Callable[[Files], list[Mistake]]
"""Reads one room's files for their mistakes. The book and the ladder are read by then."""

READERS: list[Reader] = []
"""One per room whose files are written by people."""


def read_files(files: Files) -> tuple[Files, list[Mistake]]:
    """Read everything; `book` and `ladder` are filled in as far as they could be read. Raises nothing."""
    mistakes = [
        Mistake(shown_path(files.folders[key]), 0, 0, say("settings.not_a_folder", key=key))
        for key in _FOLDERS
        if files.folders[key].exists() and not files.folders[key].is_dir()
    ]
    book, found = load_book(files.folders["personas"], files.style)
    ladder, more = load_ladder(files.folders["ladder"])
    whole = replace(files, book=book, ladder=ladder)
    mistakes += found + more
    for reader in READERS:
        mistakes += reader(whole)
    return whole, mistakes


def _style(shop: Any) -> Style:
    try:
        return Style.model_validate(shop.get("style", {}) if isinstance(shop, dict) else {})
    except ValidationError:
        return Style()  # its mistakes are config.yaml's
