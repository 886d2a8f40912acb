"""The files that config.yaml leads to: each room reads its own."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

from pydantic import ValidationError

from customers.standing.ladder import Ladder, load_ladder
from personas.book import Book, load_book
from personas.model import Style
from rules.quiet_hours import zone
from rules.roles import Role
from scheduler.look import SHOP_ZONE
from texts.catalogue import say
from texts.errors import Mistake
from texts.file_text import shown_path
from texts.os_words import os_reason

_DEFAULTS = {
    "personas": "personas/",
    "ladder": "ladder.yaml",
    "segments": "segments/",
    "pushes": "pushes/",
    "campaigns": "campaigns/",
    "moments": "moments/",
    "care": "care.yaml",
    "products": "products.yaml",
    "lessons": "lessons/",
    "ponds": "ponds/",
    "media": "media/",
}
_ROLES = [role.value for role in Role]
_FOLDERS = ("personas", "segments", "pushes", "campaigns", "moments", "lessons", "ponds", "media")


@dataclass(frozen=True, slots=True)
class Files:
    """Where everything lies, as far as a config.yaml, perhaps with mistakes, says so; and what was read."""

    home: Path
    folders: dict[str, Path]
    style: Style
    accounts: dict[str, str]
    """Account ids and their personas' ids, as written."""
    staff_room: str = ""
    zone: str = SHOP_ZONE
    """Whose days and hours the files speak of: the shop's, where it names one that there is."""
    roles: dict[str, Role] = field(default_factory=dict)
    """Account ids and their roles, where such a role exists."""
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
        accounts = [a for a in _listed(written.get("accounts")) if isinstance(a, dict) and isinstance(a.get("id"), str)]
        personas = {account["id"]: str(account.get("persona", "")) for account in accounts}
        roles = {account["id"]: Role(role) for account in accounts if (role := account.get("role")) in _ROLES}
        room = staff.get("id") if isinstance(staff := written.get("staff_room"), dict) else None
        shop = written.get("shop")
        return cls(home, folders, _style(shop), personas, str(room or ""), _zone(shop), roles)


Reader = Callable[[Files], list[Mistake]]
"""Reads one room's files for their mistakes. The book and the ladder are read by then."""


def read_files(files: Files, readers: Iterable[Reader]) -> tuple[Files, list[Mistake]]:
    """Read everything; `book` and `ladder` are filled in as far as they could be read. Raises nothing."""
    mistakes = [
        Mistake(shown_path(files.folders[key]), 0, 0, say("settings.not_a_folder", key=key))
        for key in _FOLDERS
        if files.folders[key].exists() and not files.folders[key].is_dir()
    ]
    mistakes += _closed(files)
    book, found = load_book(files.folders["personas"], files.style)
    ladder, more = load_ladder(files.folders["ladder"])
    whole = replace(files, book=book, ladder=ladder)
    mistakes += found + more
    for reader in readers:
        mistakes += reader(whole)
    return whole, mistakes


def _closed(files: Files) -> list[Mistake]:
    """Folders that can't be looked into: they would seem empty."""
    mistakes = []
    for folder in (files.folders[key] for key in _FOLDERS):
        try:
            if folder.is_dir():
                os.scandir(folder).close()
        except OSError as error:
            mistakes.append(Mistake(shown_path(folder), 0, 0, say("settings.folder_closed", error=os_reason(error))))
    return mistakes


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _zone(shop: Any) -> str:
    name = shop.get("time_zone") if isinstance(shop, dict) else None
    try:
        return zone(name).key if isinstance(name, str) else SHOP_ZONE
    except (ZoneInfoNotFoundError, ValueError):
        return SHOP_ZONE  # its mistake is config.yaml's


def _style(shop: Any) -> Style:
    try:
        return Style.model_validate(shop.get("style", {}) if isinstance(shop, dict) else {})
    except ValidationError:
        return Style()  # its mistakes are config.yaml's
