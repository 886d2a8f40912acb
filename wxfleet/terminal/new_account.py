"""`accounts new --like ID`: a copy of a good account, put into config.yaml without touching what is there."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from personas.book import Book
from rules.roles import PersonaKind
from texts.catalogue import say
from texts.errors import ConfigurationInvalid
from texts.file_text import shown_path
from texts.nearest import nearest
from texts.os_words import os_reason
from wxfleet.errors import AccountExists, FolderUnusable, NoSuchAccount
from wxfleet.reading.settings import Examination, examine
from wxfleet.terminal.config_text import ConfigText

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_NUMBERED = re.compile(r"(.+)-(\d+)")
_SHARED = (PersonaKind.ASSISTANT, PersonaKind.ORDINARY)
"""Two clerks may share a persona; a designer or an influencer is one person, their second account a mirror."""
_COPIED = ("role", "position", "holder", "time_zone", "limits", "publisher")


@dataclass(frozen=True, slots=True)
class Added:
    """What `add_account` wrote, and what to do now, in the reader's language."""

    id: str
    persona: str
    files: tuple[Path, ...]
    next_steps: str


@dataclass(frozen=True, slots=True)
class _Mirror:
    """A new persona file."""

    id: str
    source: str
    path: Path

    def text(self) -> str:
        return (
            "# yaml-language-server: $schema=../.wxfleet/persona.schema.json\n"
            f"id: {self.id}\nkind: mirror\nmirror_of: {self.source}\n"
        )


def add_account(path: Path, like: str, *, new_id: str | None = None, home: Path | None = None) -> Added:
    """Append a copy of the account `like` to the config.yaml at `path`.

    It gets an id and, where its persona can't be played twice, a mirror of its own; it is never armed. Nothing is
    written unless the result is valid. Raises NoSuchAccount, AccountExists, ConfigurationInvalid, OddLayout,
    FolderUnusable.
    """
    before = examine(path, home)
    if before.settings is None or not before.valid:
        raise ConfigurationInvalid(before.mistakes)
    config = ConfigText.read(path)
    ids = [account["id"] for account in config.accounts]
    if like not in ids:
        raise NoSuchAccount(like, nearest(like, ids))
    source = config.accounts[ids.index(like)]
    chosen = new_id or _next_id(like, ids)
    if chosen in ids or not _ID.fullmatch(chosen):
        raise AccountExists(chosen)
    mirror = _mirror_for(source["persona"], before.book, before.settings.personas)
    entry = _entry(source, chosen, mirror.id if mirror else source["persona"], config.accounts)
    changed = config.with_account_after(ids.index(like), entry, like=like)
    files = _write(path, changed, mirror, entry, home)
    return Added(chosen, entry["persona"], files, _next_steps(path, like, entry, mirror))


def _next_id(like: str, ids: list[str]) -> str:
    stem = match[1] if (match := _NUMBERED.fullmatch(like)) else like
    taken = [int(match[2]) for id_ in ids if (match := _NUMBERED.fullmatch(id_)) and match[1] == stem]
    return f"{stem}-{max(taken, default=1) + 1}"


def _mirror_for(persona_id: str, book: Book, folder: Path) -> _Mirror | None:
    """The mirror that the new account plays; None when it may share the persona."""
    persona = book.get(persona_id)
    source = persona.mirror_of or persona.id
    if persona.kind in _SHARED and not book.mirrors_of(persona.id):
        return None
    number = 1
    while f"{source}-mirror-{number}" in book or (folder / f"{source}-mirror-{number}.yaml").exists():
        number += 1
    id_ = f"{source}-mirror-{number}"
    return _Mirror(id_, source, folder / f"{id_}.yaml")


def _entry(source: Mapping[str, Any], new_id: str, persona: str, accounts: list[Any]) -> dict[str, Any]:
    """The new account as plain data, in the order in which people read it."""
    entry: dict[str, Any] = {"id": new_id, "persona": persona}
    entry |= {key: source[key] for key in _COPIED if key in source}
    entry["armed"] = False
    gateway = dict(source["gateway"])
    if gateway.get("kind") == "wechaty":
        gateway["endpoint"] = _free_endpoint(gateway["endpoint"], accounts)
        gateway["token"] = f"${{{_token_name(new_id)}}}"
    entry["gateway"] = gateway
    return entry


def _token_name(account: str) -> str:
    return "WXFLEET_TOKEN_" + account.upper().replace("-", "_")


def _free_endpoint(endpoint: str, accounts: list[Any]) -> str:
    """The same host, the port after the highest in use there: a proposal that the operator checks."""
    host = endpoint.rpartition(":")[0]
    others = [str(account["gateway"].get("endpoint", "")) for account in accounts]
    ports = [int(other.rpartition(":")[2]) for other in others if other.rpartition(":")[0] == host]
    return f"{host}:{max(ports) + 1}"


def _write(
    path: Path, changed: str, mirror: _Mirror | None, entry: Mapping[str, Any], home: Path | None
) -> tuple[Path, ...]:
    """Persona first, then config.yaml in one move; nothing stays behind when the result is not valid."""
    candidate = path.with_name(f".{path.name}.new")
    try:
        if mirror:
            with mirror.path.open("x", encoding="utf-8") as file:
                file.write(mirror.text())
        candidate.write_bytes(changed.encode())
        after = _examine_candidate(candidate, entry["id"], home)
        if not after.valid:
            raise ConfigurationInvalid(after.mistakes)
        candidate.chmod(path.stat().st_mode)
        os.replace(candidate, path.resolve())  # a link to the file stays a link
    except BaseException as error:
        candidate.unlink(missing_ok=True)
        if mirror and not isinstance(error, FileExistsError):
            mirror.path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise FolderUnusable(path.parent, os_reason(error)) from error
        raise
    return (path, mirror.path) if mirror else (path,)


def _examine_candidate(candidate: Path, account: str, home: Path | None) -> Examination:
    """Its token is not in .env yet: that comes next, and is no mistake now."""
    return examine(candidate, home, environment={**os.environ, _token_name(account): f"token of {account}, to come"})


def _next_steps(path: Path, like: str, entry: Mapping[str, Any], mirror: _Mirror | None) -> str:
    lines = [say("init.account.added", id=entry["id"], file=shown_path(path), like=like)]
    if mirror:
        lines.append(say("init.account.mirror", source=mirror.source, file=shown_path(mirror.path)))
    else:
        lines.append(say("init.account.shared", like=like, persona=entry["persona"]))
    gateway = entry["gateway"]
    if gateway["kind"] == "wechaty":
        lines.append(say("init.account.token", name=_token_name(entry["id"]), endpoint=gateway["endpoint"]))
    else:
        lines.append(say("init.account.simulated"))
    return "\n".join(lines)
